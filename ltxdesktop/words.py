"""Numbers in a person's words: timecodes, durations, sizes. No widgets and no translation tables here."""

from __future__ import annotations

import locale
from fractions import Fraction


def let_libraries_read_points() -> None:
    """Have C libraries write and read numbers with a point, whatever the person's language.

    Call it after Qt's application was made, which sets the whole process to that language: where it has decimal commas,
    FFmpeg refuses every filter and encoder that is told "0.5". What people see is Qt's and ours, and stays as it is.
    """
    locale.setlocale(locale.LC_NUMERIC, "C")


def timecode(frame: int, rate: Fraction) -> str:
    """HH:MM:SS:FF of a frame, counted without dropping numbers; 29.97 counts 30 frames in a second."""
    per_second = -(-rate.numerator // rate.denominator)
    seconds, frames = divmod(abs(frame), per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if frame < 0 else ""
    return f"{sign}{hours:02}:{minutes:02}:{seconds:02}:{frames:02}"


def short_timecode(frame: int, rate: Fraction) -> str:
    """The timecode without leading hours that are zero: 00:04:12."""
    return timecode(frame, rate).removeprefix("00:")


def clock(seconds: float) -> str:
    """A time left or passed: 0:07, 1:05, 1:02:30."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(seconds: float) -> str:
    """An estimate, no more exact than it is: about a second, about 12 s, about 3 min."""
    if seconds < 1.5:
        return "about a second"
    if seconds < 90:
        return f"about {round(seconds)} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def seconds_of(frames: int, rate: Fraction) -> str:
    """How long so many frames last, to a hundredth: 2.04 s."""
    return f"{float(frames / rate):.2f} s"


def rate_name(rate: Fraction) -> str:
    """A frame rate as people say it: 24, 25, 29.97, 23.976."""
    if rate.denominator == 1:
        return str(rate.numerator)
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")


def gigabytes(size_bytes: int) -> str:
    """6.1 GB, 850 MB, 12 KB: decimal units, as disks and this program's messages count them."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1e9:.1f} GB"
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1e6:.0f} MB"
    return f"{size_bytes / 1e3:.0f} KB"


def shortened(text: str, length: int) -> str:
    """One line of at most `length` characters, cut at a word where there is one."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[: length - 1].rsplit(" ", 1)[0] if " " in line[: length - 1] else line[: length - 1]
    return cut.rstrip(" ,.;:") + "…"


def counted(number: int, one: str, many: str = "") -> str:
    """1 job, 2 jobs."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def step_words(phase: str, step: int, steps: int) -> str:
    """How far a phase of a job is: the steps of a model are counted, everything else is said in per cent."""
    if phase.startswith("stage"):
        return f"step {min(step + 1, steps)} of {steps}"
    return f"{100 * min(step, steps) // steps} %"
