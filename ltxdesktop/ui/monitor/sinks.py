"""Which screen a monitor has: raster (painted by the processor), or OpenGL where there is real graphics hardware.

Asking the graphics driver takes a tenth of a second and can go wrong, so it's asked when the window goes, and its
answer counts from the next start. What it's asked to draw then is watched too: a driver that ended the program before
it had drawn anything isn't tried again.
"""

from __future__ import annotations

import logging
from typing import Final, Protocol

from PySide6.QtCore import QRectF, QSettings, qInstallMessageHandler
from PySide6.QtGui import QColor, QGuiApplication, QOffscreenSurface, QOpenGLContext, QPainter
from PySide6.QtWidgets import QWidget

from ltxdesktop.ui.monitor.planes import Shot, image_of

_log = logging.getLogger(__name__)

WANTED: Final = "graphics/wanted"  # what the person has set: "auto", "raster" or "opengl"
RENDERER: Final = "graphics/renderer"  # what the driver called itself last; "" = there is none that would do
BROKEN: Final = "graphics/broken"  # the name of one that failed
TRYING: Final = "graphics/trying"  # there from the moment that OpenGL is begun with until something was drawn

_SOFTWARE: Final = ("llvmpipe", "softpipe", "swrast", "software", "swiftshader", "gdi generic", "basic render", "warp")
_GL_RENDERER: Final = 0x1F01  # of gl.h
_LEAST_VERSION: Final = (3, 0)  # textures of one component, and of any size


class Scene(Protocol):
    """What a sink shows; the monitor's view."""

    @property
    def shot(self) -> Shot: ...
    @property
    def ground(self) -> QColor:
        """The colour around the picture."""
        ...

    def picture_rect(self) -> QRectF:
        """Where the picture lies, in logical pixels."""
        ...

    def paint_over(self, painter: QPainter) -> None:
        """What lies over the picture: words, safe areas."""
        ...


class Sink(Protocol):
    """Puts the picture and what lies over it on a monitor's screen."""

    @property
    def takes_planes(self) -> bool:
        """Whether it's handed planes where there are any, rather than finished RGB."""
        ...

    def refresh(self) -> None:
        """Something to be shown has changed."""
        ...

    def let_go(self) -> None:
        """Nothing is shown any more: the window goes."""
        ...


class RasterSink:
    """Paints on the view itself, in its paintEvent: the view calls `paint`."""

    takes_planes = False

    def __init__(self, scene: Scene, view: QWidget) -> None:
        self._scene, self._view = scene, view

    def refresh(self) -> None:
        self._view.update()

    def let_go(self) -> None:
        """It holds nothing."""

    def paint(self) -> None:
        painter = QPainter(self._view)
        painter.fillRect(self._view.rect(), self._scene.ground)
        paint_image(painter, self._scene)
        self._scene.paint_over(painter)
        painter.end()


def paint_image(painter: QPainter, scene: Scene) -> None:
    """The picture, scaled by the painter."""
    picture = image_of(scene.shot)
    if not picture.isNull():
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(scene.picture_rect(), picture)


class Graphics:
    """Decides once, when it's made, for all monitors of a window; and keeps how that went."""

    def __init__(self, settings: QSettings | None = None) -> None:
        """None: raster."""
        self._settings = settings
        self.opengl = settings is not None and _fits(settings)
        if settings is not None and self.opengl:
            settings.setValue(TRYING, True)
            settings.sync()  # a driver that ends the program doesn't ask before

    def note_drawn(self) -> None:
        """OpenGL has drawn a picture, or the program ends in peace: it may be used at the next start too."""
        if self._settings is not None:
            self._settings.remove(TRYING)

    def note_failed(self, why: str) -> None:
        """OpenGL can't be used: monitors made from now on are painted, unless the person wants it all the same."""
        self.opengl = False
        if self._settings is not None:
            _give_up(self._settings, why)


def _fits(settings: QSettings) -> bool:
    if settings.contains(TRYING):
        _give_up(settings, "it ended the program at its last start")
        return False
    wanted, renderer = str(settings.value(WANTED, "auto")), str(settings.value(RENDERER, ""))
    good = is_hardware(renderer) and renderer != str(settings.value(BROKEN, ""))
    return (wanted == "opengl" or (wanted == "auto" and good)) and has_opengl()


def _give_up(settings: QSettings, why: str) -> None:
    _log.info("monitors are painted without OpenGL: %s", why)
    settings.setValue(BROKEN, settings.value(RENDERER, ""))
    settings.remove(TRYING)


def look_for_hardware(settings: QSettings) -> None:
    """Ask the graphics driver who it is, for the next start. Holds the thread for a tenth of a second."""
    if has_opengl():
        settings.setValue(RENDERER, renderer_name())


def has_opengl() -> bool:
    return QGuiApplication.platformName() not in ("offscreen", "minimal", "vnc", "linuxfb")


def is_hardware(renderer: str) -> bool:
    """Whether a renderer's name is that of a graphics processor, not of a program that stands in for one."""
    return bool(renderer) and not any(word in renderer.lower() for word in _SOFTWARE)


def renderer_name() -> str:
    """What OpenGL calls itself here; "" without one that is new enough."""
    before = qInstallMessageHandler(_swallow)  # a machine without OpenGL is no news: "" says it
    try:
        return _asked_driver()
    finally:
        qInstallMessageHandler(before)


def _asked_driver() -> str:
    context, surface = QOpenGLContext(), QOffscreenSurface()
    surface.create()
    if not surface.isValid() or not context.create() or not context.makeCurrent(surface):
        return ""
    try:
        version = context.format().version()
        return str(context.functions().glGetString(_GL_RENDERER)) if version >= _LEAST_VERSION else ""
    finally:
        context.doneCurrent()


def _swallow(kind: object, where: object, words: object) -> None:
    """Qt's complaints while the driver is asked."""
