"""How a key looks: its shape says how the number goes on from it, in clips and in the inspector's lanes alike."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPolygonF

from ltxdesktop.document.model import Easing


def draw_key(painter: QPainter, easing: Easing, at: QPointF, half_px: float) -> None:
    """With the painter's pen and brush: a diamond goes on straight, a square holds, a disc is eased."""
    x, y = at.x(), at.y()
    if easing is Easing.HOLD:
        side = half_px - 1
        painter.drawRect(QRectF(x - side, y - side, 2 * side, 2 * side))
    elif easing is Easing.LINEAR:
        corners = ((0.0, -half_px), (half_px, 0.0), (0.0, half_px), (-half_px, 0.0))
        painter.drawPolygon(QPolygonF([QPointF(x + dx, y + dy) for dx, dy in corners]))
    else:
        painter.drawEllipse(at, half_px - 0.5, half_px - 0.5)
