"""Points and lengths of time as a person types them: seconds, timecode or frames, made exact at a rate."""

from __future__ import annotations

import re
from fractions import Fraction

_TIMECODE = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+)[:;](\d+)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)s?")
_FRAMES = re.compile(r"(\d+)f(?:rames?)?")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?|\.\d+)s?")


class BadTime(ValueError):
    """A time that can't be read."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not a time: give seconds (2.5), a timecode (00:00:02:12), minutes (1:02.5) or frames (60f)"
        )
        self.text = text


def frames_of(text: str, rate: Fraction) -> int:
    """The frame at a point in time, or the frames of a length; seconds are rounded to the nearest frame.

    "60f" are frames. "00:00:02:12" is a timecode (hours, minutes, seconds, frames), counted without drop frames at the
    nominal rate. "1:02.5" are minutes and seconds, "2.5" and "2.5s" seconds. Raises BadTime.
    """
    text = text.strip()
    if match := _FRAMES.fullmatch(text):
        return int(match[1])
    if match := _SECONDS.fullmatch(text):
        return _nearest(Fraction(match[1]) * rate)
    if text.count(":") + text.count(";") >= 3 or ";" in text:
        if match := _TIMECODE.fullmatch(text):
            hours, minutes, seconds, frames = (int(part or 0) for part in match.groups())
            nominal = round(rate)
            if frames >= nominal:
                raise BadTime(text)
            return ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    elif match := _CLOCK.fullmatch(text):
        hours, minutes = int(match[1] or 0), int(match[2])
        return _nearest((hours * 3600 + minutes * 60 + Fraction(match[3])) * rate)
    raise BadTime(text)


def _nearest(frames: Fraction) -> int:
    return int(frames + Fraction(1, 2))
