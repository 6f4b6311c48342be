"""Frames, samples and timecode are exact and turn back into each other."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxdesktop.document.time import (
    can_drop,
    nearest,
    parse_rate,
    parse_timecode,
    rate_text,
    samples_at,
    timecode,
)

RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60000, 1001)]


@given(st.sampled_from(RATES), st.integers(0, 24 * 3600 * 30), st.booleans())
def test_timecode_turns_back_into_its_frame(rate: Fraction, frame: int, drop: bool) -> None:
    assert parse_timecode(timecode(frame, rate, drop=drop), rate) == frame


@pytest.mark.parametrize(
    ("frame", "words"),
    [(1799, "00:00:59;29"), (1800, "00:01:00;02"), (17982, "00:10:00;00"), (107892, "01:00:00;00")],
)
def test_drop_frame_keeps_to_the_clock(frame: int, words: str) -> None:
    assert timecode(frame, Fraction(30000, 1001), drop=True) == words


def test_drop_frame_leaves_out_numbers_that_dont_exist() -> None:
    with pytest.raises(ValueError, match="first frame of that minute is 2"):
        parse_timecode("00:01:00;00", Fraction(30000, 1001))


@pytest.mark.parametrize("text", ["", "1:2:3:4:5", "a", "00:00:61:00", "00:00:00:25"])
def test_bad_timecode_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="timecode"):
        parse_timecode(text, Fraction(25))


@given(st.sampled_from(RATES), st.integers(0, 10**6), st.sampled_from([44100, 48000, 96000]))
def test_frames_share_no_sample_and_leave_none_out(rate: Fraction, frame: int, sample_rate: int) -> None:
    lengths = {samples_at(n + 1, rate, sample_rate) - samples_at(n, rate, sample_rate) for n in range(frame, frame + 4)}
    assert max(lengths) - min(lengths) <= 1
    assert abs(samples_at(frame, rate, sample_rate) - frame * sample_rate / rate) <= Fraction(1, 2)


@pytest.mark.parametrize("rate", RATES)
def test_rates_are_read_back(rate: Fraction) -> None:
    assert parse_rate(rate_text(rate)) == rate
    assert parse_rate(f"{float(rate):.3f}") == rate


@pytest.mark.parametrize("text", ["0", "-25", "x", "1/0", ""])
def test_bad_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="frame rate"):
        parse_rate(text)


def test_halves_go_up_and_drop_frame_exists_at_two_rates() -> None:
    assert [nearest(Fraction(n, 2)) for n in (-1, 1, 3)] == [0, 1, 2]
    assert [rate for rate in RATES if can_drop(rate)] == [Fraction(30000, 1001), Fraction(60000, 1001)]
