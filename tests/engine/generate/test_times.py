"""Times as people type them become exactly the frames that they mean."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.generate.times import BadTime, frames_of

FILM, PAL, NTSC, DOUBLE = Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)
RATES = (FILM, Fraction(24), PAL, NTSC, Fraction(30), Fraction(50), DOUBLE)

frames = st.integers(0, 24 * 3600 * 60)
rates = st.sampled_from(RATES)


@pytest.mark.parametrize(
    ("text", "rate", "expected"),
    [
        ("0", FILM, 0),
        ("2.5", Fraction(24), 60),
        ("2.5s", PAL, 63),  # 62.5: halves up
        (".5", Fraction(24), 12),
        ("60f", FILM, 60),
        ("1frame", FILM, 1),
        ("12frames", PAL, 12),
        ("1:02.5", Fraction(24), 1500),
        ("90:00", PAL, 135000),
        ("1:00:00", FILM, 86314),  # an hour of the clock at 23.976
        ("01:00:00:00", FILM, 86400),  # an hour of labels
        ("00:00:02:12", Fraction(24), 60),
        ("00:00:59;29", NTSC, 1799),
        ("00:01:00;02", NTSC, 1800),
        ("00:10:00;00", NTSC, 17982),
        ("01:00:00;00", NTSC, 107892),
        ("01:00:00;00", DOUBLE, 215784),
        ("00:01:00;04", DOUBLE, 3600),
        ("01:00:00:00", NTSC, 108000),
        (" 3 ", PAL, 75),
    ],
)
def test_what_is_typed(text: str, rate: Fraction, expected: int) -> None:
    assert frames_of(text, rate) == expected


@given(frames, rates)
def test_frames_are_frames_at_every_rate(count: int, rate: Fraction) -> None:
    assert frames_of(f"{count}f", rate) == count


@given(frames, rates)
def test_the_seconds_of_a_frame_lead_back_to_it(count: int, rate: Fraction) -> None:
    assert frames_of(f"{float(count / rate):.6f}", rate) == count


@given(frames, rates)
def test_every_frame_has_a_label_without_drop_frames(count: int, rate: Fraction) -> None:
    nominal = round(rate)
    seconds, frame = divmod(count, nominal)
    label = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frame:02}"
    assert frames_of(label, rate) == count


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 29))
def test_drop_frame_labels_follow_each_other_without_a_hole(hour: int, minute: int, second: int, frame: int) -> None:
    """The next label that exists is the next frame; those that don't exist are refused."""

    def label(number: int) -> str:
        seconds, at = divmod(number, 30)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02};{at:02}"

    number = ((hour * 60 + minute) * 60 + second) * 30 + frame
    if second == 0 and frame < 2 and minute % 10:
        with pytest.raises(BadTime, match="leaves this label out"):
            frames_of(label(number), NTSC)
        return
    skips = second == 59 and frame == 29 and (minute + 1) % 10 != 0
    following = number + (3 if skips else 1)
    assert frames_of(label(following), NTSC) == frames_of(label(number), NTSC) + 1


@given(st.integers(0, 86_399))
def test_drop_frame_timecode_stays_with_the_clock(seconds: int) -> None:
    if seconds % 60 == 0 and seconds // 60 % 10:
        return  # such a label doesn't exist
    label = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02};00"
    assert abs(frames_of(label, NTSC) / NTSC - seconds) < Fraction(1, 5)  # 0.09 s a day, and the wobble


@pytest.mark.parametrize(
    ("text", "rate", "words"),
    [
        ("", PAL, "give seconds"),
        ("soon", PAL, "give seconds"),
        ("-1", PAL, "give seconds"),
        ("1e3", PAL, "give seconds"),
        ("nan", PAL, "give seconds"),
        ("٣", PAL, "give seconds"),
        ("9" * 5000, PAL, "give seconds"),
        ("1:2:3:4:5", PAL, "give seconds"),
        ("00:00:00:25", PAL, "last frame of a second is 24"),
        ("00:00:00:24", FILM, "at 23.976 frames per second"),
        ("00:60:00:00", PAL, "go to 59"),
        ("1:60", PAL, "go to 59"),
        ("1:60:00", PAL, "go to 59"),
        ("00:00:02;12", FILM, "29.97 and 59.94 frames per second only, and here there are 23.976"),
        ("00:00:02;12", Fraction(30), "here there are 30"),
        ("00:01:00;01", NTSC, "the next is one with frame 02"),
    ],
)
def test_what_is_no_time_is_refused_with_the_reason(text: str, rate: Fraction, words: str) -> None:
    with pytest.raises(BadTime, match=words):
        frames_of(text, rate)
