"""Films, sounds and stills for the remote backend: frames by number, samples at 48 kHz, sizes brought to fit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from engine.backends.base import BadMedia, BadRequest
from engine.media.conform import Fit, reflected
from engine.media.decode import AudioReader, VideoReader
from engine.media.index import VideoIndex, build_index
from engine.media.probe import probe
from engine.protocol.grid import SAMPLE_RATE, mirrored, sample_of_frame
from engine.protocol.work import Sound

Pixels = NDArray[np.uint8]
Samples = NDArray[np.float32]

_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


class Facts(NamedTuple):
    """What has to be known of a film before it is planned with."""

    width: int
    height: int
    rate: Fraction
    frames: int
    has_sound: bool


class Films:
    """Opens the films of one job and closes them with it. Indices are kept by the backend between jobs."""

    def __init__(self, indices: dict[tuple[str, int, int], VideoIndex]) -> None:
        self._indices = indices
        self._open = ExitStack()
        self._readers: dict[Path, tuple[VideoReader, Facts]] = {}

    def close(self) -> None:
        self._open.close()

    def facts(self, name: str) -> Facts:
        """Size, rate and length of a film. Raises the errors of engine.media."""
        return self._reader(Path(name))[1]

    def pictures(self, name: str, first: int, frames: int) -> Iterator[Pixels]:
        """Frames [first, first + frames) as uint8 (height, width, 3); beyond the film's ends they are mirrored."""
        reader, facts = self._reader(Path(name))
        for number in range(first, first + frames):
            at = mirrored(number, facts.frames)
            yield cast("Pixels", reader.rgb(at, at + 1)[0])  # 8 bits are the default

    def samples(self, name: str, first: int, end: int, beside: int = 0) -> Samples:
        """Stereo sound of a film at 48 kHz, by the numbering of its frames: float32 (2, end - first).

        Where frames have times of their own, sound can be counted by the rate only near one of them: frame `beside`.
        """
        reader, _ = self._reader(Path(name))
        shift = 0
        if not reader.index.is_constant:
            near = min(beside, reader.index.frames - 1)
            real = math.floor(reader.index.seconds(near) * SAMPLE_RATE + Fraction(1, 2))
            shift = real - sample_of_frame(near, reader.rate)
        with AudioReader(Path(name)) as sound:
            return sound.read(first + shift, end + shift, rate=SAMPLE_RATE, channels=2)

    def _reader(self, path: Path) -> tuple[VideoReader, Facts]:
        if path not in self._readers:
            info = probe(path)
            info.require_video()
            stat = path.stat()
            key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
            if key not in self._indices:
                self._indices[key] = build_index(path)
            reader = VideoReader(path, self._indices[key])
            self._open.callback(reader.close)
            height, width = reader.rgb(0, 1).shape[1:3]
            facts = Facts(width, height, reader.rate, reader.index.frames, bool(info.audio))
            self._readers[path] = (reader, facts)
        return self._readers[path]


def sound_extent(given: Sound) -> int:
    """How many samples at 48 kHz a given stretch of sound has. Raises BadMedia, BadRequest."""
    path = Path(given.file)
    if not probe(path).audio:
        raise BadMedia(f"{path.name} has no sound; choose a file with sound.")
    with AudioReader(path) as reader:
        _, end = reader.extent()
        wanted = given.samples or end - given.start
        if given.start >= end or wanted < 1:
            raise BadRequest(f"{path.name} has {end} samples; the sound asked for begins at sample {given.start}.")
        return round(Fraction(min(wanted, end - given.start) * SAMPLE_RATE, reader.rate))


def given_samples(given: Sound, first: int, count: int) -> Samples:
    """Samples [first, first + count) at 48 kHz of a given stretch of sound, with silence around it: (2, count)."""
    length = sound_extent(given)
    out = np.zeros((2, count), np.float32)
    low, high = max(0, first), min(length, first + count)
    if low < high:
        with AudioReader(Path(given.file)) as reader:
            start = round(Fraction(given.start * SAMPLE_RATE, reader.rate))
            out[:, low - first : high - first] = reader.read(start + low, start + high, rate=SAMPLE_RATE, channels=2)
    return out


# --- sizes -------------------------------------------------------------------------------------------------------


def framed(width: int, height: int, grid_width: int, grid_height: int) -> Fit:
    """How a picture lies in one of the service's fixed sizes: as large as it goes, in the middle, mirrored around."""
    factor = min(Fraction(grid_width, width), Fraction(grid_height, height))
    inner = (min(grid_height, max(1, round(height * factor))), min(grid_width, max(1, round(width * factor))))
    before = ((grid_height - inner[0]) // 2, (grid_width - inner[1]) // 2)
    return Fit((height, width), inner, (grid_height, grid_width), before)


def onto_grid(picture: Pixels, fit: Fit) -> Pixels:
    """uint8 (*source, 3) -> (*grid, 3)."""
    scaled = resized(picture, *fit.inner)
    rows = reflected(fit.inner[0], fit.before[0], fit.grid[0] - fit.inner[0] - fit.before[0])
    columns = reflected(fit.inner[1], fit.before[1], fit.grid[1] - fit.inner[1] - fit.before[1])
    if fit.inner == fit.grid:
        return scaled
    return np.ascontiguousarray(scaled[rows[:, None], columns[None, :]])


def off_grid(picture: Pixels, fit: Fit) -> Pixels:
    """The way back: uint8 (*grid, 3) -> (*source, 3). A picture of another size than the grid covers it first."""
    if picture.shape[:2] != fit.grid:
        picture = covering(picture, *fit.grid)
    top, left = fit.before
    return resized(picture[top : top + fit.inner[0], left : left + fit.inner[1]], *fit.source)


def covering(picture: Pixels, height: int, width: int) -> Pixels:
    """The picture scaled evenly until it covers height x width, cut around its centre; uint8 (height, width, 3)."""
    own_height, own_width = picture.shape[:2]
    factor = max(Fraction(height, own_height), Fraction(width, own_width))
    rows, columns = max(height, round(own_height * factor)), max(width, round(own_width * factor))
    scaled = resized(picture, rows, columns)
    top, left = (rows - height) // 2, (columns - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])


def resized(picture: Pixels, height: int, width: int) -> Pixels:
    """uint8 (h, w, 3) -> (height, width, 3) by swscale: means where it shrinks, bicubic where it grows."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height < picture.shape[0] or width < picture.shape[1]
    way = _EXACT | (Interpolation.AREA if shrinks else Interpolation.BICUBIC)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
    return cast("Pixels", frame.reformat(width=width, height=height, interpolation=way).to_ndarray())
