"""The picture of all on the timeline that doesn't move by itself, kept between paints and renewed where it changed.

A paint while playing, scrubbing or drawing a band only copies it. A pan shifts it and draws what comes into view; an
edit draws the lanes whose track is another object than before.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QPainter, QPixmap, QRegion

from ltxdesktop.document.model import Document, ItemId, Sequence
from ltxdesktop.ui.timeline.boxes import Box
from ltxdesktop.ui.timeline.layout import BEYOND_PX, Layout
from ltxdesktop.ui.timeline.painting import TimelinePainter
from ltxdesktop.ui.timeline.providers import Presence
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX

_NEAR_WHOLE = 1e-4  # px: a pan that is a whole number of pixels but for the arithmetic
_MANY = 40  # differently selected clips: drawing everything is simpler then


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the picture depends on."""

    layout: Layout
    document: Document
    selected: frozenset[ItemId]
    gap: ItemId | None
    hovered: ItemId | None


class StillPicture:
    """Keeps the picture. `forget` it when something changed that `Shown` doesn't tell: theme, thumbnails, fonts."""

    def __init__(self, painter: TimelinePainter, presence: Presence) -> None:
        self._painter, self._presence = painter, presence
        self._pixmap: QPixmap | None = None
        self._shown: Shown | None = None

    def forget(self) -> None:
        self._shown = None

    def of(self, shown: Shown) -> QPixmap:
        """The picture of what is shown now."""
        viewport = shown.layout.viewport
        size = QSize(round(viewport.width * viewport.scale), round(viewport.height * viewport.scale))
        before = self._shown
        if self._pixmap is None or self._pixmap.size() != size:
            self._pixmap = QPixmap(size)
            self._pixmap.setDevicePixelRatio(viewport.scale)
            before = None
        if before is not None and _same(before, shown):
            return self._pixmap
        stale = None if before is None else self._stale(self._pixmap, before, shown)
        self._shown = shown
        if stale is None or stale:
            self._draw(self._pixmap, shown, stale)
        return self._pixmap

    def _draw(self, pixmap: QPixmap, shown: Shown, stale: list[Box] | None) -> None:
        painter = QPainter(pixmap)
        if stale is not None:
            painter.setClipRegion(_region(stale))
        self._painter.draw(
            painter,
            shown.layout,
            shown.document,
            shown.selected,
            shown.gap,
            self._presence,
            shown.hovered,
            only=stale,
        )
        painter.end()

    def _stale(self, pixmap: QPixmap, before: Shown, now: Shown) -> list[Box] | None:
        """What has to be drawn again (nothing: an empty list); None = everything. Shifts the picture for a pan."""
        old, new = before.layout.viewport, now.layout.viewport
        if new.scale % 1:  # logical borders fall between the screen's pixels: parts wouldn't join without seams
            return None
        if old == new:
            return _changed_lanes(before, now)
        same_scale = (old.frames_per_px, old.scroll_y, old.width, old.height, old.lane_share) == (
            new.frames_per_px, new.scroll_y, new.width, new.height, new.lane_share
        )  # fmt: skip
        same_rest = before.document is now.document and (before.selected, before.gap, before.layout.key) == (
            now.selected, now.gap, now.layout.key
        )  # fmt: skip
        shift = (old.first_frame - new.first_frame) / new.frames_per_px
        dx = round(shift)
        if not same_scale or not same_rest or abs(shift - dx) > _NEAR_WHOLE or abs(dx) > new.lanes_px / 2:
            return None
        scale = new.scale
        left = round(HEADER_PX * scale)
        pixmap.scroll(round(dx * scale), 0, QRect(left, 0, pixmap.width() - left, pixmap.height()))
        return [*_come_into_view(now.layout, dx), *_changed_hover(before, now)]


def _same(before: Shown, now: Shown) -> bool:
    """Whether nothing changed; documents and layouts by identity, for they are large."""
    return (
        before.layout is now.layout
        and before.document is now.document
        and (before.selected, before.gap, before.hovered) == (now.selected, now.gap, now.hovered)
    )


def _come_into_view(layout: Layout, dx: int) -> list[Box]:
    """What a shift by `dx` px uncovers, and the clips cut by an end of the view before or now: their names move."""
    viewport = layout.viewport
    strip = Box(HEADER_PX, 0, dx + BEYOND_PX, viewport.height)
    if dx < 0:
        strip = Box(viewport.width + dx - BEYOND_PX, 0, BEYOND_PX - dx, viewport.height)
    left_ends, right_ends = sorted((HEADER_PX, HEADER_PX + dx)), sorted((viewport.width, viewport.width + dx))
    (a, b), (c, d) = left_ends, right_ends
    first, last = strip.left, strip.right
    cut: list[Box] = []
    for placed in layout.clips:
        left, _, width, _ = placed.box
        right = left + width
        is_cut = left <= a <= right or left <= b <= right or left <= c <= right or left <= d <= right
        if is_cut or (left < last and first < right):
            cut.append(_in_lanes(placed.seen))
    has_markers = any(marker.clip is None for marker in layout.markers)  # their names may be of any length
    return [strip, *cut, *([Box(HEADER_PX, 0, viewport.lanes_px, RULER_PX)] if has_markers else [])]


def _in_lanes(box: Box) -> Box:
    """What of a box lies neither under the headers nor under the ruler: they aren't drawn again for it."""
    left, top = max(box.left, HEADER_PX), max(box.top, RULER_PX)
    return Box(left, top, max(0.0, box.right - left), max(0.0, box.bottom - top))


def _changed_lanes(before: Shown, now: Shown) -> list[Box] | None:
    """The rows in which something is different; None if it's more than rows."""
    old, new = before.document.sequence, now.document.sequence
    if before.document.media is not now.document.media or not _same_frame(old, new):
        return None
    if [(lane.track.id, lane.body) for lane in before.layout.lanes] != [
        (lane.track.id, lane.body) for lane in now.layout.lanes
    ]:
        return None
    ids = set(before.selected ^ now.selected)
    if len(ids) > _MANY:
        return None
    ids.update(each for each in (before.gap, now.gap) if each is not None and before.gap != now.gap)
    ids.update(_hovers(before, now))
    keys = (before.layout.key, now.layout.key)
    ids.update(key.clip for key in keys if key is not None and keys[0] != keys[1])
    return [
        Box(0, lane.header.top, now.layout.viewport.width, lane.header.height)
        for was, lane in zip(before.layout.lanes, now.layout.lanes, strict=True)
        if was.track is not lane.track or any(each in lane.track.index for each in ids)
    ]


def _changed_hover(before: Shown, now: Shown) -> list[Box]:
    ids = _hovers(before, now)
    return [_in_lanes(placed.seen) for placed in now.layout.clips if placed.clip.id in ids]


def _hovers(before: Shown, now: Shown) -> set[ItemId]:
    if before.hovered == now.hovered:
        return set()
    return {each for each in (before.hovered, now.hovered) if each is not None}


def _same_frame(old: Sequence, new: Sequence) -> bool:
    """Whether ruler, range and headers look the same, lanes aside."""
    if old is new:
        return True
    if any(track.soloed for track in old.tracks) != any(track.soloed for track in new.tracks):
        return False
    return (old.markers, old.in_frame, old.out_frame, old.rate, old.first_frame, old.drop_frame) == (
        new.markers, new.in_frame, new.out_frame, new.rate, new.first_frame, new.drop_frame
    )  # fmt: skip


def _region(boxes: list[Box]) -> QRegion:
    region = QRegion()
    for box in boxes:
        region += QRectF(box.left, box.top, box.width, box.height).toAlignedRect()
    return region
