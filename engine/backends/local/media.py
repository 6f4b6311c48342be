"""Files as the pipelines see them: pictures and sound of a medium, brought to the job's grid, rate and numbering."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
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

from engine.backends.base import BadMedia, BadRequest
from engine.media.conform import Fit, resize_uint8
from engine.media.decode import AudioReader, VideoReader
from engine.media.index import VideoIndex, build_index
from engine.media.probe import MediaInfo, probe
from engine.media.still import h264_round_trip, read_still
from engine.pipelines.task import GuideImage
from engine.protocol import work as asked
from engine.protocol.grid import SAMPLE_RATE, frame_at_rate, sample_of_frame

_BYTES_KEPT = 256 << 20  # of decoded frames that stay at hand: mirrored windows and two stages ask twice

Pixels = NDArray[np.uint8]


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
        reader: VideoReader,
        fitting: Fitting | None,
        rate: Fraction | None = None,
        first: int = 0,
        end: int | None = None,
    ) -> None:
        self._reader = reader
        self._fitting = fitting
        index = reader.index
        self._rate = None if rate is None or (index.is_constant and rate == reader.rate) else rate
        self._first = first
        self._end = reader.index.frames if end is None else end
        self._kept: OrderedDict[int, Pixels] = OrderedDict()

    @property
    def frames(self) -> int:
        if self._rate is None:
            return self._end - self._first
        index = self._reader.index
        until = index.seconds(self._end) if self._end < index.frames else index.duration_seconds
        return max(1, int((until - index.seconds(self._first)) * self._rate))

    def read(self, numbers: Sequence[int]) -> Tensor:
        """uint8 (n, H, W, 3) of the grid."""
        return as_tensor(np.stack([self._frame(self._source_frame(number)) for number in numbers]))

    def _source_frame(self, number: int) -> int:
        if self._rate is None:
            return min(self._first + number, self._end - 1)
        index = self._reader.index
        if index.is_constant:  # by the rate itself: a container's ticks round the times
            return min(self._first + frame_at_rate(number, self._rate, self._reader.rate), self._end - 1)
        shown = index.frame_at(index.seconds(self._first) + number / self._rate)
        return min(shown, self._end - 1)

    def _frame(self, number: int) -> Pixels:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        frame = cast("Pixels", self._reader.rgb(number, number + 1))  # 8 bits are the default
        fitted = (frame if self._fitting is None else self._fitting.to_grid(frame))[0]
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


class Facts(NamedTuple):
    """What has to be known of a video file before it is planned with: display size, exact rate, frames, sound."""

    width: int
    height: int
    rate: Fraction
    frames: int
    has_sound: bool


class MediaFiles:
    """Opens the files of one job and closes them with it. Indices are kept by the backend between jobs."""

    def __init__(self, indices: dict[tuple[str, int, int], VideoIndex]) -> None:
        self._indices = indices
        self._open = ExitStack()

    def close(self) -> None:
        self._open.close()

    def facts(self, name: str) -> Facts:
        """Size, rate and length of a video file. Raises the errors of engine.media."""
        reader, info = self._reader(name)
        width, height = info.require_video().display_size
        return Facts(width, height, reader.rate, reader.index.frames, bool(info.audio))

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
        of the file (`first` by default).
        """
        reader, info = self._reader(name)
        pictures = FilePictures(reader, fitting, rate, first, end)
        sound = soundtrack
        if sound is None and info.audio:
            audio = AudioReader(Path(name))
            self._open.callback(audio.close)
            at_first = sample_of_frame(first, reader.rate)
            if not reader.index.is_constant:
                near = first if beside is None else min(beside, reader.index.frames - 1)
                real = math.floor(reader.index.seconds(near) * SAMPLE_RATE + Fraction(1, 2))
                at_first += real - sample_of_frame(near, reader.rate)
            shown = reader.rate if rate is None else rate
            sound = FileSound(audio, sample_of_frame(pictures.frames, shown), -at_first)
        return Medium(pictures, sound)

    def _reader(self, name: str) -> tuple[VideoReader, MediaInfo]:
        path = Path(name)
        info = probe(path)
        info.require_video()
        stat = path.stat()
        key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
        if key not in self._indices:
            self._indices[key] = build_index(path)
        reader = VideoReader(path, self._indices[key])
        self._open.callback(reader.close)
        return reader, info

    def sound(self, given: asked.Sound, at_sample: int = 0) -> FileSound:
        """A stretch of a sound file whose first sample stands at `at_sample` (48 kHz) of the medium's numbering.

        Raises BadMedia for a file without sound, BadRequest for a stretch that lies behind its end.
        """
        path = Path(given.file)
        info = probe(path)
        if not info.audio:
            raise BadMedia(f"{path.name} has no sound; choose a file with sound.")
        reader = AudioReader(path)
        self._open.callback(reader.close)
        _, end = reader.extent()
        wanted = given.samples or end - given.start
        if given.start >= end or wanted < 1:
            raise BadRequest(f"{path.name} has {end} samples; the sound asked for begins at sample {given.start}.")
        factor = Fraction(SAMPLE_RATE, reader.rate)
        start, samples = round(given.start * factor), round(min(wanted, end - given.start) * factor)
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
