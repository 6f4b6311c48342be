"""Speeds of J, K and L, and which frame is due when: arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

SPEEDS = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4), Fraction(8))


def pushed(speed: Fraction, direction: int) -> Fraction:
    """The speed after L (direction 1) or J (-1): from standing or the other way at 1x, else twice as fast, up to 8x."""
    along = speed * direction
    if along <= 0:
        return Fraction(direction)
    return direction * next((each for each in SPEEDS if each > along), SPEEDS[-1])


def pushed_slow(speed: Fraction, direction: int) -> Fraction:
    """The speed after Shift+L or Shift+J: 1/4x, and 1/2x when pressed again."""
    return direction * (SPEEDS[1] if speed * direction == SPEEDS[0] else SPEEDS[0])


def speed_words(speed: Fraction) -> str:
    """ "2x", "-1/4x"; nothing at plain speed."""
    return "" if speed == 1 else f"{speed}x".replace("-", "−")  # a minus sign, for people


@dataclass(frozen=True, slots=True)
class Run:
    """One stretch of playing at one speed: from a frame on, inside of [first, end), round and round or once.

    Pictures are counted in steps. At more than 1x a step is several frames long, so that no more pictures are asked
    for in a second than at 1x.
    """

    start: int
    speed: Fraction
    first: int
    end: int
    rate: Fraction
    loops: bool = False

    @property
    def step(self) -> int:
        """Frames from one picture to the next, negative when going backwards."""
        frames = max(1, ceil(abs(self.speed)))
        return frames if self.speed > 0 else -frames

    @property
    def interval_s(self) -> float:
        """How long each picture is shown."""
        return float(abs(self.step) / (abs(self.speed) * self.rate))

    def steps_at(self, seconds: float) -> int:
        """Which step is due after so many seconds of playing. A hair of a millionth is given, for clocks in floats."""
        return floor(seconds / self.interval_s + 1e-6)

    @property
    def last_step(self) -> int | None:
        """The step that shows the last picture; None for a loop."""
        if self.loops:
            return None
        room = (self.end - 1 - self.start) if self.speed > 0 else (self.start - self.first)
        return max(0, room) // abs(self.step)

    def frame_at(self, steps: int) -> int:
        """The frame that a step shows."""
        last = self.last_step
        frame = self.start + (steps if last is None else min(steps, last)) * self.step
        return self.first + (frame - self.first) % (self.end - self.first) if self.loops else frame
