"""PyAV frames as numpy planes and back, new ones, and what swscale does here: sizes and formats, never colours.

Frames that come from a decoder or a cache are shared: nothing here writes into a frame that it was given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from engine.media.colour import ColourTags, Matrix
from engine.media.orientation import UPRIGHT, Orientation
from ltxdesktop.render.recent import Recent

Plane = NDArray[Any]  # uint8; uint16 for more than 8 bits

_BT709: Final = 1  # H.273, for matrix, primaries and transfer

# Bicubic widens its filter when it shrinks, so it neither aliases nor blurs more than it must.
SCALING: Final = Interpolation.BICUBIC

WORKING: Final = "yuv420p"  # what every planes picture ends as, unless its own format is untouched
_SCALERS_KEPT: Final = 24  # of each thread
WORKING_10: Final = "yuv420p10le"


def planes_of(frame: VideoFrame) -> list[Plane]:
    """The planes of a planar frame as arrays (rows, columns) over its own memory, row padding cut off."""
    wide = max(component.bits for component in frame.format.components) > 8
    dtype = np.dtype(np.uint16 if wide else np.uint8)
    found: list[Plane] = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), dtype, plane.height * plane.line_size // dtype.itemsize)
        found.append(rows.reshape(plane.height, -1)[:, : plane.width])
    return found


def new_frame(width: int, height: int, form: str = WORKING) -> VideoFrame:
    """An unfilled frame tagged as BT.709, limited range."""
    return tagged(VideoFrame(width, height, form))


def tagged(frame: VideoFrame) -> VideoFrame:
    """Mark a frame that was made here as what it is."""
    frame.colorspace = frame.color_primaries = frame.color_trc = _BT709
    frame.color_range = ColorRange.MPEG
    return frame


def filled(width: int, height: int, codes: tuple[int, int, int]) -> VideoFrame:
    """A frame of one colour, given as 8-bit (Y, Cb, Cr)."""
    frame = new_frame(width, height)
    for plane, code in zip(planes_of(frame), codes, strict=True):
        plane[:] = code
    return frame


def copied(frame: VideoFrame) -> VideoFrame:
    """The same picture in memory of its own: a decoder's picture keeps all the memory of its decoder alive."""
    made = VideoFrame(frame.width, frame.height, frame.format.name)
    made.colorspace, made.color_range = frame.colorspace, frame.color_range
    made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
    for target, source in zip(made.planes, frame.planes, strict=True):
        rows = [np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size) for plane in (target, source)]
        width = min(target.line_size, source.line_size)
        rows[0][:, :width] = rows[1][:, :width]
    return made


def with_whole_rows(frame: VideoFrame, to_bgra: Callable[[VideoFrame], VideoFrame]) -> VideoFrame:
    """A planar YUV frame as bgra of the same size, with its last columns.

    WORKAROUND: libswscale's quick way from 4:2:0 and 4:2:2 to 32 bits a pixel works on eight pixels at a time, and
    leaves out the last few where a row's memory has no room for eight: columns of what was there before, at the right
    edge of the picture (PyAV 18.1, rows are multiples of 16 bytes). Its slow way dithers. So those are made wider and
    cut. Can go when `test_rgb_has_its_last_columns` passes without it.
    """
    if not 0 < frame.width % 8 <= 4 or not frame.format.name.startswith("yuv") or len(frame.planes) < 3:
        return to_bgra(frame)
    wider = VideoFrame(frame.width + -frame.width % 8, frame.height, frame.format.name)
    for into, plane in zip(planes_of(wider), planes_of(frame), strict=True):
        into[:, : plane.shape[1]] = plane
    return VideoFrame.from_numpy_buffer(packed(to_bgra(wider)), "bgra", frame.width)


