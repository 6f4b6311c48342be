"""How loud what is heard now is: peaks of the samples that were handed to the device, by the time they are heard at."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PARTS_A_SECOND: Final = 50
_KEPT: Final = 256  # of those parts: more than a device is ever ahead


class Levels:
    """Written by the thread that makes sound, read by whoever shows meters."""

    def __init__(self) -> None:
        self._peaks: deque[tuple[float, tuple[float, float]]] = deque(maxlen=_KEPT)

    def clear(self) -> None:
        self._peaks.clear()

    def note(self, samples: NDArray[np.float32], at_s: float, rate: int) -> None:
        """Samples (n, 2) will be heard `at_s` after playing began."""
        part = max(1, rate // _PARTS_A_SECOND)
        for start in range(0, len(samples), part):
            left, right = abs(samples[start : start + part]).max(axis=0)
            self._peaks.append((at_s + start / rate, (float(left), float(right))))

    def at(self, now_s: float) -> tuple[float, float]:
        """The peaks (0..1, more is clipped) of left and right."""
        found = (0.0, 0.0)
        for at, peaks in tuple(self._peaks):
            if at > now_s:
                break
            found = peaks
        return found
