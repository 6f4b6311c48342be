"""Sound to another rate or number of channels: one rule for mixing, and rate conversion that is exact by range."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

import numpy as np
from av import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

_HALF: Final = math.sqrt(0.5)  # -3 dB, ITU-R BS.775-4 table 2

# ITU-R BS.775: centre and surround at -3 dB on the near side(s); the low-frequency channel is left out.
_LEFT: Final = {"FL": 1.0, "FC": _HALF, "SL": _HALF, "BL": _HALF, "FLC": 1.0, "BC": 0.5, "DL": 1.0, "WL": 1.0}
_RIGHT: Final = {"FR": 1.0, "FC": _HALF, "SR": _HALF, "BR": _HALF, "FRC": 1.0, "BC": 0.5, "DR": 1.0, "WR": 1.0}

# libswresample's filter reaches 16 source samples at equal rates, and in proportion further when it cuts off lower.
_FILTER_REACH: Final = 32


def mix_channels(samples: NDArray[np.float32], names: tuple[str, ...], channels: int) -> NDArray[np.float32]:
    """(len(names), n) -> (channels, n) for channels 1 or 2.

    Mono to stereo: the same in both. Stereo to mono: the mean. Surround to stereo: BS.775 and divided by the sum of the
    weights, so that it can't clip. Channels without a known place: odd rows left, even rows right.
    """
    if channels not in (1, 2):
        raise ValueError(f"{channels} channels: 1 or 2 are possible")
    rows = samples.shape[0]
    if rows == channels:
        return samples
    if rows == 1:
        return np.repeat(samples, channels, axis=0)
    stereo = samples if rows == 2 else _to_stereo(samples, names)
    return stereo if channels == 2 else stereo.mean(axis=0, keepdims=True, dtype=np.float32)


def _to_stereo(samples: NDArray[np.float32], names: tuple[str, ...]) -> NDArray[np.float32]:
    weights = np.array([[side.get(n, 0.0) for n in names] for side in (_LEFT, _RIGHT)])
    if not weights.any(axis=1).all():
        weights = np.array([[1.0, 0.0] * len(names), [0.0, 1.0] * len(names)])[:, : len(names)]
    weights /= weights.sum(axis=1, keepdims=True)
    return (weights @ samples).astype(np.float32)


class Resampling:
    """Conversion between two integer rates that gives any range exactly as it would stand in the whole.

    A block that starts on a multiple of the common period (rate / gcd) meets the same filter phases as the whole does;
    beside it, the filter's reach is added and cut off again.
    """

    def __init__(self, source_rate: int, rate: int) -> None:
        if source_rate <= 0 or rate <= 0:
            raise ValueError(f"rates must be positive, not {source_rate} and {rate}")
        self.source_rate, self.rate = source_rate, rate
        common = math.gcd(source_rate, rate)
        self._source_period, self._period = source_rate // common, rate // common
        self._reach = 0 if source_rate == rate else _FILTER_REACH * math.ceil(max(1.0, source_rate / rate)) + 16

    def source_range(self, first: int, end: int) -> tuple[int, int]:
        """The source samples that `convert` needs for output samples [first, end)."""
        if self.source_rate == self.rate:
            return first, end
        ratio = Fraction(self.source_rate, self.rate)
        start = (math.floor(first * ratio) - self._reach) // self._source_period * self._source_period
        return start, math.ceil(end * ratio) + self._reach

    def convert(self, block: NDArray[np.float32], block_start: int, first: int, end: int) -> NDArray[np.float32]:
        """Output samples [first, end) from source samples that start at `block_start` (see `source_range`)."""
        if self.source_rate == self.rate:
            return np.ascontiguousarray(block[:, first - block_start : end - block_start])
        assert block_start % self._source_period == 0
        converted = _swresample(block, self.source_rate, self.rate)
        skip = first - block_start // self._source_period * self._period
        return np.ascontiguousarray(converted[:, skip : skip + end - first])


def resample(samples: NDArray[np.float32], source_rate: int, rate: int) -> NDArray[np.float32]:
    """A whole sound (channels, n) at another rate: ceil(n * rate / source_rate) samples, silence around it."""
    plan = Resampling(source_rate, rate)
    count = -(-samples.shape[1] * rate // source_rate)
    start, stop = plan.source_range(0, count)
    padded = np.zeros((samples.shape[0], stop - start), np.float32)
    padded[:, -start : samples.shape[1] - start] = samples[:, :stop]
    return plan.convert(padded, start, 0, count)


def _swresample(samples: NDArray[np.float32], source_rate: int, rate: int) -> NDArray[np.float32]:
    return np.concatenate([_swresample_one(row, source_rate, rate) for row in samples], axis=0)


def _swresample_one(row: NDArray[np.float32], source_rate: int, rate: int) -> NDArray[np.float32]:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(row[None]), "fltp", "mono")
    frame.sample_rate = source_rate
    frame.pts = 0
    frame.time_base = Fraction(1, source_rate)
    converter = AudioResampler(format="fltp", layout="mono", rate=rate)
    parts = [part.to_ndarray() for part in (*converter.resample(frame), *converter.resample(None))]
    return np.concatenate(parts, axis=1, dtype=np.float32)
