"""Colour tags of a picture and what they mean for the conversion to RGB. Numbers are those of ITU-T H.273."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

UNSPECIFIED: Final = 2  # H.273 code for "not said", in matrix, primaries and transfer alike

# Rounded, chroma sampled at full resolution: what "accurate_rnd+full_chroma_int+full_chroma_inp" means in swscale.
ACCURATE: Final = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


class Matrix(IntEnum):
    """Matrix coefficients (H.273 table 4), those that exist in practice."""

    RGB = 0
    BT709 = 1
    FCC = 4
    BT470BG = 5  # BT.601 for 625 lines; same numbers as SMPTE170M
    SMPTE170M = 6  # BT.601 for 525 lines
    SMPTE240M = 7
    BT2020 = 9


_SWSCALE: Final = {
    Matrix.BT709: Colorspace.ITU709,
    Matrix.FCC: Colorspace.FCC,
    Matrix.BT470BG: Colorspace.ITU601,
    Matrix.SMPTE170M: Colorspace.ITU601,
    Matrix.SMPTE240M: Colorspace.SMPTE240M,
    Matrix.BT2020: Colorspace.BT2020,
}

# H.273 table 3: PQ and HLG, the two high dynamic range transfers.
_HDR_TRANSFERS: Final = frozenset({16, 18})


@dataclass(frozen=True)
class ColourTags:
    """What the stream says (`matrix`, `primaries`, `transfer`: H.273 codes, 2 = not said) and what is used.

    An untagged picture is read as BT.709 from 720 lines or 1280 columns up and as BT.601 below, as cameras and
    broadcasters meant it; swscale alone would take BT.601 for everything.
    """

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    full_range: bool = False
    used_matrix: Matrix = Matrix.BT709

    @property
    def is_hdr(self) -> bool:
        return self.transfer in _HDR_TRANSFERS

    @classmethod
    def of(cls, frame: VideoFrame) -> ColourTags:
        matrix, name = int(frame.colorspace), frame.format.name
        is_rgb = frame.format.is_rgb or frame.format.has_palette
        full = frame.color_range == ColorRange.JPEG or is_rgb or name.startswith(("yuvj", "gray", "mono", "ya"))
        if name.startswith("gray") and frame.color_range == ColorRange.MPEG:
            full = False
        return cls(matrix, int(frame.color_primaries), int(frame.color_trc), full, _used_matrix(matrix, is_rgb, frame))


def _used_matrix(matrix: int, is_rgb: bool, frame: VideoFrame) -> Matrix:
    if is_rgb:
        return Matrix.RGB
    if matrix == 10:  # BT.2020 constant luminance: decoded with the usual matrix, as every player does
        return Matrix.BT2020
    if matrix in _SWSCALE:
        return Matrix(matrix)
    high = max(frame.width, frame.height) >= 1280 or min(frame.width, frame.height) >= 720
    return Matrix.BT709 if high else Matrix.SMPTE170M


def to_rgb(frame: VideoFrame, tags: ColourTags, *, bits: int = 8, size: tuple[int, int] | None = None) -> VideoFrame:
    """The frame as rgb24 (or rgb48le with bits=16) full range, by its own matrix and range.

    At its own size, or scaled to `size` (width, height) on the way.
    """
    target = "rgb24" if bits == 8 else "rgb48le"
    width, height = size or (frame.width, frame.height)
    if (frame.format.name, frame.width, frame.height) == (target, width, height):
        return frame
    if tags.used_matrix is Matrix.RGB:
        return frame.reformat(width, height, format=target, interpolation=ACCURATE)
    return frame.reformat(
        width,
        height,
        format=target,
        src_colorspace=_SWSCALE[tags.used_matrix],
        src_color_range=ColorRange.JPEG if tags.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=ACCURATE,
    )


def from_rgb(frame: VideoFrame, pixel_format: str, matrix: Matrix = Matrix.BT709) -> VideoFrame:
    """An RGB frame as `pixel_format`, limited range for YUV, rounded; matrix BT.709 unless said otherwise."""
    if frame.format.name == pixel_format:
        return frame
    if pixel_format.startswith(("gbr", "rgb", "bgr")):
        return frame.reformat(format=pixel_format, interpolation=ACCURATE)
    return frame.reformat(
        format=pixel_format,
        dst_colorspace=_SWSCALE[matrix],
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=ACCURATE,
    )
