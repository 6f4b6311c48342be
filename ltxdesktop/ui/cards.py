"""How jobs and takes are drawn in their lists. Layout is in pure functions; painting decides nothing."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from ltxdesktop.ui.card import Card, RatedCard
from ltxdesktop.ui.drawing import (
    STAR_PX,
    STARS,
    font_of,
    is_hovered,
    paint_bar,
    paint_line,
    paint_picture,
    paint_stars,
    rect_of,
    sized,
)
from ltxdesktop.ui.hover_films import HoverFilms
from ltxdesktop.ui.models.job_list import JobEntry
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.models.values import VALUE, Index
from ltxdesktop.ui.theme import DARK, Look, Theme

JOB_HEIGHT = 62
TAKE_SIZE = QSize(150, 122)


class JobBoxes(NamedTuple):
    """Where the parts of a job's card lie."""

    picture: QRect
    title: QRect
    status: QRect
    bar: QRect


def lay_out_job(card: QRect) -> JobBoxes:
    inner = card.adjusted(6, 7, -6, -7)
    picture = QRect(inner.left(), inner.top(), 72, inner.height())
    left, width = picture.right() + 10, inner.right() - picture.right() - 10
    return JobBoxes(
        picture,
        QRect(left, inner.top() + 1, width, 19),
        QRect(left, inner.top() + 21, width, 17),
        QRect(left, inner.bottom() - 4, width, 3),
    )


class TakeBoxes(NamedTuple):
    """Where the parts of a take's card lie."""

    picture: QRect
    caption: QRect
    seed: QRect


def lay_out_take(card: QRect) -> TakeBoxes:
    inner = card.adjusted(6, 6, -6, -4)
    picture = QRect(inner.left(), inner.top(), inner.width(), inner.width() * 9 // 16)
    return TakeBoxes(
        picture,
        QRect(inner.left(), picture.bottom() + 4, inner.width(), 17),
        QRect(inner.left(), picture.bottom() + 21, inner.width(), 14),
    )


def stars_over(picture: QRect) -> QRect:
    """Where a rating lies, over the picture."""
    return QRect(picture.left() + 8, picture.bottom() - 20, STARS * STAR_PX, 17)


class JobCards(Card):
    """Draws one job: its latest picture, title, what it does, and a bar while it runs."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(220, JOB_HEIGHT)

    def draw(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: JobEntry = index.data(VALUE)
        theme = self.look.theme
        boxes = lay_out_job(rect_of(option))
        paint_picture(painter, boxes.picture, entry.picture, theme)
        paint_line(painter, boxes.title, entry.title, theme.text, sized(font_of(option), 13, QFont.Weight.Medium))
        paint_line(painter, boxes.status, entry.status, _status_colour(entry, theme), sized(font_of(option), 12))
        if entry.state == "running":
            paint_bar(painter, QRectF(boxes.bar), entry.fraction, theme)


class TakeCards(RatedCard):
    """Draws one take: a picture that plays under the mouse, the first words of its prompt, its seed, its stars."""

    rated = Signal(object, int)  # Take, 0 to 5

    def __init__(self, look: Look, films: HoverFilms, parent: QObject | None = None) -> None:
        super().__init__(look, parent)
        self._films = films

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return TAKE_SIZE

    def draw(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        take: Take = index.data(VALUE)
        theme = self.look.theme
        boxes = lay_out_take(rect_of(option))
        playing = self._films.picture(take.file.path)
        paint_picture(painter, boxes.picture, playing if playing is not None else take.picture, theme)
        if take.rating or is_hovered(option):
            self._paint_rating(painter, stars_over(boxes.picture), take.rating, sized(font_of(option), 13))
        paint_line(painter, boxes.caption, take.caption, theme.text, sized(font_of(option), 12))
        kind = "draft · " if take.is_draft else ""
        if take.seed is not None:
            paint_line(painter, boxes.seed, f"{kind}seed {take.seed}", theme.quiet, sized(font_of(option), 11))

    def _paint_rating(self, painter: QPainter, box: QRect, rating: int, font: QFont) -> None:
        """On a plate of its own, since a picture may have any colour."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(10, 12, 16, 190))
        painter.drawRoundedRect(box.adjusted(-3, 0, 3, 0), 8, 8)
        paint_stars(painter, box, rating, DARK, font)

    def stars_in(self, option: QStyleOptionViewItem) -> QRect:
        return stars_over(lay_out_take(rect_of(option)).picture)

    def rating_of(self, index: Index) -> int:
        take: Take = index.data(VALUE)
        return take.rating

    def rate(self, index: Index, rating: int) -> None:
        self.rated.emit(index.data(VALUE), rating)


def _status_colour(entry: JobEntry, theme: Theme) -> str:
    match entry.state:
        case "failed":
            return theme.bad
        case "done":
            return theme.good
        case "running":
            return theme.accent
        case _:
            return theme.quiet
