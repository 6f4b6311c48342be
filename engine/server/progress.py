"""How far a job is and how long it will still take, from its plan, its own pace and earlier runs on this machine.

No threads, no messages: numbers in, numbers out.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.backends.base import PlannedPhase
from engine.protocol.messages import Timing

SecondsPerWork = Callable[[str], float | None]  # by phase name

_ALMOST = 0.95  # a phase without steps is never shown as more finished than this before it ends
_PER_CENT = 100  # steps of a phase that isn't a model's: they are hundredths of it, not so much work
_UNTIMED = 8.0  # what one of those weighs beside steps where nothing was timed yet: as much as a short sampling


class _Phase(NamedTuple):
    """A phase that waits for one within it."""

    name: str
    place: int | None  # in the plan
    steps: int
    done: int
    seconds: float  # that it took so far


class ProgressClock:
    """Follows one job through its planned phases."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._plan: list[PlannedPhase] = []
        self._expected: list[float | None] = []  # seconds for each planned phase; None: never seen here
        self._finished: list[bool] = []
        self._current: int | None = None  # index into the plan
        self._name = ""
        self._steps = 0
        self._done = 0
        self._began = clock()
        self._took: list[tuple[Timing, float]] = []  # with the amount of work
        self._shown = 0.0
        self._around: _Phase | None = None  # what goes on when the current one ends

    @property
    def name(self) -> str:
        """Name of the current phase."""
        return self._name

    @property
    def steps(self) -> int:
        """Steps of the current phase, 0 if it has none."""
        return self._steps

    @property
    def done(self) -> int:
        """Finished steps of the current phase."""
        return self._done

    @property
    def index(self) -> int:
        """Place of the current phase in the plan, from 0; the number of finished ones if it wasn't planned."""
        return self._current if self._current is not None else sum(self._finished)

    @property
    def count(self) -> int:
        """Number of planned phases."""
        return len(self._plan)

    def plan(self, phases: Sequence[PlannedPhase], seconds_per_work: SecondsPerWork) -> None:
        """Take the phases to come. A second plan replaces the first; what already ran isn't in it."""
        self._plan = list(phases)
        self._finished = [False] * len(self._plan)
        self._expected = [None if (rate := seconds_per_work(p.name)) is None else rate * p.work for p in self._plan]
        self._current = None
        self._around = None

    def begin(self, name: str, steps: int | None = None) -> None:
        """End the current phase and begin another: the next planned one of this name, if there is one left."""
        self.resume()
        self._end_current()
        self._start(name, steps)

    def _start(self, name: str, steps: int | None) -> None:
        self._current = next((n for n, p in enumerate(self._plan) if p.name == name and not self._finished[n]), None)
        planned_steps = self._plan[self._current].steps if self._current is not None else 0
        self._name = name
        self._steps = planned_steps if steps is None else steps
        self._done = 0
        self._began = self._clock()

    def begin_within(self, name: str, steps: int | None = None) -> None:
        """Begin a phase in the middle of another, which goes on with `resume`; its seconds don't count the break."""
        self.resume()
        if self._name:
            seconds = self._clock() - self._began
            self._around = _Phase(self._name, self._current, self._steps, self._done, seconds)
        self._start(name, steps)

    def resume(self) -> None:
        """End what `begin_within` began, and go on with the phase around it, if there is one."""
        if self._around is None:
            return
        self._end_current()
        self._name, self._current, self._steps, self._done, seconds = self._around
        self._began = self._clock() - seconds
        self._around = None

    def step(self, done: int) -> None:
        """Take the number of finished steps of the current phase."""
        self._done = max(0, min(done, self._steps)) if self._steps else max(0, done)

    def finish(self) -> list[tuple[Timing, float]]:
        """End the last phase; return how long each took, with its amount of work (0 if it wasn't planned)."""
        self.resume()
        self._end_current()
        self._name = ""
        return self._took

    def fraction(self) -> float:
        """How much of the whole job is finished, 0..1; never less than what this returned before.

        Phases are weighed by their seconds where all are known, else by their steps.
        """
        if all(seconds is not None for seconds in self._expected):
            weights = [seconds or 0.0 for seconds in self._expected]
        else:
            weights = [_UNTIMED if phase.steps == _PER_CENT else float(max(1, phase.steps)) for phase in self._plan]
        total = sum(weights)
        if total > 0:
            finished = sum(w for w, ended in zip(weights, self._finished, strict=True) if ended)
            if self._current is not None:
                finished += weights[self._current] * self._share_of_current()
            self._shown = max(self._shown, min(1.0, finished / total))
        return self._shown

    def seconds_left(self) -> float | None:
        """Seconds until the job ends; None while some phase to come has never run on this machine."""
        if not self._plan:
            return None
        left = 0.0
        for n, expected in enumerate(self._expected):
            if self._finished[n]:
                continue
            remaining = self._left_of_current() if n == self._current else expected
            if remaining is None:
                return None
            left += remaining
        return left

    def _share_of_current(self) -> float:
        if self._steps:
            return self._done / self._steps
        expected = self._expected[self._current] if self._current is not None else None
        return min(_ALMOST, (self._clock() - self._began) / expected) if expected else 0.0

    def _left_of_current(self) -> float | None:
        """From the pace of this very phase once it has one, before from earlier runs."""
        elapsed = self._clock() - self._began
        if self._steps and self._done:
            return elapsed / self._done * (self._steps - self._done)
        expected = self._expected[self._current] if self._current is not None else None
        return None if expected is None else max(0.0, expected - elapsed)

    def _end_current(self) -> None:
        if not self._name:
            return
        work = 0.0
        if self._current is not None:
            self._finished[self._current] = True
            work = self._plan[self._current].work
        seconds = self._clock() - self._began
        self._took.append((Timing(phase=self._name, seconds=seconds, steps=self._steps), work))
        self._current = None
