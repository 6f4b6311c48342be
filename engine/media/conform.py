"""Source frames <-> the model's grid: size by covering and cropping or by reflection. Pixels stay bytes.

A retake keeps the source's aspect: its frames are scaled evenly if at all, padded by reflection to the model's grid,
and brought back by the exact inverse. A conditioning picture covers the target and is cropped around its centre. Which
frames a window takes (8k + 1 of them) is planned by engine.protocol.window, not here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Fit(NamedTuple):
    """How frames of one size are brought onto the model's grid, and back.

    source -- scale evenly --> inner -- reflect on all sides --> grid. With inner = source nothing is resampled and the
    way back gives the very same pixels. Sizes are (height, width).
    """

    source: tuple[int, int]
    inner: tuple[int, int]
    grid: tuple[int, int]
    before: tuple[int, int]  # rows above, columns left of `inner` in the grid

    def to_grid(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (n, *source, 3) -> (n, *grid, 3)."""
        _expect(frames, self.source)
        scaled = frames if self.inner == self.source else resize_uint8(frames, *self.inner)
        rows = reflected(self.inner[0], self.before[0], self.grid[0] - self.inner[0] - self.before[0])
        columns = reflected(self.inner[1], self.before[1], self.grid[1] - self.inner[1] - self.before[1])
        return scaled[:, rows[:, None], columns[None, :]]

    def from_grid(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (n, *grid, 3) -> (n, *source, 3)."""
        _expect(frames, self.grid)
        top, left = self.before
        cut = frames[:, top : top + self.inner[0], left : left + self.inner[1]]
        return np.ascontiguousarray(cut if self.inner == self.source else resize_uint8(cut, *self.source))


def fit_to_grid(height: int, width: int, multiple: int, *, pixels_limit: int | None = None) -> Fit:
    """The fit of a source onto multiples of 32 (one stage) or 64 (two stages), never changing its aspect.

    Without a limit, or below it, the pixels stay as they are. Above it they are scaled down evenly until the padded
    size is within `pixels_limit`. The padding is shared by both sides.
    """
    if height < 1 or width < 1 or multiple < 1:
        raise ValueError(f"{width} x {height} on multiples of {multiple}")
    inner = (height, width)
    if pixels_limit is not None and _padded_pixels(inner, multiple) > pixels_limit:
        if multiple * multiple > pixels_limit:
            raise ValueError(f"{pixels_limit} pixels hold no {multiple} x {multiple} picture")
        inner = _largest_inside(height, width, multiple, pixels_limit)
    grid = (_up(inner[0], multiple), _up(inner[1], multiple))
    before = ((grid[0] - inner[0]) // 2, (grid[1] - inner[1]) // 2)
    return Fit((height, width), inner, grid, before)


def cover(frames: NDArray[np.uint8], height: int, width: int) -> Floats:
    """uint8 (n, h, w, 3) -> float32 (n, height, width, 3) in -1..1: scaled evenly to cover, cut around the centre.

    Bilinear without prefilter, sizes rounded up, then centre crop: the conditioning pictures the model was trained with
    (spec/autoencoders-audio-upsampler.md section 5.2).
    """
    source_height, source_width = frames.shape[1:3]
    factor = max(height / source_height, width / source_width)
    # 1e-9: a product such as 1.0000000000000002 * n must not round up to n + 1.
    scaled_height = max(height, math.ceil(source_height * factor - 1e-9))
    scaled_width = max(width, math.ceil(source_width * factor - 1e-9))
    scaled = resize(frames.astype(np.float32), scaled_height, scaled_width, prefilter=False)
    top, left = (scaled_height - height) // 2, (scaled_width - width) // 2
    cut = scaled[:, top : top + height, left : left + width]
    return cut / np.float32(127.5) - np.float32(1)


def resize_uint8(frames: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """`resize` with prefilter for whole 8-bit pictures, frame by frame (the floats of a long clip would not fit)."""
    out = np.empty((len(frames), height, width, frames.shape[3]), np.uint8)
    for number, frame in enumerate(frames):
        out[number] = np.rint(resize(frame[None].astype(np.float32), height, width)[0])
    return out


def resize(frames: Floats, height: int, width: int, *, prefilter: bool = True) -> Floats:
    """(n, h, w, c) -> (n, height, width, c), bilinear, pixel centres at half positions, edges repeated.

    With `prefilter` the triangle widens when shrinking, so that fine detail does not alias.
    """
    return _resize_axis(_resize_axis(frames, 1, height, prefilter), 2, width, prefilter)


def reflected(length: int, before: int, after: int) -> NDArray[np.intp]:
    """Indices that pad an axis by reflection without repeating the edge: 2 1 | 0 1 2 | 1 0. Any amount of padding."""
    if length == 1:
        return np.zeros(before + 1 + after, np.intp)
    period = 2 * (length - 1)
    place = np.abs(np.arange(-before, length + after) % period)
    return np.where(place < length, place, period - place)


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _padded_pixels(size: tuple[int, int], multiple: int) -> int:
    return _up(size[0], multiple) * _up(size[1], multiple)


def _largest_inside(height: int, width: int, multiple: int, limit: int) -> tuple[int, int]:
    """The largest evenly scaled size whose padded area is within the limit (the longer side steps down by one)."""
    longer = max(height, width)
    low, high = 1, longer
    while low < high:  # the padded area grows with the side
        middle = (low + high + 1) // 2
        if _padded_pixels(_scaled(height, width, middle), multiple) <= limit:
            low = middle
        else:
            high = middle - 1
    return _scaled(height, width, low)


def _scaled(height: int, width: int, longer: int) -> tuple[int, int]:
    whole = max(height, width)
    return max(1, round(height * longer / whole)), max(1, round(width * longer / whole))


def _resize_axis(frames: Floats, axis: int, size: int, prefilter: bool) -> Floats:
    length = frames.shape[axis]
    if size == length:
        return frames
    ratio = length / size
    centre = (np.arange(size) + 0.5) * ratio - 0.5
    support = max(1.0, ratio) if prefilter else 1.0
    first = np.floor(centre - support).astype(np.intp) + 1
    taps = math.ceil(2 * support)
    places = first[:, None] + np.arange(taps)
    weights = np.maximum(0.0, 1.0 - np.abs(places - centre[:, None]) / support)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    places = np.clip(places, 0, length - 1)
    shape = [1] * frames.ndim
    shape[axis] = size
    total = np.zeros((*frames.shape[:axis], size, *frames.shape[axis + 1 :]), np.float32)
    for tap in range(taps):
        total += weights[:, tap].reshape(shape) * np.take(frames, places[:, tap], axis=axis)
    return total


def _expect(frames: NDArray[np.uint8], size: tuple[int, int]) -> None:
    if frames.ndim != 4 or frames.shape[1:3] != size:
        raise ValueError(f"frames are {frames.shape}, (n, {size[0]}, {size[1]}, 3) expected")
