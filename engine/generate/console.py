"""Progress on a terminal or in a log: how far, which step, how long still; and what this machine remembers of speed."""

from __future__ import annotations

import contextlib
import json
import math
import secrets
import shutil
import statistics
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, cast

from engine.backends.base import NoticeKind, PlannedPhase
from engine.protocol.messages import Timing
from engine.server.progress import ProgressClock
from engine.server.timed import TimedJob, Told

_REDRAW_S = 0.1
_RUNS_KEPT = 20  # per device, model and phase
_BAR = 24
_PER_CENT = 100  # a phase of so many steps tells per cent, not steps


class SpeedHistory:
    """Seconds per work of each phase, kept in a small JSON file. Losing it costs nothing but estimates."""

    def __init__(self, path: Path, device: str) -> None:
        self._path = path
        self._device = device
        self._runs: dict[str, list[float]] = {}
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found: object = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found, Mapping):
                self._runs = _valid(cast("Mapping[object, object]", found))

    def seconds_per_work(self, model: str, phase: str) -> float | None:
        """The median of the runs that are kept; None for a phase that never ran here."""
        runs = self._runs.get(self._key(model, phase))
        return statistics.median(runs) if runs else None

    def seconds(self, model: str, phases: Sequence[PlannedPhase]) -> float | None:
        """How long the phases will take together; None while one of them never ran here."""
        total = 0.0
        for phase in phases:
            rate = self.seconds_per_work(model, phase.name)
            if rate is None:
                return None
            total += rate * phase.work
        return total

    def add(self, model: str, took: Sequence[tuple[Timing, float]]) -> None:
        """Keep how long the phases of a finished job took; with each its amount of work, 0 if it wasn't planned."""
        for timing, work in took:
            if work > 0:
                runs = self._runs.setdefault(self._key(model, timing.phase), [])
                runs.append(timing.seconds / work)
                del runs[:-_RUNS_KEPT]
        part = self._path.with_name(f".{self._path.name}-{secrets.token_hex(4)}")  # two may end at the same time
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self._runs), encoding="utf-8")
            part.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()

    def _key(self, model: str, phase: str) -> str:
        return f"{self._device}|{model}|{phase}"


def _valid(found: Mapping[object, object]) -> dict[str, list[float]]:
    """What of a file that anyone may have written to can be used."""
    runs: dict[str, list[float]] = {}
    for key, values in found.items():
        if isinstance(key, str) and isinstance(values, list):
            numbers = [v for v in cast("list[Any]", values) if isinstance(v, int | float) and math.isfinite(v)]
            runs[key] = [float(number) for number in numbers if number >= 0]
    return runs


class ConsoleJob(TimedJob):
    """The context of the one job: draws a line that changes in place, or prints a line per phase."""

    def __init__(
        self,
        scratch: Path,
        output_folder: Path,
        history: SpeedHistory,
        cancel: threading.Event,
        *,
        quiet: bool = False,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(scratch, output_folder, cancel, history.seconds_per_work, ProgressClock(clock))
        self._quiet = quiet
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._now = clock
        self._drawn_at = -math.inf
        self._drawn = False
        self._lined = ""  # the phase that has its line

    # --- JobContext ---

    def _show(self, told: Told) -> None:
        if told == "phase" and not self._live and self.clock.name != self._lined:
            self._lined = self.clock.name
            self.line(plain_line(self.clock))
        self._draw(force=told != "step")

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
        """A terminal has nowhere to show it."""

    def notice(self, kind: NoticeKind, message: str) -> None:
        self.line(f"{kind}: {message}")

    def remember(self, resume: str) -> None:
        """Nothing outlives this process."""

    # --- drawing ---

    def line(self, words: str) -> None:
        """A line that stays, above the bar."""
        if self._quiet:
            return
        self._print(("\r\033[K" if self._drawn else "") + words + "\n")
        self._drawn = False

    def close(self) -> None:
        """Take the bar away."""
        if self._drawn:
            self._print("\r\033[K")
            self._drawn = False

    def _draw(self, *, force: bool = False) -> None:
        if self._quiet or not self._live or not (force or self._now() - self._drawn_at >= _REDRAW_S):
            return
        self._drawn_at = self._now()
        width = shutil.get_terminal_size().columns - 1
        self._print(f"\r\033[K{progress_line(self.clock)[:width]}")
        self._drawn = True

    def _print(self, text: str) -> None:
        """A log that nobody reads any more is no reason to stop."""
        with contextlib.suppress(OSError):
            print(text, end="", file=self._out, flush=True)


def progress_line(clock: ProgressClock) -> str:
    """ "[######      ]  48%  stage 1, step 3 of 8   0:21 left"."""
    fraction = clock.fraction()
    filled = int(_BAR * fraction)
    counted = ""
    if clock.steps == _PER_CENT:
        counted = f" {clock.done} %"
    elif clock.steps:
        counted = f", step {min(clock.done + 1, clock.steps)} of {clock.steps}"
    bar = "#" * filled + " " * (_BAR - filled)
    return f"[{bar}] {fraction:4.0%}  {clock.name}{counted}{_left(clock)}"


def plain_line(clock: ProgressClock) -> str:
    """ " 48%  stage 1   0:21 left", for a log."""
    return f"{clock.fraction():4.0%}  {clock.name}{_left(clock)}"


def _left(clock: ProgressClock) -> str:
    seconds = clock.seconds_left()
    return "" if seconds is None else f"   {minutes(seconds)} left"


def minutes(seconds: float) -> str:
    """0:21, 12:05, 1:02:00."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def listing(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """A titled table of two columns, ended with a line break."""
    widest = max((len(name) for name, _ in rows), default=0)
    indent = " " * (widest + 4)
    lines = [
        textwrap.fill(f"  {name:<{widest}}  {words}", 100, subsequent_indent=indent, break_long_words=False)
        for name, words in rows
    ]
    return "\n".join([title, *lines, ""])
