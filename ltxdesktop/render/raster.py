"""Stacks of layers painted with QPainter: transforms, crops, opacity, text, and transitions between such layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from ltxdesktop.document.model import Clip, TransitionKind
from ltxdesktop.render.titles import painting
from ltxdesktop.render.values import value

_SEE_THROUGH: Final = QImage.Format.Format_ARGB32_Premultiplied
_PLUS: Final = QPainter.CompositionMode.CompositionMode_Plus


@dataclass(frozen=True)
class Geometry:
    """Where a clip's picture lies at one frame. Lengths are shares of the film's width and height, 0 = the middle."""

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    rotation: float = 0.0  # degrees, clockwise
    anchor_x: float = 0.0  # the point that scale and rotation leave in its place, from the picture's middle
    anchor_y: float = 0.0
    left: float = 0.0  # cropped shares of the picture
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0
    opacity: float = 1.0

    @property
    def is_still(self) -> bool:
        """Is the picture just fitted into the frame?"""
        return self == Geometry(opacity=self.opacity)


def geometry_at(clip: Clip, frame: float) -> Geometry:
    """The geometry of a clip at one of its frames. Crops that leave nothing give opacity 0."""
    crops = [min(max(value(clip, f"crop.{side}", frame), 0.0), 1.0) for side in ("left", "right", "top", "bottom")]
    scale = max(value(clip, "scale", frame), 0.0)
    seen = scale > 0 and crops[0] + crops[1] < 1 and crops[2] + crops[3] < 1
    return Geometry(
        value(clip, "position.x", frame),
        value(clip, "position.y", frame),
        scale,
        value(clip, "rotation", frame),
        value(clip, "anchor.x", frame),
        value(clip, "anchor.y", frame),
        crops[0],
        crops[1],
        crops[2],
        crops[3],
        min(max(value(clip, "opacity", frame), 0.0), 1.0) if seen else 0.0,
    )


def fitted(media: tuple[int, int], frame: tuple[int, int]) -> QRectF:
    """The largest rectangle of the media's shape inside the frame, in its middle. Less than a pixel is stretched."""
    width, height = frame
    if media[0] <= 0 or media[1] <= 0:
        return QRectF(0, 0, width, height)
    factor = min(width / media[0], height / media[1])
    wide, high = media[0] * factor, media[1] * factor
    wide, high = (width if width - wide < 1 else wide), (height if height - high < 1 else high)
    return QRectF((width - wide) / 2, (height - high) / 2, wide, high)


def whole_pixels(rect: QRectF) -> QRect:
    """The rectangle on even pixels, so that it can be filled in 4:2:0 planes; never empty."""
    left, top = round(rect.left() / 2) * 2, round(rect.top() / 2) * 2
    right, bottom = round(rect.right() / 2) * 2, round(rect.bottom() / 2) * 2
    if abs(rect.right() - round(rect.right())) < 1e-6 and round(rect.right()) % 2:
        right = round(rect.right())  # the odd last column of an odd frame
    if abs(rect.bottom() - round(rect.bottom())) < 1e-6 and round(rect.bottom()) % 2:
        bottom = round(rect.bottom())
    return QRect(left, top, max(1, right - left), max(1, bottom - top))


def canvas(width: int, height: int, colour: QColor | None = None) -> QImage:
    """Something to paint on: of one colour and opaque, or empty and see-through."""
    image = QImage(width, height, _SEE_THROUGH if colour is None else QImage.Format.Format_RGB32)
    image.fill(QColor(0, 0, 0, 0) if colour is None else colour)
    return image


def draw_layer(painter: QPainter, image: QImage, place: QRectF, geometry: Geometry, opacity: float = 1.0) -> None:
    """Draw a picture that fills `place` when nothing is moved. `image` may have any number of pixels."""
    opacity *= geometry.opacity
    if opacity <= 0:
        return
    painter.save()
    painter.setOpacity(opacity)
    device = painter.device()
    width, height = device.width(), device.height()
    pivot = QPointF(width * (0.5 + geometry.anchor_x), height * (0.5 + geometry.anchor_y))
    painter.translate(pivot.x() + geometry.x * width, pivot.y() + geometry.y * height)
    painter.rotate(geometry.rotation)
    painter.scale(geometry.scale, geometry.scale)
    painter.translate(-pivot)
    painter.drawImage(_part(place, geometry), image, _part(QRectF(image.rect()), geometry))
    painter.restore()


def _part(rect: QRectF, geometry: Geometry) -> QRectF:
    """What the crop leaves of a rectangle."""
    return rect.adjusted(
        geometry.left * rect.width(),
        geometry.top * rect.height(),
        -geometry.right * rect.width(),
        -geometry.bottom * rect.height(),
    )


def crossed(left: QImage, right: QImage, kind: TransitionKind, progress: float) -> QImage:
    """A transition of two see-through canvases of one size."""
    width, height = left.width(), left.height()
    out = canvas(width, height)
    with painting(out) as painter:
        match kind:
            case TransitionKind.DISSOLVE:
                painter.setOpacity(1 - progress)
                painter.drawImage(0, 0, left)
                painter.setCompositionMode(_PLUS)
                painter.setOpacity(progress)
                painter.drawImage(0, 0, right)
            case TransitionKind.DIP_BLACK | TransitionKind.DIP_WHITE:
                dip = Qt.GlobalColor.white if kind is TransitionKind.DIP_WHITE else Qt.GlobalColor.black
                painter.drawImage(0, 0, left if progress < 0.5 else right)
                painter.setOpacity(1 - abs(2 * progress - 1))
                painter.fillRect(out.rect(), dip)
            case _:
                uncovered = _uncovered(kind, progress, width, height)
                painter.drawImage(0, 0, left)
                painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
                painter.drawImage(uncovered, right, uncovered)
    return out


def _uncovered(kind: TransitionKind, progress: float, width: int, height: int) -> QRect:
    """Where a wipe shows the new picture; its edge lies where that of `blend.wiped` does."""
    across, down = -(-width // 2), -(-height // 2)
    x = min(2 * round((1 - progress if kind is TransitionKind.WIPE_LEFT else progress) * across), width)
    y = min(2 * round((1 - progress if kind is TransitionKind.WIPE_UP else progress) * down), height)
    match kind:
        case TransitionKind.WIPE_LEFT:
            return QRect(x, 0, width - x, height)
        case TransitionKind.WIPE_RIGHT:
            return QRect(0, 0, x, height)
        case TransitionKind.WIPE_UP:
            return QRect(0, y, width, height - y)
        case _:
            return QRect(0, 0, width, y)
