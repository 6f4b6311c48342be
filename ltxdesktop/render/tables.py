"""Any change of colour as table look-ups on YUV planes: a clip's whole grade, its matrix and range, and HDR at once.

A colour function is sampled on a lattice of YUV codes and spread into three tables, so that a picture costs the same
whatever was asked (1080p: 5 ms on one core, against 29 ms of libavfilter's lut3d with its way to RGB and back):

    luma   [Cb in steps of 4][Cr in steps of 4][every Y]            -> Y'
    chroma [Y in steps of 8][the other chroma in steps of 4][every] -> Cb' or Cr'

Each component is exact in itself and rounded only where it depends on the others: greys stay grey, and a function that
changes nothing gives back every code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from engine.media.colour import Matrix
from ltxdesktop.render.colour import Floats, yuv_matrix
from ltxdesktop.render.frames import new_frame, planes_of


class _Fineness(NamedTuple):
    luma_nodes: int  # of the lattice, along the luma axis
    chroma_nodes: int
    bins: int  # of chroma, where it only shifts another component; 64: bin k is centred on code 4 k
    luma_bins: int  # of luma, where it only shifts chroma


_FINE: Final = _Fineness(65, 33, 64, 32)
_COARSE: Final = _Fineness(33, 17, 32, 16)
_ROWS: Final = 64  # worked on at once, so that the indices stay in the processor's cache

_Codes = NDArray[Any]  # uint8; uint16 in the planes of deeper pictures
_Indices = NDArray[np.intp]
Change = Callable[[Floats], Floats]  # RGB signals (n, 3) as coded -> BT.709 signals (n, 3)


class Coding(NamedTuple):
    """How the codes of a picture are to be read."""

    matrix: Matrix
    full_range: bool
    bits: int  # 8 to 16

    def signals(self, luma: Floats, cb: Floats, cr: Floats) -> Floats:
        """Codes in 8-bit units (fractions allowed) -> RGB (…, 3); H.273 equations 25 to 30, or 31 to 33 (full)."""
        y = luma / 255 if self.full_range else (luma - 16) / 219
        span = 255 if self.full_range else 224
        yuv = np.stack([y, (cb - 128) / span, (cr - 128) / span], axis=-1)
        return (yuv @ np.linalg.inv(yuv_matrix(self.matrix)).T).astype(np.float32)


class ColourTables:
    """Applies one colour function to 8-bit or deeper planar YUV; the result is yuv420p, BT.709, limited range."""

    def __init__(self, coding: Coding, change: Change, *, coarse: bool = False) -> None:
        """`coarse` tables are made in a fifth of the time, for a grade that is another one with every frame."""
        fineness = _COARSE if coarse else _FINE
        luma, cb, cr = _lattice(coding, change, fineness)
        levels = 1 << coding.bits
        bins, step = fineness.bins, 256 // fineness.bins
        own = _spread(levels, fineness.chroma_nodes, 256 / levels)
        wide = _spread(bins, fineness.chroma_nodes, step)
        # Lattices are (Y, Cb, Cr); each table ends with the axis that is looked up in full.
        all_luma = _spread(levels, fineness.luma_nodes, 256 / levels)
        self._luma = _codes(_upsampled(luma, all_luma, wide, wide, (1, 2, 0)))
        part = 256 / fineness.luma_bins
        some_luma = _spread(fineness.luma_bins, fineness.luma_nodes, part, (part - 1) / 2)
        self._cb = _codes(_upsampled(cb, some_luma, own, wide, (0, 2, 1)))
        self._cr = _codes(_upsampled(cr, some_luma, wide, own, (0, 1, 2)))
        codes = np.arange(levels) >> (coding.bits - 8)
        bin_of = np.minimum((codes + step // 2) // step, bins - 1).astype(np.intp)
        self._cb_to_luma = bin_of * (bins * levels)
        self._cr_to_luma = bin_of * levels
        self._other_to_chroma = bin_of * levels
        # Luma arrives as the sum of four codes.
        self._luma_to_chroma = (np.arange(levels * 4) * fineness.luma_bins // (levels * 4)) * (bins * levels)

    def apply(self, frame: VideoFrame) -> VideoFrame:
        """A new frame of the same size. `frame` is yuv420p or yuv444p of this coding's depth; 4:4:4 stays 4:4:4."""
        y, cb, cr = planes_of(frame)
        halved = cb.shape != y.shape
        made = new_frame(frame.width, frame.height, "yuv420p" if halved else "yuv444p")
        out_y, out_cb, out_cr = planes_of(made)
        step = _ROWS // 2 if halved else _ROWS
        for top in range(0, cb.shape[0], step):
            part = slice(top, top + step)
            rows = slice(top * 2, (top + step) * 2) if halved else part
            self._luma_rows(out_y[rows], y[rows], cb[part], cr[part], halved)
            brightness = self._luma_to_chroma.take(_summed(y[rows], cb[part].shape, halved))
            out_cb[part] = self._cb.take(self._other_to_chroma.take(cr[part]) + brightness + cb[part])
            out_cr[part] = self._cr.take(self._other_to_chroma.take(cb[part]) + brightness + cr[part])
        return made

    def _luma_rows(self, out: _Codes, y: _Codes, cb: _Codes, cr: _Codes, halved: bool) -> None:
        base = self._cb_to_luma.take(cb)
        base += self._cr_to_luma.take(cr)
        if not halved:
            out[:] = self._luma.take(base + y)
            return
        wide = np.repeat(base, 2, axis=1)[:, : y.shape[1]]
        index: _Indices = np.empty(y.shape, np.intp)
        np.add(wide, y[0::2], out=index[0::2])
        np.add(wide[: y.shape[0] // 2], y[1::2], out=index[1::2])
        out[:] = self._luma.take(index)


def _summed(y: _Codes, shape: tuple[int, ...], halved: bool) -> NDArray[Any]:
    """Four times the mean luma at each chroma sample; a last odd row or column stands for the missing one too."""
    if not halved:
        return y.astype(np.uint32) << 2
    height, width = shape
    if y.shape != (height * 2, width * 2):
        y = np.pad(y, ((0, height * 2 - y.shape[0]), (0, width * 2 - y.shape[1])), mode="edge")
    if y.dtype == np.uint8 and y.strides[0] % 2 == 0:
        words = y.view(np.uint16)
        pairs = (words & np.uint16(0xFF)) + (words >> np.uint16(8))
    else:
        pairs = y[:, 0::2].astype(np.uint32) + y[:, 1::2]
    return pairs[0::2] + pairs[1::2]


def _lattice(coding: Coding, change: Change, fineness: _Fineness) -> tuple[Floats, Floats, Floats]:
    """Y', Cb', Cr' (8-bit limited codes, not rounded) at the nodes, each (Y, Cb, Cr)."""
    luma = np.linspace(0, 256, fineness.luma_nodes, dtype=np.float32)
    chroma = np.linspace(0, 256, fineness.chroma_nodes, dtype=np.float32)
    grid = np.meshgrid(luma, chroma, chroma, indexing="ij")
    signals = coding.signals(*grid)
    changed = change(signals.reshape(-1, 3)).reshape(signals.shape)
    # A display would cut off what leaves 0..1; codes can't hold all of it, and would turn its hue. What lay outside
    # already (super-whites) may stay as far outside.
    low, high = signals.min(axis=-1, keepdims=True), signals.max(axis=-1, keepdims=True)
    changed = np.clip(changed, np.minimum(low, 0), np.maximum(high, 1))
    y, cb, cr = np.moveaxis(changed @ yuv_matrix(Matrix.BT709).T.astype(np.float32), -1, 0)
    return 16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr


def _spread(points: int, nodes: int, step: float, offset: float = 0.0) -> Floats:
    """(points, nodes): weights that interpolate values at evenly spaced nodes over 0..256 at `offset + k * step`."""
    place = (np.arange(points) * step + offset) * (nodes - 1) / 256
    left = np.minimum(place.astype(np.intp), nodes - 2)
    weights = np.zeros((points, nodes), np.float32)
    weights[np.arange(points), left] = 1 - (place - left)
    weights[np.arange(points), left + 1] = place - left
    return weights


def _upsampled(values: Floats, luma: Floats, cb: Floats, cr: Floats, order: tuple[int, int, int]) -> Floats:
    """The lattice interpolated along each axis, its axes in the given order; the longest axis is done last."""
    axes = {0: luma, 1: cb, 2: cr}
    values = values.transpose(order)
    for place, axis in enumerate(order):
        values = np.moveaxis(np.tensordot(axes[axis], values, axes=(1, place)), 0, place)
    return values


def _codes(values: Floats) -> _Codes:
    """Rounded 8-bit codes in one row; 0 and 255 are left to synchronisation."""
    return np.ascontiguousarray(np.clip(np.rint(values), 1, 254).astype(np.uint8).reshape(-1))
