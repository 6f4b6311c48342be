"""A picture of the film with the part that a file of another shape keeps, which is dragged or moved by the arrows."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ltxdesktop.export.feed import drawn_size
from ltxdesktop.export.presets import Framing
from ltxdesktop.ui.monitor.picture_view import fitted
from ltxdesktop.ui.theme import Look

HEIGHT_PX = 150
STEP, BIG_STEP = 0.01, 0.1  # of an arrow, and with Shift


def kept_rect(picture: QRectF, film: tuple[int, int], wanted: tuple[int, int], place: float) -> QRectF:
    """The part of a drawn picture that a file of `wanted` pixels keeps, at a place between 0 and 1."""
    drawn = drawn_size(film, wanted, Framing.FILL)
    width, height = (picture.width() * wanted[0] / drawn[0], picture.height() * wanted[1] / drawn[1])
    left = picture.left() + (picture.width() - width) * place
    top = picture.top() + (picture.height() - height) * place
    return QRectF(left, top, width, height)


class KeptPicture(QWidget):
    """Shows what it's given, and tells where the person puts the part; it knows no document."""

    placed = Signal(float)  # 0 left or top, 1 right or bottom: the drag is over, or an arrow was pressed

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._picture = QImage()
        self._film, self._wanted = (16, 9), (9, 16)
        self._place = 0.5
        self._grabbed: tuple[QPointF, float] | None = None  # where, and the place then
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SizeAllCursor)
        self.setAccessibleName("What is kept of the picture")
        self.setToolTip(
            "Drag the bright part to where this clip is to be seen (← and →, Shift for more). "
            "To follow something, give Kept part keys in the inspector: then this sets them"
        )
        look.changed.connect(self.update)

    @property
    def place(self) -> float:
        """Where the part is now, also in a drag."""
        return self._place

    @property
    def room(self) -> QSize:
        """How large a picture is of use, in device pixels."""
        return self.size() * self.devicePixelRatioF()

    def show_shape(self, film: tuple[int, int], wanted: tuple[int, int]) -> None:
        self._film, self._wanted = film, wanted
        self.update()

    def show_place(self, place: float) -> None:
        if self._grabbed is None:
            self._place = place
            self.update()

    def show_picture(self, picture: QImage) -> None:
        self._picture = picture
        self.update()

    def box(self) -> QRectF:
        """Where the whole picture is drawn."""
        return QRectF(fitted(QSize(*self._film), self.size()))

    def kept(self) -> QRectF:
        """Where the part is drawn."""
        return kept_rect(self.box(), self._film, self._wanted, self._place)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton or not self.isEnabled():
            return
        if not self.kept().contains(event.position()):  # a press beside it brings its middle there
            self._move(event.position() - self.kept().center(), self._place)
        self._grabbed = event.position(), self._place

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            start, place = self._grabbed
            self._move(event.position() - start, place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._grabbed = None
            self.placed.emit(self._place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        back, on = (Qt.Key.Key_Left, Qt.Key.Key_Up), (Qt.Key.Key_Right, Qt.Key.Key_Down)
        if event.key() not in (*back, *on):
            super().keyPressEvent(event)
            return
        step = BIG_STEP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP
        self._place = _within(self._place + (step if event.key() in on else -step))
        self.update()
        self.placed.emit(self._place)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        theme, box, kept = self._look.theme, self.box(), self.kept()
        painter.fillRect(box, QColor(theme.screen))
        if not self._picture.isNull():
            painter.drawImage(box, self._picture)
        painter.setOpacity(0.65)
        for side in (
            QRectF(box.topLeft(), QPointF(kept.left(), box.bottom())),
            QRectF(QPointF(kept.right(), box.top()), box.bottomRight()),
            QRectF(QPointF(kept.left(), box.top()), QPointF(kept.right(), kept.top())),
            QRectF(QPointF(kept.left(), kept.bottom()), QPointF(kept.right(), box.bottom())),
        ):
            painter.fillRect(side, QColor("#000000"))
        painter.setOpacity(1.0)
        painter.setPen(QPen(QColor(theme.accent), 3 if self.hasFocus() else 2))
        painter.drawRect(kept.adjusted(1, 1, -1, -1))

    def _move(self, by: QPointF, place: float) -> None:
        """The place that lies `by` pixels from another; one of the two ways has nothing to move."""
        room = QPointF(self.box().width() - self.kept().width(), self.box().height() - self.kept().height())
        share = by.x() / room.x() if room.x() > room.y() else by.y() / max(1.0, room.y())
        self._place = _within(place + share)
        self.update()


def _within(place: float) -> float:
    return round(min(1.0, max(0.0, place)), 3)
