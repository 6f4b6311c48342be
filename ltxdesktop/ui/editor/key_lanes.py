"""Keyframe lanes: the keys of a clip's parameters over its time. They are chosen, dragged and eased, one or many."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from ltxdesktop.document.model import Easing
from ltxdesktop.ui.editor.key_menu import KeyMenu
from ltxdesktop.ui.editor.lane_layout import (
    HEAD_PX,
    KEY_PX,
    LANE_PX,
    NAME_PX,
    Box,
    HandlePlace,
    KeyOf,
    KeyPlace,
    Lane,
    bent,
    beside,
    curve_of,
    frame_at,
    handle_at,
    handles_of,
    lane_at,
    limited,
    nearest,
    places_of,
    x_of,
    y_of,
)
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.key_shapes import draw_key

Keys = frozenset[KeyOf]
NONE: Keys = frozenset()
KEY_HALF_PX = 5.0  # from a key's middle to its corners
HANDLE_HALF_PX = 3.5
DRAG_PX = 4  # a press that moves less is a click
MANY = 10  # frames that Shift and an arrow move keys by
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
OURS = {*ARROWS, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Escape, Qt.Key.Key_Menu, Qt.Key.Key_A}


class KeyLanes(QWidget):
    """Shows lanes, and says what is wanted of their keys. What is chosen here is its own affair."""

    keys_moved = Signal(object, int)  # a set of KeyOf, by so many frames: while dragging
    drag_ended = Signal()
    key_asked = Signal(object, int)  # Number, frame
    easing_asked = Signal(object, object)  # a set of KeyOf, Easing
    remove_asked = Signal(object)  # a set of KeyOf
    place_asked = Signal(object, int)  # Number, frame of its clip
    bent = Signal(object, object)  # KeyOf, its Curve: while a handle is dragged

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._lanes: list[Lane] = []
        self.chosen: Keys = NONE
        self._pressed: QPointF | None = None
        self._grabbed: KeyOf | None = None
        self._moved_by = 0
        self._handle: HandlePlace | None = None
        self._scrubbing: int | None = None  # lane
        self._band: Box | None = None
        self._before_band: Keys = NONE
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Keyframes")
        self.setToolTip(
            "Drag a key to another frame; it catches at the playhead. Drag around several to choose them.\n"
            "Double-click for a new one. Right-click (or the menu key) for how keys go on to the next: by handles\n"
            "you bend the way of a chosen key yourself.\n"
            "Arrows go from key to key, with Alt they move it, with Alt+Shift by ten frames; Delete removes."
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(260, HEAD_PX + LANE_PX * len(self._lanes))

    @property
    def lanes(self) -> list[Lane]:
        return self._lanes

    def show_lanes(self, lanes: list[Lane]) -> None:
        """Other numbers, or the same at another frame. Chosen keys that are gone aren't chosen any more."""
        grows = len(lanes) != len(self._lanes)
        self._lanes = lanes
        if self._grabbed is None:
            there = {KeyOf(lane.number, key.frame) for lane in lanes for key in lane.parameter.keys}
            self.chosen &= there
        if grows:
            self.updateGeometry()
        self.setVisible(bool(lanes))
        self.update()

    @property
    def _lit(self) -> Keys:
        """The chosen keys where they're shown: while dragged, where they would come to."""
        return _moved(self.chosen, self._moved_by) if self._grabbed is not None else self.chosen

    def places(self) -> list[KeyPlace]:
        """Where the keys lie."""
        return places_of(self._lanes, self.width())

    def handles(self) -> list[HandlePlace]:
        """Where the handles of the chosen keys lie, which are bent by hand."""
        return handles_of(self._lanes, self.chosen, self.width())

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = event.position()
        key, lane = nearest(self.places(), at.x(), at.y()), lane_at(at.y(), self._lanes)
        adds = bool(event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))
        self._pressed, self._moved_by = at, 0
        self._handle = handle_at(self.handles(), at.x(), at.y()) if not adds else None
        if self._handle is not None:
            pass  # it lies over keys
        elif key is not None:
            if adds:
                self.chosen ^= {key.key}
            elif key.key not in self.chosen:
                self.chosen = frozenset({key.key})
            self._grabbed = key.key if key.key in self.chosen else None
        elif lane is not None and self._is_on_playhead(lane, at.x()):
            self._scrubbing = lane
        else:
            self._before_band = self.chosen if adds else NONE
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        lane = lane_at(at.y(), self._lanes)
        if lane is not None and nearest(self.places(), at.x(), at.y()) is None and at.x() >= NAME_PX - 4:
            self.key_asked.emit(self._lanes[lane].number, self._frame_at(lane, at.x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._pressed is None:
            self._show_what_is_under(at)
        elif self._handle is not None:
            self._bend(self._handle, at)
        elif self._grabbed is not None:
            self._drag_keys(at.x())
        elif self._scrubbing is not None:
            self._scrub(self._scrubbing, at.x())
        elif self._band is not None or (at - self._pressed).manhattanLength() >= DRAG_PX:
            self._band = Box(self._pressed.x(), self._pressed.y(), at.x(), at.y())
            held = {each.key for each in self.places() if self._band.holds(each.x, each.y)}
            self.chosen = self._before_band | held
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at, band, pressed = event.position(), self._band, self._pressed
        was_grabbed, by = self._grabbed is not None, self._moved_by
        bends, self._handle = self._handle is not None, None
        was_scrubbing, self._scrubbing = self._scrubbing is not None, None
        self._grabbed = self._pressed = self._band = None
        if bends:
            self.drag_ended.emit()
        elif was_grabbed:
            if by:
                self.chosen = _moved(self.chosen, by)
            self.drag_ended.emit()
        elif pressed is not None and band is None and not was_scrubbing and event.button() == Qt.MouseButton.LeftButton:
            self._click(at)
        self.update()

    def _click(self, at: QPointF) -> None:
        """Beside the keys: the playhead goes there, and none is chosen."""
        lane = lane_at(at.y(), self._lanes)
        if nearest(self.places(), at.x(), at.y()) is None:
            self.chosen = self._before_band
            if lane is not None and at.x() >= NAME_PX - 4:
                self._scrub(lane, at.x())

    def _drag_keys(self, x: float) -> None:
        lane = next(
            (n for n, each in enumerate(self._lanes) if self._grabbed and each.number == self._grabbed.number), None
        )
        if lane is not None and self._grabbed is not None:
            by = limited(self._frame_at(lane, x) - self._grabbed.frame, self.chosen, self._lanes)
            self._moved_by = by
            self.keys_moved.emit(self.chosen, by)

    def _bend(self, handle: HandlePlace, at: QPointF) -> None:
        number = next((n for n, lane in enumerate(self._lanes) if lane.number == handle.key.number), None)
        if number is not None:
            lane = self._lanes[number]
            self.bent.emit(handle.key, bent(lane, number, handle, at.x(), at.y(), self.width()))

    def _show_what_is_under(self, at: QPointF) -> None:
        if handle_at(self.handles(), at.x(), at.y()) is not None:
            self.setCursor(Qt.CursorShape.CrossCursor)
            return
        lane = lane_at(at.y(), self._lanes)
        on_key = nearest(self.places(), at.x(), at.y()) is not None
        on_playhead = lane is not None and self._is_on_playhead(lane, at.x())
        shape = Qt.CursorShape.SizeHorCursor if on_key else Qt.CursorShape.ArrowCursor
        self.setCursor(Qt.CursorShape.SplitHCursor if on_playhead and not on_key else shape)

    def _is_on_playhead(self, lane: int, x: float) -> bool:
        shown = self._lanes[lane]
        inside = 0 <= shown.frame < shown.duration
        return inside and abs(x - x_of(shown.frame, shown.duration, self.width())) <= DRAG_PX

    def _frame_at(self, lane: int, x: float) -> int:
        """The frame under x; near the playhead that."""
        shown = self._lanes[lane]
        is_here = abs(x - x_of(shown.frame, shown.duration, self.width())) <= KEY_PX
        here = is_here and 0 <= shown.frame < shown.duration
        return shown.frame if here else frame_at(x, shown.duration, self.width())

    def _scrub(self, lane: int, x: float) -> None:
        if lane < len(self._lanes):
            shown = self._lanes[lane]
            self.place_asked.emit(shown.number, frame_at(x, shown.duration, self.width()))

    # Keys

    def event(self, event: QEvent) -> bool:
        """Its own keys are asked for before the window's commands, while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._is_ours(event):
            event.accept()
            return True
        return super().event(event)

    def _is_ours(self, event: QKeyEvent) -> bool:
        key, held = Qt.Key(event.key()), event.modifiers()
        if key == Qt.Key.Key_A:
            return held == Qt.KeyboardModifier.ControlModifier
        if held & Qt.KeyboardModifier.ControlModifier or key not in OURS:
            return False
        if held & Qt.KeyboardModifier.AltModifier:
            return key in (Qt.Key.Key_Left, Qt.Key.Key_Right)
        return bool(self.chosen) or key in ARROWS or key == Qt.Key.Key_Menu

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if not self._is_ours(event):
            super().keyPressEvent(event)
        elif key in ARROWS and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            many = MANY if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self._nudge(ARROWS[key][0] * many)
        elif key in ARROWS:
            self._go(*ARROWS[key])
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            if self.chosen:
                self.remove_asked.emit(self.chosen)
        elif key == Qt.Key.Key_Menu:
            self._open_menu(self.mapToGlobal(self.rect().center()).toPointF())
        else:
            self.choose_all() if key == Qt.Key.Key_A else self._choose(NONE)

    def choose_all(self) -> None:
        self._choose(frozenset(each.key for each in self.places()))

    def _choose(self, keys: Keys) -> None:
        self.chosen = keys
        self.update()

    def _go(self, by: int, lanes: int) -> None:
        found = beside(self.places(), self.chosen, by=by, lanes=lanes)
        if found is not None:
            self._choose(frozenset({found}))
            self.place_asked.emit(*found)

    def _nudge(self, by: int) -> None:
        by = limited(by, self.chosen, self._lanes)
        if by:
            keys, self.chosen = self.chosen, _moved(self.chosen, by)
            self.keys_moved.emit(keys, by)
            self.drag_ended.emit()

    # Menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = QPointF(event.pos())
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            key = nearest(self.places(), at.x(), at.y())
            if key is None or key.key not in self.chosen:
                self._choose(NONE if key is None else frozenset({key.key}))
            self._open_menu(QPointF(event.globalPos()))

    def _open_menu(self, at: QPointF) -> None:
        easings = {each.easing for each in self.places() if each.key in self.chosen}
        menu = KeyMenu(self._look, len(self.chosen), next(iter(easings)) if len(easings) == 1 else None, self)
        menu.easing_chosen.connect(self._ease)
        menu.remove_chosen.connect(self._remove)
        menu.all_chosen.connect(self.choose_all)
        menu.popup(at.toPoint())

    def _ease(self, easing: Easing) -> None:
        self.easing_asked.emit(self.chosen, easing)

    def _remove(self) -> None:
        self.remove_asked.emit(self.chosen)

    # Painting

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.panel))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, lane in enumerate(self._lanes):
            self._draw_lane(painter, number, lane)
        for place in self.places():
            self._draw_key(painter, place)
        for handle in self.handles():
            self._draw_handle(painter, handle)
        if self._band is not None:
            fill = QColor(theme.accent)
            painter.setPen(QPen(fill, 1))
            fill.setAlpha(40)
            painter.setBrush(fill)
            painter.drawRect(QRectF(QPointF(*self._band[:2]), QPointF(*self._band[2:])))
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _draw_key(self, painter: QPainter, place: KeyPlace) -> None:
        """Chosen ones have the accent's colour."""
        theme = self._look.theme
        here = place.key.frame == self._lanes[place.lane].frame
        is_chosen = place.key in self._lit
        painter.setPen(QPen(QColor(theme.text if is_chosen else theme.panel), 1))
        painter.setBrush(QColor(theme.accent if is_chosen else theme.warn if here else theme.text))
        draw_key(painter, place.easing, QPointF(place.x, place.y), KEY_HALF_PX)

    def _draw_handle(self, painter: QPainter, place: HandlePlace) -> None:
        theme = self._look.theme
        painter.setPen(QPen(QColor(theme.quiet), 1))
        painter.drawLine(QPointF(place.from_x, place.from_y), QPointF(place.x, place.y))
        painter.setPen(QPen(QColor(theme.accent), 1.4))
        painter.setBrush(QColor(theme.panel))
        painter.drawEllipse(QPointF(place.x, place.y), HANDLE_HALF_PX, HANDLE_HALF_PX)

    def _draw_lane(self, painter: QPainter, number: int, lane: Lane) -> None:
        theme, top = self._look.theme, HEAD_PX + number * LANE_PX
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.control))
        painter.drawRoundedRect(QRectF(NAME_PX - 6, top + 1, self.width() - NAME_PX + 6, LANE_PX - 2), 4, 4)
        painter.setPen(QColor(theme.quiet))
        words = painter.fontMetrics().elidedText(lane.words, Qt.TextElideMode.ElideRight, NAME_PX - 12)
        painter.drawText(QRectF(2, top, NAME_PX - 10, LANE_PX), Qt.AlignmentFlag.AlignVCenter, words)
        painter.setPen(QPen(QColor(theme.accent), 1.4))
        points = curve_of(lane.parameter, lane.duration, max(2, int(self.width() - NAME_PX) // 3))
        path = [QPointF(x_of(frame, lane.duration, self.width()), y_of(number, y)) for frame, y in points]
        painter.drawPolyline(QPolygonF(path))
        if 0 <= lane.frame < lane.duration:
            x = x_of(lane.frame, lane.duration, self.width())
            painter.fillRect(QRectF(x - 0.5, top + 2, 1, LANE_PX - 4), QColor(theme.bad))


def _moved(keys: Keys, by: int) -> Keys:
    return frozenset(KeyOf(key.number, key.frame + by) for key in keys)
