"""The screen of an editing monitor: a picture at a zoom, with safe areas and marks over it. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QApplication, QWidget

from ltxdesktop.playback.source import Size
from ltxdesktop.ui.monitor.picture_view import PictureView
from ltxdesktop.ui.monitor.planes import Shot, image_of
from ltxdesktop.ui.monitor.sinks import Graphics, RasterSink, Sink
from ltxdesktop.ui.theme import Look

ACTION_SAFE, TITLE_SAFE = 0.93, 0.90  # shares of width and height (EBU R 95 for 16:9: 3.5 % and 5 % on each side)
FIT = 0.0


def placed(film: QSizeF, screen: QSizeF, zoom: float, offset: QPointF) -> QRectF:
    """Where the picture lies on the screen, in the screen's units. Zoom 0 fits it in; 1 is one to one."""
    if film.isEmpty() or screen.isEmpty():
        return QRectF()
    factor = zoom or min(screen.width() / film.width(), screen.height() / film.height())
    width, height = film.width() * factor, film.height() * factor
    return QRectF((screen.width() - width) / 2 + offset.x(), (screen.height() - height) / 2 + offset.y(), width, height)


def is_pull(pressed: QPointF, event: QMouseEvent) -> bool:
    """Whether the mouse has gone far enough from where it was pressed to mean a drag."""
    way = (event.position() - pressed).manhattanLength()
    return bool(event.buttons() & Qt.MouseButton.LeftButton) and way >= QApplication.startDragDistance()


class MonitorView(PictureView):
    """Shows pictures of a film whose own size it knows, so that a small preview and a full picture lie alike."""

    size_wanted = Signal(object)  # Size in device pixels: how large a picture the screen can use
    pressed = Signal()
    drag_began = Signal()  # the picture is pulled away, where a drag doesn't move it

    def __init__(self, look: Look, graphics: Graphics | None = None, parent: QWidget | None = None) -> None:
        super().__init__(look, parent)
        self.setMinimumSize(160, 90)
        self._shot: Shot = QImage()
        self._raster = RasterSink(self, self)
        self._sink: Sink = self._raster
        if graphics is not None and graphics.opengl:
            from ltxdesktop.ui.monitor.gl_sink import GlSink

            self._sink = GlSink(self, graphics, self)
        look.changed.connect(self._refresh)
        self._film = QSizeF()
        self._zoom = FIT
        self._offset = QPointF()
        self._grabbed: QPointF | None = None
        self._pulled: QPointF | None = None
        self._safe_areas = False
        self._overlay: Callable[[QPainter], None] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def zoom(self) -> float:
        return self._zoom

    @property
    def takes_planes(self) -> bool:
        """Whether it can use planes where there are any."""
        return self._sink.takes_planes

    @property
    def shot(self) -> Shot:
        """What is shown, as it came."""
        return self._shot

    @property
    def picture(self) -> QImage:
        return image_of(self._shot)

    @property
    def ground(self) -> QColor:
        return QColor(self._look.theme.screen)

    def set_film(self, size: Size | None) -> None:
        self._film = QSizeF(*size) if size is not None else QSizeF()
        self._tell_size()
        self._refresh()

    def set_zoom(self, zoom: float) -> None:
        """0 fits the picture in; 1 shows each of its pixels on one of the screen's."""
        self._zoom, self._offset = zoom, QPointF()
        self._tell_size()
        self._refresh()

    @property
    def safe_areas(self) -> bool:
        return self._safe_areas

    def set_safe_areas(self, on: bool) -> None:
        self._safe_areas = on
        self._refresh()

    def set_overlay(self, paint: Callable[[QPainter], None]) -> None:
        """Who paints over the picture, in logical pixels."""
        self._overlay = paint

    def redraw(self) -> None:
        """What is painted over the picture has changed."""
        self._refresh()

    def picture_rect(self) -> QRectF:
        """Where the picture lies, in logical pixels."""
        ratio = self.devicePixelRatioF()
        zoom = self._zoom / ratio if self._zoom else FIT
        return placed(self._film, QSizeF(self.size()), zoom, self._offset)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if isinstance(self._sink, QWidget):
            self._sink.setGeometry(self.rect())
        self._tell_size()

    def _tell_size(self) -> None:
        box = self.picture_rect()
        if not box.isEmpty():
            ratio = self.devicePixelRatioF()
            self.size_wanted.emit(Size(max(2, round(box.width() * ratio)), max(2, round(box.height() * ratio))))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Also by the keyboard: its keys go to this monitor from now on."""
        super().focusInEvent(event)
        self.pressed.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pressed.emit()
        if self._zoom:
            self._grabbed = event.position() - self._offset
        elif event.button() == Qt.MouseButton.LeftButton and self.picture_rect().contains(event.position()):
            self._pulled = event.position()
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pulled is not None and is_pull(self._pulled, event):
            self._pulled = None
            self.drag_began.emit()
        if self._grabbed is not None:
            self._offset = event.position() - self._grabbed
            self._refresh()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = self._pulled = None

    def show_picture(self, picture: Shot, badge: str = "") -> None:
        self._shot, self._badge = picture, badge
        self.setAccessibleDescription(badge or "A picture is shown")
        self._refresh()

    def show_hint(self, title: str, words: str) -> None:
        self._shot = QImage()
        super().show_hint(title, words)
        self._refresh()

    def let_go(self) -> None:
        """Before the window goes."""
        self._shot = QImage()
        self._sink.let_go()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._sink is self._raster:
            self._raster.paint()

    def paint_over(self, painter: QPainter) -> None:
        """For the sink: what lies over the picture, or stands in its place."""
        if isinstance(self._shot, QImage) and self._shot.isNull():
            self._paint_hint(painter)
            return
        if self._safe_areas:
            self._paint_safe_areas(painter, self.picture_rect())
        if self._overlay is not None:
            self._overlay(painter)
        if self._badge:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_badge(painter)

    def _refresh(self) -> None:
        self._sink.refresh()

    def _paint_safe_areas(self, painter: QPainter, box: QRectF) -> None:
        for colour, width in ((QColor(0, 0, 0, 90), 3.0), (QColor(255, 255, 255, 190), 1.0)):
            painter.setPen(QPen(colour, width))
            for share in (ACTION_SAFE, TITLE_SAFE):
                inner = QRectF(0, 0, box.width() * share, box.height() * share)
                inner.moveCenter(box.center())
                painter.drawRect(inner)
