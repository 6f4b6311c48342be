"""Words, icons and the shapes that clips and lanes share, drawn quickly: laid out once and kept."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPixmap,
    QStaticText,
    QTransform,
)

from ltxdesktop.ui.icons import pixmap
from ltxdesktop.ui.theme import figures
from ltxdesktop.ui.timeline.boxes import Box

_TEXTS_KEPT = 4096
LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


class Lettering:
    """The timeline's fonts, and what was written with them. Icons are kept per colour and scale."""

    def __init__(self, font: QFont) -> None:
        self.name_font = sized(font, 11.0)
        self.bold_font = sized(font, 12.0)
        self.bold_font.setWeight(QFont.Weight.DemiBold)
        self.tick_font = figures(sized(font, 10.5))
        self.name_metrics = QFontMetricsF(self.name_font)
        self._name_height = self.name_metrics.height()
        self._texts: dict[tuple[str, int], QStaticText] = {}
        self._icons: dict[tuple[str, str, float, int], QPixmap] = {}

    def words(self, painter: QPainter, box: QRectF, words: str, ink: QColor) -> None:
        if box.width() < 10:
            return
        painter.setFont(self.name_font)
        painter.setPen(ink)
        text = self._text(words, int(box.width()))
        painter.drawStaticText(QPointF(box.left(), box.top() + (box.height() - self._name_height) / 2), text)

    def _text(self, words: str, width_px: int) -> QStaticText:
        """Words cut to a width, laid out once: names are drawn again with every pan."""
        key = (words, width_px)
        found = self._texts.get(key)
        if found is None:
            if len(self._texts) >= _TEXTS_KEPT:
                self._texts.clear()
            shown = self.name_metrics.elidedText(words, Qt.TextElideMode.ElideRight, width_px)
            found = QStaticText(shown)
            found.setTextFormat(Qt.TextFormat.PlainText)
            found.prepare(QTransform(), self.name_font)
            self._texts[key] = found
        return found

    def icon(self, painter: QPainter, name: str, x: float, y: float, size_px: int, ink: str) -> None:
        scale = painter.device().devicePixelRatioF()
        key = (name, ink, scale, size_px)
        if key not in self._icons:
            self._icons[key] = pixmap(name, ink, size_px, scale)
        painter.drawPixmap(QPointF(x, y), self._icons[key])


def sized(font: QFont, pixels: float) -> QFont:
    made = QFont(font)
    made.setPixelSize(round(pixels))
    return made


def rect_of(box: Box) -> QRectF:
    return QRectF(box.left, box.top, box.width, box.height)


def inner_of(box: Box) -> QRectF:
    """A clip's own area: a hair smaller, so that neighbours can be told apart."""
    return QRectF(box.left, box.top, max(1.0, box.width - 1), box.height - 1)
