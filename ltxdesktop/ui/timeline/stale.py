"""What of the timeline's picture is out of date, as rectangles: by what it showed before and what it's to show now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from ltxdesktop.document.model import Document, Gap, ItemId, Sequence, Track, TrackId
from ltxdesktop.ui.timeline.boxes import Box, ClipBox, Lane, TransitionBox
from ltxdesktop.ui.timeline.layout import BEYOND_PX, Layout, gap_box
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX

_MANY = 40  # clips of a lane, or differently selected ones: drawing the lane, or everything, is simpler then
_PAST_PX = 8  # how far keys, handles and outlines reach past their clip, and more


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the picture depends on."""

    layout: Layout
    document: Document
    selected: frozenset[ItemId]
    gap: ItemId | None
    hovered: ItemId | None


def is_same(before: Shown, now: Shown) -> bool:
    """Whether nothing changed; documents and layouts by identity, for they are large."""
    return (
        before.layout is now.layout
        and before.document is now.document
        and (before.selected, before.gap, before.hovered) == (now.selected, now.gap, now.hovered)
    )


def come_into_view(layout: Layout, dx: int) -> list[Box]:
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


def changed(before: Shown, now: Shown) -> list[Box] | None:
    """The clips that are different, or whole rows; None if it's more than rows. Both are seen through one viewport."""
    old, new = before.layout, now.layout
    if not _same_frame(before.document.sequence, now.document.sequence) or old.crowded != new.crowded:
        return None
    if [(lane.track.id, lane.body) for lane in old.lanes] != [(lane.track.id, lane.body) for lane in new.lanes]:
        return None
    ids = _marked_otherwise(before, now)
    if len(ids) > _MANY:
        return None
    others = _Others(before, now, ids)
    return [box for was, lane in zip(old.lanes, new.lanes, strict=True) for box in others.of_lane(was.track, lane)]


def _marked_otherwise(before: Shown, now: Shown) -> set[ItemId]:
    """Clips and gaps that were selected, hovered or had the selected key, and no longer have; or the other way."""
    ids = set(before.selected ^ now.selected)
    ids.update(each for each in (before.gap, now.gap) if each is not None and before.gap != now.gap)
    ids.update(_hovers(before, now))
    keys = (before.layout.key, now.layout.key)
    ids.update(key.clip for key in keys if key is not None and keys[0] != keys[1])
    return ids


class _InLane(NamedTuple):
    """What is in view of one track."""

    clips: dict[ItemId, ClipBox]
    transitions: dict[tuple[ItemId, bool], TransitionBox]
    has_runs: bool
    has_markers: bool  # on clips


def _by_lane(layout: Layout) -> dict[TrackId, _InLane]:
    found = {lane.track.id: _InLane({}, {}, False, False) for lane in layout.lanes}
    for placed in layout.clips:
        found[placed.track.id].clips[placed.clip.id] = placed
    for each in layout.transitions:
        found[each.track.id].transitions[each.clip.id, each.at_tail] = each
    for run in layout.runs:
        found[run.track.id] = found[run.track.id]._replace(has_runs=True)
    marked = {marker.clip for marker in layout.markers if marker.clip is not None}
    if marked:
        found = {track: each._replace(has_markers=not marked.isdisjoint(each.clips)) for track, each in found.items()}
    return found


class _Others:
    """What of each lane is another than before."""

    def __init__(self, before: Shown, now: Shown, ids: set[ItemId]) -> None:
        self._before, self._now, self._ids = before, now, ids
        self._width = now.layout.viewport.width
        self._was, self._is = _by_lane(before.layout), _by_lane(now.layout)
        self._same_media = before.document.media is now.document.media

    def of_lane(self, was: Track, lane: Lane) -> list[Box]:
        """Boxes of its clips, its whole row, or nothing."""
        before, now = self._was[lane.track.id], self._is[lane.track.id]
        has_marked = any(each in track.index for track in (was, lane.track) for each in self._ids)
        if was is lane.track and self._same_media and not has_marked:
            return []
        row = [Box(0, lane.header.top, self._width, lane.header.height)]
        if not _same_header(was, lane.track) or before.has_runs or now.has_runs:
            return row
        if before.has_markers or now.has_markers:  # their bars may be longer than the clips
            return row
        boxes = [*self._clips(before, now), *_transitions(before, now), *self._gaps(was, lane)]
        return [_in_lanes(_past(box)) for box in boxes] if len(boxes) <= _MANY else row

    def _clips(self, before: _InLane, now: _InLane) -> Iterator[Box]:
        for each in before.clips.keys() | now.clips.keys():
            old, new = before.clips.get(each), now.clips.get(each)
            if old is None or new is None or self._is_another(old, new):
                yield from (placed.seen for placed in (old, new) if placed is not None)

    def _is_another(self, old: ClipBox, new: ClipBox) -> bool:
        if old.clip is not new.clip or old.box != new.box or new.clip.id in self._ids:
            return True
        media = new.clip.media
        return media is not None and self._before.document.media.get(media) is not self._now.document.media.get(media)

    def _gaps(self, was: Track, lane: Lane) -> Iterator[Box]:
        """Gaps that were selected, or are."""
        if self._before.gap != self._now.gap:
            for track, gap in ((was, self._before.gap), (lane.track, self._now.gap)):
                item = track.items[track.index[gap]] if gap is not None and gap in track.index else None
                if isinstance(item, Gap):
                    yield gap_box(lane._replace(track=track), item, self._now.layout.viewport)


def _transitions(before: _InLane, now: _InLane) -> Iterator[Box]:
    for each in before.transitions.keys() | now.transitions.keys():
        old, new = before.transitions.get(each), now.transitions.get(each)
        if old is None or new is None or old.box != new.box or old.transition != new.transition:
            yield from (placed.box for placed in (old, new) if placed is not None)


def _same_header(was: Track, track: Track) -> bool:
    """Whether all but what lies on it is the same."""
    return was is track or replace(was, items=()) == replace(track, items=())


def _past(box: Box) -> Box:
    return Box(box.left - _PAST_PX, box.top, box.width + 2 * _PAST_PX, box.height)


def changed_hover(before: Shown, now: Shown) -> list[Box]:
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
