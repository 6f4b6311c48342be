"""The films and sounds that a job was given, for every backend: opened once, closed with the job, counted exactly.

Frames come on square pixels, upright, as the person sees them. Nothing here knows a model or a service.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from engine.backends.base import BadMedia, BadRequest
from engine.media.conform import resize_uint8
from engine.media.decode import AudioReader, VideoReader
from engine.media.index import VideoIndex, build_index
from engine.media.probe import MediaInfo, probe
from engine.protocol.grid import SAMPLE_RATE, sample_of_frame
from engine.protocol.work import Sound

Pixels = NDArray[np.uint8]
Indices = dict[tuple[str, int, int], VideoIndex]  # by path, size and time: kept by a backend between jobs


class FilmFacts(NamedTuple):
    """What has to be known of a film before it is planned with: size on square pixels, exact rate, frames, sound."""

    width: int
    height: int
    rate: Fraction
    frames: int
    has_sound: bool


class Film:
    """One open film."""

    def __init__(self, reader: VideoReader, info: MediaInfo) -> None:
        self.reader = reader
        self.index = reader.index
        width, height = info.require_video().display_size
        self.facts = FilmFacts(width, height, reader.rate, reader.index.frames, bool(info.audio))

    def picture(self, number: int) -> Pixels:
        """Frame `number` as uint8 (height, width, 3). Raises the errors of engine.media."""
        facts = self.facts
        stored = cast("Pixels", self.reader.rgb(number, number + 1))  # 8 bits are the default
        if stored.shape[1:3] != (facts.height, facts.width):  # pixels that aren't square
            stored = resize_uint8(stored, facts.height, facts.width)
        return stored[0]

    def sound_delay(self, frame: int) -> int:
        """Samples at 48 kHz by which the sound of a frame lies behind the place that the rate gives it.

        0 where the rate is constant. Where frames have times of their own, sound can be counted by the rate only near
        one of them. A frame behind the last counts as the last.
        """
        if self.index.is_constant:
            return 0
        near = min(frame, self.facts.frames - 1)
        real = math.floor(self.index.seconds(near) * SAMPLE_RATE + Fraction(1, 2))
        return real - sample_of_frame(near, self.facts.rate)


class OpenFilms:
    """The films and sounds of one job, each opened once."""

    def __init__(self, indices: Indices) -> None:
        self._indices = indices
        self._open = ExitStack()
        self._films: dict[Path, Film] = {}

    def close(self) -> None:
        """The job has ended: every file is let go of."""
        self._films.clear()
        self._open.close()

    def film(self, name: str) -> Film:
        """A film by its path. Raises the errors of engine.media."""
        path = Path(name)
        if path not in self._films:
            info = probe(path)
            info.require_video()
            stat = path.stat()
            key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
            if key not in self._indices:
                self._indices[key] = build_index(path)
            reader = VideoReader(path, self._indices[key])
            self._open.callback(reader.close)
            self._films[path] = Film(reader, info)
        return self._films[path]

    def facts(self, name: str) -> FilmFacts:
        """Raises as `film` does."""
        return self.film(name).facts

    def sound(self, name: str) -> AudioReader:
        """The sound of a film or of a sound file, a reader of its own. Raises the errors of engine.media."""
        reader = AudioReader(Path(name))
        self._open.callback(reader.close)
        return reader


class Stretch(NamedTuple):
    """A stretch of a sound file in samples at 48 kHz: where it begins in the file, and how long it is."""

    start: int
    samples: int


def require_sound(given: Sound) -> None:
    """Raises BadMedia for a file without sound, and the errors of engine.media."""
    path = Path(given.file)
    if not probe(path).audio:
        raise BadMedia(f"{path.name} has no sound; choose a file with sound.")


def stretch_of(given: Sound, reader: AudioReader) -> Stretch:
    """What a job asks of a sound file, which says it in the file's own samples; 0 samples are all that follow.

    Raises BadRequest for a stretch that lies behind the end.
    """
    _, end = reader.extent()
    wanted = given.samples or end - given.start
    if given.start >= end or wanted < 1:
        raise BadRequest(
            f"{reader.path.name} has {end} samples; the sound asked for begins at sample {given.start}: "
            "give a start inside it."
        )
    factor = Fraction(SAMPLE_RATE, reader.rate)
    return Stretch(round(given.start * factor), round(min(wanted, end - given.start) * factor))
