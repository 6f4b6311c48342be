"""How loud the film is: EBU R 128 by libavfilter, for meters while it plays and for normalising an export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log10

import numpy as np
from numpy.typing import NDArray

from ltxdesktop.render.chain import Chain

_LOWEST = -70.0  # LUFS; ebur128 reports nothing below its absolute gate


@dataclass(frozen=True)
class Loudness:
    """Readings of EBU Tech 3341 and 3342; -inf where there was nothing to hear yet."""

    momentary: float = -inf  # LUFS over the last 0.4 s
    short_term: float = -inf  # LUFS over the last 3 s
    integrated: float = -inf  # LUFS of everything so far, gated
    range: float = 0.0  # LU
    sample_peak: float = -inf  # dBFS of everything so far
    true_peak: float = -inf  # dBTP, oversampled four times

    def gain_to(self, target: float, ceiling: float = -1.0) -> float:
        """dB that bring the whole to `target` LUFS without a true peak above `ceiling` dBTP; 0 for silence."""
        if self.integrated == -inf:
            return 0.0
        return min(target - self.integrated, ceiling - self.true_peak)


class LoudnessMeter:
    """Takes the film's samples in order, in any blocks; a reading comes each 100 ms."""

    def __init__(self, sample_rate: int = 48_000) -> None:
        self._rate, self._count = sample_rate, 0
        self._chain = Chain.over_sound(sample_rate, [("ebur128", "metadata=1:peak=sample+true:framelog=quiet")])
        self.reading = Loudness()

    def add(self, samples: NDArray[np.float32]) -> Loudness:
        """The reading after these samples (n, 2); that of the last full 100 ms."""
        if len(samples):
            self._take(np.ascontiguousarray(samples.T))
            self._count += len(samples)
        return self.reading

    def finish(self) -> Loudness:
        """The reading of everything. Nothing can be added then."""
        self._take(None)
        return self.reading

    def _take(self, samples: NDArray[np.float32] | None) -> None:
        for frame in self._chain.sound(samples, self._count, self._rate):
            said = {name.removeprefix("lavfi.r128."): float(value) for name, value in frame.metadata.items()}
            if "M" not in said:  # the last piece of less than 100 ms
                continue
            self.reading = Loudness(
                _lufs(said["M"]),
                _lufs(said["S"]),
                _lufs(said["I"]),
                said["LRA"],
                _decibels(said["sample_peak"]),
                _decibels(said["true_peak"]),
            )


def loudness(read: Callable[[int, int], NDArray[np.float32]], first: int, last: int, rate: int = 48_000) -> Loudness:
    """The loudness of samples [first, last) of something that is read by (first, count): a `Renderer.sound`, say."""
    meter = LoudnessMeter(rate)
    for start in range(first, last, rate):
        meter.add(read(start, min(rate, last - start)))
    return meter.finish()


def _lufs(value: float) -> float:
    return value if value > _LOWEST else -inf


def _decibels(amplitude: float) -> float:
    return 20 * log10(amplitude) if amplitude > 0 else -inf
