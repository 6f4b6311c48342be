"""What the cards of this room's lists are drawn with."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from ltxdesktop.ui.theme import Theme, figures


def rect_of(option: QStyleOptionViewItem) -> QRect:
    return option.rect  # pyright: ignore[reportAttributeAccessIssue]  # a public field that the stubs leave out


def font_of(option: QStyleOptionViewItem) -> QFont:
    return option.font  # pyright: ignore[reportAttributeAccessIssue]  # as above


def paint_ground(painter: QPainter, option: QStyleOptionViewItem, theme: Theme, plain: str) -> None:
    """A card's rounded ground: chosen, under the mouse, or `plain`; with a frame where the keys go."""
    state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]  # as above
    colour = plain
    if state & QStyle.StateFlag.State_Selected:
        colour = theme.accent_soft
    elif state & QStyle.StateFlag.State_MouseOver:
        colour = theme.hover
    painter.setPen(QColor(theme.accent) if state & QStyle.StateFlag.State_HasFocus else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(QRectF(rect_of(option)).adjusted(1, 1, -1, -1), 6, 6)


def paint_line(painter: QPainter, box: QRect, text: str, colour: str, font: QFont) -> None:
    """One line of text, cut with … where it's too long."""
    painter.setFont(font)
    painter.setPen(QColor(colour))
    elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)


def sized(font: QFont, size_px: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The same typeface with digits of one width."""
    made = figures(font)
    made.setPixelSize(size_px)
    made.setWeight(weight)
    return made
