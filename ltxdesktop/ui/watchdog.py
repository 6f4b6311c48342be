"""Says when the GUI thread is held: logs the stack when the event loop stands for 50 ms. For developers."""

from __future__ import annotations

import faulthandler
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QTimer

LIMIT_S = 0.05
TICK_S = 0.01  # how often the thread is looked after: a hold is seen from LIMIT_S + TICK_S on, at the latest
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hold:
    """The GUI thread was in handlers for `wall_s` seconds without a pause, `cpu_s` of them computing."""

    wall_s: float
    cpu_s: float
    stack: str  # where it was late in the hold; "" when the watcher came too late to see


class Watchdog(QObject):
    """Watches the thread that makes it, until `stop`. `held` is called on that thread after each hold.

    The thread measures itself: a timer that ticks late was kept waiting by handlers. A second thread only looks where
    the first one is meanwhile, so a hold is told even when nobody had the time to look. (When the second thread asked
    the first by a signal, a machine under load let it ask too late, and the hold went unseen.) A machine under load
    stretches wall time; `cpu_s` tells a slow handler from a starved one.
    """

    def __init__(self, held: Callable[[Hold], None] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._held = held or _log
        self._thread_id = threading.get_ident()
        self._ticked_at, self._cpu_at_tick = time.perf_counter(), time.thread_time()
        self._look = _Look(0.0, 0.0, "")
        self._stopping = threading.Event()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(round(TICK_S * 1000))
        self._watcher = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        self._timer.stop()
        self._stopping.set()
        self._watcher.join()

    @contextmanager
    def excused(self) -> Generator[None]:
        """What goes on in here doesn't count: building the window, its first paint."""
        try:
            yield
        finally:
            self._ticked_at, self._cpu_at_tick = time.perf_counter(), time.thread_time()

    def _tick(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        wall_s, cpu_s = now - self._ticked_at - TICK_S, cpu - self._cpu_at_tick
        stack = self._look.stack if self._look.ticked_at == self._ticked_at else ""
        self._ticked_at, self._cpu_at_tick = now, cpu
        if wall_s >= LIMIT_S:
            self._held(Hold(wall_s, cpu_s, stack))

    def _watch(self) -> None:
        """The watcher's thread: looks where the other one is when a tick is late, and again when it's twice as late.

        The later look counts: what a starved thread was about in the first 50 ms needn't be what kept it.
        """
        while not self._stopping.wait(LIMIT_S / 2):
            ticked_at, seen = self._ticked_at, self._look
            late_s = time.perf_counter() - ticked_at - TICK_S
            if late_s >= (LIMIT_S if seen.ticked_at != ticked_at else 2 * seen.late_s):
                self._look = _Look(ticked_at, late_s, stack_of(self._thread_id))


@dataclass(frozen=True)
class _Look:
    """Where the thread was, `late_s` after the tick that should have followed the one at `ticked_at`."""

    ticked_at: float
    late_s: float
    stack: str


def stack_of(thread_id: int) -> str:
    """Where a thread is now, the innermost call first.

    By `faulthandler`, which only reads. A frame from `sys._current_frames` would keep the thread's locals alive, and a
    painter that outlives its paintEvent (and dies on another thread) takes the program down.
    """
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        parts = file.read().split("\n\n")
    name = f"0x{thread_id:016x}"
    return next((part for part in parts if name in part.partition("\n")[0]), "")


def _log(hold: Hold) -> None:
    LOG.warning(
        "the GUI thread was held for %.0f ms (%.0f ms computing):\n%s",
        hold.wall_s * 1000,
        hold.cpu_s * 1000,
        hold.stack or "(seen too late for a stack)",
    )
