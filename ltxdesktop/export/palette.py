"""A film's pictures in 256 colours each, as GIF stores them."""

from __future__ import annotations

from collections.abc import Iterator

from av import VideoFrame
from av.filter import Graph
from av.video.format import VideoFormat

from ltxdesktop.export.settings import Shape


class Palette:
    """Each picture gets the 256 colours that suit it best; ordered dithering stays still between them."""

    def __init__(self, shape: Shape) -> None:
        graph = Graph()
        self._in = graph.add_buffer(
            width=shape.width, height=shape.height, format=VideoFormat("rgb24"), time_base=1 / shape.rate
        )
        split = graph.add("split")
        made = graph.add("palettegen", "stats_mode=single")
        used = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=3")
        self._out = graph.add("buffersink")
        self._in.link_to(split)
        split.link_to(used, 0, 0)
        split.link_to(made, 1, 0)
        made.link_to(used, 0, 1)
        used.link_to(self._out)
        graph.configure()
        self._graph = graph  # a filter that outlives its graph crashes PyAV 18.1: see ltxdesktop.render.chain

    def reduced(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """The pictures that are ready after this one; None is the end."""
        self._in.push(frame)
        while True:
            try:
                made = self._out.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(made, VideoFrame)
            yield made
