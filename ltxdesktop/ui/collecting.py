"""Keeps Python's collector of cycles from holding the window: what lives long isn't looked through again and again.

A full collection looks at every object there is, on whichever thread happened to allocate last. Right after the start
that took 46-52 ms of the GUI thread here, at a moment nobody can foresee.
"""

from __future__ import annotations

import gc
import time

LONG_S = 0.01  # a fifth of what the GUI thread may be held (watchdog.py)


class Collecting:
    """Sets aside what lives at `start`, and later what outlived a collection of more than `LONG_S`; until `stop`.

    What is set aside (`gc.freeze`) is freed like all else when nothing refers to it; only a cycle among it isn't.
    """

    def __init__(self) -> None:
        self._began = 0.0

    def start(self) -> None:
        """Call this when what a program needs all its life is there: modules, the window."""
        gc.freeze()
        gc.callbacks.append(self._look)

    def stop(self) -> None:
        """Have everything be as before; also where it never came to `start`."""
        if self._look in gc.callbacks:
            gc.callbacks.remove(self._look)
        gc.unfreeze()

    def _look(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        elif info["generation"] == 2 and time.thread_time() - self._began > LONG_S:
            gc.freeze()
