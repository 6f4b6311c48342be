"""Points and lengths of time as a person types them: seconds, minutes, timecode or frames, made exact at a rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from engine.protocol.grid import format_rate

FORMS = "seconds (2.5), minutes (1:02.5), timecode (00:00:02:12) or frames (60f)"

_FRAMES = re.compile(r"([0-9]{1,12})f(?:rames?)?")
_SECONDS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,12})?|\.[0-9]{1,12})s?")
_CLOCK = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,5}):([0-9]{1,2}(?:\.[0-9]{1,12})?)s?")
_TIMECODE = re.compile(r"([0-9]{1,4}):([0-9]{1,2}):([0-9]{1,2})([:;])([0-9]{1,3})")

# Rates that drop-frame timecode exists for, and how many labels each minute but every tenth skips (SMPTE ST 12-1).
_DROPPED = {Fraction(30000, 1001): 2, Fraction(60000, 1001): 4}


class BadTime(ValueError):
    """A time that can't be read, or that doesn't exist at the rate."""

    def __init__(self, text: str, why: str = "") -> None:
        super().__init__(f"{text!r} is not a time: {why or f'give {FORMS}'}")
        self.text = text


@dataclass(frozen=True)
class Seconds:
    """A number of seconds, exactly as written."""

    seconds: Fraction

    def frames(self, rate: Fraction) -> int:
        """The nearest frame, halves up."""
        return int(self.seconds * rate + Fraction(1, 2))


@dataclass(frozen=True)
class Frames:
    """A number of frames, whatever the rate."""

    count: int

    def frames(self, rate: Fraction) -> int:
        return self.count


@dataclass(frozen=True)
class Timecode:
    """Hours, minutes, seconds, frames as an editor shows them; `drop` with a semicolon before the frames."""

    text: str
    hours: int
    minutes: int
    seconds: int
    frame: int
    drop: bool

    def frames(self, rate: Fraction) -> int:
        """The frame that bears this label. Raises BadTime for a label that doesn't exist at this rate.

        With ":" every label counts, at the rate's nominal number of frames: 01:00:00:00 at 23.976 is frame 86400. With
        ";" the first two labels (four at 59.94) of each minute are left out, but not of minutes 0, 10, 20, ...
        """
        nominal = round(rate)
        if self.frame >= nominal:
            raise BadTime(
                self.text, f"at {_spoken(rate)} frames per second the last frame of a second is {nominal - 1}"
            )
        minutes = self.hours * 60 + self.minutes
        frames = (minutes * 60 + self.seconds) * nominal + self.frame
        if not self.drop:
            return frames
        dropped = _DROPPED.get(rate)
        if dropped is None:
            raise BadTime(
                self.text,
                "drop-frame timecode (with ';') exists at 29.97 and 59.94 frames per second only, and here there are "
                f"{_spoken(rate)}; write it with ':'",
            )
        if self.frame < dropped and self.seconds == 0 and minutes % 10:
            raise BadTime(self.text, "drop-frame timecode leaves this label out; the next is one with frame "
                          f"{dropped:02d}")  # fmt: skip
        return frames - dropped * (minutes - minutes // 10)


Time = Seconds | Frames | Timecode


def parse_time(text: str) -> Time:
    """Read a point or a length of time; `.frames(rate)` makes it exact. Raises BadTime."""
    stripped = text.strip()
    if match := _FRAMES.fullmatch(stripped):
        return Frames(int(match[1]))
    if match := _SECONDS.fullmatch(stripped):
        return Seconds(Fraction(match[1]))
    if match := _TIMECODE.fullmatch(stripped):
        hours, minutes, seconds, frame = (int(match[number]) for number in (1, 2, 3, 5))
        if minutes >= 60 or seconds >= 60:
            raise BadTime(text, "minutes and seconds go to 59")
        return Timecode(stripped, hours, minutes, seconds, frame, match[4] == ";")
    if match := _CLOCK.fullmatch(stripped):
        hours, minutes, seconds = int(match[1] or 0), int(match[2]), Fraction(match[3])
        if seconds >= 60 or (match[1] and minutes >= 60):
            raise BadTime(text, "minutes and seconds go to 59")
        return Seconds(hours * 3600 + minutes * 60 + seconds)
    raise BadTime(text)


def frames_of(text: str, rate: Fraction) -> int:
    """The frame at a point in time, or the frames of a length. Raises BadTime."""
    return parse_time(text).frames(rate)


def _spoken(rate: Fraction) -> str:
    """23.976, 29.97, 24; the exact fraction where decimals don't tell."""
    decimals = f"{float(rate):.3f}".rstrip("0").rstrip(".")
    return decimals if rate.denominator in (1, 1001) else format_rate(rate)
