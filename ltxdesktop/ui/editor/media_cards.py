"""How media and bins are drawn in the media panel: as cards in a grid, or as lines. Layout is in pure functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from ltxdesktop.document.model import MediaKind
from ltxdesktop.ui.card import Named
from ltxdesktop.ui.editor.media_list import BETWEEN, ENTRY, Entry, Index, MediaList
from ltxdesktop.ui.editor.stand_ins import StandIn
from ltxdesktop.ui.icons import pixmap
from ltxdesktop.ui.theme import Look, figures

LEAST_CARD_PX = 128  # two of them fit beside each other into the panel as it is at first (310 px)
MOST_CARD_PX = 190
UNDER_PICTURE_PX = 44  # name and facts
LINE_PX = 40
FACTS_PX = 11  # of their letters


class Boxes(NamedTuple):
    picture: QRect
    name: QRect
    facts: QRect


def card_size(room_px: int) -> QSize:
    """How large cards are where there are so many pixels beside each other: as many as fit, the room shared out."""
    columns = max(1, room_px // LEAST_CARD_PX)
    width = min(MOST_CARD_PX, room_px // columns)
    return QSize(width, (width - 12) * 9 // 16 + UNDER_PICTURE_PX)


def lay_out_card(card: QRect) -> Boxes:
    inner = card.adjusted(6, 6, -6, -4)
    picture = QRect(inner.left(), inner.top(), inner.width(), inner.width() * 9 // 16)
    return Boxes(
        picture,
        QRect(inner.left(), picture.bottom() + 4, inner.width(), 17),
        QRect(inner.left(), picture.bottom() + 20, inner.width(), 15),
    )


def lay_out_line(line: QRect) -> Boxes:
    inner = line.adjusted(6, 3, -6, -3)
    picture = QRect(inner.left(), inner.top(), inner.height() * 16 // 9, inner.height())
    left = picture.right() + 10
    width = inner.right() - left
    return Boxes(picture, QRect(left, inner.top(), width, 18), QRect(left, inner.top() + 17, width, 16))


def fitting(facts: str, room_px: int, width_of: Callable[[str], int]) -> str:
    """As many of the facts as fit whole, the first at least: half a size says nothing."""
    parts = facts.split(BETWEEN)
    while len(parts) > 1 and width_of(BETWEEN.join(parts)) > room_px:
        parts.pop()
    return BETWEEN.join(parts)


class MediaCards(Named):
    """Draws rows of a `MediaList`."""

    def __init__(self, look: Look, model: MediaList, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look, self._model = look, model
        self.as_lines = False
        self.card = card_size(2 * LEAST_CARD_PX)
        self.hovered: tuple[Index, float] | None = None  # a row, and how far the mouse is across it

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, LINE_PX) if self.as_lines else self.card

    def boxes(self, rect: QRect) -> Boxes:
        return lay_out_line(rect) if self.as_lines else lay_out_card(rect)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: Entry = index.data(ENTRY)
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]  # a public field that the stubs leave out
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]  # as above
        boxes = self.boxes(rect)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_ground(painter, rect, state)
        self._paint_picture(painter, boxes.picture, entry)
        if self.hovered is not None and self.hovered[0] == index:
            x = boxes.picture.left() + self.hovered[1] * boxes.picture.width()
            painter.fillRect(
                QRectF(x, boxes.picture.top(), 1.5, boxes.picture.height()), QColor(self._look.theme.accent)
            )
        theme = self._look.theme
        self._paint_line(painter, boxes.name, entry.name, theme.text, 12)
        facts = entry.facts
        stand_in = self._model.stand_in(entry)
        if stand_in is not None and not entry.missing:
            self._paint_stand_in(painter, boxes.picture, stand_in)
            facts = stand_in.words if stand_in.is_coming or stand_in.problem else facts
        font = figures(painter.font())
        font.setPixelSize(FACTS_PX)
        facts = fitting(facts, boxes.facts.width(), QFontMetrics(font).horizontalAdvance)
        self._paint_line(painter, boxes.facts, facts, theme.bad if entry.missing else theme.quiet, FACTS_PX)
        painter.restore()

    def _paint_ground(self, painter: QPainter, rect: QRect, state: QStyle.StateFlag) -> None:
        theme, box = self._look.theme, QRectF(rect).adjusted(1, 1, -1, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(QColor(theme.accent_soft))
            painter.drawRoundedRect(box, 6, 6)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(theme.control))
            painter.drawRoundedRect(box, 6, 6)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(theme.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _paint_picture(self, painter: QPainter, box: QRect, entry: Entry) -> None:
        theme = self._look.theme
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(box), 5, 5)
        painter.save()
        painter.setClipPath(shape)
        picture = self._model.picture(entry)
        if picture is not None and not picture.isNull():
            painter.fillRect(box, QColor(theme.screen))
            factor = min(box.width() / picture.width(), box.height() / picture.height())
            width, height = picture.width() * factor, picture.height() * factor
            left, top = box.left() + (box.width() - width) / 2, box.top() + (box.height() - height) / 2
            painter.drawImage(QRectF(left, top, width, height), picture)
        else:
            painter.fillRect(box, QColor(theme.control))
            self._paint_sign(painter, box, entry)
        painter.restore()
        if entry.used and not self.as_lines:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.accent))
            painter.drawEllipse(QRectF(box.right() - 12, box.top() + 5, 7, 7))

    def _paint_stand_in(self, painter: QPainter, box: QRect, stand_in: StandIn) -> None:
        """While it's made how far it is; then a letter."""
        theme = self._look.theme
        painter.setPen(Qt.PenStyle.NoPen)
        if stand_in.is_coming:
            line = QRectF(box.left() + 4, box.bottom() - 7, box.width() - 8, 4)
            painter.setBrush(QColor(10, 12, 16, 190))
            painter.drawRoundedRect(line, 2, 2)
            painter.setBrush(QColor(theme.accent))
            painter.drawRoundedRect(QRectF(line.left(), line.top(), line.width() * stand_in.share, 4), 2, 2)
        elif stand_in.is_there and not self.as_lines:
            plate = QRectF(box.left() + 4, box.top() + 4, 16, 16)
            painter.setBrush(QColor(10, 12, 16, 190))
            painter.drawRoundedRect(plate, 4, 4)
            painter.setPen(QColor("#e8ebf0"))
            font = figures(painter.font())
            font.setPixelSize(11)
            painter.setFont(font)
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, "S")

    def _paint_sign(self, painter: QPainter, box: QRect, entry: Entry) -> None:
        theme = self._look.theme
        name = "folder" if entry.media is None else "music" if entry.media.kind is MediaKind.AUDIO else "film"
        ink = theme.quiet
        if entry.missing:
            name, ink = "warning", theme.bad
        size = min(28, box.height() - 6)
        sign: QPixmap = pixmap(name, ink, size, painter.device().devicePixelRatioF())
        painter.drawPixmap(box.center().x() - size // 2, box.center().y() - size // 2, sign)

    def _paint_line(self, painter: QPainter, box: QRect, text: str, colour: str, size_px: int) -> None:
        font = figures(painter.font())
        font.setPixelSize(size_px)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)
