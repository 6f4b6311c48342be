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

from PySide6.QtCore import QObject, Qt, Signal

LIMIT_S = 0.05
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hold:
    """The GUI thread was in handlers for `wall_s` seconds without a pause, `cpu_s` of them computing."""

    wall_s: float
    cpu_s: float
    stack: str  # where it was when the limit had passed; "" when the watcher came too late to see


class Watchdog(QObject):
    """Watches the thread that makes it, until `stop`. `held` is called on that thread after each hold.

    A thread of its own asks the event loop to answer, some times a second: an answer that takes longer than the limit
    is a hold. A machine under load stretches wall time; `cpu_s` tells a slow handler from a starved one.
    """

    _asked = Signal()

    def __init__(self, held: Callable[[Hold], None] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._held = held or _log
        self._thread_id = threading.get_ident()
        self._asked_at = 0.0  # 0 = answered
        self._cpu_at_answer = time.thread_time()
        self._stack = ""
        self._excuse = False
        self._stopping = threading.Event()
        self._asked.connect(self._answer, Qt.ConnectionType.QueuedConnection)
        self._watcher = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        self._stopping.set()
        self._watcher.join()

    @contextmanager
    def excused(self) -> Generator[None]:
        """What goes on in here doesn't count: building the window, its first paint."""
        try:
            yield
        finally:
            self._excuse = self._asked_at > 0

    def _answer(self) -> None:
        wall, self._asked_at = time.perf_counter() - self._asked_at, 0.0
        cpu_before, self._cpu_at_answer = self._cpu_at_answer, time.thread_time()
        excused, self._excuse = self._excuse, False
        if wall >= LIMIT_S and not excused and not self._stopping.is_set():
            self._held(Hold(wall, self._cpu_at_answer - cpu_before, self._stack))

    def _watch(self) -> None:
        """The watcher's thread: asks, and looks where the other thread is when there's no answer in time."""
        while not self._stopping.wait(LIMIT_S / 2):
            if not self._asked_at:
                self._stack, self._asked_at = "", time.perf_counter()
                self._asked.emit()
            elif not self._stack and time.perf_counter() - self._asked_at >= LIMIT_S:
                self._stack = stack_of(self._thread_id)


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
