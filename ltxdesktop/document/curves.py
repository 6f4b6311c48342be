"""Numbers that change over a clip: keys, and how a number goes from one to the next."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from enum import Enum


class Easing(Enum):
    """How a parameter goes from one key to the next."""

    HOLD = "hold"
    LINEAR = "linear"
    EASE_IN = "ease in"
    EASE_OUT = "ease out"
    EASE = "ease"
    CUSTOM = "custom"  # by the key's own curve


Curve = tuple[float, float, float, float]
"""x1, y1, x2, y2: the two handles of a cubic Bezier curve from (0, 0) to (1, 1). x is the share of the time between two
keys, 0..1; y that of the way between their values, and may go beyond both."""

SMOOTH: Curve = (1 / 3, 0.0, 2 / 3, 1.0)
CURVES: dict[Easing, Curve] = {  # each draws exactly what `eased` computes
    Easing.LINEAR: (1 / 3, 1 / 3, 2 / 3, 2 / 3),
    Easing.EASE_IN: (1 / 3, 0.0, 2 / 3, 0.0),
    Easing.EASE_OUT: (1 / 3, 1.0, 2 / 3, 1.0),
    Easing.EASE: SMOOTH,
}
LEAST_Y, MOST_Y = -4.0, 5.0  # of a handle
HALVINGS = 40  # of the search for a curve's place: exact to a 10^12th


@dataclass(frozen=True, slots=True)
class Key:
    """A value at a frame, counted from the clip's first frame; keys outside of the clip's range still shape it."""

    frame: int
    value: float
    easing: Easing = Easing.LINEAR  # towards the next key
    curve: Curve = SMOOTH  # where the easing is custom

    def eased(self, part: float) -> float:
        """How far the value is towards the next key's when `part` (0..1) of the time to it has passed."""
        return along(self.curve, part) if self.easing is Easing.CUSTOM else eased(self.easing, part)

    def as_custom(self) -> Key:
        """The key with a curve of its own that goes as it goes now."""
        if self.easing is Easing.CUSTOM:
            return self
        return replace(self, easing=Easing.CUSTOM, curve=CURVES.get(self.easing, SMOOTH))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that may change over the clip. With keys, `value` isn't used."""

    value: float = 0.0
    keys: tuple[Key, ...] = ()  # ascending frames

    def at(self, frame: float) -> float:
        """The value at a frame of the clip; before the first and after the last key theirs."""
        keys = self.keys
        if not keys:
            return self.value
        place = bisect_right(keys, frame, key=lambda key: key.frame)
        if place == 0:
            return keys[0].value
        if place == len(keys):
            return keys[-1].value
        left, right = keys[place - 1], keys[place]
        part = (frame - left.frame) / (right.frame - left.frame)
        return left.value + (right.value - left.value) * left.eased(part)

    def moved(self, frames: int) -> Parameter:
        """The same curve over a clip whose first frame was moved `frames` later: keys stay with the picture."""
        if not self.keys or not frames:
            return self
        return replace(self, keys=tuple(replace(key, frame=key.frame - frames) for key in self.keys))


def eased(easing: Easing, part: float) -> float:
    """How far between two keys the value is when `part` (0..1) of the time has passed. Cubic, as everywhere."""
    match easing:
        case Easing.HOLD:
            return 0.0
        case Easing.LINEAR:
            return part
        case Easing.EASE_IN:
            return part**3
        case Easing.EASE_OUT:
            return 1 - (1 - part) ** 3
        case Easing.EASE | Easing.CUSTOM:
            return part * part * (3 - 2 * part)


def along(curve: Curve, part: float) -> float:
    """A curve's height where `part` (0..1) of its width has passed. Its x never turns back, so halving finds it."""
    x1, y1, x2, y2 = curve
    if part <= 0 or part >= 1:
        return min(1.0, max(0.0, part))
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _bezier(x1, x2, middle) < part else (low, middle)
    return _bezier(y1, y2, low)


def _bezier(first: float, second: float, t: float) -> float:
    """One coordinate of a cubic Bezier curve from 0 to 1."""
    rest = 1 - t
    return 3 * rest * rest * t * first + 3 * rest * t * t * second + t * t * t


def backwards(curve: Curve) -> Curve:
    """The curve of the same way gone from its end to its start."""
    x1, y1, x2, y2 = curve
    return (1 - x2, 1 - y2, 1 - x1, 1 - y1)
