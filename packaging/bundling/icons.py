"""The program's icon in every form that the systems want, drawn from `resources/icons/app.svg`."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Final

from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

PNG_SIZES: Final = (16, 22, 24, 32, 48, 64, 128, 256, 512)  # of the freedesktop icon theme
ICO_SIZES: Final = (16, 20, 24, 32, 40, 48, 64, 128, 256)  # Windows at 100 to 250 % scale
ICNS_SIZES: Final = (16, 32, 64, 128, 256, 512, 1024)


def draw(svg: Path, size: int) -> Image.Image:
    """The icon, `size` pixels square, drawn at this size: nothing is scaled down."""
    canvas = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    canvas.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(str(svg))
    if not renderer.isValid():
        raise ValueError(f"{svg} is no SVG that Qt can draw")
    painter = QPainter(canvas)
    renderer.render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    canvas.save(buffer, "PNG")
    return Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGBA")


def write(svg: Path, folder: Path) -> list[Path]:
    """Write PNGs as an icon theme has them, ltxdesktop.ico and ltxdesktop.icns; their paths. Raises ValueError."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for size in PNG_SIZES:
        path = folder / "hicolor" / f"{size}x{size}" / "apps" / "ltxdesktop.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(svg, size).save(path, optimize=True)
        written.append(path)
    scalable = folder / "hicolor" / "scalable" / "apps" / "ltxdesktop.svg"
    scalable.parent.mkdir(parents=True, exist_ok=True)
    scalable.write_bytes(svg.read_bytes())
    ico = folder / "ltxdesktop.ico"
    *smaller, largest = (draw(svg, size) for size in ICO_SIZES)
    largest.save(ico, sizes=[(size, size) for size in ICO_SIZES], append_images=smaller)
    icns = folder / "ltxdesktop.icns"
    *smaller, largest = (draw(svg, size) for size in ICNS_SIZES)
    largest.save(icns, append_images=smaller)
    return [*written, scalable, ico, icns]
