"""Fraction and seconds left follow plan, pace and history, with a clock that the test turns."""

import pytest

from engine.backends.base import PlannedPhase
from engine.server.progress import ProgressClock

PLAN = (PlannedPhase("loading", 100.0), PlannedPhase("stage 1", 800.0, 8), PlannedPhase("decoding", 50.0))
KNOWN = {"loading": 0.1, "stage 1": 0.1, "decoding": 0.2}  # seconds per work: 10 s, 80 s, 10 s


class Clock:
    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> ProgressClock:
    return ProgressClock(clock)


def test_history_says_how_long_it_will_take_before_it_begins(progress: ProgressClock) -> None:
    progress.plan(PLAN, KNOWN.get)
    assert progress.seconds_left() == pytest.approx(100.0)
    assert progress.fraction() == 0.0


def test_a_phase_without_steps_counts_down_by_the_clock_but_never_ends_by_itself(
    progress: ProgressClock, clock: Clock
) -> None:
    progress.plan(PLAN, KNOWN.get)
    progress.begin("loading")
    clock.now += 5
    assert progress.seconds_left() == pytest.approx(95.0)
    assert progress.fraction() == pytest.approx(0.05)
    clock.now += 500
    assert progress.seconds_left() == pytest.approx(90.0)
    assert progress.fraction() == pytest.approx(0.095)


def test_steps_go_by_their_own_pace_and_not_by_history(progress: ProgressClock, clock: Clock) -> None:
    progress.plan(PLAN, KNOWN.get)
    progress.begin("loading")
    progress.begin("stage 1")
    clock.now += 40
    progress.step(2)
    assert progress.seconds_left() == pytest.approx(20 * 6 + 10)
    assert progress.fraction() == pytest.approx(0.1 + 0.8 * 2 / 8)


def test_what_never_ran_here_has_no_seconds_left_and_counts_by_steps(progress: ProgressClock, clock: Clock) -> None:
    progress.plan(PLAN, lambda _phase: None)
    assert progress.seconds_left() is None
    progress.begin("loading")
    progress.begin("stage 1")
    clock.now += 10
    progress.step(4)
    assert progress.fraction() == pytest.approx((1 + 4) / 10)
    assert progress.seconds_left() is None
    progress.begin("decoding")
    assert progress.fraction() == pytest.approx(0.9)


def test_hundredths_of_loading_dont_weigh_as_steps(progress: ProgressClock) -> None:
    progress.plan([PlannedPhase("loading", 1.0, 100), PlannedPhase("stage 1", 1.0, 8)], lambda _phase: None)
    progress.begin("loading")
    progress.step(100)
    assert progress.fraction() == pytest.approx(0.5)


def test_the_fraction_never_falls_also_under_a_new_plan(progress: ProgressClock) -> None:
    progress.plan(PLAN, KNOWN.get)
    progress.begin("loading")
    progress.begin("stage 1")
    progress.step(6)
    high = progress.fraction()
    progress.plan((PlannedPhase("stage 1", 800.0, 8), PlannedPhase("decoding", 500.0)), KNOWN.get)
    progress.begin("stage 1")
    assert progress.fraction() == high
    progress.step(8)
    progress.begin("decoding")
    progress.finish()
    assert progress.fraction() == 1.0


def test_a_phase_that_comes_again_is_the_next_one_of_its_name(progress: ProgressClock) -> None:
    progress.plan([PlannedPhase("stage 1", 10.0, 2)] * 3, {"stage 1": 1.0}.get)
    for ended in range(3):
        progress.begin("stage 1")
        assert progress.index == ended
        assert progress.fraction() == pytest.approx(ended / 3)


def test_a_phase_that_nobody_planned_is_shown_and_not_counted(progress: ProgressClock) -> None:
    progress.plan(PLAN, KNOWN.get)
    progress.begin("loading")
    progress.begin("tea", 3)
    assert (progress.name, progress.steps) == ("tea", 3)
    assert progress.fraction() == pytest.approx(0.1)


def test_a_phase_within_another_interrupts_it(progress: ProgressClock, clock: Clock) -> None:
    progress.plan(PLAN, KNOWN.get)
    progress.begin("loading")
    progress.begin("stage 1")
    clock.now += 40
    progress.step(2)
    before = progress.fraction()
    progress.begin_within("loading", 100)
    progress.step(50)
    assert (progress.name, progress.done, progress.steps) == ("loading", 50, 100)
    assert progress.fraction() == before
    clock.now += 30
    progress.resume()
    assert (progress.name, progress.done, progress.steps, progress.index) == ("stage 1", 2, 8, 1)
    assert progress.seconds_left() == pytest.approx(20 * 6 + 10)
    clock.now += 100
    progress.begin_within("loading", 100)
    clock.now += 1
    progress.begin("decoding")  # what was around it has ended, too
    assert progress.fraction() == pytest.approx(0.9)
    took = {(timing.phase, timing.seconds) for timing, _ in progress.finish()}
    assert {("loading", 30.0), ("stage 1", 140.0), ("loading", 1.0)} < took


def test_what_phases_took_comes_out_with_their_work(progress: ProgressClock, clock: Clock) -> None:
    progress.plan(PLAN, KNOWN.get)
    progress.begin("loading")
    clock.now += 3
    progress.begin("tea")
    clock.now += 4
    progress.begin("stage 1")
    clock.now += 5
    took = progress.finish()
    assert [(timing.phase, timing.seconds, timing.steps, work) for timing, work in took] == [
        ("loading", 3.0, 0, 100.0),
        ("tea", 4.0, 0, 0.0),
        ("stage 1", 5.0, 8, 800.0),
    ]


def test_steps_out_of_range_are_taken_as_the_nearest(progress: ProgressClock) -> None:
    progress.plan(PLAN, KNOWN.get)
    progress.begin("stage 1")
    progress.step(99)
    assert progress.done == 8
    progress.step(-1)
    assert progress.done == 0
