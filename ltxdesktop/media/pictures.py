"""Decoded pictures as the rooms hand them around, the cache that keeps some of them, and stills read from disk."""

from __future__ import annotations

import threading
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from engine.media.colour import ColourTags, to_rgb
from engine.media.decode import VideoReader, as_pixels
from engine.media.errors import NotAMediaFile
from engine.media.orientation import UPRIGHT, Orientation
from engine.media.still import read_picture


class Picture(NamedTuple):
    """A decoded picture: stored pixels, not turned or scaled.

    The frame is the caller's own, but its pixels are shared: they're never to be written to, and one thread at a time
    converts it.

    To show it: `orientation.apply`, then stretch to square pixels by `sample_aspect`. A proxy's picture is smaller than
    its media says; place it by the media's size.
    """

    frame: VideoFrame
    number: int  # of the stored picture
    colour: ColourTags
    orientation: Orientation
    sample_aspect: Fraction
    is_proxy: bool = False

    @property
    def bytes(self) -> int:
        return sum(plane.buffer_size for plane in self.frame.planes)

    def rgb(self) -> NDArray[np.uint8]:
        """Upright (height, width, 3), full range; alpha is dropped, the sample aspect isn't applied."""
        pixels = as_pixels(to_rgb(self.frame, self.colour)).astype(np.uint8, copy=False)
        return np.ascontiguousarray(self.orientation.apply(pixels))


class FrameCache:
    """Pictures by key, the least recently used go when there are more bytes than the limit. Thread-safe.

    One picture is always kept, however large.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Picture] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        return self._bytes

    def get(self, key: tuple[Path, int]) -> Picture | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def has(self, key: tuple[Path, int]) -> bool:
        with self._lock:
            return key in self._kept

    def put(self, key: tuple[Path, int], picture: Picture) -> None:
        with self._lock:
            self._remove(key)
            self._kept[key] = picture
            self._bytes += picture.bytes
            while self._bytes > self.limit_bytes and len(self._kept) > 1:
                self._remove(next(iter(self._kept)))

    def drop(self, key: tuple[Path, int]) -> None:
        with self._lock:
            self._remove(key)

    def drop_file(self, path: Path) -> None:
        with self._lock:
            for key in [key for key in self._kept if key[0] == path]:
                self._remove(key)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _remove(self, key: tuple[Path, int]) -> None:
        picture = self._kept.pop(key, None)
        if picture is not None:
            self._bytes -= picture.bytes


def read_still(path: Path, number: int) -> Picture:
    """A file of one picture. `number`: what it counts as. Raises the errors of opening."""
    try:
        pixels = read_picture(path)
    except NotAMediaFile:
        with VideoReader(path) as reader:  # DPX, OpenEXR and others that Pillow doesn't read
            frame = reader.frame(0)
            return Picture(frame, number, ColourTags.of(frame), UPRIGHT, Fraction(1))
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba" if pixels.shape[2] == 4 else "rgb24")
    return Picture(frame, number, ColourTags.of(frame), UPRIGHT, Fraction(1))
