"""Scopes of the program monitor's picture: waveform, parade, vectorscope, histogram, measured off the GUI thread."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from ltxdesktop.ui.background import Background
from ltxdesktop.ui.monitor.planes import Shot, image_of
from ltxdesktop.ui.theme import Look

KINDS = (("waveform", "Waveform"), ("parade", "RGB parade"), ("vectorscope", "Vectorscope"), ("histogram", "Histogram"))
EVERY_MS = 120  # while it plays: measuring takes some ms of a core
WIDTH_PX = 320  # pictures are measured at this width


class ScopesPanel(QWidget):
    """Give it the pictures that are shown; it measures the newest while it is visible."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._background = Background(threads=1, parent=self)
        self._picture: Shot | None = None
        self._busy = False
        self._timer = QTimer(self, singleShot=True, interval=EVERY_MS)
        self._timer.timeout.connect(self._measure)
        self.kind = QComboBox()
        self.kind.setAccessibleName("Scope")
        self.kind.setToolTip("What is measured of the picture")
        for value, words in KINDS:
            self.kind.addItem(words, value)
        self.screen_view = ScopeScreen(look)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.kind)
        column.addWidget(self.screen_view, 1)
        self.kind.activated.connect(self._measure)

    def show_picture(self, picture: Shot) -> None:
        self._picture = picture
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def close_all(self) -> None:
        self._timer.stop()
        self._background.close()

    def _measure(self) -> None:
        if self._busy or self._picture is None or not self.isVisible():
            return
        self._busy = True
        picture, kind = self._picture, str(self.kind.currentData())
        self._background.run(lambda: measured(image_of(picture), kind), self._take, self._give_up)

    def _take(self, made: QImage) -> None:
        self._busy = False
        self.screen_view.show_scope(made, levels=self.kind.currentData() in ("waveform", "parade"))

    def _give_up(self, problem: Exception) -> None:
        self._busy = False


def measured(picture: QImage, kind: str) -> QImage:
    """The scope of a picture; for a worker thread."""
    from ltxdesktop.render.picture import Picture
    from ltxdesktop.render.scopes import Scope, scope

    small = picture.scaledToWidth(WIDTH_PX) if picture.width() > WIDTH_PX else picture
    even = small.copy(0, 0, small.width() // 2 * 2, max(2, small.height() // 2 * 2))
    return scope(Picture(image=even.convertToFormat(QImage.Format.Format_RGB32)), Scope(kind))


class ScopeScreen(QWidget):
    """A scope, as large as there is room."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._scope = QImage()
        self._levels = False
        self.setMinimumSize(120, 100)
        self.setAccessibleName("Scope")
        look.changed.connect(self.update)

    def show_scope(self, made: QImage, *, levels: bool) -> None:
        """`levels`: its height means brightness."""
        self._scope, self._levels = made, levels
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(280, 200)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._look.theme.screen))
        if not self._scope.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            box = QRectF(self.rect()).adjusted(4, 4, -4, -4)
            painter.drawImage(box, self._scope)
            if self._levels:
                self._paint_levels(painter, box)

    def _paint_levels(self, painter: QPainter, box: QRectF) -> None:
        """Lines at black, half and white: codes 16, 126 and 235 of 255, counted from the bottom."""
        painter.setPen(QColor(255, 255, 255, 60))
        for code, words in ((235, "100"), (125.5, "50"), (16, "0")):
            y = box.bottom() - box.height() * code / 256
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.drawText(QPointF(box.left() + 3, y - 3), words)
