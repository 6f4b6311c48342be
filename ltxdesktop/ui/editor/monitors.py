"""Both monitors side by side, or in a narrow window the one that is worked with."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

HANDLE_PX = 6
BOTH_PX = 270  # of width that each of two has at least


class Monitors(QSplitter):
    """`show_monitor` says which is worked with; a splitter divides the room between two."""

    alone_changed = Signal(bool)  # whether there is room for one only

    def __init__(self, *monitors: QWidget) -> None:
        """The last one is in front at first."""
        super().__init__(Qt.Orientation.Horizontal)
        self.setHandleWidth(HANDLE_PX)
        self.setChildrenCollapsible(False)
        self._monitors, self._front = monitors, monitors[-1]
        self.alone = False
        for monitor in monitors:
            self.addWidget(monitor)

    def show_monitor(self, monitor: QWidget) -> None:
        """Have this one in front where there is no room for both."""
        self._front = monitor
        self._show()

    def minimumSizeHint(self) -> QSize:
        """Of one."""
        least = [each.minimumSizeHint().expandedTo(each.minimumSize()) for each in self._monitors]
        return QSize(max(each.width() for each in least), max(each.height() for each in least))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        alone = self.width() < len(self._monitors) * BOTH_PX + HANDLE_PX
        if alone != self.alone:
            self.alone = alone
            self._show()
            self.alone_changed.emit(alone)

    def _show(self) -> None:
        for monitor in self._monitors:
            monitor.setVisible(not self.alone or monitor is self._front)
