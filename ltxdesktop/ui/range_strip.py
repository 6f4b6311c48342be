"""A clip as a strip of pictures on which a range of frames is selected, with the mouse or the keys.

Layout is in pure functions: which frame lies where, and what is under the mouse.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.protocol.grid import FrameRange
from ltxdesktop.ui.theme import Look

EDGE_PX = 7  # how near the mouse must be to grab an end
PICTURES = 8
Part = Literal["start", "end", "inside", "outside"]


def x_of(frame: int, frames: int, width_px: int) -> int:
    """Where a frame begins on a strip of `frames` frames."""
    return round(frame * width_px / max(1, frames))


def frame_at(x: int, frames: int, width_px: int) -> int:
    """The border between frames (0 to `frames`) that lies nearest to x."""
    return max(0, min(frames, round(x * frames / max(1, width_px))))


def part_at(x: int, selection: FrameRange, frames: int, width_px: int) -> Part:
    start, end = (x_of(frame, frames, width_px) for frame in selection)
    near_start, near_end = abs(x - start), abs(x - end)
    if min(near_start, near_end) <= EDGE_PX:
        return "start" if near_start <= near_end and x < (start + end) / 2 + EDGE_PX else "end"
    return "inside" if start < x < end else "outside"


def dragged(selection: FrameRange, part: Part, by: int, frames: int) -> FrameRange:
    """The selection after its start, its end or all of it moved by so many frames; never empty, never outside."""
    start, end = selection
    match part:
        case "start":
            return FrameRange(max(0, min(start + by, end - 1)), end)
        case "end":
            return FrameRange(start, min(frames, max(end + by, start + 1)))
        case _:
            by = max(-start, min(by, frames - end))
            return FrameRange(start + by, end + by)


class RangeStrip(QWidget):
    """Shows a clip's pictures and the selected range; says `selected` whenever a person changes it."""

    selected = Signal(int, int)  # start and end (exclusive), in frames of the clip
    looked_at = Signal(int)  # the frame under the end that is being moved

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._frames = 0
        self._selection = FrameRange(0, 0)
        self._pictures: list[QImage] = []
        self._part: Part | None = None
        self._grabbed_at = 0
        self._before = self._selection
        self.setFixedHeight(52)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Range to make again")
        self.setToolTip("Drag to select. Arrow keys move the range, with Shift its end, with Ctrl its start.")
        look.changed.connect(self.update)

    def show_clip(self, frames: int, selection: FrameRange, pictures: list[QImage]) -> None:
        self._frames, self._pictures = frames, pictures
        self.show_selection(selection)

    def show_selection(self, selection: FrameRange) -> None:
        self._selection = selection
        self.setAccessibleDescription(f"frames {selection.start} to {selection.end} of {self._frames}")
        self.update()

    @property
    def selection(self) -> FrameRange:
        return self._selection

    def sizeHint(self) -> QSize:
        return QSize(280, 52)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._frames or event.button() != Qt.MouseButton.LeftButton:
            return
        x = round(event.position().x())
        part = part_at(x, self._selection, self._frames, self.width())
        self._grabbed_at = frame_at(x, self._frames, self.width())
        if part == "outside":
            start = min(self._grabbed_at, self._frames - 1)
            self._select(FrameRange(start, start + 1), start)
            part = "end"
        self._part, self._before = part, self._selection

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = round(event.position().x())
        if self._part is None:
            edge = self._frames and part_at(x, self._selection, self._frames, self.width()) in {"start", "end"}
            self.setCursor(Qt.CursorShape.SizeHorCursor if edge else Qt.CursorShape.ArrowCursor)
            return
        by = frame_at(x, self._frames, self.width()) - self._grabbed_at
        changed = dragged(self._before, self._part, by, self._frames)
        self._select(changed, changed.end - 1 if self._part == "end" else changed.start)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._part = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._frames:
            super().keyPressEvent(event)
            return
        part: Part = "inside"
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            part = "end"
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            part = "start"
        changed = dragged(self._selection, part, step, self._frames)
        self._select(changed, changed.end - 1 if part == "end" else changed.start)

    def _select(self, selection: FrameRange, looked_at: int) -> None:
        if selection != self._selection:
            self.show_selection(selection)
            self.selected.emit(*selection)
            self.looked_at.emit(looked_at)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme.control))
        for place, picture in enumerate(self._pictures):
            left = self.width() * place // len(self._pictures)
            right = self.width() * (place + 1) // len(self._pictures)
            _draw_filling(painter, QRect(left, 0, right - left, self.height()), picture)
        start, end = (x_of(frame, self._frames, self.width()) for frame in self._selection)
        veil = QColor(theme.window)
        veil.setAlpha(175)
        painter.fillRect(0, 0, start, self.height(), veil)
        painter.fillRect(end, 0, self.width() - end, self.height(), veil)
        colour = QColor(theme.accent)
        painter.setPen(QPen(colour, 2))
        painter.drawRect(QRectF(start + 1, 1, max(2, end - start - 2), self.height() - 2))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for x in (start, end - 5):
            painter.drawRoundedRect(QRectF(x, self.height() / 2 - 11, 5, 22), 2, 2)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.text), 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))


def _draw_filling(painter: QPainter, box: QRect, picture: QImage) -> None:
    """Draw the middle of a picture so that it fills a box."""
    factor = max(box.width() / picture.width(), box.height() / picture.height())
    width, height = box.width() / factor, box.height() / factor
    part = QRectF((picture.width() - width) / 2, (picture.height() - height) / 2, width, height)
    painter.drawImage(QRectF(box), picture, part)
