"""Ctrl-C: the first asks the job to end at its next step, the second ends the program at once."""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import FrameType
from typing import TypeVar

_Made = TypeVar("_Made")

_WATCHED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # those that the system has
_LOOK_S = 0.2  # Windows tells a waiting thread of no signal


class Interrupts:
    """Watches for signals while work runs in a thread of its own.

    The main thread does nothing but wait: Python hands it signals at once, also while the work is inside native code.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.tell: Callable[[str], None] = lambda _words: None  # how the person is told
        self.leftovers: list[Path] = []  # folders to remove when the program is ended at once

    def run(self, work: Callable[[], _Made]) -> _Made:
        """The result of `work`, or what it raised."""
        with self._watching(), ThreadPoolExecutor(1, "job") as pool:
            job = pool.submit(work)
            while not wait([job], _LOOK_S).done:
                pass
            return job.result()

    @contextlib.contextmanager
    def _watching(self) -> Generator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread gets signals
            return
        numbers = [signal.Signals[name] for name in _WATCHED if name in signal.Signals.__members__]
        before = {number: signal.signal(number, self._end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self.asked.is_set():
            for folder in self.leftovers:
                shutil.rmtree(folder, ignore_errors=True)
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.asked.set()
        self.tell("cancelling at the next step … (again to stop at once)")
