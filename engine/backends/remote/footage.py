"""Films, sounds and stills for the remote backend: frames by number, samples at 48 kHz, sizes brought to fit."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from engine.backends.films import OpenFilms, Pixels, require_sound, stretch_of
from engine.media.conform import Fit, reflected
from engine.media.decode import AudioReader
from engine.protocol.grid import SAMPLE_RATE, mirrored
from engine.protocol.work import Sound

Samples = NDArray[np.float32]

_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


class Films(OpenFilms):
    """The films of one job as the service gets them."""

    def pictures(self, name: str, first: int, frames: int) -> Iterator[Pixels]:
        """Frames [first, first + frames) as uint8 (height, width, 3); beyond the film's ends they are mirrored."""
        film = self.film(name)
        for number in range(first, first + frames):
            yield film.picture(mirrored(number, film.facts.frames))

    def samples(self, name: str, first: int, end: int, beside: int = 0) -> Samples:
        """Stereo sound of a film at 48 kHz, by the numbering of its frames: float32 (2, end - first).

        Where frames have times of their own, sound can be counted by the rate only near one of them: frame `beside`.
        """
        delay = self.film(name).sound_delay(beside)
        with AudioReader(Path(name)) as sound:
            return sound.read(first + delay, end + delay, rate=SAMPLE_RATE, channels=2)


def sound_extent(given: Sound) -> int:
    """How many samples at 48 kHz a given stretch of sound has. Raises BadMedia, BadRequest."""
    require_sound(given)
    with AudioReader(Path(given.file)) as reader:
        return stretch_of(given, reader).samples


def given_samples(given: Sound, first: int, count: int) -> Samples:
    """Samples [first, first + count) at 48 kHz of a given stretch of sound, with silence around it: (2, count).

    Raises BadMedia, BadRequest.
    """
    require_sound(given)
    out = np.zeros((2, count), np.float32)
    with AudioReader(Path(given.file)) as reader:
        start, length = stretch_of(given, reader)
        low, high = max(0, first), min(length, first + count)
        if low < high:
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
