"""The program's icons: our SVG files, drawn in the theme's ink at the screen's own resolution."""

from __future__ import annotations

from functools import cache
from math import ceil

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from ltxdesktop.resources import icon_file

SIZES_PX = (16, 18, 20, 24, 32)


@cache
def _svg(name: str) -> str:
    return icon_file(name).read_text(encoding="utf-8")


def pixmap(name: str, ink: str, size_px: int, scale: float = 1.0) -> QPixmap:
    """One picture of an icon: `size_px` is in logical pixels, `scale` the screen's device pixel ratio."""
    picture = QPixmap(QSize(round(size_px * scale), round(size_px * scale)))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    renderer = QSvgRenderer(QByteArray(_svg(name).replace("INK", ink).encode()))
    renderer.render(painter, QRectF(0, 0, picture.width(), picture.height()))
    painter.end()
    picture.setDevicePixelRatio(scale)
    return picture


def icon(name: str, ink: str, faint: str) -> QIcon:
    """An icon for buttons and menus: `ink` when it can be used, `faint` when not. Colours as "#rrggbb".

    It's drawn for the screens that are there: for all scales, the icons of a window would take 0.1 s of its start.
    """
    made = QIcon()
    scales = sorted({ceil(screen.devicePixelRatio()) for screen in QGuiApplication.screens()})
    for size in SIZES_PX:
        for scale in scales:
            made.addPixmap(pixmap(name, ink, size, scale), QIcon.Mode.Normal)
            made.addPixmap(pixmap(name, faint, size, scale), QIcon.Mode.Disabled)
    return made


def app_icon() -> QIcon:
    made = QIcon()
    for size in (16, 32, 48, 64, 128, 256):
        made.addPixmap(pixmap("app", "", size))
    return made
