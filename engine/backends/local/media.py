"""Files as the pipelines see them: pictures and sound of a medium, brought to the job's grid, rate and numbering."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import torch
from av import VideoFrame
from av.filter import Graph
from av.video.format import VideoFormat
from numpy.typing import NDArray
from torch import Tensor

from engine.backends.films import Film, OpenFilms, Pixels, require_sound, stretch_of
from engine.media.conform import Fit, resize_uint8
from engine.media.decode import AudioReader
from engine.media.still import h264_round_trip, read_still
from engine.pipelines.task import GuideImage
from engine.protocol import work as asked
from engine.protocol.grid import SAMPLE_RATE, frame_at_rate, sample_of_frame

_BYTES_KEPT = 256 << 20  # of decoded frames that stay at hand: mirrored windows and two stages ask twice


class Fitting(Protocol):
    """Brings frames onto the job's grid: uint8 (n, h, w, 3) -> (n, H, W, 3)."""

    def to_grid(self, frames: Pixels) -> Pixels: ...


class FilePictures:
    """Frames of a video file at the job's rate, brought onto the job's grid.

    Without a `rate` the numbers are the medium's own; with one, frame n is what is on screen when frame n of that rate
    begins, counted from the time of `first`. `first` and `end` cut the medium, in its own frames: frame 0 is `first`.
    """

    def __init__(
        self,
        film: Film,
        fitting: Fitting | None,
        rate: Fraction | None = None,
        first: int = 0,
        end: int | None = None,
    ) -> None:
        self._film = film
        self._fitting = fitting
        self._rate = None if rate is None or (film.index.is_constant and rate == film.facts.rate) else rate
        self._first = first
        self._end = film.facts.frames if end is None else end
        self._kept: OrderedDict[int, Pixels] = OrderedDict()

    @property
    def frames(self) -> int:
        if self._rate is None:
            return self._end - self._first
        index = self._film.index
        until = index.seconds(self._end) if self._end < index.frames else index.duration_seconds
        return max(1, int((until - index.seconds(self._first)) * self._rate))

    def read(self, numbers: Sequence[int]) -> Tensor:
        """uint8 (n, H, W, 3) of the grid."""
        return as_tensor(np.stack([self._frame(self._source_frame(number)) for number in numbers]))

    def _source_frame(self, number: int) -> int:
        if self._rate is None:
            return min(self._first + number, self._end - 1)
        index = self._film.index
        if index.is_constant:  # by the rate itself: a container's ticks round the times
            return min(self._first + frame_at_rate(number, self._rate, self._film.facts.rate), self._end - 1)
        shown = index.frame_at(index.seconds(self._first) + number / self._rate)
        return min(shown, self._end - 1)

    def _frame(self, number: int) -> Pixels:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        picture = self._film.picture(number)
        fitted = picture if self._fitting is None else self._fitting.to_grid(picture[None])[0]
        self._kept[number] = fitted
        while len(self._kept) * fitted.nbytes > _BYTES_KEPT:
            self._kept.popitem(last=False)
        return fitted


class FileSound:
    """Stereo sound of a file at 48 kHz; sample 0 belongs to the picture's frame 0. Outside the file there is silence.

    `shift` samples of the medium's numbering stand before sample 0 of the file.
    """

    rate = SAMPLE_RATE

    def __init__(self, reader: AudioReader, samples: int, shift: int = 0) -> None:
        self._reader = reader
        self._shift = shift
        self.samples = samples

    def read(self, start: int, count: int) -> Tensor:
        """float32 (2, count)."""
        first = start - self._shift
        return as_tensor(self._reader.read(first, first + count, rate=SAMPLE_RATE, channels=2))


class Medium(NamedTuple):
    """A stretch of a video file as a job uses it; numbers count from its first frame, at the job's rate."""

    pictures: FilePictures
    sound: FileSound | None

    @property
    def frames(self) -> int:
        return self.pictures.frames


