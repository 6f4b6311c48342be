"""How jobs and takes are drawn in their lists. Layout is in pure functions; painting decides nothing."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from ltxdesktop.ui.drawing import font_of, paint_ground, paint_line, paint_picture, rect_of, sized
from ltxdesktop.ui.models.job_list import JobEntry
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.models.values import VALUE, Index
from ltxdesktop.ui.theme import Look, Theme

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


class JobCards(QStyledItemDelegate):
    """Draws one job: its latest picture, title, what it does, and a bar while it runs."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look = look

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(220, JOB_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: JobEntry = index.data(VALUE)
        theme = self._look.theme
        boxes = lay_out_job(rect_of(option))
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        paint_ground(painter, option, theme)
        paint_picture(painter, boxes.picture, entry.picture, theme)
        paint_line(painter, boxes.title, entry.title, theme.text, sized(font_of(option), 13, QFont.Weight.Medium))
        paint_line(painter, boxes.status, entry.status, _status_colour(entry, theme), sized(font_of(option), 12))
        if entry.state == "running":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.line))
            painter.drawRoundedRect(QRectF(boxes.bar), 1.5, 1.5)
            done = QRectF(boxes.bar)
            done.setWidth(done.width() * entry.fraction)
            painter.setBrush(QColor(theme.accent))
            painter.drawRoundedRect(done, 1.5, 1.5)
        painter.restore()


class TakeCards(QStyledItemDelegate):
    """Draws one take: a picture, the first words of its prompt, its seed."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look = look

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return TAKE_SIZE

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        take: Take = index.data(VALUE)
        theme = self._look.theme
        boxes = lay_out_take(rect_of(option))
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        paint_ground(painter, option, theme)
        paint_picture(painter, boxes.picture, take.picture, theme)
        paint_line(painter, boxes.caption, take.caption, theme.text, sized(font_of(option), 12))
        kind = "draft · " if take.is_draft else ""
        if take.seed is not None:
            paint_line(painter, boxes.seed, f"{kind}seed {take.seed}", theme.quiet, sized(font_of(option), 11))
        painter.restore()


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
