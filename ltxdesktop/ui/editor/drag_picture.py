"""The picture that hangs on the mouse while media are dragged: small and beside it, so that the place stays visible."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QDrag, QImage, QPainter, QPainterPath, QPixmap

SIDE_PX = 64  # at most, of width and height
BESIDE = QPoint(-14, -18)  # hot spot: the picture begins below and at the right of the mouse
PLATE, PLATE_WORDS = QColor(10, 12, 16, 220), QColor("#f2f4f8")


def hang_on(drag: QDrag, picture: QImage, ratio: float, count: int = 1) -> None:
    """Put a picture on a drag; of several things their number too. `ratio` device pixels are a pixel of the screen."""
    if picture.isNull():
        return
    pixmap = _card(picture, ratio, count)
    drag.setPixmap(pixmap)
    drag.setHotSpot(BESIDE)


def _card(picture: QImage, ratio: float, count: int) -> QPixmap:
    size = picture.size().scaled(QSize(SIDE_PX, SIDE_PX), Qt.AspectRatioMode.KeepAspectRatio)
    made = QImage(size * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    box, shape = QRectF(0, 0, size.width(), size.height()), QPainterPath()
    shape.addRoundedRect(box, 4, 4)
    painter.setClipPath(shape)
    painter.drawImage(box, picture)
    if count > 1:
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        plate = QRectF(box.right() - 24, box.bottom() - 18, 20, 14)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PLATE)
        painter.drawRoundedRect(plate, 4, 4)
        painter.setPen(PLATE_WORDS)
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, str(count))
    painter.end()
    return QPixmap.fromImage(made)
