"""Sound at another speed, pitch with it (as tape does): band-limited interpolation at exact places.

Each output sample is a weighted sum around its own place in the source, and depends on nothing else, so that any range
equals that range of the whole.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ZEROS: Final = 16  # zero crossings of the sinc on each side: transition band of about 6 % with this window
_KAISER_BETA: Final = 9.0  # stop band near -90 dB
_PHASES: Final = 512  # places between two samples at which weights are tabulated; between those they're interpolated
_FASTEST: Final = 8.0  # beyond this the filter doesn't get longer; what aliases then is only searched by, not heard


def reach(speed: float) -> int:
    """Source samples needed on each side of a place."""
    return int(np.ceil(_ZEROS * min(max(abs(speed), 1.0), _FASTEST))) + 1


def sampled(
    source: NDArray[np.float32], first: int, places: NDArray[np.floating[Any]], speed: float
) -> NDArray[np.float32]:
    """The signal of `source` (channels, n; its first column is sample number `first`) at fractional sample numbers.

    `source` must hold `reach(speed)` samples around every place. Frequencies that the speed would fold are left out.
    """
    width = reach(speed)
    table = _weights(round(min(max(abs(speed), 1.0), _FASTEST) * 4096), width)
    whole = np.floor(places)
    phase = (places - whole) * _PHASES
    row = phase.astype(np.intp)
    part = phase - row
    start = whole.astype(np.intp) - first - width + 1
    out = np.zeros((source.shape[0], len(places)), np.float64)
    for tap in range(2 * width):
        column = table[:, tap]
        weight = column[row] * (1 - part) + column[row + 1] * part
        out += source[:, start + tap] * weight
    return out.astype(np.float32)


@lru_cache(maxsize=8)
def _weights(stretch_4096: int, width: int) -> NDArray[np.float64]:
    """(phases + 1, taps): a Kaiser-windowed sinc for a place `phase` behind tap `width - 1`, each row with sum 1."""
    stretch = stretch_4096 / 4096
    distance = np.arange(2 * width)[None, :] - (width - 1) - np.arange(_PHASES + 1)[:, None] / _PHASES
    inside = np.clip(1 - (distance / (_ZEROS * stretch)) ** 2, 0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    weights = np.sinc(distance / stretch) * np.where(inside > 0, window, 0)
    return weights / weights.sum(axis=1, keepdims=True)
