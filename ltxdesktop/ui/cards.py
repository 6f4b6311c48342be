"""How jobs and takes are drawn in their lists. Layout is in pure functions; painting decides nothing."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ltxdesktop.ui.models.job_list import ENTRY, JobEntry
from ltxdesktop.ui.models.take_list import TAKE, Take
from ltxdesktop.ui.theme import Look, Theme, figures

Index = QModelIndex | QPersistentModelIndex

JOB_HEIGHT = 62
TAKE_SIZE = QSize(150, 122)
PICTURE_RADIUS = 5


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
        entry: JobEntry = index.data(ENTRY)
        theme = self._look.theme
        boxes = lay_out_job(_rect(option))
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        _paint_ground(painter, option, theme)
        _paint_picture(painter, boxes.picture, entry.picture, theme)
        _paint_line(painter, boxes.title, entry.title, theme.text, _font(option, 13, QFont.Weight.Medium))
        _paint_line(painter, boxes.status, entry.status, _status_colour(entry, theme), _font(option, 12))
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
        take: Take = index.data(TAKE)
        theme = self._look.theme
        boxes = lay_out_take(_rect(option))
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        _paint_ground(painter, option, theme)
        _paint_picture(painter, boxes.picture, take.picture, theme)
        _paint_line(painter, boxes.caption, take.caption, theme.text, _font(option, 12))
        kind = "draft · " if take.is_draft else ""
        if take.seed is not None:
            _paint_line(painter, boxes.seed, f"{kind}seed {take.seed}", theme.quiet, _font(option, 11))
        painter.restore()


def _rect(option: QStyleOptionViewItem) -> QRect:
    return option.rect  # pyright: ignore[reportAttributeAccessIssue]  # a public field that the stubs leave out


def _state(option: QStyleOptionViewItem) -> QStyle.StateFlag:
    return option.state  # pyright: ignore[reportAttributeAccessIssue]  # as above


def _font(option: QStyleOptionViewItem, size_px: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    font = figures(option.font)  # pyright: ignore[reportAttributeAccessIssue]  # as above
    font.setPixelSize(size_px)
    font.setWeight(weight)
    return font


def _paint_ground(painter: QPainter, option: QStyleOptionViewItem, theme: Theme) -> None:
    state = _state(option)
    box = QRectF(_rect(option)).adjusted(1, 1, -1, -1)
    colour = ""
    if state & QStyle.StateFlag.State_Selected:
        colour = theme.accent_soft
    elif state & QStyle.StateFlag.State_MouseOver:
        colour = theme.control
    if colour:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(box, 6, 6)
    if state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(QColor(theme.accent))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def _paint_picture(painter: QPainter, box: QRect, picture: QImage | None, theme: Theme) -> None:
    painter.save()
    shape = QPainterPath()
    shape.addRoundedRect(QRectF(box), PICTURE_RADIUS, PICTURE_RADIUS)
    painter.setClipPath(shape)
    painter.fillRect(box, QColor(theme.screen if picture is not None else theme.control))
    if picture is not None and not picture.isNull():
        factor = min(box.width() / picture.width(), box.height() / picture.height())
        width, height = picture.width() * factor, picture.height() * factor
        painter.drawImage(
            QRectF(box.left() + (box.width() - width) / 2, box.top() + (box.height() - height) / 2, width, height),
            picture,
        )
    painter.restore()


def _paint_line(painter: QPainter, box: QRect, text: str, colour: str, font: QFont) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)


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
