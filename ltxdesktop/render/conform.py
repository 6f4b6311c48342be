"""A decoded picture of any size and coding as what the film needs: its size, BT.709 limited range, graded. Done once.

The cheapest way is taken: a BT.709 picture of the right size without a grade is passed on as it is; size and format are
swscale's; matrix, range, high dynamic range and grade are one table look-up (`tables`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from PySide6.QtGui import QImage, QTransform

from engine.media.colour import ColourTags, Matrix
from ltxdesktop.render.colour import PRIMARIES_BT2020, Floats, bt2020_to_bt709, hdr_to_bt709
from ltxdesktop.render.fields import deinterlaced
from ltxdesktop.render.frames import (
    SCALING,
    WORKING,
    WORKING_10,
    Scaler,
    depth_of,
    is_plain,
    is_planar_yuv,
    scaler_for,
    tagged,
    turned,
    with_whole_rows,
)
from ltxdesktop.render.look import NEUTRAL, Look
from ltxdesktop.render.picture import straight_image
from ltxdesktop.render.recent import Recent
from ltxdesktop.render.source import Decoded
from ltxdesktop.render.tables import Coding, ColourTables

Neighbours = tuple[VideoFrame | None, VideoFrame | None]  # the pictures before and behind
ALONE: Final[Neighbours] = (None, None)

_TABLES_KEPT: Final = 8  # 1 MB of luma table each for 8-bit media, 4 MB for deeper ones


class Conformer:
    """Keeps the tables that pictures in a row need. For one thread at a time."""

    def __init__(self) -> None:
        self._tables: Recent[tuple[Coding, int, int, Look], ColourTables] = Recent(_TABLES_KEPT)

    def frame(
        self, decoded: Decoded, width: int, height: int, look: Look = NEUTRAL, around: Neighbours = ALONE
    ) -> VideoFrame:
        """The picture stretched over `width` x `height`, planar YUV, BT.709 limited. `around` matters where it's
        interlaced (`needs_neighbours`).

        It keeps its own chroma and depth where nothing is to be done to it, else it becomes yuv420p. Transparent
        parts are not seen: ask `has_alpha` first.
        """
        frame, tags = decoded.frame, decoded.colour
        if not is_planar_yuv(frame):
            frame, tags = self._rgb_as_yuv(frame, tags, *decoded.orientation.size(width, height)), ColourTags()
        elif frame.interlaced_frame:
            frame = deinterlaced(frame, *around)
        frame = turned(frame, decoded.orientation)
        plain = is_plain(frame, tags)
        if plain and look.is_neutral:
            if (frame.width, frame.height) == (width, height):
                return frame
            return tagged(self.scaled(frame, width, height))
        bits = 8 if depth_of(frame) <= 8 else 10
        form = WORKING if bits == 8 else WORKING_10
        scaled = self.scaled(frame, width, height, form, full_range=tags.full_range)
        return self._table(tags, bits, look).apply(scaled)

    def scaled(
        self, frame: VideoFrame, width: int, height: int, form: str = WORKING, *, full_range: bool = False
    ) -> VideoFrame:
        """Another size or format, colours untouched."""
        scaler = scaler_for(frame.width, frame.height, frame.format.name, width, height, form)
        return scaler.scaled(frame, width, height, form, full_range=full_range)

    def bgra(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        """A conformed frame as RGB for the painter."""
        return scaler_for(frame.format.name, (frame.width, frame.height), width, height).to_rgb(frame, width, height)

    def image(self, decoded: Decoded, look: Look = NEUTRAL) -> QImage:
        """A picture with transparency, or a still, at its own size: premultiplied, graded, upright."""
        frame, tags = decoded.frame, decoded.colour
        straight = _straight_bgra(frame, tags)
        if not look.is_neutral:
            straight = self._graded(straight, look)
        image = straight_image(straight)
        if decoded.orientation.mirrored:
            image = image.mirrored(True, False)
        for _ in range(decoded.orientation.quarter_turns):
            image = image.transformed(QTransform().rotate(90))
        return image

    def _graded(self, straight: VideoFrame, look: Look) -> VideoFrame:
        """RGB through the same tables as films: by way of 4:4:4, alpha kept."""
        scaler = Scaler()
        yuv = self._table(ColourTags(), 8, look).apply(scaler.from_rgb(straight, "yuv444p"))
        graded = scaler.to_rgb(yuv, yuv.width, yuv.height)
        target, alpha = (
            np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(frame.height, -1)[:, : frame.width * 4]
            for frame in (graded, straight)
        )
        target[:, 3::4] = alpha[:, 3::4]
        return graded

    def _rgb_as_yuv(self, frame: VideoFrame, tags: ColourTags, width: int, height: int) -> VideoFrame:
        """Anything that isn't planar YUV (RGB, palettes, grey, semi-planar) as yuv420p, BT.709 limited."""
        scaler = scaler_for(frame.width, frame.height, frame.format.name, width, height, tags)
        return scaler.any_to_working(frame, tags, width, height)

    def _table(self, tags: ColourTags, bits: int, look: Look) -> ColourTables:
        coding = Coding(tags.used_matrix, tags.full_range, bits)
        transfer = tags.transfer if tags.is_hdr else 0
        primaries = PRIMARIES_BT2020 if tags.primaries == PRIMARIES_BT2020 else 0
        key = (coding, transfer, primaries, look)
        return self._tables.get_or_make(
            key, lambda: ColourTables(coding, _change(transfer, primaries, look), coarse=look.is_moving)
        )


def has_alpha(decoded: Decoded) -> bool:
    """May parts of the picture be transparent? Of a palette's it's not known before its colours are looked at."""
    form = decoded.frame.format
    return form.has_palette or any(component.is_alpha for component in form.components)


def needs_neighbours(decoded: Decoded) -> bool:
    """Is it an interlaced picture, whose missing lines come from the pictures around it?"""
    return decoded.frame.interlaced_frame and is_planar_yuv(decoded.frame)


def _change(transfer: int, primaries: int, look: Look) -> Callable[[Floats], Floats]:
    def change(signals: Floats) -> Floats:
        if transfer:
            signals = hdr_to_bt709(signals, transfer)
        elif primaries:
            signals = bt2020_to_bt709(signals)
        return signals if look.is_neutral else look(signals)

    return change


def _straight_bgra(frame: VideoFrame, tags: ColourTags) -> VideoFrame:
    """Full range RGB with straight alpha, by the picture's own matrix and range."""
    if frame.format.name == "bgra":
        return frame
    matrix = Matrix.BT709 if tags.used_matrix is Matrix.RGB else tags.used_matrix

    def converted(whole: VideoFrame) -> VideoFrame:
        return VideoReformatter().reformat(
            whole,
            format="bgra",
            # swscale knows BT.601 by its other number
            src_colorspace=int(Matrix.BT470BG if matrix is Matrix.SMPTE170M else matrix),
            src_color_range=ColorRange.JPEG if tags.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=SCALING,
            threads=1,
        )

    return with_whole_rows(frame, converted)
