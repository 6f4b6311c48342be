"""A button that shows the colour it asks for; what lets something through shows the chequers behind it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QPushButton

from ltxdesktop.ui.theme import Look

WIDE_PX, HIGH_PX, SQUARE_PX = 22, 14, 4
SPACE_PX = 6  # before the words
LIGHT, DARK = QColor("#c9ccd3"), QColor("#8b909b")


class Swatch(QPushButton):
    """`words` say what the colour is of."""

    def __init__(self, look: Look, words: str, tip: str) -> None:
        super().__init__(words)
        self._look = look
        self.colour = ""
        self.setToolTip(tip)
        self.setIconSize(QSize(WIDE_PX + SPACE_PX, HIGH_PX))
        look.changed.connect(self._draw)

    def show_colour(self, colour: str) -> None:
        """ "#rrggbb" or "#rrggbbaa"."""
        if colour != self.colour:
            self.colour = colour
            self.setAccessibleDescription(colour)
            self._draw()

    def _draw(self) -> None:
        if not self.colour:
            return
        scale = self.devicePixelRatioF()
        pixmap = QPixmap(QSize(WIDE_PX + SPACE_PX, HIGH_PX) * scale)
        pixmap.setDevicePixelRatio(scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box, shape = QRectF(0.5, 0.5, WIDE_PX - 1, HIGH_PX - 1), QPainterPath()
        shape.addRoundedRect(box, 3, 3)
        painter.setClipPath(shape)
        for row in range(-(-HIGH_PX // SQUARE_PX)):
            for column in range(-(-WIDE_PX // SQUARE_PX)):
                square = QRectF(column * SQUARE_PX, row * SQUARE_PX, SQUARE_PX, SQUARE_PX)
                painter.fillRect(square, LIGHT if (row + column) % 2 else DARK)
        painter.fillRect(box, colour_of(self.colour))
        painter.setClipping(False)
        painter.setPen(QColor(self._look.theme.quiet))
        painter.drawPath(shape)
        painter.end()
        self.setIcon(QIcon(pixmap))


def colour_of(words: str) -> QColor:
    """Of "#rrggbb" or "#rrggbbaa"."""
    colour = QColor(words[:7])
    colour.setAlpha(int(words[7:9] or "ff", 16))
    return colour
