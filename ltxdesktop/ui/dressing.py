"""Gives open windows another style sheet part by part, in turns of the event loop, and shows them once it's done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import shiboken6
from PySide6.QtCore import QChildEvent, QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

LARGEST = 150  # widgets in a part. Qt polishes all below a widget that gets a sheet at once: 0.07 ms each
TURN_S = 0.006  # then other events have their turn


class Dressing(QObject):
    """A window as a whole would hold the GUI thread: 641 widgets of the Edit workspace take 35 to 60 ms of computing.

    What is visible comes first, and isn't painted meanwhile, so nobody sees a half of each. A part has a sheet of its
    own from then on, which counts for more than the application's; what is above the parts (the window itself,
    splitters, pages) has none, and shows nothing but the palette's ground. What is put in there later, a dialog say,
    gets the sheet when it's first shown.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sheet = ""
        self._parts: list[QWidget] = []  # have a sheet from here
        self._stems: list[QWidget] = []  # are above parts
        self._frozen: list[QWidget] = []
        self._steps: deque[Callable[[], object]] = deque()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._go_on)

    @property
    def busy(self) -> bool:
        return bool(self._steps)

    def dress(
        self,
        windows: Iterable[QWidget],
        sheet: str,
        before: Iterable[Callable[[], object]],
        shown: Callable[[], object],
    ) -> None:
        """Give the windows this sheet; "" leaves them the application's alone.

        What comes `before` is done in turns too; then all that is visible is dressed, then `shown` is called and the
        windows are painted; what is hidden comes last. The newest of several calls wins.
        """
        self._sheet = sheet
        self._parts, self._stems = _alive(self._parts), _alive(self._stems)
        known = set(self._parts)
        above = {widget for part in self._parts for widget in _above(part)}
        parts: list[QWidget] = []
        for window in windows:
            self._divide(window, known, above, parts)
            if window.isVisible() and window not in self._frozen:
                window.setUpdatesEnabled(False)
                self._frozen.append(window)
        self._steps.clear()
        self._steps.extend(before)
        self._steps.extend(_Dress(self, part) for part in parts if part.isVisible())
        self._steps.extend((shown, self._thaw))
        self._steps.extend(_Dress(self, part) for part in parts if not part.isVisible())
        self._timer.start(0)

    def undress(self) -> None:
        """Leave everything to the application's sheet: while nothing is visible, all at once is quicker."""
        self._steps.clear()
        self._timer.stop()
        self._thaw()
        for stem in _alive(self._stems):
            stem.removeEventFilter(self)
        for part in _alive(self._parts):
            part.setStyleSheet("")
        self._parts, self._stems = [], []

    def put_on(self, part: QWidget) -> None:
        """Give one part the sheet, now."""
        if shiboken6.isValid(part):
            if part not in self._parts:
                self._parts.append(part)
            part.setStyleSheet(self._sheet)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Something in a stem is shown for the first time."""
        if self._sheet and event.type() == QEvent.Type.ChildPolished and isinstance(event, QChildEvent):
            child = event.child()
            if isinstance(child, QWidget) and child not in self._parts and child not in self._stems:
                self.put_on(child)
        return False

    def _go_on(self) -> None:
        until = time.perf_counter() + TURN_S
        while self._steps and time.perf_counter() < until:
            self._steps.popleft()()
        if not self._steps:
            self._timer.stop()

    def _thaw(self) -> None:
        for window in _alive(self._frozen):
            window.setUpdatesEnabled(True)
        self._frozen.clear()

    def _divide(self, widget: QWidget, known: set[QWidget], above: set[QWidget], parts: list[QWidget]) -> None:
        """Find the parts of a window. What was a part or a stem before stays one."""
        if widget in known or (widget not in above and not _has_more(widget, LARGEST)):
            parts.append(widget)
            return
        if widget not in self._stems:
            self._stems.append(widget)
            widget.installEventFilter(self)
        for child in _children(widget):
            self._divide(child, known, above, parts)


class _Dress:
    """One step: a part gets the sheet."""

    def __init__(self, dressing: Dressing, part: QWidget) -> None:
        self._dressing, self._part = dressing, part

    def __call__(self) -> None:
        self._dressing.put_on(self._part)


def _alive(widgets: list[QWidget]) -> list[QWidget]:
    return [each for each in widgets if shiboken6.isValid(each)]


def _children(widget: QWidget) -> Iterator[QWidget]:
    return (child for child in widget.children() if isinstance(child, QWidget))


def _above(widget: QWidget) -> Iterator[QWidget]:
    parent = widget.parentWidget()
    while parent is not None:
        yield parent
        parent = parent.parentWidget()


def _has_more(widget: QWidget, most: int) -> bool:
    """Whether there are more widgets in it than that."""
    waiting, found = [widget], 0
    while waiting and found <= most:
        found += 1
        waiting.extend(_children(waiting.pop()))
    return found > most
