"""Python's collector of cycles, kept to the GUI thread: elsewhere it would delete widgets, here it mustn't take long.

Left alone it runs on whichever thread happened to allocate last. A cycle that holds a `QObject` was then deleted on a
worker, which locked the object's signals and waited for Python's lock, while the GUI thread had Python's lock and
waited to connect a signal: both stood for ever (seen with gdb: `QObject::~QObject` under `gc_collect_main` on a thread
that imported PyAV, `QObject::connect` under `QDialog.show`). And a full collection looks at every object there is:
right after the start that took 46-52 ms of the GUI thread here.
"""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 500
NEW_OBJECTS = 700  # that make a collection worth it; Python's own threshold
OLDER_EVERY = 10  # collections: then those that survived one are looked at too, and at the tenth such time all
LONG_S = 0.01  # a fifth of what the GUI thread may be held (watchdog.py)


class Collecting(QObject):
    """Collects on the thread that makes it, in between events, from `start` to `stop`; no other thread does meanwhile.

    It sets aside (`gc.freeze`) what lives at its first turn, modules and the window, and later what outlived a
    collection of more than `LONG_S`. What is set aside is freed like all else when nothing refers to it; only a cycle
    among it isn't.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._turns = 0
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.collect)

    def start(self) -> None:
        """Call this before there are other threads."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Have everything be as before."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def collect(self) -> None:
        """Take a turn: collect if enough is new, the younger objects more often than the older, as Python does."""
        if self._turns == 0:
            gc.freeze()
        elif gc.get_count()[0] < NEW_OBJECTS:
            return
        self._turns += 1
        if self._turns % OLDER_EVERY:
            gc.collect(0)
        elif self._turns % OLDER_EVERY**2:
            gc.collect(1)
        else:
            self._collect_all()

    def _collect_all(self) -> None:
        began = time.thread_time()
        gc.collect()
        if time.thread_time() - began > LONG_S:
            gc.freeze()
