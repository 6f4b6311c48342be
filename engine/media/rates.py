"""From presentation times to an exact frame rate, and the yes or no of "constant rate"."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_NTSC: Final = tuple(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120, 240, 15, 12, 10))
STANDARD_RATES: Final = (
    *_NTSC,
    *(Fraction(n) for n in (24, 25, 30, 48, 50, 60, 90, 100, 120, 144, 240, 15, 12, 10, 8, 6, 5, 4, 3, 2, 1)),
    Fraction(25, 2),
)


class Rate(NamedTuple):
    """Frames per second. `constant`: frame n lies at n / rate from the first, up to one tick of rounding."""

    rate: Fraction
    constant: bool


def measure_rate(pts: NDArray[np.int64], time_base: Fraction, hints: Iterable[Fraction | None]) -> Rate:
    """The rate of frames shown at `pts` (increasing ticks of `time_base` seconds).

    `hints` are what the container says, best first. A standard rate that fits is preferred to a hint nearby, since
    containers round (2997/125 for 24000/1001); a hint that makes every frame exact is preferred to everything.
    A variable rate gives its commonest rate, which is only nominal.
    """
    given = [h for h in hints if h is not None and 0 < h <= 1000]
    meant = [_standard(h) for h in given]  # one to three frames alone are too few to tell
    if len(pts) < 2:
        return Rate(meant[0] if meant else Fraction(25), constant=True)
    gaps = np.diff(pts)
    even = Fraction(1, 1) / (int(gaps[0]) * time_base) if (gaps == gaps[0]).all() and gaps[0] > 0 else None
    if even is not None and even in given:
        return Rate(even, constant=True)
    mean = Fraction(len(gaps)) / (int(pts[-1] - pts[0]) * time_base)
    near = sorted((r for r in STANDARD_RATES if abs(r / mean - 1) < Fraction(1, 100)), key=lambda r: abs(r - mean))
    # NTSC rates first among equals: a short clip in milliseconds fits 24 and 23.976 alike, and then the hint decides.
    near.sort(key=lambda r: not any(abs(r / h - 1) < Fraction(1, 100_000) for h in given))
    for rate in (*near, *meant, *given):
        if fits(pts, time_base, rate):
            return Rate(rate, constant=True)
    if even is not None:
        return Rate(even, constant=True)
    common = Fraction(1) / (int(np.median(gaps)) * time_base) if np.median(gaps) >= 1 else mean
    nominal = next((r for r in sorted(STANDARD_RATES, key=lambda r: abs(r - common)) if _rounds_to(r, common)), None)
    return Rate(nominal or common.limit_denominator(1001), constant=False)


def fits(pts: NDArray[np.int64], time_base: Fraction, rate: Fraction) -> bool:
    """Do all pts lie within one tick of an even grid of this rate (whatever the grid's offset)?"""
    step = 1 / (rate * time_base)  # ticks per frame
    frames = np.arange(len(pts), dtype=np.int64)
    ticks = pts - pts[0]
    if float(ticks[-1]) * step.denominator > 2**62 or float(len(pts)) * step.numerator > 2**62:
        residual = ticks - frames.astype(np.float64) * float(step)
        return bool(np.ptp(residual) <= 1.001)
    residual = ticks * step.denominator - frames * step.numerator
    return bool(np.ptp(residual) <= step.denominator)


def _standard(hint: Fraction) -> Fraction:
    """The standard rate that a container has rounded (Matroska says 19001/317 for 60000/1001), else the hint itself."""
    return next((r for r in STANDARD_RATES if abs(r / hint - 1) < Fraction(1, 100_000)), hint)


def _rounds_to(rate: Fraction, other: Fraction) -> bool:
    return abs(rate / other - 1) < Fraction(3, 100)
