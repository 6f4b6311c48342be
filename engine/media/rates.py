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

_ALIKE: Final = Fraction(3, 100)  # rates and lengths that differ by less were rounded by a container
_AROUND: Final = 0.08  # of a picture's length, as it trembles in recordings
_ON_GRID: Final = 0.1  # of a picture's length
_NEARLY_ALL: Final = 0.98  # of a film's pictures
_STRETCHES: Final = 0.04  # of a film's pictures are in the midst of pictures of their own rate


class Rate(NamedTuple):
    """Frames per second. `constant`: frame n lies at n / rate from the first, up to one tick of rounding."""

    rate: Fraction
    constant: bool


def measure_rate(pts: NDArray[np.int64], time_base: Fraction, hints: Iterable[Fraction | None]) -> Rate:
    """The rate of frames shown at `pts` (increasing ticks of `time_base` seconds).

    `hints` are what the container says, best first. A standard rate that fits is preferred to a hint nearby, since
    containers round (2997/125 for 24000/1001); a hint that makes every frame exact is preferred to everything.
    A variable rate gives a nominal one at which no picture is left out that is shown for as long as its neighbours.
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
    near.sort(key=lambda r: not _is_one_of(r, given))
    for rate in (*near, *meant, *given):
        if fits(pts, time_base, rate):
            return Rate(rate, constant=True)
    if even is not None:
        return Rate(even, constant=True)
    return Rate(_nominal(pts, gaps, time_base, given, mean), constant=False)


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


def _nominal(
    pts: NDArray[np.int64], gaps: NDArray[np.int64], time_base: Fraction, given: list[Fraction], mean: Fraction
) -> Fraction:
    """The rate that pictures of unequal lengths were made for.

    The commonest is it for a film whose times tremble. A film with pictures left out lies on the grid of a faster one;
    a film of several rates is read at the fastest of them: slower parts then show pictures several times, and a slower
    rate would leave pictures out.
    """
    common = Fraction(1) / (int(np.median(gaps)) * time_base) if np.median(gaps) >= 1 else mean
    shortest = max(1, int(np.percentile(gaps, 5)))  # a few may be damage
    fastest = 1 / (shortest * time_base) * (1 + _ALIKE)
    faster = sorted(r for r in STANDARD_RATES if common * (1 - _ALIKE) <= r <= fastest)
    for rate in sorted(faster, key=lambda r: not _is_one_of(r, given)):
        if _lies_on_grid(pts, time_base, rate, shortest):
            return rate
    for rate in reversed(faster):
        if rate > common * (1 + _ALIKE) and _is_kept_up(gaps, time_base, rate):
            return _nearest_standard(_mean_around(gaps, time_base, rate), given) or rate
    return _nearest_standard(common, given) or common.limit_denominator(1001)


def _lies_on_grid(pts: NDArray[np.int64], time_base: Fraction, rate: Fraction, shortest: int) -> bool:
    """Do the pictures lie where those of an even film would, with some left out, and do the closest two follow each
    other there?"""
    step = float(1 / (rate * time_base))
    if not abs(shortest / step - 1) <= _ALIKE + 1 / step:
        return False
    places: NDArray[np.float64] = (pts - int(pts[0])) / step
    off = np.abs(places - np.round(places))
    return bool(np.mean(off <= max(_ON_GRID, 1 / step)) >= _NEARLY_ALL)


def _is_kept_up(gaps: NDArray[np.int64], time_base: Fraction, rate: Fraction) -> bool:
    """Are there stretches of pictures at this rate, rather than single ones by chance?"""
    alike = np.abs(gaps * float(rate * time_base) - 1) <= _AROUND
    runs = alike[:-2] & alike[1:-1] & alike[2:]
    return bool(np.mean(runs) >= _STRETCHES) if len(runs) else False


def _mean_around(gaps: NDArray[np.int64], time_base: Fraction, rate: Fraction) -> Fraction:
    alike = gaps[np.abs(gaps * float(rate * time_base) - 1) <= _AROUND]
    return len(alike) / (int(alike.sum()) * time_base)


def _nearest_standard(rate: Fraction, given: list[Fraction]) -> Fraction | None:
    """The standard rate nearby: one that the container names, else the nearest."""
    near = sorted((r for r in STANDARD_RATES if _rounds_to(r, rate)), key=lambda r: abs(r - rate))
    return next((r for r in near if _is_one_of(r, given)), next(iter(near), None))


def _is_one_of(rate: Fraction, given: list[Fraction]) -> bool:
    return any(abs(rate / hint - 1) < Fraction(1, 100_000) for hint in given)


def _standard(hint: Fraction) -> Fraction:
    """The standard rate that a container has rounded (Matroska says 19001/317 for 60000/1001), else the hint itself."""
    return next((r for r in STANDARD_RATES if abs(r / hint - 1) < Fraction(1, 100_000)), hint)


def _rounds_to(rate: Fraction, other: Fraction) -> bool:
    return abs(rate / other - 1) < _ALIKE
