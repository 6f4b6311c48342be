"""Keyframe lanes: the keys of a clip's parameters over its time. Drag a key, right-click for how it goes on."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QContextMenuEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from ltxdesktop.document.model import Clip, Easing, Parameter
from ltxdesktop.document.parameters import PARAMETERS, Declared
from ltxdesktop.ui.theme import Look

LANE_PX, NAME_PX, KEY_PX = 34, 96, 6
HEAD_PX = 14


class Lane(NamedTuple):
    """One parameter with keys."""

    declared: Declared
    parameter: Parameter


class KeyPlace(NamedTuple):
    lane: int
    frame: int
    x: float
    y: float


def lanes_of(clip: Clip | None) -> list[Lane]:
    """The parameters of a clip that have keys, in the table's order."""
    if clip is None:
        return []
    found = ((declared, clip.values.get(name)) for name, declared in PARAMETERS.items())
    return [Lane(declared, parameter) for declared, parameter in found if parameter is not None and parameter.keys]


def x_of(frame: float, duration: int, width_px: float) -> float:
    return NAME_PX + (width_px - NAME_PX - KEY_PX - 2) * frame / max(1, duration - 1)


def frame_at(x: float, duration: int, width_px: float) -> int:
    share = (x - NAME_PX) / max(1.0, width_px - NAME_PX - KEY_PX - 2)
    return round(min(1.0, max(0.0, share)) * max(0, duration - 1))


def curve_of(parameter: Parameter, duration: int, steps: int) -> list[tuple[float, float]]:
    """Points (frame, height 0..1 between its least and greatest value) of a parameter over a clip."""
    frames = [step * (duration - 1) / max(1, steps - 1) for step in range(steps)]
    values = [parameter.at(frame) for frame in frames]
    values_and_keys = values + [key.value for key in parameter.keys]
    low, high = min(values_and_keys), max(values_and_keys)
    span = high - low
    return [(frame, (value - low) / span if span else 0.5) for frame, value in zip(frames, values, strict=True)]


class KeyLanes(QWidget):
    """Shows lanes, and says what is wanted of their keys."""

    key_moved = Signal(str, int, int)  # parameter, from frame, to frame: while dragging
    drag_ended = Signal()
    easing_asked = Signal(str, int, object)  # parameter, frame, Easing
    remove_asked = Signal(str, int)
    place_asked = Signal(int)  # frame of the clip

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._lanes: list[Lane] = []
        self._duration, self._frame = 1, 0
        self._grabbed: tuple[str, int] | None = None
        self._scrubbing = False
        self.setMouseTracking(True)
        self.setAccessibleName("Keyframes")
        self.setToolTip("Drag a key to another frame; right-click it for how it goes on to the next")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(260, HEAD_PX + LANE_PX * len(self._lanes))

    def show_clip(self, clip: Clip | None, frame: int) -> None:
        """A clip's keys and where the playhead is in it."""
        lanes = lanes_of(clip)
        if len(lanes) != len(self._lanes):
            self.updateGeometry()
        self._lanes, self._frame = lanes, frame
        self._duration = clip.duration if clip is not None else 1
        self.setVisible(bool(lanes))
        self.update()

    def keys(self) -> list[KeyPlace]:
        """Where the keys lie."""
        places: list[KeyPlace] = []
        for number, lane in enumerate(self._lanes):
            values = lane.parameter.keys
            low = min(key.value for key in values)
            span = max(key.value for key in values) - low
            for key in values:
                share = (key.value - low) / span if span else 0.5
                y = self._y(number, share)
                places.append(KeyPlace(number, key.frame, x_of(key.frame, self._duration, self.width()), y))
        return places

    def _y(self, lane: int, share: float) -> float:
        top = HEAD_PX + lane * LANE_PX + 7
        return top + (LANE_PX - 14) * (1 - share)

    def _key_at(self, at: QPointF) -> KeyPlace | None:
        near = [key for key in self.keys() if abs(key.x - at.x()) <= KEY_PX + 2 and abs(key.y - at.y()) <= KEY_PX + 4]
        return min(near, key=lambda key: abs(key.x - at.x()), default=None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        key = self._key_at(event.position())
        if key is not None:
            self._grabbed = (self._lanes[key.lane].declared.name, key.frame)
        elif event.position().x() >= NAME_PX - 4:
            self._scrubbing = True
            self.place_asked.emit(frame_at(event.position().x(), self._duration, self.width()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        frame = frame_at(event.position().x(), self._duration, self.width())
        if self._grabbed is not None:
            self.key_moved.emit(*self._grabbed, frame)
        elif self._scrubbing:
            self.place_asked.emit(frame)
        else:
            over = self._key_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.SizeHorCursor if over else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._grabbed = None
            self.drag_ended.emit()
        self._scrubbing = False

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        key = self._key_at(QPointF(event.pos()))
        if key is not None:
            self._menu(key, event.globalPos())

    def _menu(self, key: KeyPlace, at: QPoint) -> None:
        lane = self._lanes[key.lane]
        menu = QMenu(self)
        now = next(each.easing for each in lane.parameter.keys if each.frame == key.frame)
        for easing in Easing:
            action = menu.addAction(f"{easing.value.capitalize()} to the next key")
            action.setCheckable(True)
            action.setChecked(easing is now)
            action.setData((lane.declared.name, key.frame, easing))
        menu.addSeparator()
        remove = menu.addAction("Remove this key")
        remove.setData((lane.declared.name, key.frame, None))
        menu.triggered.connect(self._picked)
        menu.exec(at)

    def _picked(self, action: QAction) -> None:
        name, frame, easing = action.data()
        if easing is None:
            self.remove_asked.emit(name, frame)
        else:
            self.easing_asked.emit(name, frame, easing)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, lane in enumerate(self._lanes):
            top = HEAD_PX + number * LANE_PX
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.control))
            painter.drawRoundedRect(QRectF(NAME_PX - 6, top + 1, self.width() - NAME_PX + 6, LANE_PX - 2), 4, 4)
            painter.setPen(QColor(theme.quiet))
            box = QRectF(0, top, NAME_PX - 10, LANE_PX)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, lane.declared.label)
            painter.setPen(QPen(QColor(theme.accent), 1.4))
            points = curve_of(lane.parameter, self._duration, max(2, int(self.width() - NAME_PX) // 3))
            path = [QPointF(x_of(frame, self._duration, self.width()), self._y(number, y)) for frame, y in points]
            painter.drawPolyline(QPolygonF(path))
        for key in self.keys():
            here = key.frame == self._frame
            painter.setPen(QPen(QColor(theme.panel), 1))
            painter.setBrush(QColor(theme.warn if here else theme.text))
            x, y = key.x, key.y
            corners = [QPointF(x, y - 5), QPointF(x + 5, y), QPointF(x, y + 5), QPointF(x - 5, y)]
            painter.drawPolygon(QPolygonF(corners))
        if self._lanes and 0 <= self._frame < self._duration:
            x = x_of(self._frame, self._duration, self.width())
            painter.fillRect(QRectF(x - 0.5, 2, 1, self.height() - 3), QColor(theme.bad))
