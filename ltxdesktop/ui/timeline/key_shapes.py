"""How a key looks, and the ways from it to the next one: shapes, words and little curves, for clips and for lanes."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

from ltxdesktop.document.curves import Curve
from ltxdesktop.document.model import Easing, Key

EASING_WORDS = {
    Easing.LINEAR: "&Straight",
    Easing.EASE: "S&mooth",
    Easing.EASE_IN: "Ease &in: begin slowly",
    Easing.EASE_OUT: "Ease &out: end slowly",
    Easing.HOLD: "&Hold until the next key",
    Easing.CUSTOM: "By han&dles: bend it yourself",
}
BENT: Curve = (0.1, 0.9, 0.6, 0.6)  # an example of what is bent by hand
ICON_PX, EDGE_PX, STEPS = 18, 3, 24


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


def curve_icon(easing: Easing, colour: QColor, scale: float) -> QIcon:
    """An easing as a curve from the lower left to the upper right."""
    picture = QPixmap(round(ICON_PX * scale), round(ICON_PX * scale))
    picture.setDevicePixelRatio(scale)
    picture.fill(Qt.GlobalColor.transparent)
    span = ICON_PX - 2 * EDGE_PX
    shown = Key(0, 0.0, easing, BENT)
    parts = [(step / STEPS, shown.eased(step / STEPS) if step < STEPS else 1.0) for step in range(STEPS + 1)]
    if easing is Easing.HOLD:
        parts = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.6))
    painter.drawPolyline(QPolygonF([QPointF(EDGE_PX + span * x, EDGE_PX + span * (1 - y)) for x, y in parts]))
    painter.end()
    return QIcon(picture)
