"""The line under the monitor on which a film's position is shown and dragged."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSlider, QWidget

from ltxdesktop.ui.theme import Look

KNOB_PX = 12
LINE_PX = 4


def x_of_value(value: int, low: int, high: int, width_px: int) -> float:
    """The middle of the knob at a value."""
    return KNOB_PX / 2 + (width_px - KNOB_PX) * (value - low) / max(1, high - low)


def value_at(x: float, low: int, high: int, width_px: int) -> int:
    """The value whose knob lies nearest to x."""
    share = (x - KNOB_PX / 2) / max(1, width_px - KNOB_PX)
    return low + round(min(1.0, max(0.0, share)) * (high - low))


class Scrubber(QSlider):
    """A slider that goes where it's pressed, in the theme's colours."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._look = look
        self.setToolTip("Drag to go through the film; arrows go frame by frame")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(200, 20)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._go(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The press has moved it already."""

    def _go(self, event: QMouseEvent) -> None:
        self.setValue(value_at(event.position().x(), self.minimum(), self.maximum(), self.width()))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        line = QRectF(0, (self.height() - LINE_PX) / 2, self.width(), LINE_PX)
        painter.setBrush(QColor(theme.line))
        painter.drawRoundedRect(line, 2, 2)
        if not self.isEnabled():
            return
        x = x_of_value(self.value(), self.minimum(), self.maximum(), self.width())
        painter.setBrush(QColor(theme.accent))
        painter.drawRoundedRect(QRectF(0, line.top(), x, LINE_PX), 2, 2)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent), 2))
        painter.setBrush(QColor(theme.text))
        painter.drawEllipse(QRectF(x - KNOB_PX / 2 + 1, (self.height() - KNOB_PX) / 2 + 1, KNOB_PX - 2, KNOB_PX - 2))
