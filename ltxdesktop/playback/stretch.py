"""Sound at another speed with its pitch kept, by libavfilter's atempo. Needs PyAV; import it only on a worker."""

from __future__ import annotations

from fractions import Fraction

import av
import av.audio.frame
import av.filter
import numpy as np
from av.error import BlockingIOError as NeedsMore
from numpy.typing import NDArray

LEAST, MOST = Fraction(1, 2), Fraction(2)  # of one atempo filter without skipping samples (libavfilter's documentation)


def factors(speed: Fraction) -> list[Fraction]:
    """A positive speed as a product of speeds that one atempo filter does well."""
    found: list[Fraction] = []
    while speed > MOST:
        found.append(MOST)
        speed /= MOST
    while speed < LEAST:
        found.append(LEAST)
        speed /= LEAST
    return [*found, speed]


class Stretch:
    """A stream of stereo samples made `speed` times faster (above 1) or slower. Feed it in order. It has no end:
    what is still inside after the last samples comes when silence follows."""

    def __init__(self, sample_rate: int, speed: Fraction) -> None:
        self._rate = sample_rate
        self._pts = 0
        self._graph = av.filter.Graph()
        last = source = self._graph.add_abuffer(
            sample_rate=sample_rate, format="flt", layout="stereo", time_base=Fraction(1, sample_rate)
        )
        for factor in factors(speed):
            tempo = self._graph.add("atempo", str(float(factor)))
            last.link_to(tempo)
            last = tempo
        shape = self._graph.add("aformat", "sample_fmts=flt:channel_layouts=stereo")
        last.link_to(shape)
        sink = self._graph.add("abuffersink")
        shape.link_to(sink)
        self._graph.configure()
        self._source, self._sink = source, sink

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples (n, 2), and give what has become ready (m, 2), perhaps none."""
        packed = np.ascontiguousarray(samples, np.float32).reshape(1, -1)
        frame = av.audio.frame.AudioFrame.from_ndarray(packed, format="flt", layout="stereo")
        frame.sample_rate = self._rate
        frame.pts = self._pts
        frame.time_base = Fraction(1, self._rate)
        self._pts += len(samples)
        self._source.push(frame)
        return self._ready()

    def _ready(self) -> NDArray[np.float32]:
        parts: list[NDArray[np.float32]] = []
        while True:
            try:
                frame = self._sink.pull()
            except NeedsMore:
                break
            assert isinstance(frame, av.audio.frame.AudioFrame)
            parts.append(frame.to_ndarray().reshape(-1, 2).astype(np.float32, copy=False))
        return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)
