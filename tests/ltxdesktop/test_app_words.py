"""Numbers in a person's words."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ltxdesktop.words import (
    about,
    clock,
    counted,
    gigabytes,
    rate_name,
    seconds_of,
    short_timecode,
    shortened,
    timecode,
)

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("frame", "rate", "expected"),
    [
        (0, Fraction(24), "00:00:00:00"),
        (23, Fraction(24), "00:00:00:23"),
        (24, Fraction(24), "00:00:01:00"),
        (30 * 60 * 60, NTSC, "01:00:00:00"),
        (-1, Fraction(25), "-00:00:00:01"),
    ],
)
def test_timecode_counts_whole_frames(frame: int, rate: Fraction, expected: str):
    assert timecode(frame, rate) == expected


def test_short_timecode_leaves_out_hours_that_are_zero():
    assert short_timecode(24 * 65 + 3, Fraction(24)) == "01:05:03"
    assert short_timecode(24 * 3600, Fraction(24)) == "01:00:00:00"


def test_times_sizes_and_rates_read_as_people_say_them():
    assert [clock(seconds) for seconds in (0, 6.6, 65, 3750)] == ["0:00", "0:07", "1:05", "1:02:30"]
    assert [gigabytes(size) for size in (900, 12_000_000, 6_140_000_000)] == ["1 KB", "12 MB", "6.1 GB"]
    assert [rate_name(rate) for rate in (Fraction(24), NTSC, Fraction(24000, 1001))] == ["24", "29.97", "23.976"]
    assert seconds_of(49, Fraction(24)) == "2.04 s"
    assert [counted(number, "job") for number in (0, 1, 2)] == ["0 jobs", "1 job", "2 jobs"]


def test_estimates_are_no_more_exact_than_they_are():
    said = [about(seconds) for seconds in (0.2, 12.4, 89, 200, 7200)]
    assert said == ["about a second", "about 12 s", "about 89 s", "about 3 min", "about 2.0 h"]


def test_shortened_text_is_one_line_cut_at_a_word():
    assert shortened("a red ball\nbounces", 40) == "a red ball bounces"
    assert shortened("a red ball bounces", 12) == "a red ball…"
    assert len(shortened("x" * 100, 20)) == 20
