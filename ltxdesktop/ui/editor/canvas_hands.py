"""Hands on the program monitor: the selected clip is moved, scaled and turned in the picture itself.

The frame around it shows while the mouse is over the picture. A drag is one step of the history; Esc throws it away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QEvent, QLineF, QObject, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen

from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip, Document
from ltxdesktop.ui.editor.inspected import Inspected
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.selection import Selection

if TYPE_CHECKING:
    from ltxdesktop.ui.editor.canvas_layout import Handles, Part, Placement, Pulled

DRAG_FROM_PX = 3
KNOB_PX = 4.0
SHADE = QColor(0, 0, 0, 120)
WORDS = {"position.x": "Move in the picture", "scale": "Scale in the picture", "rotation": "Turn in the picture"}


class Grabbed(NamedTuple):
    """What is pulled, as it was when the mouse went down."""

    part: Part
    clip: Clip
    frame: int  # of the clip
    placed: Placement
    start: QPointF


class CanvasHands(QObject):
    """Belongs to the program monitor."""

    def __init__(self, look: Look, monitor: EditMonitor, project: OpenProject, selection: Selection) -> None:
        super().__init__(monitor)
        self._look, self._monitor, self._view, self._project = look, monitor, monitor.view, project
        self._inspected = Inspected(project, selection)
        self._on, self._inside = True, False
        self._grabbed: Grabbed | None = None
        self._pulled: Pulled | None = None
        self._dragging = False
        self._view.setMouseTracking(True)
        self._view.set_overlay(self._paint)
        self._view.installEventFilter(self)
        selection.changed.connect(self._view.redraw)

    def set_on(self, on: bool) -> None:
        """Whether clips can be taken hold of in the picture."""
        self._on = on
        self._view.redraw()

    def set_playhead(self, frame: int) -> None:
        self._inspected.playhead = frame

    # What is there

    def handles(self) -> Handles | None:
        """Of the selected clip, where the playhead is on it and its track can be changed."""
        found = self._found()
        if found is None:
            return None
        from ltxdesktop.ui.editor.canvas_layout import handles_of

        return handles_of(found[2], self._screen())

    def _screen(self) -> QRectF:
        return self._view.picture_rect()

    def _found(self) -> tuple[Clip, int, Placement] | None:
        clip, document = self._inspected.picture, self._project.document
        if not self._on or clip is None or self._monitor.player.playing or self._screen().isEmpty():
            return None
        sequence, frame = document.sequence, self._inspected.frame_in(document, clip.id)
        track = sequence.track_of(clip.id)
        if track is None or track.locked or not clip.enabled or not 0 <= frame < clip.duration:
            return None
        from ltxdesktop.ui.editor.canvas_layout import placement_of  # with the rooms that render

        media = document.media.get(clip.media) if clip.media is not None else None
        return clip, frame, placement_of(clip, frame, media, QSizeF(sequence.width, sequence.height))

    def _part_at(self, at: QPointF) -> Part | None:
        handles = self.handles()
        if handles is None:
            return None
        from ltxdesktop.ui.editor.canvas_layout import part_at

        return part_at(handles, at)

    # Mouse and keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        match event.type():
            case QEvent.Type.Enter | QEvent.Type.Leave:
                self._inside = event.type() == QEvent.Type.Enter
                self._view.redraw()
            case QEvent.Type.MouseButtonPress if isinstance(event, QMouseEvent):
                return event.button() == Qt.MouseButton.LeftButton and self._press(event.position())
            case QEvent.Type.MouseMove if isinstance(event, QMouseEvent):
                return self._move(event)
            case QEvent.Type.MouseButtonRelease if isinstance(event, QMouseEvent):
                return event.button() == Qt.MouseButton.LeftButton and self._release()
            case QEvent.Type.KeyPress | QEvent.Type.ShortcutOverride if isinstance(event, QKeyEvent):
                return event.key() == Qt.Key.Key_Escape and self._cancel(event)
            case _:
                pass
        return False

    def _press(self, at: QPointF) -> bool:
        found, part = self._found(), self._part_at(at)
        if found is None or part is None:
            return False
        self._view.pressed.emit()
        self._view.setFocus()
        self._grabbed, self._dragging = Grabbed(part, *found, at), False
        return True

    def _move(self, event: QMouseEvent) -> bool:
        grabbed = self._grabbed
        if grabbed is None:
            if not event.buttons():
                self._inside = True
                self._show_cursor(event.position())
            return False
        if not self._dragging and (event.position() - grabbed.start).manhattanLength() < DRAG_FROM_PX:
            return True
        from ltxdesktop.ui.editor.canvas_layout import pulled

        self._dragging = True
        keys = event.modifiers()
        self._pulled = pulled(
            grabbed.part, grabbed.clip, grabbed.frame, grabbed.placed, self._screen(), grabbed.start, event.position(),
            straight=bool(keys & Qt.KeyboardModifier.ShiftModifier),
            free=bool(keys & Qt.KeyboardModifier.ControlModifier),
        )  # fmt: skip
        self._preview(grabbed.clip, self._pulled)
        self._view.redraw()
        return True

    def _release(self) -> bool:
        if self._grabbed is None:
            return False
        dragged, self._grabbed, self._pulled, self._dragging = self._dragging, None, None, False
        if dragged:
            self._project.commit()
        self._view.redraw()
        return True

    def _cancel(self, event: QKeyEvent) -> bool:
        if self._grabbed is None:
            return False
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            self._grabbed, self._pulled, self._dragging = None, None, False
            self._project.cancel()
            self._view.redraw()
        return True

    def _preview(self, clip: Clip, pulled: Pulled) -> None:
        if pulled.title is not None:
            title = pulled.title
            self._project.preview("Title in the picture", lambda document: edits.set_content(document, clip.id, title))
            return

        def change(document: Document) -> Document:
            for name, value in pulled.numbers.items():
                document = self._inspected.with_value(document, clip.id, name, value)
            return document

        self._project.preview(WORDS[next(iter(pulled.numbers))], change)

    def _show_cursor(self, at: QPointF) -> None:
        shapes = {"body": Qt.CursorShape.SizeAllCursor, "corner": Qt.CursorShape.SizeFDiagCursor}
        part = self._part_at(at)
        if part is None:
            self._view.unsetCursor()
        else:
            self._view.setCursor(shapes.get(part.value, Qt.CursorShape.PointingHandCursor))

    # Painting

    def _paint(self, painter: QPainter) -> None:
        if not self._inside and self._grabbed is None:
            return
        handles = self.handles()
        if handles is None:
            return
        accent = QColor(self._look.theme.accent)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        stem = QLineF(handles.stem, handles.turn)
        for colour, width in ((SHADE, 3.0), (accent, 1.4)):
            painter.setPen(QPen(colour, width))
            painter.drawPolygon(handles.corners)
            painter.drawLine(stem)
        painter.setPen(QPen(SHADE, 1))
        painter.setBrush(QColor("#f2f4f8"))
        for number in range(4):
            middle = handles.corners.at(number)
            painter.drawRect(QRectF(middle.x() - KNOB_PX, middle.y() - KNOB_PX, 2 * KNOB_PX, 2 * KNOB_PX))
        painter.drawEllipse(handles.turn, KNOB_PX + 0.5, KNOB_PX + 0.5)
        self._paint_guides(painter)

    def _paint_guides(self, painter: QPainter) -> None:
        """The middles of the frame, where the drag has caught."""
        if self._pulled is None:
            return
        screen = self._screen()
        painter.setPen(QPen(QColor(self._look.theme.warn), 1))
        if self._pulled.across:
            painter.drawLine(QLineF(screen.center().x(), screen.top(), screen.center().x(), screen.bottom()))
        if self._pulled.down:
            painter.drawLine(QLineF(screen.left(), screen.center().y(), screen.right(), screen.center().y()))
