"""Keyframe lanes: the keys of a clip's parameters over its time. Drag a key, right-click for how it goes on."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QContextMenuEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from ltxdesktop.document.model import Clip, Easing, ItemId, Parameter
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS
from ltxdesktop.ui.theme import Look

LANE_PX, NAME_PX, KEY_PX = 34, 96, 6
HEAD_PX = 4


class Number(NamedTuple):
    """Which number: of which clip, of which of its effects ("" = its own), its name."""

    clip: ItemId
    effect: str
    name: str


class Lane(NamedTuple):
    """One number with keys. `frame` is where the playhead is, counted from the clip's first frame."""

    number: Number
    words: str
    parameter: Parameter
    duration: int
    frame: int


class KeyPlace(NamedTuple):
    lane: int
    frame: int
    x: float
    y: float


def lanes_of(clip: Clip | None, frame: int) -> list[Lane]:
    """The numbers of a clip and of its effects that have keys, in the tables' order."""
    if clip is None:
        return []
    lanes: list[Lane] = []
    for name, declared in PARAMETERS.items():
        value = clip.values.get(name)
        if value is not None and value.keys:
            lanes.append(Lane(Number(clip.id, "", name), declared.label, value, clip.duration, frame))
    for effect in clip.effects:
        for name, declared in EFFECTS[effect.kind].parameters.items():
            value = effect.values.get(name)
            if value is not None and value.keys:
                words = f"{EFFECTS[effect.kind].label} {declared.label.lower()}"
                lanes.append(Lane(Number(clip.id, effect.id, name), words, value, clip.duration, frame))
    return lanes


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

    key_moved = Signal(object, int, int)  # Number, from frame, to frame: while dragging
    drag_ended = Signal()
    key_asked = Signal(object, int)  # Number, frame
    easing_asked = Signal(object, int, object)  # Number, frame, Easing
    remove_asked = Signal(object, int)
    place_asked = Signal(object, int)  # Number, frame of its clip

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._lanes: list[Lane] = []
        self._grabbed: tuple[int, int] | None = None  # lane, frame of the key
        self._scrubbing: int | None = None  # lane
        self.setMouseTracking(True)
        self.setAccessibleName("Keyframes")
        self.setToolTip(
            "Drag a key to another frame; it catches at the playhead.\n"
            "Double-click for a new one; right-click one for how it goes on to the next."
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(260, HEAD_PX + LANE_PX * len(self._lanes))

    def show_lanes(self, lanes: list[Lane]) -> None:
        """Other numbers, or the same at another frame."""
        grows = len(lanes) != len(self._lanes)
        self._lanes = lanes
        if grows:
            self.updateGeometry()
        self.setVisible(bool(lanes))
        self.update()

    def places(self) -> list[KeyPlace]:
        """Where the keys lie; those that a trim has left outside of the clip aren't shown."""
        places: list[KeyPlace] = []
        for number, lane in enumerate(self._lanes):
            values = lane.parameter.keys
            low = min(key.value for key in values)
            span = max(key.value for key in values) - low
            for key in values:
                if 0 <= key.frame < lane.duration:
                    share = (key.value - low) / span if span else 0.5
                    y = self._y(number, share)
                    places.append(KeyPlace(number, key.frame, x_of(key.frame, lane.duration, self.width()), y))
        return places

    def _lane_at(self, y: float) -> int | None:
        number = int((y - HEAD_PX) // LANE_PX)
        return number if 0 <= number < len(self._lanes) else None

    def _frame_at(self, lane: int, x: float) -> int:
        """The frame under x; near the playhead that."""
        shown = self._lanes[lane]
        is_here = abs(x - x_of(shown.frame, shown.duration, self.width())) <= KEY_PX
        here = is_here and 0 <= shown.frame < shown.duration
        return shown.frame if here else frame_at(x, shown.duration, self.width())

    def _y(self, lane: int, share: float) -> float:
        top = HEAD_PX + lane * LANE_PX + 7
        return top + (LANE_PX - 14) * (1 - share)

    def _key_at(self, at: QPointF) -> KeyPlace | None:
        near = [key for key in self.places() if abs(key.x - at.x()) <= KEY_PX + 2 and abs(key.y - at.y()) <= KEY_PX + 4]
        return min(near, key=lambda key: abs(key.x - at.x()), default=None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        key, lane = self._key_at(event.position()), self._lane_at(event.position().y())
        if key is not None:
            self._grabbed = (key.lane, key.frame)
        elif lane is not None and event.position().x() >= NAME_PX - 4:
            self._scrubbing = lane
            self._scrub(lane, event.position().x())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        lane = self._lane_at(event.position().y())
        if lane is not None and self._key_at(event.position()) is None and event.position().x() >= NAME_PX - 4:
            self.key_asked.emit(self._lanes[lane].number, self._frame_at(lane, event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._grabbed is not None:
            lane, frame = self._grabbed
            if lane < len(self._lanes):
                self.key_moved.emit(self._lanes[lane].number, frame, self._frame_at(lane, x))
        elif self._scrubbing is not None:
            self._scrub(self._scrubbing, x)
        else:
            over = self._key_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.SizeHorCursor if over else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._grabbed = None
            self.drag_ended.emit()
        self._scrubbing = None

    def _scrub(self, lane: int, x: float) -> None:
        if lane < len(self._lanes):
            shown = self._lanes[lane]
            self.place_asked.emit(shown.number, frame_at(x, shown.duration, self.width()))

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
            action.setData((lane.number, key.frame, easing))
        menu.addSeparator()
        remove = menu.addAction("Remove this key")
        remove.setData((lane.number, key.frame, None))
        menu.triggered.connect(self._picked)
        menu.exec(at)

    def _picked(self, action: QAction) -> None:
        number, frame, easing = action.data()
        if easing is None:
            self.remove_asked.emit(number, frame)
        else:
            self.easing_asked.emit(number, frame, easing)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.panel))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, lane in enumerate(self._lanes):
            self._draw_lane(painter, number, lane)
        for key in self.places():
            here = key.frame == self._lanes[key.lane].frame
            painter.setPen(QPen(QColor(theme.panel), 1))
            painter.setBrush(QColor(theme.warn if here else theme.text))
            x, y = key.x, key.y
            corners = [QPointF(x, y - 5), QPointF(x + 5, y), QPointF(x, y + 5), QPointF(x - 5, y)]
            painter.drawPolygon(QPolygonF(corners))

    def _draw_lane(self, painter: QPainter, number: int, lane: Lane) -> None:
        theme, top = self._look.theme, HEAD_PX + number * LANE_PX
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.control))
        painter.drawRoundedRect(QRectF(NAME_PX - 6, top + 1, self.width() - NAME_PX + 6, LANE_PX - 2), 4, 4)
        painter.setPen(QColor(theme.quiet))
        words = painter.fontMetrics().elidedText(lane.words, Qt.TextElideMode.ElideRight, NAME_PX - 12)
        painter.drawText(QRectF(0, top, NAME_PX - 10, LANE_PX), Qt.AlignmentFlag.AlignVCenter, words)
        painter.setPen(QPen(QColor(theme.accent), 1.4))
        points = curve_of(lane.parameter, lane.duration, max(2, int(self.width() - NAME_PX) // 3))
        path = [QPointF(x_of(frame, lane.duration, self.width()), self._y(number, y)) for frame, y in points]
        painter.drawPolyline(QPolygonF(path))
        if 0 <= lane.frame < lane.duration:
            x = x_of(lane.frame, lane.duration, self.width())
            painter.fillRect(QRectF(x - 0.5, top + 2, 1, LANE_PX - 4), QColor(theme.bad))
