"""A row of libavfilter filters that frames or samples are put through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, Self

import numpy as np
from av import VideoFrame
from av.audio.frame import AudioFrame
from av.error import BlockingIOError, EOFError  # noqa: A004  # FFmpeg's, children of Python's own
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.format import VideoFormat
from numpy.typing import NDArray

Step = tuple[str, str]  # libavfilter's name of a filter, and its arguments

_TICK: Final = Fraction(1, 25)  # a picture chain's clock; nothing that is used here depends on time


class Chain:
    """A configured graph with one way in and one way out. For one thread at a time."""

    def __init__(self, graph: Graph, nodes: Sequence[FilterContext]) -> None:
        # WORKAROUND: PyAV 18.1 crashes when a filter outlives its graph, so the graph is held beside its ends. Can go
        # when a filter holds its graph (av/filter/context.pyx).
        self._graph = graph
        self._entry, self._exit = nodes[0], nodes[-1]

    @classmethod
    def over(cls, frame: VideoFrame, steps: Sequence[Step]) -> Self:
        """A chain for frames like this one. Raises ValueError for steps that libavfilter refuses."""
        graph = Graph()
        graph.threads = 1
        form = VideoFormat(frame.format.name, frame.width, frame.height)
        entry = graph.add_buffer(width=frame.width, height=frame.height, format=form, time_base=_TICK)
        return cls(graph, _joined(graph, entry, steps, "buffersink"))

    @classmethod
    def over_sound(cls, sample_rate: int, steps: Sequence[Step]) -> Self:
        """A chain for stereo float samples."""
        graph = Graph()
        entry = graph.add_abuffer(
            sample_rate=sample_rate, format="fltp", layout="stereo", time_base=Fraction(1, sample_rate)
        )
        return cls(graph, _joined(graph, entry, steps, "abuffersink"))

    def frame(self, frame: VideoFrame) -> VideoFrame:
        """What becomes of one frame, where every frame gives one."""
        self._entry.push(frame)
        made = self._exit.pull()
        assert isinstance(made, VideoFrame)
        return made

    def row(self, frames: Sequence[VideoFrame], *, ends: bool) -> list[VideoFrame]:
        """What becomes of frames that follow each other, where the graph looks at those around each. With `ends` there
        are no more, and what it holds back comes too; the chain can't be used again then."""
        for frame in frames:
            self._entry.push(frame)
        if ends:
            self._entry.push(None)
        made: list[VideoFrame] = []
        while True:
            try:
                pulled = self._exit.pull()
            except (BlockingIOError, EOFError):
                return made
            assert isinstance(pulled, VideoFrame)
            made.append(pulled)

    def flushed(self, frame: VideoFrame) -> VideoFrame:
        """What becomes of one frame, where the graph waits for the end before it gives anything. Ends the chain."""
        self._entry.push(frame)
        self._entry.push(None)
        made = self._exit.pull()
        assert isinstance(made, VideoFrame)
        return made

    def sound(self, samples: NDArray[np.float32] | None, first: int, sample_rate: int) -> Iterator[AudioFrame]:
        """What comes out after (2, n) samples that begin with number `first`; None ends the sound."""
        if samples is None:
            self._entry.push(None)
        else:
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, first, Fraction(1, sample_rate)
            self._entry.push(frame)
        while True:
            try:
                made = self._exit.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(made, AudioFrame)
            yield made


def _joined(graph: Graph, entry: FilterContext, steps: Sequence[Step], sink: str) -> list[FilterContext]:
    nodes = [entry, *(graph.add(name, arguments) for name, arguments in steps), graph.add(sink)]
    graph.link_nodes(*nodes)
    graph.configure()
    return nodes
