"""The mouse cursors of the timeline's tools: Qt's own where they say it, our icons for the others."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QCursor

from ltxdesktop.ui.icons import pixmap
from ltxdesktop.ui.theme import Theme
from ltxdesktop.ui.timeline.tools import Cursor

SIZE_PX = 24

_SHAPES = {
    Cursor.ARROW: Qt.CursorShape.ArrowCursor,
    Cursor.HEAD: Qt.CursorShape.SizeHorCursor,
    Cursor.TAIL: Qt.CursorShape.SizeHorCursor,
    Cursor.ROLL: Qt.CursorShape.SplitHCursor,
    Cursor.RANGE: Qt.CursorShape.IBeamCursor,
    Cursor.HAND: Qt.CursorShape.OpenHandCursor,
    Cursor.FADE: Qt.CursorShape.PointingHandCursor,
    Cursor.VERTICAL: Qt.CursorShape.SizeVerCursor,
    Cursor.POINT: Qt.CursorShape.PointingHandCursor,
    Cursor.REFUSED: Qt.CursorShape.ForbiddenCursor,
}
_ICONS = {
    Cursor.RIPPLE: "tool-ripple",
    Cursor.EXTEND: "tool-extend",
    Cursor.SLIP: "tool-slip",
    Cursor.SLIDE: "tool-slide",
    Cursor.BLADE: "tool-blade",
    Cursor.ZOOM: "tool-zoom",
}
_made: dict[tuple[Cursor, str], QCursor] = {}


def cursor_for(cursor: Cursor, theme: Theme) -> QCursor:
    """The cursor that tells what a press would do."""
    shape = _SHAPES.get(cursor)
    if shape is not None:
        return QCursor(shape)
    key = (cursor, theme.name)
    if key not in _made:
        _made[key] = QCursor(pixmap(_ICONS[cursor], theme.text, SIZE_PX), SIZE_PX // 2, SIZE_PX // 2)
    return _made[key]
