"""Subtitles over a reframed film: drawn for the file's own frame, since what is drawn for the film would be cut off."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Final

from av import VideoFrame

from ltxdesktop.document.model import Sequence, Title, TrackKind
from ltxdesktop.render.overlay import laid_over
from ltxdesktop.render.plan import Layer, Plan
from ltxdesktop.render.raster import geometry_at
from ltxdesktop.render.recent import Recent
from ltxdesktop.render.titles import Titles, laid_out

_MARGIN: Final = 0.05  # of the width; text stays so far from the sides
_KEPT: Final = 4

Size = tuple[int, int]  # width, height


class Captions:
    """The texts of a sequence's subtitle tracks for one size. Needs a QGuiApplication; for one thread at a time."""

    def __init__(self, sequence: Sequence, size: Size) -> None:
        tracks = tuple(track for track in sequence.of_kind(TrackKind.SUBTITLE) if not track.muted)
        self._plan = Plan(replace(sequence, tracks=tracks), {})
        self._film, self._size = (sequence.width, sequence.height), size
        self._titles = Titles()
        self._fitted: Recent[Title, Title] = Recent(_KEPT)

    def over(self, picture: VideoFrame, frame: int) -> VideoFrame:
        """A picture of the size (yuv420p) with the texts of a sequence frame over it."""
        for layer in self._plan.span_at(frame).layers:
            if not isinstance(layer, Layer) or not isinstance(layer.clip.content, Title):
                continue
            title = layer.clip.content
            shown = self._fitted.get_or_make(title, lambda title=title: fitted(title, self._film, self._size))
            overlay = self._titles.overlay(shown, *self._size)
            opacity = geometry_at(layer.clip, layer.frame(frame)).opacity * layer.fade(frame)
            if overlay is not None and opacity > 0:
                picture = laid_over(picture, overlay, opacity)
        return picture


def fitted(title: Title, film: Size, size: Size) -> Title:
    """The title for a frame of another shape: within its sides, at the same height, as large as can be read there.

    Sizes are shares of the height. In a narrower frame they shrink by the root of what the width does: as much as the
    width would leave text too small for a phone, not at all would leave no room for words.
    """
    width, height = size
    narrower = min(1.0, width * film[1] / (height * film[0]))
    made = _scaled(title, sqrt(narrower))
    wide = laid_out(made, width, height).box.width()
    room = width * (1 - 2 * _MARGIN)
    if wide > room:
        made = _scaled(made, room / wide)
    box = laid_out(made, width, height).box
    left, right = box.left() - width * _MARGIN, box.right() - width * (1 - _MARGIN)
    shift = -left if left < 0 else -right if right > 0 else 0.0
    return replace(made, x=made.x + shift / width)


def _scaled(title: Title, factor: float) -> Title:
    return replace(title, size=title.size * factor, outline=title.outline * factor, shadow=title.shadow * factor)
