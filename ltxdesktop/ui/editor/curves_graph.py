"""The graph of the curves effect: points on a curve, dragged by mouse or keys; one curve for all colours and each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QVBoxLayout, QWidget

from ltxdesktop.ui.parts import Segments
from ltxdesktop.ui.theme import Look

Point = tuple[float, float]
STRAIGHT: tuple[Point, ...] = ((0.0, 0.0), (1.0, 1.0))
CHANNELS = (("master", "All"), ("red", "Red"), ("green", "Green"), ("blue", "Blue"))
SIDE_PX = 190
GRAB_PX = 9
APART = 0.01  # least distance of two points sideways
AWAY_PX = 24  # a point that is pulled so far out of the graph is taken away
KEY_STEP = 0.01
_STEPS = {
    Qt.Key.Key_Left: (-KEY_STEP, 0.0),
    Qt.Key.Key_Right: (KEY_STEP, 0.0),
    Qt.Key.Key_Up: (0.0, KEY_STEP),
    Qt.Key.Key_Down: (0.0, -KEY_STEP),
}
_AWAY = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_INK = {"red": "#ff5c5c", "green": "#4fd27f", "blue": "#5c9dff"}  # the primaries, on dark and on light alike


def points_of(text: str) -> tuple[Point, ...]:
    """The points of a curve's text; a straight line for none, or for a text that is no curve."""
    from ltxdesktop.render.cube import parse_curve
    from ltxdesktop.render.errors import RenderError

    try:
        return tuple(parse_curve(text)) if text.strip() else STRAIGHT
    except RenderError:
        return STRAIGHT


def text_of(points: tuple[Point, ...]) -> str:
    """Points as the effect keeps them; "" for a straight line."""
    return "" if points == STRAIGHT else " ".join(f"{x:.4g},{y:.4g}" for x, y in points)


def moved(points: tuple[Point, ...], place: int, x: float, y: float) -> tuple[Point, ...]:
    """With one point elsewhere: between its neighbours and within 0 to 1."""
    low = points[place - 1][0] + APART if place else 0.0
    high = points[place + 1][0] - APART if place + 1 < len(points) else 1.0
    changed = (min(high, max(low, x)), min(1.0, max(0.0, y)))
    return (*points[:place], changed, *points[place + 1 :])


def added(points: tuple[Point, ...], x: float, y: float) -> tuple[tuple[Point, ...], int]:
    """With another point, and its place; without one where two would be too near to each other."""
    near = [place for place, point in enumerate(points) if abs(point[0] - x) < APART]
    if near:
        return points, near[0]
    changed = tuple(sorted([*points, (min(1.0, max(0.0, x)), min(1.0, max(0.0, y)))]))
    return changed, next(place for place, point in enumerate(changed) if point[0] == min(1.0, max(0.0, x)))


def without(points: tuple[Point, ...], place: int) -> tuple[Point, ...]:
    """Without one point; two always stay."""
    return points if len(points) <= 2 else (*points[:place], *points[place + 1 :])


class CurvesGraph(QWidget):
    """Shows the curves of one effect, and says which text one of them shall have."""

    changed = Signal(str, str)  # channel, text: one step
    dragged = Signal(str, str)  # while the mouse is down
    drag_ended = Signal()

    def __init__(self, look: Look, texts: Mapping[str, str]) -> None:
        super().__init__()
        self.channel = Segments("Curve", list(CHANNELS))
        self.plot = _Plot(look)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(6)
        column.addWidget(self.channel)
        column.addWidget(self.plot, 0, Qt.AlignmentFlag.AlignHCenter)
        self.channel.chosen.connect(self.plot.show_channel)
        self.plot.changed.connect(self.changed)
        self.plot.dragged.connect(self.dragged)
        self.plot.drag_ended.connect(self.drag_ended)
        self.show_texts(texts)

    def show_texts(self, texts: Mapping[str, str]) -> None:
        """Show what the effect has now."""
        self.plot.show_curves({name: points_of(texts.get(name, "")) for name, _ in CHANNELS})


