"""Progress on a terminal or in a log: how far, which step, how long still; and what this machine remembers of speed."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast

from engine.backends.base import JobCancelled, JobContext, NoticeKind, PlannedPhase
from engine.server.progress import ProgressClock

_REDRAW_S = 0.1
_RUNS_KEPT = 20  # per model and phase
_BAR = 24


class SpeedHistory:
    """Seconds per work of each phase, kept in a small JSON file. Losing it costs nothing but estimates."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runs: dict[str, list[float]] = {}
        with contextlib.suppress(OSError, ValueError):
            found: Any = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                self._runs = {
                    key: [float(run) for run in runs]
                    for key, runs in cast("dict[str, Any]", found).items()
                    if isinstance(runs, list)
                }

    def seconds_per_work(self, model: str, phase: str) -> float | None:
        runs = self._runs.get(f"{model}|{phase}")
        return statistics.median(runs) if runs else None

    def add(self, model: str, clock: ProgressClock) -> None:
        """Keep how long the phases of a finished job took."""
        for timing, work in clock.finish():
            if work > 0:
                runs = self._runs.setdefault(f"{model}|{timing.phase}", [])
                runs.append(timing.seconds / work)
                del runs[:-_RUNS_KEPT]
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self._runs), encoding="utf-8")
            part.replace(self._path)


class ConsoleJob(JobContext):
    """The context of the one job: draws a line that changes in place, or prints a line per phase; Ctrl-C cancels."""

    def __init__(
        self,
        scratch: Path,
        output_folder: Path,
        history: SpeedHistory,
        *,
        quiet: bool = False,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = ProgressClock(clock)
        self.model = ""
        self._scratch = scratch
        self._output_folder = output_folder
        self._history = history
        self._quiet = quiet
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._now = clock
        self._drawn_at = -1e9
        self._cancelled = False
        self._drawn = False

    def cancel_on_interrupt(self) -> None:
        """Let the first Ctrl-C (or a termination) end the job at its next step; a second one ends the program."""

        def end(number: int, frame: FrameType | None) -> None:
            if self._cancelled:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            self._cancelled = True
            self.line("cancelling at the next step … (again to stop at once)")

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)

    # --- JobContext ---

    @property
    def scratch(self) -> Path:
        return self._scratch

    @property
    def output_folder(self) -> Path:
        return self._output_folder

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def check(self) -> None:
        if self._cancelled:
            raise JobCancelled

    def plan(self, model: str, phases: Sequence[PlannedPhase]) -> None:
        self.model = model
        self.clock.plan(phases, lambda phase: self._history.seconds_per_work(model, phase))

    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None:
        changed = name != self.clock.name
        self.clock.begin(name, steps)
        if not self._live and changed:
            self.line(f"{self.clock.fraction():4.0%}  {name}")
        self._draw(force=True)
        self.check()

    def step(self, done: int) -> None:
        self.clock.step(done)
        self._draw()
        self.check()

    @property
    def wants_preview(self) -> bool:
        return False

    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None:
        pass  # a terminal has nowhere to show it

    def notice(self, kind: NoticeKind, message: str) -> None:
        self.line(f"{kind}: {message}")

    def remember(self, resume: str) -> None:
        pass  # nothing outlives this process

    # --- drawing ---

    def line(self, words: str) -> None:
        """A line that stays, above the bar."""
        if self._quiet:
            return
        print(("\r\033[K" if self._drawn else "") + words, file=self._out, flush=True)
        self._drawn = False

    def close(self) -> None:
        """Take the bar away."""
        if self._drawn:
            print("\r\033[K", end="", file=self._out, flush=True)
            self._drawn = False

    def _draw(self, *, force: bool = False) -> None:
        if self._quiet or not self._live or not (force or self._now() - self._drawn_at >= _REDRAW_S):
            return
        self._drawn_at = self._now()
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\033[K{progress_line(self.clock)[:width]}", end="", file=self._out, flush=True)
        self._drawn = True


def progress_line(clock: ProgressClock) -> str:
    """ "[######      ]  48 %  stage 1, step 3 of 8   0:21 left"."""
    fraction = clock.fraction()
    filled = int(_BAR * fraction)
    counted = clock.steps and clock.steps != 100
    step = f", step {min(clock.done + 1, clock.steps)} of {clock.steps}" if counted else ""
    percent = f" {clock.done} %" if clock.steps == 100 else ""
    seconds = clock.seconds_left()
    left = "" if seconds is None else f"   {minutes(seconds)} left"
    return f"[{'#' * filled}{' ' * (_BAR - filled)}] {fraction:4.0%}  {clock.name}{step}{percent}{left}"


def minutes(seconds: float) -> str:
    """0:21, 12:05, 1:02:00."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
