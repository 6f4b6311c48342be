"""Sigma schedules: plain Python floats from 1 (noise) down to 0 (clean), one more than there are steps.

Source: spec/transformer-and-pipelines.md 4.1.
"""

from __future__ import annotations

import math
from itertools import pairwise

from engine.sampling.errors import BadSchedule

Sigmas = tuple[float, ...]

# What the distilled checkpoints were distilled on; stage 1 equals linear_quadratic(8).
DISTILLED_STAGE_1: Sigmas = (1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875, 0.0)
DISTILLED_STAGE_2: Sigmas = (0.909375, 0.725, 0.421875, 0.0)

SCHEDULE_TOKENS = 4096  # the official Euler pipelines shift for this many tokens, whatever the size
_SHIFT_TOKENS = (1024, 4096)
_SHIFTS = (0.95, 2.05)
_LAST_SIGMA = 0.1


def ltx2(steps: int, tokens: int = SCHEDULE_TOKENS) -> Sigmas:
    """The schedule of the dev model: evenly spaced, shifted towards noise with the token count, stretched.

    The stretch makes the last sigma before 0 exactly 0.1. With one step there is nothing to stretch: (1, 0).
    """
    _at_least_one(steps)
    if steps == 1:
        return (1.0, 0.0)
    slope = (_SHIFTS[1] - _SHIFTS[0]) / (_SHIFT_TOKENS[1] - _SHIFT_TOKENS[0])
    shift = math.exp(_SHIFTS[0] + (tokens - _SHIFT_TOKENS[0]) * slope)
    shifted = [shift / (shift + 1 / (1 - i / steps) - 1) for i in range(steps)]
    stretch = (1 - _LAST_SIGMA) / (1 - shifted[-1])
    return (1.0, *(1 - (1 - sigma) * stretch for sigma in shifted[1:]), 0.0)


def linear_quadratic(steps: int, threshold: float = 0.025) -> Sigmas:
    """Half of the steps fall linearly to 1 - threshold, the others along the parabola that joins without a kink."""
    _at_least_one(steps)
    linear = steps // 2
    if not linear:
        return (1.0, 0.0)
    slope = threshold / linear
    bend = (1 - slope * steps) / (steps - linear) ** 2
    return (*(1 - (slope * i + bend * max(0, i - linear) ** 2) for i in range(steps)), 0.0)


def beta(steps: int, alpha: float = 0.6, shift: float = 2.37, grid: int = 10_000) -> Sigmas:
    """Quantiles of a symmetric Beta(alpha, alpha) over a shifted grid of sigmas; equal neighbours are dropped.

    So there may be fewer than `steps` steps.
    """
    _at_least_one(steps)
    scale = math.exp(shift)
    sigmas: list[float] = []
    for i in range(steps):
        place = round(_beta_quantile(1 - i / steps, alpha) * (grid - 1))
        time = (place + 1) / grid
        sigma = scale / (scale + 1 / time - 1)
        if not sigmas or sigma != sigmas[-1]:
            sigmas.append(sigma)
    return (*sigmas, 0.0)


def checked(sigmas: Sigmas) -> Sigmas:
    """The schedule if it falls strictly from at most 1 to 0. Raises BadSchedule."""
    if len(sigmas) < 2 or sigmas[-1] != 0 or sigmas[0] > 1:
        raise BadSchedule(f"{sigmas} does not go from at most 1 to 0")
    if any(later >= earlier for earlier, later in pairwise(sigmas)):
        raise BadSchedule(f"{sigmas} does not fall at every step")
    return sigmas


def refining(sigmas: Sigmas, steps: int) -> Sigmas:
    """The last `steps` steps of a schedule: how a refining stage enters it."""
    if not 1 <= steps < len(sigmas):
        raise BadSchedule(f"{steps} steps of a schedule of {len(sigmas) - 1}")
    return sigmas[-steps - 1 :]


def _at_least_one(steps: int) -> None:
    if steps < 1:
        raise BadSchedule(f"{steps} steps")


def _beta_quantile(probability: float, alpha: float) -> float:
    """x with I_x(alpha, alpha) = probability, by bisection (the function is monotonic and smooth enough)."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _incomplete_beta(middle, alpha) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(x: float, a: float) -> float:
    """The regularised incomplete beta function I_x(a, a) by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > 0.5:
        return 1 - _incomplete_beta(1 - x, a)
    front = math.exp(a * math.log(x) + a * math.log1p(-x) - math.lgamma(a) * 2 + math.lgamma(2 * a)) / a
    fraction = 0.0
    for m in range(60, 0, -1):  # evaluated from the tail: 60 terms are exact to a double for x <= 1/2
        even = m * (a - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (2 * a + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        fraction = even / (1 + odd / (1 + fraction))
    first = -(a + a) * x / (a + 1)
    return front / (1 + first / (1 + fraction))
