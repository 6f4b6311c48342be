"""Work of the GUI thread that is too long for one turn of its event loop: done in steps, others have turns between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Turns(QObject):
    """Does what it's given in the order it came, one step in a turn, after keys, mouse and paints have had theirs."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: deque[Callable[[], object]] = deque()
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._take_one)

    def add(self, step: Callable[[], object]) -> None:
        """Do it when all that was added before is done."""
        self._steps.append(step)
        self._timer.start()

    def next(self, step: Callable[[], object]) -> None:
        """Do it in the next turn: it belongs to the step that runs now."""
        self._steps.appendleft(step)
        self._timer.start()

    def _take_one(self) -> None:
        step = self._steps.popleft()
        if self._steps:
            self._timer.start()
        step()
