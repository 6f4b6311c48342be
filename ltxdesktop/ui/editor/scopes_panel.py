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
BARS = {"R": (1, 0, 0), "Mg": (1, 0, 1), "B": (0, 0, 1), "Cy": (0, 1, 1), "G": (0, 1, 0), "Yl": (1, 1, 0)}
BAR_SHARE = 0.75
TARGET_PX = 9


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
        self.setFocusProxy(self.kind)

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
        self.screen_view.show_scope(made, str(self.kind.currentData()))

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
        self._kind = ""
        self.setMinimumSize(120, 100)
        self.setAccessibleName("Scope")
        look.changed.connect(self.update)

    def show_scope(self, made: QImage, kind: str) -> None:
        self._scope, self._kind = made, kind
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(280, 200)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._look.theme.screen))
        if not self._scope.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            box = QRectF(self.rect()).adjusted(4, 4, -4, -4)
            if self._kind == "vectorscope":
                side = min(box.width(), box.height())
                box = QRectF(box.center().x() - side / 2, box.center().y() - side / 2, side, side)
            painter.drawImage(box, self._scope)
            if self._kind in ("waveform", "parade"):
                self._paint_levels(painter, box)
            elif self._kind == "vectorscope":
                self._paint_targets(painter, box)

    def _paint_levels(self, painter: QPainter, box: QRectF) -> None:
        """Lines at black, half and white: codes 16, 126 and 235 of 255, counted from the bottom."""
        painter.setPen(QColor(255, 255, 255, 90))
        for code, words in ((235, "100"), (125.5, "50"), (16, "0")):
            y = box.bottom() - box.height() * code / 256
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.drawText(QPointF(box.left() + 3, y - 3), words)

    def _paint_targets(self, painter: QPainter, box: QRectF) -> None:
        """The middle (no colour), and where the six colours of 75 % bars lie."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(255, 255, 255, 90))
        middle = box.center()
        painter.drawLine(QPointF(middle.x(), box.top()), QPointF(middle.x(), box.bottom()))
        painter.drawLine(QPointF(box.left(), middle.y()), QPointF(box.right(), middle.y()))
        for name, (red, green, blue) in BARS.items():
            at = chroma_at(BAR_SHARE * red, BAR_SHARE * green, BAR_SHARE * blue)
            place = QPointF(box.left() + at.x() * box.width(), box.top() + at.y() * box.height())
            painter.drawRect(QRectF(place.x() - TARGET_PX / 2, place.y() - TARGET_PX / 2, TARGET_PX, TARGET_PX))
            painter.drawText(QPointF(place.x() + TARGET_PX, place.y() + TARGET_PX / 2), name)


def chroma_at(red: float, green: float, blue: float) -> QPointF:
    """Where a colour (0..1) lies on the vectorscope, as shares of its square from the upper left: Cb to the right, Cr
    up, by BT.709 in limited range."""
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    cb, cr = (blue - luma) / 1.8556, (red - luma) / 1.5748
    return QPointF((128 + 224 * cb) / 256, 1 - (128 + 224 * cr) / 256)
