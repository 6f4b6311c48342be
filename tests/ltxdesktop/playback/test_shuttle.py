"""Which picture is due when, and sound at another speed with its pitch kept."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxdesktop.playback.feed import ranges
from ltxdesktop.playback.shuttle import SPEEDS, Run, speed_words
from ltxdesktop.playback.stretch import Stretch, factors

RATE = 48_000
runs = st.builds(
    lambda first, length, start, speed, loops: Run(
        first + start % length, speed, first, first + length, Fraction(30000, 1001), loops
    ),
    st.integers(0, 1000),
    st.integers(1, 400),
    st.integers(0, 400),
    st.sampled_from([*SPEEDS, *(-each for each in SPEEDS)]),
    st.booleans(),
)


@given(run=runs, steps=st.integers(0, 2000))
def test_every_step_shows_a_frame_of_the_range(run: Run, steps: int):
    assert run.first <= run.frame_at(steps) < run.end
    assert run.frame_at(0) == run.start


@given(run=runs, steps=st.integers(0, 100_000))
def test_step_is_due_exactly_when_its_time_has_come(run: Run, steps: int):
    assert run.steps_at(steps * run.interval_s) == steps


@given(run=runs)
def test_sound_covers_the_run_without_a_hole(run: Run):
    heard = []
    for first, end in ranges(run, RATE):
        heard.append((first, end))
        if len(heard) > 40:
            break
    for (_, end), (first, _) in pairwise(heard):
        edges = {round(run.first * RATE / run.rate), round(run.end * RATE / run.rate)}
        assert first == end or (run.loops and {first, end} == edges)


@pytest.mark.parametrize("speed", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(2), Fraction(8)])
def test_other_speeds_keep_the_pitch(speed: Fraction):
    seconds = 2
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE * seconds) / RATE).astype(np.float32)
    stretch = Stretch(RATE, speed)
    parts = [stretch.push(np.stack([block, block], axis=1)) for block in np.split(tone, 20)]
    heard = np.concatenate([*parts, stretch.finish()])[:, 0]
    assert len(heard) / RATE == pytest.approx(seconds / speed, rel=0.1)
    middle = heard[len(heard) // 4 : -len(heard) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE / len(middle) == pytest.approx(440, rel=0.03)


def test_speeds_are_products_of_what_one_filter_does_well():
    assert factors(Fraction(1, 4)) == [Fraction(1, 2), Fraction(1, 2)]
    assert factors(Fraction(8)) == [2, 2, 2]
    assert speed_words(Fraction(-2)) == "−2x"