class _Plot(QWidget):
    """The graph itself: input to the right, output upwards."""

    changed = Signal(str, str)
    dragged = Signal(str, str)
    drag_ended = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._curves: dict[str, tuple[Point, ...]] = {name: STRAIGHT for name, _ in CHANNELS}
        self._shown = "master"
        self._chosen: int | None = None
        self._grabbed: tuple[tuple[Point, ...], int] | None = None  # the curve when it was pressed, and the point
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Curve")
        self.setToolTip(
            "Click the curve for a point, drag it, pull it out (or Delete) to remove it.\n"
            "Keys: Tab goes to the next point, arrows move it. Right-click for a straight line again."
        )
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(SIDE_PX, SIDE_PX)

    @property
    def points(self) -> tuple[Point, ...]:
        return self._curves[self._shown]

    def show_channel(self, name: str) -> None:
        self._shown, self._chosen = name, None
        self.update()

    def show_curves(self, curves: dict[str, tuple[Point, ...]]) -> None:
        self._curves = curves
        if self._chosen is not None and self._chosen >= len(self.points):
            self._chosen = None
        self.update()

    # Places

    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(6, 6, -6, -6)

    def place_of(self, point: Point) -> QPointF:
        """Where a point of the curve lies on the widget."""
        area = self._area()
        return QPointF(area.left() + point[0] * area.width(), area.bottom() - point[1] * area.height())

    def _point_at(self, at: QPointF) -> Point:
        area = self._area()
        return (at.x() - area.left()) / area.width(), (area.bottom() - at.y()) / area.height()

    def _under(self, at: QPointF) -> int | None:
        far = [((self.place_of(point) - at).manhattanLength(), place) for place, point in enumerate(self.points)]
        distance, place = min(far)
        return place if distance <= GRAB_PX * 1.5 else None

    # Mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        points, place = self.points, self._under(event.position())
        if place is None:
            points, place = added(points, *self._point_at(event.position()))
            if points != self.points:
                self._drag_to(points)
        self._grabbed, self._chosen = (points, place), place
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is None:
            over = self._under(event.position()) is not None
            self.setCursor(Qt.CursorShape.SizeAllCursor if over else Qt.CursorShape.CrossCursor)
            return
        points, place = self._grabbed
        reach = self._area().adjusted(-AWAY_PX, -AWAY_PX, AWAY_PX, AWAY_PX)
        if not reach.contains(event.position()) and 0 < place < len(points) - 1:
            self._drag_to(without(points, place))
        else:
            self._drag_to(moved(points, place, *self._point_at(event.position())))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._grabbed = None
            self.drag_ended.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu(self._under(QPointF(event.pos()))).popup(event.globalPos())

    def menu(self, place: int | None) -> QMenu:
        """What can be done with the curve, and with a point of it."""
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        away = menu.addAction("Remove this point")
        away.setEnabled(place is not None and len(self.points) > 2)
        away.triggered.connect(partial(self._remove, place or 0))
        straight = menu.addAction("A straight line again")
        straight.setEnabled(self.points != STRAIGHT)
        straight.triggered.connect(self._straighten)
        return menu

    def _remove(self, place: int) -> None:
        self._chosen = None
        self._change_to(without(self.points, place))

    def _straighten(self) -> None:
        self._chosen = None
        self._change_to(STRAIGHT)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
            if plain and self._chosen is not None and Qt.Key(event.key()) in (*_STEPS, *_AWAY):
                event.accept()  # the window's commands have these keys too
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step, place = _STEPS.get(Qt.Key(event.key())), self._chosen
        if place is None or place >= len(self.points):
            super().keyPressEvent(event)
        elif step is not None:
            x, y = self.points[place]
            self._change_to(moved(self.points, place, round(x + step[0], 4), round(y + step[1], 4)))
        elif Qt.Key(event.key()) in _AWAY:
            self._remove(place)
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes through the points first."""
        place = -1 if self._chosen is None else self._chosen
        following = place + 1 if forward else place - 1
        if not 0 <= following < len(self.points):
            self._chosen = None
            return super().focusNextPrevChild(forward)
        self._chosen = following
        self.update()
        return True

    def _drag_to(self, points: tuple[Point, ...]) -> None:
        self._curves[self._shown] = points
        self.dragged.emit(self._shown, text_of(points))
        self.update()

    def _change_to(self, points: tuple[Point, ...]) -> None:
        if points != self.points:
            self._curves[self._shown] = points
            self.changed.emit(self._shown, text_of(points))
            self.update()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, area = self._look.theme, self._area()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.control))
        painter.drawRoundedRect(area.adjusted(-4, -4, 4, 4), 5, 5)
        painter.setPen(QPen(QColor(theme.line), 1))
        for part in (0.25, 0.5, 0.75):
            painter.drawLine(self.place_of((part, 0)), self.place_of((part, 1)))
            painter.drawLine(self.place_of((0, part)), self.place_of((1, part)))
        painter.drawLine(self.place_of((0, 0)), self.place_of((1, 1)))
        painter.setClipRect(area.adjusted(-4, -4, 4, 4))
        for name, points in self._curves.items():
            if name != self._shown and points != STRAIGHT:
                self._draw_curve(painter, points, name, faint=True)
        self._draw_curve(painter, self.points, self._shown, faint=False)
        for place, point in enumerate(self.points):
            chosen = place == self._chosen
            painter.setPen(QPen(QColor(theme.panel), 1.5))
            painter.setBrush(QColor(theme.accent if chosen else theme.text))
            painter.drawEllipse(self.place_of(point), 5 if chosen else 4, 5 if chosen else 4)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(-3.5, -3.5, 3.5, 3.5), 5, 5)

    def _draw_curve(self, painter: QPainter, points: tuple[Point, ...], name: str, *, faint: bool) -> None:
        from ltxdesktop.render.cube import curve_at

        colour = QColor(_INK.get(name, self._look.theme.text))
        colour.setAlpha(110 if faint else 255)
        painter.setPen(QPen(colour, 1.2 if faint else 1.8))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        across = np.linspace(0, 1, 96, dtype=np.float32)
        upwards = np.clip(curve_at(list(points), across), 0, 1)
        path = [self.place_of((float(x), float(y))) for x, y in zip(across, upwards, strict=True)]
        painter.drawPolyline(QPolygonF(path))