class Scaler:
    """Size and format by swscale with matrix and range left as they are. Keeps its last set-up, so one per use."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def scaled(self, frame: VideoFrame, width: int, height: int, form: str, *, full_range: bool = False) -> VideoFrame:
        """A planar YUV frame at another size or format; itself if nothing is to be done."""
        if (frame.width, frame.height, frame.format.name) == (width, height, form):
            return frame
        code = ColorRange.JPEG if full_range else ColorRange.MPEG
        return self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format=form,
            src_colorspace=_BT709,
            dst_colorspace=_BT709,
            src_color_range=code,
            dst_color_range=code,
            interpolation=SCALING,
            threads=1,
        )

    def to_rgb(self, frame: VideoFrame, width: int, height: int, form: str = "bgra") -> VideoFrame:
        """A BT.709 limited frame as full range RGB at a size: the one conversion on the way to a screen or painter."""

        same = form == "bgra" and (frame.width, frame.height) == (width, height)

        def converted(whole: VideoFrame) -> VideoFrame:
            return self._reformatter.reformat(
                whole,
                width=whole.width if same else width,
                height=height,
                format=form,
                src_colorspace=_BT709,
                src_color_range=ColorRange.MPEG,
                dst_color_range=ColorRange.JPEG,
                interpolation=SCALING,
                threads=1,
            )

        return with_whole_rows(frame, converted) if same else converted(frame)

    def drawing(self, frame: VideoFrame) -> VideoFrame:
        """What a filter drew, whose YUV is full range, as RGB for the screen."""

        def converted(whole: VideoFrame) -> VideoFrame:
            return self._reformatter.reformat(
                whole,
                format="bgra",
                src_colorspace=_BT709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.JPEG,
                threads=1,
            )

        return with_whole_rows(frame, converted)

    def any_to_working(self, frame: VideoFrame, tags: ColourTags, width: int, height: int) -> VideoFrame:
        """RGB, grey, palettes, semi-planar YUV in its own matrix and range: as yuv420p, BT.709 limited."""
        matrix = Matrix.BT709 if tags.used_matrix is Matrix.RGB else tags.used_matrix
        return tagged(
            self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format=WORKING,
                # swscale knows BT.601 by its other number
                src_colorspace=int(Matrix.BT470BG if matrix is Matrix.SMPTE170M else matrix),
                dst_colorspace=_BT709,
                src_color_range=ColorRange.JPEG if tags.full_range else ColorRange.MPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=SCALING | Interpolation.ACCURATE_RND,
                threads=1,
            )
        )

    def from_rgb(self, frame: VideoFrame, form: str = WORKING) -> VideoFrame:
        """Full range RGB as BT.709 limited YUV of the same size."""
        return tagged(
            self._reformatter.reformat(
                frame,
                format=form,
                dst_colorspace=_BT709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=SCALING | Interpolation.ACCURATE_RND,
                threads=1,
            )
        )


class _KeptScalers(threading.local):
    def __init__(self) -> None:
        self.kept: Recent[tuple[object, ...], Scaler] = Recent(_SCALERS_KEPT)


_scalers = _KeptScalers()


def scaler_for(*key: object) -> Scaler:
    """A scaler of this thread that did the same before: setting one up takes as long as using it."""
    return _scalers.kept.get_or_make(key, Scaler)


def is_plain(frame: VideoFrame, tags: ColourTags) -> bool:
    """Is a decoded frame BT.709 limited range already, so that it may be shown and encoded as it is?"""
    sdr = tags.transfer in (1, 2, 6, 13, 14, 15) and tags.primaries in (1, 2, 5, 6, 7)
    return tags.used_matrix is Matrix.BT709 and not tags.full_range and sdr and is_planar_yuv(frame)


def is_planar_yuv(frame: VideoFrame) -> bool:
    """yuv420p, yuv422p10le and their like, of at most 16 bits in the machine's own order; no alpha."""
    form = frame.format
    return form.name.startswith("yuv") and len(frame.planes) == 3 and not form.is_big_endian


def depth_of(frame: VideoFrame) -> int:
    """Bits per component."""
    return max(component.bits for component in frame.format.components)


def turned(frame: VideoFrame, orientation: Orientation) -> VideoFrame:
    """A planar YUV frame rotated for display; itself when it's upright. 4:2:2 turned by a quarter becomes 4:4:0."""
    if orientation == UPRIGHT:
        return frame
    form = frame.format.name
    if orientation.swaps_axes:
        form = form.replace("yuv422p", "yuv440p") if "yuv422p" in form else form.replace("yuv440p", "yuv422p")
    width, height = orientation.size(frame.width, frame.height)
    made = VideoFrame(width, height, form)
    made.colorspace, made.color_range = frame.colorspace, frame.color_range
    made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
    for target, source in zip(planes_of(made), planes_of(frame), strict=True):
        target[:] = orientation.apply(source)
    return made


def as_bytes(frame: VideoFrame) -> bytes:
    """Format, size and pixels: equal bytes are equal pictures."""
    head = f"{frame.format.name} {frame.width} {frame.height} ".encode()
    return head + b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes_of(frame))


def packed(frame: VideoFrame) -> NDArray[np.uint8]:
    """A bgra or rgb24 frame as (height, width, components) over its own memory."""
    plane = frame.planes[0]
    count = len(frame.format.components)
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    return cast("NDArray[np.uint8]", rows[:, : frame.width * count].reshape(frame.height, frame.width, count))
