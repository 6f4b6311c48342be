"""Where a clip lies in the film's picture, its handles on the screen, and what pulling them means. Values, no widgets.

Film pixels are those of the sequence's own size; screen pixels are logical ones of the monitor.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from functools import lru_cache
from math import atan2, degrees, hypot
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QPolygonF, QTransform

from ltxdesktop.document.model import Clip, Media, Title
from ltxdesktop.render.raster import fitted, geometry_at
from ltxdesktop.render.titles import laid_out

REACH_PX = 9.0  # around a handle
TURN_PX = 24.0  # from the upper edge to the handle that turns
SNAP_PX = 6.0
ANGLE_STEP = 15.0  # degrees, with Shift
LEAST_SCALE, MOST_SCALE = 0.01, 100.0
LEAST_LETTERS, MOST_LETTERS = 0.005, 1.0  # share of the frame's height


class Part(Enum):
    """What of a clip's frame is under the mouse."""

    BODY = "body"
    CORNER = "corner"
    TURN = "turn"


class Placement(NamedTuple):
    """A clip's picture in the film: a box where it would lie unmoved, and how it's moved, turned and scaled."""

    box: QRectF  # film pixels
    moved: QTransform  # film pixels to film pixels
    pivot: QPointF  # film pixels, unmoved: what stays when it is turned and scaled
    film: QSizeF


class Handles(NamedTuple):
    """On the screen."""

    corners: QPolygonF  # four, from the upper left clockwise
    turn: QPointF
    pivot: QPointF
    stem: QPointF  # the middle of the upper edge, where the turning handle is fixed


class Pulled(NamedTuple):
    """What a drag makes of a clip: numbers of its transform, or another title. Guides are frames' middles it caught."""

    numbers: dict[str, float]
    title: Title | None = None
    across: bool = False  # caught at the middle of the width
    down: bool = False


def placement_of(clip: Clip, frame: float, media: Media | None, film: QSizeF) -> Placement:
    """Where a clip lies at one of its frames."""
    size, geometry = (round(film.width()), round(film.height())), geometry_at(clip, frame)
    match clip.content:
        case Title() as title:
            box = _box_of(title, *size)
        case None if media is not None:
            box = fitted((media.width, media.height), size)
            box = box.adjusted(
                geometry.left * box.width(), geometry.top * box.height(),
                -geometry.right * box.width(), -geometry.bottom * box.height(),
            )  # fmt: skip
        case _:
            box = QRectF(QPointF(), film)
    pivot = QPointF(film.width() * (0.5 + geometry.anchor_x), film.height() * (0.5 + geometry.anchor_y))
    moved = QTransform()
    moved.translate(pivot.x() + geometry.x * film.width(), pivot.y() + geometry.y * film.height())
    moved.rotate(geometry.rotation)
    moved.scale(geometry.scale, geometry.scale)
    moved.translate(-pivot.x(), -pivot.y())
    return Placement(box, moved, pivot, film)


@lru_cache(maxsize=8)  # asked for with every move of the mouse
def _box_of(title: Title, width: int, height: int) -> QRectF:
    return laid_out(title, width, height).box


def handles_of(placed: Placement, screen: QRectF) -> Handles:
    """`screen`: where the film's picture lies."""
    box, to_screen = placed.box, placed.moved * _on_screen(placed.film, screen)
    corners = QPolygonF(
        [to_screen.map(p) for p in (box.topLeft(), box.topRight(), box.bottomRight(), box.bottomLeft())]
    )
    stem = (corners.at(0) + corners.at(1)) / 2
    middle = (corners.at(0) + corners.at(2)) / 2
    away = stem - middle
    length = hypot(away.x(), away.y()) or 1.0
    return Handles(corners, stem + away / length * TURN_PX, to_screen.map(placed.pivot), stem)


def part_at(handles: Handles, at: QPointF) -> Part | None:
    if _far(handles.turn, at) <= REACH_PX:
        return Part.TURN
    if any(_far(handles.corners.at(number), at) <= REACH_PX for number in range(4)):
        return Part.CORNER
    return Part.BODY if _holds(handles.corners, at) else None


