"""The picture of all on the timeline that doesn't move by itself, kept between paints and renewed where it changed.

A paint while playing, scrubbing or drawing a band only copies it. A pan shifts it and draws what comes into view; an
edit draws the clips that are other objects than before, or lie elsewhere.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QPainter, QPixmap, QRegion

from ltxdesktop.ui.timeline.boxes import Box
from ltxdesktop.ui.timeline.painting import TimelinePainter
from ltxdesktop.ui.timeline.providers import Presence
from ltxdesktop.ui.timeline.stale import Shown, changed, changed_hover, come_into_view, is_same
from ltxdesktop.ui.timeline.viewport import HEADER_PX

_NEAR_WHOLE = 1e-4  # px: a pan that is a whole number of pixels but for the arithmetic


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
        if before is not None and is_same(before, shown):
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
            return changed(before, now)
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
        return [*come_into_view(now.layout, dx), *changed_hover(before, now)]


def _region(boxes: list[Box]) -> QRegion:
    region = QRegion()
    for box in boxes:
        region += QRectF(box.left, box.top, box.width, box.height).toAlignedRect()
    return region
