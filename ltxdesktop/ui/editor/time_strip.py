"""The line under a monitor: where it stands, the range between in and out, and markers. Press anywhere to go there."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from ltxdesktop.ui.theme import Look

MARGIN_PX = 7
HEAD_PX = 10


class Marks(NamedTuple):
    """What is marked in a film, in frames; `last` is exclusive."""

    first: int | None = None
    last: int | None = None
    markers: tuple[int, ...] = ()


def x_of(frame: int, frames: int, width_px: int) -> float:
    """Where a frame is on a strip of `frames` frames."""
    return MARGIN_PX + (width_px - 2 * MARGIN_PX) * frame / max(1, frames - 1)


def frame_at(x: float, frames: int, width_px: int) -> int:
    """The frame nearest to x, kept inside."""
    share = (x - MARGIN_PX) / max(1, width_px - 2 * MARGIN_PX)
    return round(min(1.0, max(0.0, share)) * max(0, frames - 1))


class TimeStrip(QWidget):
    """Shows a place in a film and lets it be dragged."""

    moved = Signal(int)
    pressed = Signal()
    released = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._frames, self._frame = 0, 0
        self._marks = Marks()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Position")
        self.setToolTip("Drag to go through the film")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(200, 22)

    def set_frames(self, frames: int) -> None:
        self._frames = frames
        self.update()

    def set_frame(self, frame: int) -> None:
        if frame != self._frame:
            self._frame = frame
            self.update()

    def set_marks(self, marks: Marks) -> None:
        self._marks = marks
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit()
            self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.released.emit()

    def _go(self, event: QMouseEvent) -> None:
        if self._frames:
            self.moved.emit(frame_at(event.position().x(), self._frames, self.width()))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2 + 2
        painter.setBrush(QColor(theme.line))
        painter.drawRoundedRect(QRectF(MARGIN_PX, middle - 2, self.width() - 2 * MARGIN_PX, 4), 2, 2)
        if not self._frames:
            return
        self._paint_range(painter, middle)
        painter.setBrush(QColor(theme.good))
        for marker in self._marks.markers:
            painter.drawEllipse(QRectF(self._x(marker) - 2.5, middle - 9, 5, 5))
        x = self._x(self._frame)
        painter.setBrush(QColor(theme.text))
        painter.drawRect(QRectF(x - 0.75, 2, 1.5, self.height() - 4))
        painter.drawPolygon(QPolygonF([QPointF(x - HEAD_PX / 2, 1), QPointF(x + HEAD_PX / 2, 1), QPointF(x, HEAD_PX)]))

    def _paint_range(self, painter: QPainter, middle: float) -> None:
        first, last = self._marks.first, self._marks.last
        if first is None and last is None:
            return
        left = self._x(first or 0)
        right = self._x(min(last, self._frames - 1) if last is not None else self._frames - 1)
        painter.setBrush(QColor(self._look.theme.accent))
        painter.drawRoundedRect(QRectF(left, middle - 3, max(3.0, right - left), 6), 2, 2)

    def _x(self, frame: int) -> float:
        return x_of(frame, self._frames, self.width())
