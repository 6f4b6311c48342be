"""Exact time: frames at a rational rate, samples, seconds as fractions, and timecode. No floats in here.

A sequence counts frames (int). Media keep their own rate and are addressed in seconds as a `Fraction`, so that a clip
whose media run at another rate neither drifts nor is rounded twice.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

NTSC_RATES = {23: Fraction(24000, 1001), 29: Fraction(30000, 1001), 59: Fraction(60000, 1001)}


def parse_rate(text: str) -> Fraction:
    """A rate from text such as "25", "30000/1001" or "29.97"; decimals near an NTSC rate mean that rate.

    Raises ValueError for anything that isn't a positive rate.
    """
    try:
        rate = Fraction(text.strip())
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{text!r} is not a frame rate; write 25, 29.97 or 30000/1001") from error
    if rate <= 0:
        raise ValueError(f"a frame rate must be above 0, not {text}")
    ntsc = NTSC_RATES.get(floor(rate))
    return ntsc if ntsc is not None and abs(rate - ntsc) < Fraction(1, 100) else rate


def rate_text(rate: Fraction) -> str:
    """ "25" or "30000/1001": exact, and read back by `parse_rate`."""
    return str(rate.numerator) if rate.denominator == 1 else f"{rate.numerator}/{rate.denominator}"


def nearest(value: Fraction) -> int:
    """The nearest integer; halves go up, so that equal steps stay equal (Python's `round` goes to even)."""
    return floor(value + Fraction(1, 2))


def samples_at(frame: int, rate: Fraction, sample_rate: int) -> int:
    """The audio sample at which a frame begins. Frame n lasts from `samples_at(n)` to `samples_at(n + 1)`, so
    neighbouring frames share no sample and leave none out."""
    return nearest(frame * sample_rate / rate)


def frame_at(seconds: Fraction, rate: Fraction) -> int:
    """The frame that is on screen at a time: frame k shows during [k / rate, (k + 1) / rate)."""
    return floor(seconds * rate)


def nominal_rate(rate: Fraction) -> int:
    """Frames that a timecode's second counts: 30 for 29.97."""
    return nearest(rate)


def can_drop(rate: Fraction) -> bool:
    """Whether drop-frame timecode exists for a rate: 29.97 and 59.94."""
    return rate.denominator == 1001 and nominal_rate(rate) in (30, 60)


def timecode(frame: int, rate: Fraction, *, drop: bool = False) -> str:
    """ "HH:MM:SS:FF", or "HH:MM:SS;FF" in drop-frame counting (SMPTE ST 12-1). Negative frames get a minus sign."""
    if frame < 0:
        return "-" + timecode(-frame, rate, drop=drop)
    nominal = nominal_rate(rate)
    if drop and can_drop(rate):
        dropped = nominal // 15  # numbers left out each minute, but not each tenth
        per_minute, per_ten = nominal * 60 - dropped, nominal * 600 - 9 * dropped
        tens, rest = divmod(frame, per_ten)
        minutes = 0 if rest < nominal * 60 else 1 + (rest - nominal * 60) // per_minute
        frame += dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    separator = ";" if drop and can_drop(rate) else ":"
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{separator}{frames:02d}"


def parse_timecode(text: str, rate: Fraction) -> int:
    """The frame of a timecode; also "SS:FF", "+12" style plain frame counts and ";" for drop-frame.

    Raises ValueError if the text is no timecode, or names a frame number that drop-frame counting leaves out.
    """
    words = text.strip()
    if words.startswith("-"):
        return -parse_timecode(words[1:], rate)
    drop = ";" in words
    fields = words.lstrip("+").replace(";", ":").replace(".", ":").split(":")
    if not 1 <= len(fields) <= 4 or not all(field.isdigit() for field in fields):
        raise ValueError(f"{text!r} is not a timecode; write 00:00:05:12, or a number of frames")
    hours, minutes, seconds, frames = [0] * (4 - len(fields)) + [int(field) for field in fields]
    nominal = nominal_rate(rate)
    if len(fields) > 1 and (frames >= nominal or seconds > 59 or minutes > 59):
        raise ValueError(f"{text!r} is not a timecode at {rate_text(rate)} frames a second")
    number = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if drop and can_drop(rate):
        dropped = nominal // 15
        if seconds == 0 and frames < dropped and minutes % 10:
            raise ValueError(f"drop-frame timecode has no {text}: the first frame of that minute is {dropped}")
        total_minutes = hours * 60 + minutes
        number -= dropped * (total_minutes - total_minutes // 10)
    return number
