"""Which picture is due when, and sound at another speed with its pitch kept."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxdesktop.document.time import samples_at
from ltxdesktop.playback.feed import Feed
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
def test_sound_covers_the_run_without_a_hole_and_is_silent_behind_it(run: Run):
    feed = Feed(run, RATE)
    edges = {samples_at(run.first, run.rate, RATE), samples_at(run.end, run.rate, RATE)}
    heard = [feed.next_piece() for _ in range(40)]
    for before, after in pairwise(heard):
        assert before.end == after.first or (run.loops and {before.end, after.first} == edges)
        assert after.silent >= before.silent
    for piece in heard:
        assert piece.first != piece.end
        inside = min(edges) <= min(piece[:2]) and max(piece[:2]) <= max(edges)
        assert inside is not piece.silent


@given(run=runs, pieces=st.integers(0, 20), length=st.integers(1, 400))
def test_a_run_that_an_edit_made_longer_or_shorter_is_heard_on_in_time(run: Run, pieces: int, length: int):
    run = replace(run, loops=False)
    feed = Feed(run, RATE)
    place = [feed.next_piece() for _ in range(pieces)][-1].end if pieces else samples_at(run.start, run.rate, RATE)
    feed.keep_to(replace(run, end=run.first + length))
    after = feed.next_piece()
    assert after.first == place
    low, high = (samples_at(each, run.rate, RATE) for each in (run.first, run.first + length))
    assert after.silent is not (low <= min(after[:2]) and max(after[:2]) <= high)


@pytest.mark.parametrize("speed", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(2), Fraction(8)])
def test_other_speeds_keep_the_pitch(speed: Fraction):
    seconds = 2 * ceil(speed)
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE * seconds) / RATE).astype(np.float32)
    stretch = Stretch(RATE, speed)
    heard = np.concatenate([stretch.push(np.stack([block, block], axis=1)) for block in np.split(tone, 10 * seconds)])[
        :, 0
    ]
    assert len(heard) / RATE == pytest.approx(seconds / speed, rel=0.1)
    middle = heard[len(heard) // 4 : -len(heard) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE / len(middle) == pytest.approx(440, rel=0.03)


def test_speeds_are_products_of_what_one_filter_does_well():
    assert factors(Fraction(1, 4)) == [Fraction(1, 2), Fraction(1, 2)]
    assert factors(Fraction(8)) == [2, 2, 2]
    assert speed_words(Fraction(-2)) == "−2x"