class MediaFiles(OpenFilms):
    """The files of one job as the pipelines see them."""

    def medium(
        self,
        name: str,
        fitting: Fitting | None,
        *,
        rate: Fraction | None = None,
        first: int = 0,
        end: int | None = None,
        soundtrack: FileSound | None = None,
        beside: int | None = None,
    ) -> Medium:
        """Frames [first, end) of a video file and their sound; `soundtrack` takes the place of its own sound.

        Where frames have times of their own, sound can be counted by the rate only near one of them: frame `beside`
        of the file (`first` by default). Raises the errors of engine.media.
        """
        film = self.film(name)
        pictures = FilePictures(film, fitting, rate, first, end)
        sound = soundtrack
        if sound is None and film.facts.has_sound:
            at_first = sample_of_frame(first, film.facts.rate)
            at_first += film.sound_delay(first if beside is None else beside)
            shown = film.facts.rate if rate is None else rate
            sound = FileSound(self.sound(name), sample_of_frame(pictures.frames, shown), -at_first)
        return Medium(pictures, sound)

    def given_sound(self, given: asked.Sound, at_sample: int = 0) -> FileSound:
        """A stretch of a sound file whose first sample stands at `at_sample` (48 kHz) of the medium's numbering.

        Raises BadMedia for a file without sound, BadRequest for a stretch that lies behind its end.
        """
        require_sound(given)
        reader = self.sound(given.file)
        start, samples = stretch_of(given, reader)
        return FileSound(reader, at_sample + samples, at_sample - start)

    def guide(self, keyframe: asked.Keyframe, fit: Fit, frame: int, round_trip: bool) -> GuideImage:
        """A picture to pass through, covering the job's grid: compressed once as the model knows pictures (5.8)."""
        picture = read_still(Path(keyframe.image))
        if round_trip and min(picture.shape[:2]) >= 2:
            picture = h264_round_trip(picture)
        covering = covered(picture, *fit.source)
        return GuideImage(as_tensor(fit.to_grid(covering[None])[0]), frame, keyframe.strength)


def covered(picture: Pixels, height: int, width: int) -> Pixels:
    """The picture scaled evenly until it covers height x width, cut around its centre; uint8 (height, width, 3)."""
    source_height, source_width = picture.shape[:2]
    factor = max(height / source_height, width / source_width)
    rows, columns = max(height, round(source_height * factor)), max(width, round(source_width * factor))
    scaled = (
        picture[None]
        if (rows, columns) == (source_height, source_width)
        else resize_uint8(picture[None], rows, columns)
    )
    top, left = (rows - height) // 2, (columns - width) // 2
    return np.ascontiguousarray(scaled[0, top : top + height, left : left + width])


class CoveringFit(NamedTuple):
    """A neighbour of another size, brought to the job's size by covering, then onto the grid: the way there only."""

    size: tuple[int, int]  # height, width of the job
    fit: Fit

    def to_grid(self, frames: Pixels) -> Pixels:
        return self.fit.to_grid(np.stack([covered(frame, *self.size) for frame in frames]))


class EdgeFit:
    """Frames as white edges on black, by libavfilter's Canny detector, brought onto the grid: a control picture."""

    def __init__(self, fitting: Fitting) -> None:
        self._fitting = fitting
        self._graphs: dict[tuple[int, int], Graph] = {}

    def to_grid(self, frames: Pixels) -> Pixels:
        return self._fitting.to_grid(np.stack([self._edges(frame) for frame in frames]))

    def _edges(self, frame: Pixels) -> Pixels:
        height, width = frame.shape[:2]
        if (height, width) not in self._graphs:
            graph = Graph()
            rgb = VideoFormat("rgb24", width, height)
            source = graph.add_buffer(width=width, height=height, format=rgb, time_base=Fraction(1, 25))
            chain = [
                source,
                graph.add("format", "gray"),
                graph.add("edgedetect", "low=0.1:high=0.3"),
                graph.add("format", "rgb24"),
                graph.add("buffersink"),
            ]
            graph.link_nodes(*chain).configure()
            self._graphs[height, width] = graph
        graph = self._graphs[height, width]
        graph.push(VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24"))
        edges = graph.pull()
        assert isinstance(edges, VideoFrame)
        return cast("Pixels", edges.to_ndarray())


def as_tensor(array: NDArray[Any]) -> Tensor:
    """The same memory as a tensor (torch's own function has no types)."""
    return cast("Any", torch).from_numpy(array)