def pulled(
    part: Part, clip: Clip, frame: float, placed: Placement, screen: QRectF, start: QPointF, now: QPointF, *,
    straight: bool = False, free: bool = False,
) -> Pulled:  # fmt: skip
    """What a drag of a handle from `start` to `now` (on the screen) means. `straight`: along one direction, or in steps
    of an angle; `free`: nothing catches."""
    match part:
        case Part.BODY:
            return _moved(clip, frame, placed, screen, _straight(now - start) if straight else now - start, free=free)
        case Part.CORNER:
            return _scaled(clip, frame, placed, screen, start, now, free=free)
        case Part.TURN:
            return _turned(clip, frame, placed, screen, start, now, stepped=straight)


def _moved(clip: Clip, frame: float, placed: Placement, screen: QRectF, by: QPointF, *, free: bool) -> Pulled:
    """Pictures by their position, titles by their own place. Both catch at the middle of the frame."""
    if screen.isEmpty():
        return Pulled({})
    title = clip.content if isinstance(clip.content, Title) else None
    if title is not None:
        inner = QTransform(placed.moved.m11(), placed.moved.m12(), placed.moved.m21(), placed.moved.m22(), 0, 0)
        by = inner.inverted()[0].map(by)
    geometry = geometry_at(clip, frame)
    x0, y0, middle = (title.x, title.y, 0.5) if title is not None else (geometry.x, geometry.y, 0.0)
    x, across = _caught(x0 + by.x() / screen.width(), middle, SNAP_PX / screen.width(), free=free)
    y, down = _caught(y0 + by.y() / screen.height(), middle, SNAP_PX / screen.height(), free=free)
    if title is not None:
        return Pulled({}, replace(title, x=min(2.0, max(-1.0, x)), y=min(2.0, max(-1.0, y))), across, down)
    return Pulled({"position.x": min(10.0, max(-10.0, x)), "position.y": min(10.0, max(-10.0, y))}, None, across, down)


def _scaled(
    clip: Clip, frame: float, placed: Placement, screen: QRectF, start: QPointF, now: QPointF, *, free: bool
) -> Pulled:
    """Pictures around their anchor, titles around their own middle by the size of their letters."""
    title = clip.content if isinstance(clip.content, Title) else None
    fixed = (placed.moved * _on_screen(placed.film, screen)).map(placed.box.center() if title else placed.pivot)
    ratio = _far(fixed, now) / max(1.0, _far(fixed, start))
    if title is not None:
        return Pulled({}, replace(title, size=min(MOST_LETTERS, max(LEAST_LETTERS, title.size * ratio))))
    scale, _ = _caught(geometry_at(clip, frame).scale * ratio, 1.0, 0.02, free=free)
    return Pulled({"scale": min(MOST_SCALE, max(LEAST_SCALE, scale))})


def _turned(
    clip: Clip, frame: float, placed: Placement, screen: QRectF, start: QPointF, now: QPointF, *, stepped: bool
) -> Pulled:
    pivot = handles_of(placed, screen).pivot
    by = degrees(_angle(now - pivot) - _angle(start - pivot))
    turned = geometry_at(clip, frame).rotation + (by + 180) % 360 - 180
    return Pulled({"rotation": round(turned / ANGLE_STEP) * ANGLE_STEP if stepped else turned})


def _on_screen(film: QSizeF, screen: QRectF) -> QTransform:
    """From film pixels to where they are seen."""
    made = QTransform()
    made.translate(screen.left(), screen.top())
    made.scale(screen.width() / max(1.0, film.width()), screen.height() / max(1.0, film.height()))
    return made


def _caught(value: float, at: float, reach: float, *, free: bool) -> tuple[float, bool]:
    return (at, True) if not free and abs(value - at) <= reach else (value, False)


def _straight(by: QPointF) -> QPointF:
    return QPointF(by.x(), 0) if abs(by.x()) >= abs(by.y()) else QPointF(0, by.y())


def _angle(way: QPointF) -> float:
    return atan2(way.y(), way.x())


def _far(one: QPointF, other: QPointF) -> float:
    return hypot(one.x() - other.x(), one.y() - other.y())


def _holds(corners: QPolygonF, at: QPointF) -> bool:
    """Whether a point lies within four corners, on one side of all their edges."""
    sides: list[float] = []
    for number in range(4):
        edge, way = corners.at((number + 1) % 4) - corners.at(number), at - corners.at(number)
        sides.append(edge.x() * way.y() - edge.y() * way.x())
    return all(side >= 0 for side in sides) or all(side <= 0 for side in sides)
