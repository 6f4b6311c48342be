"""Mouse and keys on the timeline: finds what is under them in the layout that the surface paints, and runs the tools.

It changes nothing: what it wants it asks for through `EditRequests`, and it learns of edits by `show_document` like
everybody else. While the mouse is down it shows the document as the edit would make it.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from ltxdesktop.document.model import Document, ItemId
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.boxes import Box, Button
from ltxdesktop.ui.timeline.cursors import cursor_for
from ltxdesktop.ui.timeline.drags import (
    DRAG_FROM_PX,
    Asked,
    Chosen,
    Drag,
    Extended,
    HandDrag,
    Keys,
    Outcome,
    Panned,
    Pointer,
    Resized,
    Scene,
    Scrubbed,
    ScrubDrag,
    Zoomed,
)
from ltxdesktop.ui.timeline.editing import EditRequests, Tried
from ltxdesktop.ui.timeline.hits import (
    Hit,
    OnClip,
    OnGap,
    OnHeader,
    OnNothing,
    OnTransition,
    Part,
)
from ltxdesktop.ui.timeline.layout import HIGHEST_PX, LOWEST_PX, content_px
from ltxdesktop.ui.timeline.line_drags import key_of, new_key
from ltxdesktop.ui.timeline.providers import Presence, Thumbnails, Waveforms
from ltxdesktop.ui.timeline.requests import AddKey, Request, SetRange, name_of
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.ui.timeline.surface import TimelineSurface
from ltxdesktop.ui.timeline.tools import BLADE, SELECT, Tool, blade_frame
from ltxdesktop.ui.timeline.trim_edges import TrimEdges, edges_of
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX
from ltxdesktop.ui.timeline.words import tip_for

AUTO_SCROLL_PX = 28  # from the ends of the lanes
AUTO_SCROLL_MS = 33
WHEEL_STEP_PX = 90  # for one notch
ZOOM_STEP = 1.25


class TimelineHands(TimelineSurface):
    """The surface with hands on it. Give it a tool; listen to what it says."""

    scrubbed = Signal(int)  # a person put the playhead there
    previewed = Signal(object)  # the Document as the drag that goes on would make it; None when it's over
    refused = Signal(str)  # why an edit can't be done, for a person
    takes_asked = Signal(str, QPoint)  # clip id; where on the screen its stack was pressed
    clip_opened = Signal(str)  # double-clicked
    extend_asked = Signal(str, bool, int)  # clip id, at its tail, frames to be made there
    fill_asked = Signal(str, int, int)  # gap id, first and last (exclusive) frame of it
    header_pressed = Signal(str, str)  # track id, name of the button
    rename_asked = Signal(str)  # track id
    height_changed = Signal(str, int)  # track id, px; when the mouse went up
    menu_asked = Signal(object, QPoint)  # a Hit, and where on the screen

    def __init__(
        self, look: Look, edits: EditRequests, selection: Selection, *, thumbnails: Thumbnails | None = None,
        waveforms: Waveforms | None = None, presence: Presence | None = None, parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            look, edits.document, selection,
            thumbnails=thumbnails, waveforms=waveforms, presence=presence, parent=parent,
        )  # fmt: skip
        self._edits = edits
        self.tool: Tool = SELECT
        self.snapping = True
        self.offers_fill = False
        self._extended: Extended | None = None
        self._drag: Drag | None = None
        self._pressed_at: QPointF | None = None
        self._dragging = False
        self._previewing = False
        self._tried: Tried | None = None
        self._keys = Keys()
        self._scroller = QTimer(self)
        self._scroller.setInterval(AUTO_SCROLL_MS)
        self._scroller.timeout.connect(self._scroll_along)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    @property
    def is_dragging(self) -> bool:
        return self._drag is not None

    def show_document(self, document: Document) -> None:
        """Show another state of the project. A drag that goes on is thrown away: it began on another document."""
        if self._drag is not None:
            self._end_drag()
        super().show_document(document)

    def set_tool(self, tool: Tool) -> None:
        if self._drag is not None:
            self._end_drag()
        self.tool = tool
        self._look_under_mouse()

    def trim_edges(self) -> TrimEdges | None:
        """The pictures that the trim that goes on brings beside each other; None while nothing is trimmed."""
        return edges_of(self._tried.request, self._tried.document) if self._tried is not None else None

    def scene(self) -> Scene:
        """What tools look at. During a drag the document is the one from before it."""
        sequence = self._edits.document.sequence
        return Scene(sequence, self.placed(), self.selection.clips, self._playhead, self.snapping)

    # ---- mouse ------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._mouse, self._keys = event.position(), keys_of(event.modifiers())
        if event.button() == Qt.MouseButton.MiddleButton:
            self._begin(HandDrag(event.position().x(), event.position().y()), event.position())
            return
        if event.button() != Qt.MouseButton.LeftButton or self._drag is not None:
            return
        pointer = self._pointer()
        if isinstance(pointer.hit, OnHeader) and pointer.hit.button is not None:
            self.header_pressed.emit(pointer.hit.track.id, pointer.hit.button.value)
            return
        if isinstance(pointer.hit, OnClip) and pointer.hit.part is Part.BADGE:
            self.takes_asked.emit(pointer.hit.clip.id, event.globalPosition().toPoint())
            return
        if isinstance(pointer.hit, OnGap) and pointer.hit.fill and self.offers_fill:
            self.fill_asked.emit(pointer.hit.gap.id, pointer.hit.start, pointer.hit.start + pointer.hit.gap.duration)
            return
        pressed = self.tool.press(pointer, self.scene())
        if pressed.now is not None:
            self._show_outcome(pressed.now, primary=_clip_of(pointer.hit))
            if pressed.drag is None:
                self._commit()
        if pressed.drag is not None:
            self._begin(pressed.drag, event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mouse, self._keys = event.position(), keys_of(event.modifiers())
        if self._drag is None:
            self._look_under_mouse()
            return
        assert self._pressed_at is not None
        if not self._dragging and (event.position() - self._pressed_at).manhattanLength() < DRAG_FROM_PX:
            return
        self._dragging = True
        self._continue()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is None or event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton):
            return
        self._mouse, self._keys = event.position(), keys_of(event.modifiers())
        if self._dragging:
            self._continue()
        else:
            outcome = self._drag.click(self._pointer(), self.scene())
            if outcome is not None:
                self._show_outcome(outcome)
        resized, extended = dict(self._heights), self._extended
        self._commit()
        self._end_drag()
        if extended is not None and extended.frames:
            self.extend_asked.emit(extended.clip, extended.at_tail, extended.frames)
        for track, height in resized.items():
            self.height_changed.emit(track, height)
        self._look_under_mouse()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        under = self.hit_at(event.position().x(), event.position().y())
        match under:
            case OnHeader(track=track, button=None | Button.AIM, divider=False):
                if under.button is not None:  # takes the first click back
                    self.header_pressed.emit(track.id, under.button.value)
                self.rename_asked.emit(track.id)
            case OnHeader(track=track, divider=True):
                self.height_changed.emit(track.id, 0)
            case OnClip(clip=clip, start=start) if self.tool.shortcut == "G":
                self._ask(SetRange(start, start + clip.duration))
            case OnGap(gap=gap, start=start) if self.tool.shortcut == "G":
                self._ask(SetRange(start, start + gap.duration))
            case OnClip(part=Part.LINE) if self.tool is SELECT:
                self._ask(new_key(under))
            case OnClip(part=Part.KEY):
                pass
            case OnClip(clip=clip):
                self.clip_opened.emit(clip.id)
            case _:
                self.mousePressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._mouse = QPointF(-1, -1)
        self._hovered, self._blade_at, self._open_gap = None, None, None
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._mouse = event.position()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._drag is not None:
            return
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        place = event.pos() if by_mouse else self._keyboard_place()
        under = self.hit_at(place.x(), place.y())
        if isinstance(under, OnClip) and under.clip.id not in self.selection.clips:
            pressed = SELECT.press(Pointer(place.x(), place.y(), replace(under, part=Part.BODY)), self.scene())
            if isinstance(pressed.now, Chosen):
                self._show_outcome(pressed.now, primary=under.clip.id)
        elif isinstance(under, OnGap):
            self.selection.choose(gap=under.gap.id)
        elif isinstance(under, OnTransition):
            self.selection.choose(transition=(under.clip, under.at_tail))
        self.menu_asked.emit(under, self.mapToGlobal(place))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl zooms to the mouse; otherwise the view moves: sideways over the lanes, up and down over the headers."""
        keys, notches = event.modifiers(), event.angleDelta()
        if keys & Qt.KeyboardModifier.ControlModifier:
            self.zoom(ZOOM_STEP ** (notches.y() / 120), event.position().x())
            event.accept()
            return
        if not event.pixelDelta().isNull() and event.pixelDelta().x():
            dx, dy = float(-event.pixelDelta().x()), float(-event.pixelDelta().y())
        else:
            turned = -(notches.y() or notches.x()) / 120 * WHEEL_STEP_PX
            upright = event.position().x() < HEADER_PX or bool(keys & Qt.KeyboardModifier.AltModifier)
            dx, dy = (0.0, turned / 2) if upright else (turned, 0.0)
        self._pan(dx, dy)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._drag is not None:
            self._end_drag()
            self._look_under_mouse()
            return
        self._show_keys(event)
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        self._show_keys(event)
        super().keyReleaseEvent(event)

    def _show_keys(self, event: QKeyEvent) -> None:
        """A modifier that goes down during a drag changes what the drag means."""
        held = {
            Qt.Key.Key_Shift: Qt.KeyboardModifier.ShiftModifier,
            Qt.Key.Key_Control: Qt.KeyboardModifier.ControlModifier,
            Qt.Key.Key_Alt: Qt.KeyboardModifier.AltModifier,
        }.get(Qt.Key(event.key()))
        if held is None:
            return
        is_down = event.type() == QEvent.Type.KeyPress
        self._keys = keys_of(event.modifiers() | held if is_down else event.modifiers() & ~held)
        if self._drag is not None and self._dragging:
            self._continue()
        elif self._drag is None:
            self._look_under_mouse()

    # ---- a drag -----------------------------------------------------------------------------------------------------

    def _begin(self, drag: Drag, at: QPointF) -> None:
        self._drag, self._pressed_at, self._dragging = drag, at, isinstance(drag, ScrubDrag)
        self._hovered, self._blade_at, self._open_gap = None, None, None

    def _continue(self) -> None:
        assert self._drag is not None
        outcome = self._drag.move(self._pointer(), self.scene())
        if outcome is not None:
            self._show_outcome(outcome)
        if any(self._past_ends()) and not isinstance(outcome, Panned | Resized):
            if not self._scroller.isActive():
                self._scroller.start()
        else:
            self._scroller.stop()

    def _scroll_along(self) -> None:
        """The mouse waits at an end of the lanes during a drag: the view goes on, faster the farther out it is."""
        if self._drag is None:
            self._scroller.stop()
            return
        before = self._viewport
        dx, dy = self._past_ends()
        self._pan(max(-60.0, min(60.0, dx)) * 0.6, 0.0 if isinstance(self._drag, ScrubDrag) else dy * 0.3)
        if self._viewport != before:
            self._continue()

    def _past_ends(self) -> tuple[float, float]:
        """How far the mouse is into the borders of the lanes that scroll along; 0 between them."""
        x, y = self._mouse.x(), self._mouse.y()
        right, bottom = self.width() - AUTO_SCROLL_PX, self.height() - AUTO_SCROLL_PX / 2
        left, top = HEADER_PX + AUTO_SCROLL_PX, RULER_PX + AUTO_SCROLL_PX / 2
        return (min(0.0, x - left) or max(0.0, x - right)), (min(0.0, y - top) or max(0.0, y - bottom))

    def _show_outcome(self, outcome: Outcome, *, primary: ItemId | None = None) -> None:
        self._rubber = None
        match outcome:
            case Asked(request=request, guide=guide, words=words):
                tried = self.preview(request)
                self._guide = guide if tried.request == request else None
                self._bubble, self._bubble_is_bad = tried.why or words, bool(tried.why)
            case Extended():
                self._show_extension(outcome)
            case Chosen(clips=clips, gap=gap, transition=transition, rubber=rubber, key=key):
                self.selection.choose(clips, gap=gap, transition=transition, primary=primary, key=key)
                self._rubber = rubber
            case Scrubbed(frame=frame, guide=guide):
                self._guide = guide
                if frame != self._playhead:
                    self.set_playhead(frame)
                    self.scrubbed.emit(frame)
            case Panned(dx=dx, dy=dy):
                self._pan(dx, dy)
            case Zoomed(factor=factor, x=x):
                self.zoom(factor, x)
            case Resized(track=track, height_px=height):
                self._heights = {track: min(HIGHEST_PX, max(LOWEST_PX, height))}
                self._renew()
        self.update()

    def _show_extension(self, extended: Extended) -> None:
        """The part that is to be made, as a box beside the clip."""
        self._extended, self._guide = extended, extended.guide
        self._bubble, self._bubble_is_bad = extended.words, False
        lane = next((lane for lane in self.placed().lanes if lane.track.id == extended.track), None)
        left, right = (self._viewport.x_of(frame) for frame in (extended.first, extended.first + extended.frames))
        self._ghost = None
        if lane is not None and extended.frames:
            self._ghost = (Box(left, lane.body.top, right - left, lane.body.height), "to be made")

    def preview(self, request: Request) -> Tried:
        """Show the document as an edit would make it."""
        self._tried = tried = self._edits.attempt(request)
        if self._document is not tried.document:
            self._document = tried.document
            self._renew()
            self._previewing = True
            self.previewed.emit(tried.document)
        return tried

    def _commit(self) -> None:
        tried, self._tried = self._tried, None
        if tried is None:
            return
        if tried.refused:
            self._show_before()
            self.refused.emit(tried.why)
            return
        drag, self._drag = self._drag, None  # the history's answer must not throw the drag away before it has ended
        self._edits.commit(name_of(tried.request), tried.document)
        self._drag = drag
        if self._document is not self._edits.document:
            self.show_document(self._edits.document)
        key = key_of(tried.request)
        if key is not None:
            self.selection.choose(self.selection.clips, key=key)

    def _ask(self, request: SetRange | AddKey) -> None:
        """Do something at once that no drag led to."""
        self._show_outcome(Asked(request))
        self._commit()
        self._bubble = ""

    def _end_drag(self) -> None:
        """Leave the drag, and whatever of it wasn't committed."""
        self._scroller.stop()
        self._drag, self._pressed_at, self._dragging, self._tried = None, None, False, None
        self._guide, self._rubber, self._ghost = None, None, None
        self._bubble, self._bubble_is_bad = "", False
        self._heights = {}
        self._extended = None
        self._show_before()
        if self._previewing:
            self._previewing = False
            self.previewed.emit(None)

    def _show_before(self) -> None:
        if self._document is not self._edits.document:
            self._document = self._edits.document
        self._renew()

    def _pan(self, dx: float, dy: float) -> None:
        content = content_px(self.sequence, self._viewport, self._heights)
        self.set_viewport(self._viewport.panned(dx, dy, content_px=content))

    def _pointer(self) -> Pointer:
        x, y = self._mouse.x(), self._mouse.y()
        return Pointer(x, y, self.hit_at(x, y), self._keys)

    def _look_under_mouse(self) -> None:
        """Cursor, handles of the clip under the mouse, and the blade's line."""
        if self._mouse.x() < 0:
            return
        pointer = self._pointer()
        self.setCursor(cursor_for(self.tool.cursor(pointer.hit, pointer.keys), self._look.theme))
        hovered = pointer.hit.clip.id if isinstance(pointer.hit, OnClip) else None
        blade: int | None = None
        if self.tool is BLADE and isinstance(pointer.hit, OnClip | OnGap | OnNothing):
            blade, _ = blade_frame(pointer, self.scene())
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()
        gap = pointer.hit if self.offers_fill and isinstance(pointer.hit, OnGap) else None
        gap = None if gap is not None and gap.track.locked else gap
        if gap != self._open_gap:
            self._open_gap = gap
            self.update()
        if blade != self._blade_at:
            self._blade_at = blade
            self.update()

    def _keyboard_place(self) -> QPoint:
        """Where a menu opens that was asked for by key: at the selected clip, or at the playhead."""
        chosen = self.selection.primary
        placed = next((each for each in self.placed().clips if each.clip.id == chosen), None)
        if placed is not None:
            return QPoint(round(placed.seen.left + 30), round(placed.box.top + placed.box.height / 2))
        return QPoint(round(self._viewport.x_of(self._playhead)), RULER_PX // 2)

    # ---- words ------------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            words = tip_for(self.hit_at(event.pos().x(), event.pos().y()), self._document, self.tool)
            if words and self._drag is None:
                QToolTip.showText(event.globalPos(), words, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)


def keys_of(held: Qt.KeyboardModifier) -> Keys:
    return Keys(
        bool(held & Qt.KeyboardModifier.ShiftModifier),
        bool(held & Qt.KeyboardModifier.ControlModifier),
        bool(held & Qt.KeyboardModifier.AltModifier),
    )


def _clip_of(under: Hit) -> ItemId | None:
    return under.clip.id if isinstance(under, OnClip) else None
