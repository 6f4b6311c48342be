"""The strip under the timeline: the whole sequence in miniature, and the part in view as a window on it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ltxdesktop.document.model import Sequence
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.boxes import Box, Lane
from ltxdesktop.ui.timeline.inks import Inks, veil
from ltxdesktop.ui.timeline.layout import lay_out_track, shown_order
from ltxdesktop.ui.timeline.view import TimelineView
from ltxdesktop.ui.timeline.viewport import HEADER_PX, Viewport

HEIGHT_PX = 34
GRAB_PX = 6
LEAST_PX = 12  # of the part in view


def whole(sequence: Sequence, width: float, last_frame: float) -> Viewport:
    """A viewport of the strip that holds the whole sequence and whatever the timeline shows past its end."""
    frames = max(1.0, sequence.duration * 1.02, last_frame)
    return Viewport(width, HEIGHT_PX, 0.0, frames / max(1.0, width - HEADER_PX))


def window_box(shown: Viewport, strip: Viewport) -> Box:
    """Where the part in view lies on the strip; never so small that it can't be grabbed."""
    left, right = strip.x_of(shown.first_frame), strip.x_of(shown.last_frame)
    width = max(LEAST_PX, right - left)
    left = min(left, strip.width - width)
    return Box(left, 1, width, HEIGHT_PX - 2)


class Overview(QWidget):
    """Shows where in the film the timeline is. The window is dragged to move, its ends to zoom."""

    def __init__(self, look: Look, view: TimelineView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._view = look, view
        self._inks = Inks(look.theme)
        self._film: QPixmap | None = None
        self._drawn: tuple[Sequence, float] | None = None
        self._part = ""
        self._grabbed_x = 0.0
        self._before = view.viewport
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("Overview of the timeline")
        self.setToolTip("The whole film. Drag the window to move the view, its ends to zoom.")
        look.changed.connect(self._show_theme)
        view.viewport_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(600, HEIGHT_PX)

    def strip(self) -> Viewport:
        return whole(self._view.sequence, float(self.width()), self._view.viewport.last_frame)

    def paintEvent(self, event: QPaintEvent) -> None:
        strip = self.strip()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture(strip))
        inks, box = self._inks, window_box(self._view.viewport, strip)
        painter.fillRect(QRectF(HEADER_PX, 0, box.left - HEADER_PX, HEIGHT_PX), veil(inks.theme.window, 120))
        painter.fillRect(QRectF(box.right, 0, strip.width - box.right, HEIGHT_PX), veil(inks.theme.window, 120))
        x = strip.x_of(self._view.playhead)
        painter.fillRect(QRectF(x, 0, 1, HEIGHT_PX), inks.playhead)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(inks.accent, 1.5))
        painter.drawRoundedRect(QRectF(box.left + 0.75, box.top + 0.75, box.width - 1.5, box.height - 1.5), 4, 4)

    def _picture(self, strip: Viewport) -> QPixmap:
        """The film in miniature, drawn once per state of the document."""
        key = (self._view.sequence, strip.frames_per_px)
        scale = self.devicePixelRatioF()
        size = QSize(round(self.width() * scale), round(HEIGHT_PX * scale))
        same = self._drawn is not None and self._drawn[0] is key[0] and self._drawn[1] == key[1]
        if self._film is None or not same or self._film.size() != size:
            self._film = QPixmap(size)
            self._film.setDevicePixelRatio(scale)
            painter = QPainter(self._film)
            self._draw_film(painter, strip)
            painter.end()
            self._drawn = key
        return self._film

    def _draw_film(self, painter: QPainter, strip: Viewport) -> None:
        painter.fillRect(QRectF(0, 0, strip.width, HEIGHT_PX), QColor(self._inks.header))
        tracks = shown_order(self._view.sequence)
        row = (HEIGHT_PX - 6) / max(1, len(tracks))
        for place, track in enumerate(tracks):
            box = Box(HEADER_PX, 3 + place * row, strip.lanes_px, max(1.0, row - 1))
            wide, runs = lay_out_track(Lane(track, box, box), strip)
            colour = self._inks.of(track).line
            for each in (*(one.seen for one in wide), *(one.box for one in runs)):
                painter.fillRect(QRectF(each.left, each.top, max(1.0, each.width - 0.5), each.height), colour)

    def _show_theme(self) -> None:
        self._inks = Inks(self._look.theme)
        self._film = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._film = None

    def _part_at(self, x: float) -> str:
        box = window_box(self._view.viewport, self.strip())
        if abs(x - box.left) <= GRAB_PX and box.width > 3 * GRAB_PX:
            return "left"
        if abs(x - box.right) <= GRAB_PX and box.width > 3 * GRAB_PX:
            return "right"
        return "inside" if box.left <= x <= box.right else "outside"

    def mousePressEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if event.button() != Qt.MouseButton.LeftButton or x < HEADER_PX:
            return
        self._part = self._part_at(x)
        if self._part == "outside":
            shown, middle = self._view.viewport, self.strip().exact_frame_at(x)
            first = max(0.0, middle - shown.lanes_px * shown.frames_per_px / 2)
            self._show_part(first, shown.frames_per_px)
            self._part = "inside"
        self._grabbed_x, self._before = x, self._view.viewport

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if not event.buttons() & Qt.MouseButton.LeftButton or not self._part:
            part = self._part_at(x)
            is_end = part in ("left", "right")
            self.setCursor(Qt.CursorShape.SizeHorCursor if is_end else Qt.CursorShape.ArrowCursor)
            return
        frames = (x - self._grabbed_x) * self.strip().frames_per_px
        first, last = self._before.first_frame, self._before.last_frame
        match self._part:
            case "left":
                first = max(0.0, min(first + frames, last - 1))
            case "right":
                last = max(first + 1, last + frames)
            case _:
                frames = max(-first, frames)
                first, last = first + frames, last + frames
        self._show_part(first, (last - first) / self._before.lanes_px)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._part = ""

    def _show_part(self, first: float, frames_per_px: float) -> None:
        self._view.show_part(first, frames_per_px)
