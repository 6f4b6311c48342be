"""Two pictures of a film beside each other, for the program monitor while a cut is trimmed."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from ltxdesktop.document.model import Sequence
from ltxdesktop.playback.source import Size
from ltxdesktop.ui.editor.sources import Footage, SequenceSource, fitted
from ltxdesktop.ui.monitor import picture_view
from ltxdesktop.ui.timeline.trim_edges import Side, TrimEdges, unblended

LEAST_PX = 11  # of letters
QUIET, BRIGHT, EMPTY = QColor("#9aa3b2"), QColor("#f2f4f8"), QColor("#1b1e25")


class Halves(NamedTuple):
    """Where a picture lies, and the line of words under it."""

    picture: QRect
    words: QRect


def lay_out(size: Size, film: Size) -> tuple[Halves, Halves]:
    """Two pictures of the film's shape beside each other in a picture of `size`, as large as they can be."""
    gap = max(2, size.width // 160)
    line = max(LEAST_PX + 6, size.height // 14)
    room = QSize((size.width - gap) // 2, max(2, size.height - 2 * line))
    inner = picture_view.fitted(QSize(film.width, film.height), room)

    def half(left: int) -> Halves:
        picture = inner.translated(left, line)
        return Halves(picture, QRect(left, picture.bottom() + 2, room.width(), line))

    return half(0), half(size.width - room.width())


class TrimPair(SequenceSource):
    """A sequence that shows the two sides of a cut, whatever frame is asked for. It sounds as ever."""

    def __init__(self, sequence: Sequence, footage: Footage, edges: TrimEdges, accent: str) -> None:
        super().__init__(unblended(sequence, edges), footage)
        self._edges, self._accent = edges, QColor(accent)

    def picture(self, frame: int, size: Size | None) -> QImage:
        whole = fitted(self.size, size)
        made = QImage(whole.width, whole.height, QImage.Format.Format_RGB32)
        made.fill(Qt.GlobalColor.black)
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for side, half in zip(self._edges, lay_out(whole, self.size), strict=True):
            self._paint(painter, side, half, whole)
        painter.end()
        return made

    def shot(self, frame: int, size: Size | None) -> QImage:
        return self.picture(frame, size)

    def _paint(self, painter: QPainter, side: Side, half: Halves, whole: Size) -> None:
        if side.frame is None:
            painter.fillRect(half.picture, EMPTY)
            return
        small = Size(half.picture.width(), half.picture.height())
        painter.drawImage(half.picture, super().picture(side.frame, small))
        font = QFont(painter.font())
        font.setPixelSize(max(LEAST_PX, whole.height // 30))
        painter.setFont(font)
        painter.setPen(BRIGHT if side.moves else QUIET)
        words = painter.fontMetrics().elidedText(side.words, Qt.TextElideMode.ElideMiddle, half.words.width() - 8)
        painter.drawText(half.words, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, words)
        if side.moves:
            thick = max(2, whole.height // 200)
            painter.fillRect(
                QRect(half.picture.left(), half.picture.bottom() - thick, half.picture.width(), thick), self._accent
            )
