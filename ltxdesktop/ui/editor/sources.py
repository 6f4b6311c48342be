"""Sequences and media as something to play: rendered on the player's threads, as pictures for the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from ltxdesktop.document.model import Media, MediaId, Sequence, new_sequence
from ltxdesktop.document.otio.names import media_start
from ltxdesktop.document.time import nearest
from ltxdesktop.playback.source import Size
from ltxdesktop.ui.monitor.planes import Shot, shot_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltxdesktop.media.decoders import Decoders
    from ltxdesktop.render.renderer import Tools

SOURCE_RATE = Fraction(25)  # at which sounds and stills are shown in the source monitor


@dataclass(frozen=True)
class Footage:
    """What sequences are made of, for rendering: media by id, where their files lie, and who decodes them."""

    media: Mapping[MediaId, Media]
    locate: Callable[[Media], Path]
    decoders: Decoders
    tools: Tools | None = None  # what a renderer's successor may go on using
    originals: bool = False  # never their stand-ins


class SequenceSource:
    """A sequence. It's played to the place behind its end, where clips are appended: that shows the last picture, and
    what is farther behind shows nothing."""

    def __init__(self, sequence: Sequence, footage: Footage) -> None:
        from ltxdesktop.render.renderer import Renderer

        self.sequence = sequence
        self.frames = sequence.duration + 1
        self.rate = sequence.rate
        self.size = Size(sequence.width, sequence.height)
        self.sample_rate = sequence.sample_rate
        where = (sequence, footage.media, footage.locate, footage.decoders)
        self._pictures = Renderer(*where, tools=footage.tools, originals=footage.originals)
        self._sounds = Renderer(*where)

    def picture(self, frame: int, size: Size | None) -> QImage:
        return self._pictures.picture(self._shown(frame), fitted(self.size, size)).to_qimage()

    def shot(self, frame: int, size: Size | None) -> Shot:
        """The same for a screen that takes planes, which scales by itself: a film that isn't more than twice as large
        as the screen comes in its own size."""
        film = self.size
        large = size is not None and (film.width > 2 * size.width or film.height > 2 * size.height)
        return shot_of(self._pictures.picture(self._shown(frame), fitted(film, size) if large else film))

    def _shown(self, frame: int) -> int:
        end = self.sequence.duration
        return end - 1 if frame == end > 0 else max(0, frame)

    def sound(self, first: int, count: int) -> NDArray[np.float32]:
        return self._sounds.sound(first, count)

    def close(self) -> None:
        """The decoders belong to the project."""


class ShotsOf:
    """A sequence for a screen that takes planes."""

    def __init__(self, opener: Callable[[], SequenceSource]) -> None:
        self._source = source = opener()
        self.frames, self.rate, self.size, self.sample_rate = (
            source.frames,
            source.rate,
            source.size,
            source.sample_rate,
        )

    def picture(self, frame: int, size: Size | None) -> Shot:
        return self._source.shot(frame, size)

    def sound(self, first: int, count: int) -> NDArray[np.float32]:
        return self._source.sound(first, count)

    def close(self) -> None:
        self._source.close()


def fitted(film: Size, screen: Size | None) -> Size:
    """The film's size made to fit a screen, never larger than it is; even, as planes are halved."""
    if screen is None:
        return film
    factor = min(Fraction(1), Fraction(screen.width, film.width), Fraction(screen.height, film.height))
    if factor == 1:
        return film
    return Size(*(max(2, 2 * round(side * factor / 2)) for side in film))


def sequence_of_media(media: Media) -> Sequence:
    """A film of one media alone, at its own size and rate: what the source monitor shows. Raises NotEnoughMedia."""
    from ltxdesktop.document.edits import clip_from_media

    rate = media.rate if media.has_picture and media.frames else SOURCE_RATE
    width, height = (media.width, media.height) if media.width and media.height else (1280, 720)
    start = media_start(media)
    empty = new_sequence(media.name, width=width, height=height, rate=rate, sample_rate=48_000, video=1, audio=1)
    clips = clip_from_media(media, empty)
    tracks = list(empty.tracks)
    for clip in clips:
        place = 0 if media.has_picture and clip is clips[0] else 1
        tracks[place] = replace(tracks[place], items=(clip,))
    return replace(empty, tracks=tuple(tracks), first_frame=nearest(start * rate))
