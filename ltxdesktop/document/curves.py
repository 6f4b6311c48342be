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


@dataclass(frozen=True, slots=True)
class Key:
    """A value at a frame, counted from the clip's first frame; keys outside of the clip's range still shape it."""

    frame: int
    value: float
    easing: Easing = Easing.LINEAR  # towards the next key


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
        return left.value + (right.value - left.value) * eased(
            left.easing, (frame - left.frame) / (right.frame - left.frame)
        )

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
        case Easing.EASE:
            return part * part * (3 - 2 * part)
