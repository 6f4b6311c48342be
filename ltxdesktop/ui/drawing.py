"""What the cards of all lists are drawn with: grounds, pictures, lines of text, stars."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QMouseEvent, QPainter, QPainterPath
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from ltxdesktop.ui.theme import Theme, figures

PICTURE_RADIUS = 5
STARS = 5
STAR_PX = 15
RATING_KEYS: dict[Qt.Key, int] = {Qt.Key(Qt.Key.Key_0 + rating): rating for rating in range(STARS + 1)}


def rect_of(option: QStyleOptionViewItem) -> QRect:
    return option.rect  # pyright: ignore[reportAttributeAccessIssue]  # a public field that the stubs leave out


def font_of(option: QStyleOptionViewItem) -> QFont:
    return option.font  # pyright: ignore[reportAttributeAccessIssue]  # as above


def state_of(option: QStyleOptionViewItem) -> QStyle.StateFlag:
    return option.state  # pyright: ignore[reportAttributeAccessIssue]  # as above


def is_hovered(option: QStyleOptionViewItem) -> bool:
    return bool(state_of(option) & QStyle.StateFlag.State_MouseOver)


def paint_ground(painter: QPainter, option: QStyleOptionViewItem, theme: Theme, plain: str = "") -> None:
    """A card's rounded ground: chosen, under the mouse, or `plain` ("": none); with a frame where the keys go."""
    state = state_of(option)
    colour = plain
    if state & QStyle.StateFlag.State_Selected:
        colour = theme.accent_soft
    elif state & QStyle.StateFlag.State_MouseOver:
        colour = theme.hover if plain else theme.control
    has_focus = bool(state & QStyle.StateFlag.State_HasFocus)
    painter.setPen(QColor(theme.accent) if has_focus else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour) if colour else Qt.BrushStyle.NoBrush)
    if colour or has_focus:
        inset = 1.5 if has_focus else 1.0  # a line of one pixel lies on the middle of its pixels
        painter.drawRoundedRect(QRectF(rect_of(option)).adjusted(inset, inset, -inset, -inset), 6, 6)


def paint_picture(painter: QPainter, box: QRect, picture: QImage | None, theme: Theme) -> None:
    """A picture fitted into a rounded box; an empty box while there is none."""
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


def paint_line(painter: QPainter, box: QRect, text: str, colour: str, font: QFont) -> None:
    """One line of text, cut with … where it's too long."""
    painter.setFont(font)
    painter.setPen(QColor(colour))
    elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)


def paint_bar(painter: QPainter, box: QRectF, share: float, theme: Theme) -> None:
    """How much is done, 0..1."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.line))
    painter.drawRoundedRect(box, 1.5, 1.5)
    done = QRectF(box)
    done.setWidth(box.width() * share)
    painter.setBrush(QColor(theme.accent))
    painter.drawRoundedRect(done, 1.5, 1.5)


def paint_stars(painter: QPainter, box: QRect, rating: int, theme: Theme, font: QFont) -> None:
    """A rating of 0 to 5 from the left of a box on: full stars, then the places of the missing ones."""
    painter.setFont(font)
    for place in range(STARS):
        painter.setPen(QColor(theme.warn if place < rating else theme.line))
        star = QRect(box.left() + place * STAR_PX, box.top(), STAR_PX, box.height())
        painter.drawText(star, Qt.AlignmentFlag.AlignCenter, "★")


def star_clicked(event: QEvent, box: QRect) -> int:
    """Which star of a box was clicked: 1 to 5; 0 for clicks beside them and other events."""
    if event.type() != QEvent.Type.MouseButtonRelease or not isinstance(event, QMouseEvent):
        return 0
    at = event.position().toPoint()
    if event.button() != Qt.MouseButton.LeftButton or not box.contains(at):
        return 0
    return min(STARS, (at.x() - box.left()) // STAR_PX + 1)


def sized(font: QFont, size_px: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The same typeface with digits of one width."""
    made = figures(font)
    made.setPixelSize(size_px)
    made.setWeight(weight)
    return made
