"""The master's limiter: each sample's gain depends on the samples near it, before and behind, and on nothing else.

A recursive limiter (attack, release) would sound different after every seek. This one takes the smallest gain that any
sample within `REACH` needs, and averages that over the same distance: it never lets a peak through, has no memory, and
gives equal bits whatever the blocks. Where nothing is too loud the sound passes untouched, bit for bit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

REACH: Final = 480  # samples; 10 ms at 48 kHz, ramps of 20 ms around a peak
CONTEXT: Final = 2 * REACH  # samples needed before and behind those that are asked for

_UNIT: Final = 1 << 30  # gains are integers of this, so that sums over a window are exact


def limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(channels, CONTEXT + n + CONTEXT) -> the n in the middle, none above 1. All channels get the same gain."""
    middle = samples[:, CONTEXT : samples.shape[1] - CONTEXT]
    peaks = np.abs(samples).max(axis=0)
    if not (peaks > 1).any():
        return middle.copy()
    needed = np.floor(_UNIT / np.maximum(peaks.astype(np.float64), 1.0)).astype(np.int64)
    lowest = _sliding_minimum(needed, 2 * REACH + 1)
    sums = np.concatenate([[0], np.cumsum(lowest)])
    window = 2 * REACH + 1
    gain = (sums[window:] - sums[:-window]) / (window * _UNIT)
    return np.clip(middle * gain.astype(np.float32), -1, 1)


def _sliding_minimum(values: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """The minimum of each run of `window` values; doubling the run's length at each step."""
    length, result = 1, values
    while length * 2 <= window:
        result = np.minimum(result[:-length], result[length:])
        length *= 2
    rest = window - length
    return np.minimum(result[: len(result) - rest], result[rest:]) if rest else result
