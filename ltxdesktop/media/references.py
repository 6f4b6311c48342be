"""Several frames over the same pixels, one for each caller: no copy, and nothing that two threads could both change."""

from __future__ import annotations

import threading
from collections import OrderedDict
from fractions import Fraction
from typing import Final

from av import VideoFrame
from av.filter import Graph

_GRAPHS: Final = 16  # kinds of frames in use at a time

_Kind = tuple[int, int, str, int, int]


class References:
    """Makes a new frame that refers to the pixels of another (FFmpeg's av_frame_ref, 2 µs). Thread-safe.

    WORKAROUND: PyAV 18.1 has no call for that, so the frame goes through an empty filter graph. It's needed because
    `reformat` changes the tags of its source while it works, and keeps its scaler in it: two threads that convert one
    frame at a time crash the process (tests/ltxdesktop/media/test_decoders.py, many_threads). Can go when PyAV's frames
    can be referenced or converted by several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._graphs: OrderedDict[_Kind, Graph] = OrderedDict()

    def of(self, frame: VideoFrame) -> VideoFrame:
        """A frame with the same pixels, tags and time. Nobody else may be converting `frame` just then."""
        kind = (frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range))
        with self._lock:
            graph = self._graphs.get(kind)
            if graph is None:
                graph = self._graphs[kind] = _empty_graph(frame)
                if len(self._graphs) > _GRAPHS:
                    self._graphs.popitem(last=False)
            self._graphs.move_to_end(kind)
            graph.vpush(frame)
            return graph.vpull()


def _empty_graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    time_base = frame.time_base or Fraction(1, 25)
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
    source.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
