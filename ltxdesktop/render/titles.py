"""Text as a picture: Qt shapes the letters, everything is drawn as outlines, so that each size is the same drawing."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QGuiApplication,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QTransform,
)

from ltxdesktop.document.model import Title
from ltxdesktop.render.overlay import Overlay
from ltxdesktop.render.recent import Recent
from ltxdesktop.resources import font_files

_KEPT: Final = 4  # drawn titles: 8 MB each at 1080p

# Letters are shaped at this size and scaled as outlines: hinting and rounding of advances at small sizes would make a
# preview break its lines elsewhere than the export.
_SHAPING_PX: Final = 200.0

_PADDING_EM: Final = 0.35  # of the background around the text
_CORNER_EM: Final = 0.12
_SHADOW_ALPHA: Final = 0.75


class Text(NamedTuple):
    """Shaped lines in pixels of the frame; `box` is what alignment and background go by."""

    path: QPainterPath
    box: QRectF


class Titles:
    """Draws titles and keeps those drawn last. Needs a QGuiApplication; for one thread at a time."""

    def __init__(self) -> None:
        self._drawn: Recent[tuple[Title, int, int], QImage] = Recent(_KEPT)
        self._overlays: Recent[tuple[Title, int, int], Overlay | None] = Recent(_KEPT)

    def image(self, title: Title, width: int, height: int) -> QImage:
        """The title over nothing: premultiplied, the size of the frame."""
        return self._drawn.get_or_make((title, width, height), lambda: draw(title, width, height))

    def overlay(self, title: Title, width: int, height: int) -> Overlay | None:
        """The same for YUV planes; None where nothing is to be seen of it."""
        return self._overlays.get_or_make((title, width, height), lambda: Overlay.of(draw(title, width, height)))


def draw(title: Title, width: int, height: int) -> QImage:
    """Draw a title over nothing."""
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    text = laid_out(title, width, height)
    em = title.size * height
    with painting(image) as painter:
        painter.setPen(Qt.PenStyle.NoPen)
        background = colour_of(title.background)
        if background.alpha():
            padding = _PADDING_EM * em
            painter.setBrush(background)
            painter.drawRoundedRect(
                text.box.adjusted(-padding, -padding / 2, padding, padding / 2), _CORNER_EM * em, _CORNER_EM * em
            )
        if title.shadow > 0:
            _draw_shadow(painter, text.path, title.shadow * height, width, height)
        if title.outline > 0:
            pen = QPen(QBrush(colour_of(title.outline_colour)), 2 * title.outline * height)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.strokePath(text.path, pen)
        painter.fillPath(text.path, colour_of(title.colour))
    return image


def laid_out(title: Title, width: int, height: int) -> Text:
    """The lines of a title around its place. Lines break only where the text does."""
    use_own_fonts()
    font = QFont(title.family)
    font.setPixelSize(int(_SHAPING_PX))
    font.setWeight(QFont.Weight(min(max(title.weight, 1), 1000)))
    font.setItalic(title.italic)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    metrics = QFontMetricsF(font)
    lines = title.text.split("\n")
    widths = [metrics.horizontalAdvance(line) for line in lines]
    step = _SHAPING_PX * title.line_spacing
    wide, high = max(widths), step * (len(lines) - 1) + metrics.ascent() + metrics.descent()
    shaped = QPainterPath()
    share = {"left": 0.0, "right": 1.0}.get(title.align, 0.5)
    for number, (line, line_width) in enumerate(zip(lines, widths, strict=True)):
        shaped.addText(QPointF((wide - line_width) * share, metrics.ascent() + step * number), font, line)
    factor = title.size * height / _SHAPING_PX
    left, top = title.x * width - wide * factor / 2, title.y * height - high * factor / 2
    with_place = _scaled(shaped, factor, left, top)
    with_place.setFillRule(Qt.FillRule.WindingFill)
    return Text(with_place, QRectF(left, top, wide * factor, high * factor))


def colour_of(text: str) -> QColor:
    """ "#rrggbb" or "#rrggbbaa"; anything else is opaque black."""
    digits = text.removeprefix("#")
    try:
        parts = [int(digits[place : place + 2], 16) for place in range(0, len(digits), 2)]
    except ValueError:
        parts = []
    if len(digits) not in (6, 8) or not parts:
        return QColor(0, 0, 0)
    return QColor(*parts)


class painting:  # noqa: N801  # reads as a verb: with painting(image) as painter
    """A painter with smooth edges and scaling over an image, ended with the block."""

    def __init__(self, image: QImage) -> None:
        self._painter = QPainter(image)

    def __enter__(self) -> QPainter:
        hints = QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        self._painter.setRenderHints(hints)
        return self._painter

    def __exit__(self, *exc: object) -> None:
        self._painter.end()


_own_fonts: list[int] = []


def use_own_fonts() -> None:
    """Make the fonts that come with the program known, once per process, if nobody has yet."""
    assert QGuiApplication.instance() is not None, "text needs a QGuiApplication"
    if not _own_fonts and "Inter" not in QFontDatabase.families():
        _own_fonts.extend(QFontDatabase.addApplicationFont(str(file)) for file in font_files())


def _scaled(path: QPainterPath, factor: float, left: float, top: float) -> QPainterPath:
    return QTransform(factor, 0, 0, factor, left, top).map(path)


def _draw_shadow(painter: QPainter, path: QPainterPath, distance: float, width: int, height: int) -> None:
    """Soft and black, below to the right; as soft as it is far."""
    mask = QImage(width, height, QImage.Format.Format_Alpha8)
    mask.fill(0)
    with painting(mask) as shade:
        shade.translate(distance, distance)
        shade.fillPath(path, QColor(0, 0, 0, round(255 * _SHADOW_ALPHA)))
    rows = np.frombuffer(mask.bits(), np.uint8).reshape(height, mask.bytesPerLine())
    radius = max(1, round(distance / 2))
    soft = _blurred(_blurred(rows[:, :width], radius), radius)
    rows[:, :width] = np.rint(soft)
    shadow = mask.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    painter.drawImage(0, 0, shadow)


def _blurred(values: NDArray[np.floating] | NDArray[np.uint8], radius: int) -> NDArray[np.float32]:
    """The mean over a square of 2 radius + 1, nothing beyond the edges."""
    return _blurred_down(_blurred_down(values.astype(np.float32), radius).T, radius).T


def _blurred_down(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The mean over 2 radius + 1 rows."""
    rows, window = values.shape[0], 2 * radius + 1
    sums = np.cumsum(np.pad(values, ((radius + 1, radius), (0, 0))), axis=0, dtype=np.float64)
    return ((sums[window : window + rows] - sums[:rows]) / window).astype(np.float32)
