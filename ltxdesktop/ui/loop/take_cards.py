"""How the takes of a clip are drawn: a picture, the name, what it was made with, and stars that are clicked to rate."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QRect, QSize, Signal
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

from ltxdesktop.ui.card import RatedCard
from ltxdesktop.ui.drawing import (
    STAR_PX,
    STARS,
    font_of,
    is_hovered,
    paint_line,
    paint_picture,
    paint_stars,
    rect_of,
    sized,
)
from ltxdesktop.ui.models.clip_takes import TakeRow
from ltxdesktop.ui.models.values import VALUE, Index

CARD_HEIGHT = 50


class Boxes(NamedTuple):
    """Where the parts of a card lie."""

    picture: QRect
    name: QRect
    facts: QRect
    stars: QRect


def lay_out(card: QRect) -> Boxes:
    inner = card.adjusted(6, 5, -8, -5)
    picture = QRect(inner.left(), inner.top(), inner.height() * 16 // 9, inner.height())
    left = picture.right() + 10
    width = inner.right() - left
    stars = QRect(inner.right() - STARS * STAR_PX, inner.top() + 21, STARS * STAR_PX, 17)
    return Boxes(
        picture,
        QRect(left, inner.top() + 2, width, 18),
        QRect(left, inner.top() + 21, width, 17),
        stars,
    )


class TakeRows(RatedCard):
    """Draws rows of a `ClipTakesModel`. The stars of footage aren't shown: it's not among what is chosen from."""

    rated = Signal(int, int)  # number of the take, 0 to 5

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(180, CARD_HEIGHT)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        editor.setGeometry(lay_out(rect_of(option)).name.adjusted(-4, -3, 0, 6))

    def draw(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: TakeRow = index.data(VALUE)
        theme, font, boxes = self.look.theme, font_of(option), lay_out(rect_of(option))
        paint_picture(painter, boxes.picture, row.picture, theme)
        paint_line(painter, boxes.name, row.title, theme.text, sized(font, 12, QFont.Weight.Medium))
        with_stars = bool(row.take.rating) or is_hovered(option)
        facts = (
            boxes.facts.adjusted(0, 0, boxes.stars.left() - boxes.facts.right() - 5, 0) if with_stars else boxes.facts
        )
        paint_line(painter, facts, row.facts, theme.quiet, sized(font, 11))
        if with_stars:
            paint_stars(painter, boxes.stars, row.take.rating, theme, sized(font, 13))

    def stars_in(self, option: QStyleOptionViewItem) -> QRect:
        return lay_out(rect_of(option)).stars

    def rating_of(self, index: Index) -> int:
        row: TakeRow = index.data(VALUE)
        return row.take.rating

    def rate(self, index: Index, rating: int) -> None:
        row: TakeRow = index.data(VALUE)
        self.rated.emit(row.number, rating)
