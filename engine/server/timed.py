"""A job whose phases move a clock: what a context of the work loop and one of a terminal have in common."""

import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from engine.backends.base import JobCancelled, JobContext, PlannedPhase
from engine.server.progress import ProgressClock

History = Callable[[str, str], float | None]  # (model, phase) -> seconds per work on this machine
Told = Literal["phase", "within", "step"]  # a phase began, one within it began or ended, a step is done


class TimedJob(JobContext):
    """Keeps the time of what is told, and has it shown; ends the job once `ending` is set."""

    def __init__(
        self, scratch: Path, output_folder: Path, ending: threading.Event, history: History, clock: ProgressClock
    ) -> None:
        self.clock = clock
        self.model = ""
        self.variation = 0  # the one that is being made
        self._scratch, self._output_folder = scratch, output_folder
        self._ending, self._history = ending, history

    @abstractmethod
    def _show(self, told: Told) -> None:
        """Show where the clock stands now."""

    @property
    def scratch(self) -> Path:
        return self._scratch

    @property
    def output_folder(self) -> Path:
        return self._output_folder

    @property
    def cancelled(self) -> bool:
        return self._ending.is_set()

    def wait(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise JobCancelled

    def plan(self, model: str, phases: Sequence[PlannedPhase]) -> None:
        self.model = model
        self.clock.plan(phases, lambda phase: self._history(model, phase))

    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None:
        self.variation = variation
        self.clock.begin(name, steps)
        self._show("phase")
        self.check()

    def phase_within(self, name: str, steps: int | None = None) -> None:
        self.clock.begin_within(name, steps)
        self._show("within")
        self.check()

    def resume(self) -> None:
        self.clock.resume()
        self._show("within")
        self.check()

    def step(self, done: int) -> None:
        self.clock.step(done)
        self._show("step")
        self.check()
