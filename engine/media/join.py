"""Joining a take to its source: which weight the take has in each frame and sample, and the mix. Pure numpy.

A take for frames [a, b) comes with `handles`: extra frames on both sides, made with the same sight of the source.
Inside [a, b) only the take counts. Over the `blend` frames next to it (at most the handles) the source fades into the
take and back; beyond those only the source counts, and its pixels are passed on as they are, not computed.

    source  ==========#####|               |#####=========
    take               ####|###############|####
                      a - blend            b + blend
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.protocol.grid import samples_of_frames

_Pixel = TypeVar("_Pixel", np.uint8, np.uint16, np.float32)


class Handles(NamedTuple):
    """Frames (or samples) of a take before and after the range that was asked."""

    before: int
    after: int

    @classmethod
    def around(cls, first: int, end: int, *, wanted: int, available: int) -> Handles:
        """`wanted` on both sides, as far as a media of `available` frames reaches."""
        return cls(min(wanted, first), min(wanted, available - end))

    def in_samples(self, first: int, end: int, rate: Fraction, sample_rate: int) -> Handles:
        """The same handles counted in samples, around the samples of frames [first, end)."""
        inner = samples_of_frames(first, end, rate, sample_rate)
        outer = samples_of_frames(first - self.before, end + self.after, rate, sample_rate)
        return Handles(inner.start - outer.start, outer.stop - inner.stop)


def frame_weights(length: int, handles: Handles, blend: int) -> NDArray[np.float32]:
    """The take's weight in each of its frames: 0 source, 1 take. Shape (before + length + after,).

    Linear over `blend` frames on each side, fewer where the handle is shorter; blend 0 is a cut.
    """
    return _weights(length, handles, blend)


def sound_weights(length: int, handles: Handles, fade: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(source's gain, take's gain) per sample; their squares add up to 1 (equal power), `fade` samples a side."""
    share = _weights(length, handles, fade).astype(np.float64) * (np.pi / 2)
    take = np.sin(share)
    source = np.cos(share)
    take[share == 0], source[share == 0] = 0, 1
    take[share == np.pi / 2], source[share == np.pi / 2] = 1, 0
    return source.astype(np.float32), take.astype(np.float32)


def join_frames(source: NDArray[_Pixel], take: NDArray[_Pixel], weights: NDArray[np.float32]) -> NDArray[_Pixel]:
    """Source and take for the same frames (n, height, width, 3), mixed by `frame_weights`.

    Where the weight is 0 or 1 the pixels are copied, bit for bit. Integers are rounded to nearest.
    """
    _same_shape(source, take, len(weights))
    joined = source.copy()
    whole = weights == 1
    joined[whole] = take[whole]
    for number in np.flatnonzero((weights > 0) & (weights < 1)):
        mixed = source[number] + (take[number].astype(np.float32) - source[number]) * weights[number]
        joined[number] = mixed if joined.dtype == np.float32 else np.rint(mixed)
    return joined


def join_samples(
    source: NDArray[np.float32], take: NDArray[np.float32], gains: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Source and take for the same samples (channels, n), mixed by `sound_weights`; gains of 0 and 1 copy bits."""
    source_gain, take_gain = gains
    if source.shape != take.shape or source.shape[-1] != len(take_gain):
        raise ValueError(f"source {source.shape}, take {take.shape}, gains for {len(take_gain)} samples")
    joined = source.copy()
    whole = take_gain == 1
    joined[:, whole] = take[:, whole]
    mixed = (take_gain > 0) & (take_gain < 1)
    joined[:, mixed] = source[:, mixed] * source_gain[mixed] + take[:, mixed] * take_gain[mixed]
    return joined


def _weights(length: int, handles: Handles, blend: int) -> NDArray[np.float32]:
    if length < 1 or blend < 0 or min(handles) < 0:
        raise ValueError(f"length {length}, handles {handles}, blend {blend}")
    weights = np.zeros(handles.before + length + handles.after, np.float32)
    weights[handles.before : handles.before + length] = 1
    rise = min(blend, handles.before)
    weights[handles.before - rise : handles.before] = _ramp(rise)
    fall = min(blend, handles.after)
    weights[handles.before + length : handles.before + length + fall] = _ramp(fall)[::-1]
    return weights


def _ramp(steps: int) -> NDArray[np.float32]:
    """`steps` values that divide the way from 0 to 1 evenly, both ends left out: 1/4 2/4 3/4 for three."""
    return (np.arange(1, steps + 1) / (steps + 1)).astype(np.float32)


def _same_shape(source: NDArray[_Pixel], take: NDArray[_Pixel], frames: int) -> None:
    if source.shape != take.shape or len(source) != frames or source.dtype != take.dtype:
        raise ValueError(f"source {source.shape} {source.dtype}, take {take.shape} {take.dtype}, {frames} weights")
