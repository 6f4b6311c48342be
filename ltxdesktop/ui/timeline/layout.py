"""Where everything on the timeline lies: a pure function from a sequence and a viewport to rectangles. No Qt.

Only what is in view is laid out. Clips too narrow to be told apart are merged into runs, so that the cost follows the
width of the window and not the number of clips (10,000 clips fit in about as much time as 100).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ltxdesktop.document.model import (
    Clip,
    Gap,
    ItemId,
    Sequence,
    Track,
    TrackId,
    TrackKind,
)
from ltxdesktop.document.time import nominal_rate, timecode
from ltxdesktop.ui.timeline.boxes import (
    PLAIN_LINES,
    Box,
    Button,
    ButtonBox,
    ClipBox,
    KeyPlace,
    Lane,
    LineNames,
    MarkerBox,
    Run,
    Tick,
    TransitionBox,
)
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX, Viewport

DEFAULT_PX: Mapping[TrackKind, int] = {TrackKind.VIDEO: 66, TrackKind.AUDIO: 54, TrackKind.SUBTITLE: 30}
LOWEST_PX, HIGHEST_PX = 26, 260
LEAST_SHARE = 0.6  # of their usual height, where the timeline is low
LANE_GAP_PX = 2
CROWDED_FROM = 161  # clips; from there on nobody sees the corners and everybody the time
ROOM_BELOW_PX = 28
PARTING_PX = 6  # between picture and sound
NARROW_PX = 4  # narrower clips are merged into runs
TITLE_PX = 17  # the strip with a clip's name
TITLED_FROM_PX = 40  # lower lanes write the name over the body
EDGE_PX = 7  # how near to an edge the mouse trims
HANDLE_PX = 5  # radius of a fade's handle
BUTTON_PX = 20
NAME_LEFT_PX = 7  # of a track's name in its header
TWO_ROWS_PX = 48  # higher headers have a second row
BEYOND_PX = 16  # how far past the view rectangles may reach, so that rounded ends are out of sight
TICK_PX = 96  # least distance of labelled ticks


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything in view."""

    viewport: Viewport
    lanes: tuple[Lane, ...]
    clips: tuple[ClipBox, ...]
    runs: tuple[Run, ...]
    transitions: tuple[TransitionBox, ...]
    ticks: tuple[Tick, ...]
    markers: tuple[MarkerBox, ...]
    selected_range: Box | None
    selected: Collection[ItemId] = ()  # clips; they show the line of their number
    key: KeyPlace | None = None  # the selected key of one of them
    lines: LineNames = PLAIN_LINES
    aimed: Collection[TrackId] = ()  # tracks that inserts and pastes go to
    crowded: bool = False  # too many clips in view for round corners


Heights = Mapping[TrackId, int]  # of tracks whose height is being dragged


def lay_out(
    sequence: Sequence, viewport: Viewport, *, selected: Collection[ItemId] = (), heights: Heights | None = None,
    key: KeyPlace | None = None, lines: LineNames = PLAIN_LINES, aimed: Collection[TrackId] = (),
) -> Layout:  # fmt: skip
    """The whole timeline. `heights` go before the tracks' own."""
    lanes = lay_out_lanes(sequence, viewport, heights)
    clips: list[ClipBox] = []
    runs: list[Run] = []
    transitions: list[TransitionBox] = []
    for lane in lanes:
        wide, merged = lay_out_track(lane, viewport, selected)
        clips += wide
        runs += merged
        transitions += _lay_out_transitions(wide, viewport)
    return Layout(
        viewport,
        lanes,
        tuple(clips),
        tuple(runs),
        tuple(transitions),
        lay_out_ruler(sequence, viewport),
        tuple(_lay_out_markers(sequence, clips, viewport)),
        lay_out_range(sequence.in_frame, sequence.out_frame, viewport),
        selected,
        key,
        lines,
        aimed,
        len(clips) >= CROWDED_FROM,
    )


# ---- lanes -----------------------------------------------------------------------------------------------------------


def shown_order(sequence: Sequence) -> list[Track]:
    """Tracks from top to bottom: text, picture from the highest down to V1, sound from A1 down."""
    video = [track for track in sequence.tracks if track.kind is TrackKind.VIDEO]
    return [
        *(track for track in sequence.tracks if track.kind is TrackKind.SUBTITLE),
        *reversed(video),
        *(track for track in sequence.tracks if track.kind is TrackKind.AUDIO),
    ]


def height_of(track: Track, heights: Heights | None = None, share: float = 1.0) -> int:
    """A track's height in logical pixels: dragged, its own, or `share` of the default of its kind."""
    wanted = (heights or {}).get(track.id) or track.height_px or int(DEFAULT_PX[track.kind] * share)
    return min(HIGHEST_PX, max(LOWEST_PX, wanted))


def lane_share(sequence: Sequence, room_px: float) -> float:
    """How much of their usual height lanes have so that all fit into a low timeline; with too many it scrolls."""
    fixed = sum(_around(track, above) for above, track in _in_order(sequence)) + LANE_GAP_PX
    own = sum(height_of(track) for track in sequence.tracks if track.height_px)
    usual = sum(DEFAULT_PX[track.kind] for track in sequence.tracks if not track.height_px)
    return min(1.0, max(LEAST_SHARE, (room_px - fixed - own) / usual)) if usual else 1.0


def _in_order(sequence: Sequence) -> list[tuple[TrackKind | None, Track]]:
    """The tracks from top to bottom, each with the kind of the one above."""
    order = shown_order(sequence)
    return list(zip([None, *(track.kind for track in order)], order, strict=False))


def _around(track: Track, above: TrackKind | None) -> int:
    """What a lane takes besides its height: the line under it, and what parts sound from picture."""
    parted = track.kind is TrackKind.AUDIO and above not in (None, TrackKind.AUDIO)
    return LANE_GAP_PX + (PARTING_PX if parted else 0)


def _tops(sequence: Sequence, heights: Heights | None, share: float) -> Iterator[tuple[Track, float, int]]:
    top = float(LANE_GAP_PX)
    for above, track in _in_order(sequence):
        height, around = height_of(track, heights, share), _around(track, above)
        yield track, top + around - LANE_GAP_PX, height
        top += height + around


def content_px(sequence: Sequence, viewport: Viewport, heights: Heights | None = None) -> float:
    """The height of all lanes, with a little room under the last where there is any."""
    room = ROOM_BELOW_PX if viewport.lane_share == 1.0 else 0.0
    return max((top + height for _, top, height in _tops(sequence, heights, viewport.lane_share)), default=0.0) + room


def lay_out_lanes(sequence: Sequence, viewport: Viewport, heights: Heights | None = None) -> tuple[Lane, ...]:
    """The lanes in view, from the top down."""
    lanes: list[Lane] = []
    for track, top, height in _tops(sequence, heights, viewport.lane_share):
        y = RULER_PX + top - viewport.scroll_y
        if y + height <= RULER_PX or y >= viewport.height:
            continue
        lanes.append(Lane(track, Box(0, y, HEADER_PX, height), Box(HEADER_PX, y, viewport.lanes_px, height)))
    return tuple(lanes)


def header_buttons(lane: Lane) -> tuple[ButtonBox, ...]:
    """The buttons of a header, from the right end; the name, which is one too, has what is left."""
    kinds = [Button.LOCK, Button.MUTE]
    if lane.track.kind is TrackKind.AUDIO:
        kinds.insert(1, Button.SOLO)
    top = lane.header.top + min(5.0, max(2.0, (lane.header.height - BUTTON_PX) / 2))
    placed = [
        ButtonBox(kind, Box(HEADER_PX - 8 - (place + 1) * (BUTTON_PX + 2), top, BUTTON_PX, BUTTON_PX))
        for place, kind in enumerate(kinds)
    ]
    if lane.header.height >= TWO_ROWS_PX:
        placed.append(ButtonBox(Button.SYNC, placed[0].box._replace(top=lane.header.bottom - BUTTON_PX - 2)))
    if lane.track.kind is not TrackKind.SUBTITLE:
        right = min(each.box.left for each in placed) - 4
        placed.append(ButtonBox(Button.AIM, Box(NAME_LEFT_PX, top, right - NAME_LEFT_PX, BUTTON_PX)))
    return tuple(placed)


# ---- clips -----------------------------------------------------------------------------------------------------------


class _Arrays(NamedTuple):
    """A track's items as arrays, for arithmetic on all of them at once."""

    starts: NDArray[np.float64]  # and the end
    is_clip: NDArray[np.bool_]


_KEPT_TRACKS = 64
_kept: dict[int, tuple[Track, _Arrays]] = {}  # by identity: tracks are immutable; the entry keeps its track alive


def _arrays(track: Track) -> _Arrays:
    found = _kept.get(id(track))
    if found is not None:
        return found[1]
    if len(_kept) >= _KEPT_TRACKS:
        _kept.pop(next(iter(_kept)))
    made = _Arrays(np.array(track.starts, np.float64), np.array([type(item) is Clip for item in track.items], np.bool_))
    _kept[id(track)] = (track, made)
    return made


def lay_out_track(lane: Lane, viewport: Viewport, selected: Collection[ItemId] = ()) -> tuple[list[ClipBox], list[Run]]:
    """The clips in view of one track: those wide enough by themselves, the others merged."""
    track = lane.track
    first = max(0, bisect_right(track.starts, viewport.first_frame) - 1)
    last = min(len(track.items), bisect_right(track.starts, viewport.last_frame))
    if last - first <= viewport.lanes_px / NARROW_PX / 4:  # few: no arithmetic needed
        wide = [place for place in range(first, last) if _is_wide(track, place, viewport)]
        has_narrow = any(
            isinstance(track.items[place], Clip) and not _is_wide(track, place, viewport)
            for place in range(first, last)
        )
    else:
        starts, is_clip = _arrays(track)
        is_wide = np.diff(starts[first : last + 1]) >= NARROW_PX * viewport.frames_per_px
        wide = (np.nonzero(is_wide & is_clip[first:last])[0] + first).tolist()
        has_narrow = bool((~is_wide & is_clip[first:last]).any())
    boxes = list(_wide_boxes(lane, wide, viewport))
    return boxes, _merged(lane, first, last, viewport, selected) if has_narrow else []


def _is_wide(track: Track, place: int, viewport: Viewport) -> bool:
    item = track.items[place]
    return isinstance(item, Clip) and item.duration >= NARROW_PX * viewport.frames_per_px


def clip_box(lane: Lane, place: int, viewport: Viewport) -> ClipBox:
    """The rectangles of the item at `place`, which must be a clip."""
    track = lane.track
    clip = track.items[place]
    assert isinstance(clip, Clip)
    start = track.starts[place]
    left, right = viewport.x_of(start), viewport.x_of(start + clip.duration)
    box = Box(left, lane.body.top, right - left, lane.body.height)
    seen_left, seen_right = max(left, HEADER_PX - BEYOND_PX), min(right, viewport.width + BEYOND_PX)
    return ClipBox(clip, track, start, box, Box(seen_left, box.top, max(0.0, seen_right - seen_left), box.height))


def _wide_boxes(lane: Lane, places: list[int], viewport: Viewport) -> Iterator[ClipBox]:
    """`clip_box` for many, with its arithmetic unrolled: this is most of the time that a layout takes."""
    track, (_, top, _, height) = lane.track, lane.body
    starts, items = track.starts, track.items
    x_of, outermost_left, outermost_right = viewport.x_of, HEADER_PX - BEYOND_PX, viewport.width + BEYOND_PX
    before, right = -1, 0.0
    for place in places:
        clip = items[place]
        assert isinstance(clip, Clip)
        left = right if place == before + 1 and before >= 0 else x_of(starts[place])
        right = x_of(starts[place + 1])
        box = Box(left, top, right - left, height)
        before = place
        if left >= outermost_left and right <= outermost_right:
            yield ClipBox(clip, track, starts[place], box, box)
            continue
        cut_left, cut_right = max(left, outermost_left), min(right, outermost_right)
        yield ClipBox(clip, track, starts[place], box, Box(cut_left, top, max(0.0, cut_right - cut_left), height))


def _merged(lane: Lane, first: int, last: int, viewport: Viewport, selected: Collection[ItemId]) -> list[Run]:
    """Narrow clips of items [first, last) as runs of pixel columns that at least one of them touches."""
    track = lane.track
    starts, is_clip = _arrays(track)
    narrow = (np.diff(starts[first : last + 1]) < NARROW_PX * viewport.frames_per_px) & is_clip[first:last]
    runs = _columns_as_runs(lane, narrow, starts[first : last + 1], viewport, selected=False)
    if selected:
        chosen = np.array([item.id in selected for item in track.items[first:last]], np.bool_)
        runs += _columns_as_runs(lane, narrow & chosen, starts[first : last + 1], viewport, selected=True)
    return runs


def _columns_as_runs(
    lane: Lane, shown: NDArray[np.bool_], starts: NDArray[np.float64], viewport: Viewport, *, selected: bool
) -> list[Run]:
    columns = ceil(viewport.lanes_px) + 1
    left = np.floor((starts[:-1][shown] - viewport.first_frame) / viewport.frames_per_px)
    right = np.ceil((starts[1:][shown] - viewport.first_frame) / viewport.frames_per_px)
    from_column = np.clip(left, 0, columns).astype(np.int64)
    to_column = np.clip(right, 0, columns).astype(np.int64)
    change = np.bincount(from_column, minlength=columns + 1) - np.bincount(to_column, minlength=columns + 1)
    covered = np.concatenate(([0], np.cumsum(change)[:columns] > 0, [0])).astype(np.int8)
    borders = np.nonzero(np.diff(covered))[0].tolist()
    return [
        Run(lane.track, Box(HEADER_PX + begin, lane.body.top, end - begin, lane.body.height), selected)
        for begin, end in zip(borders[::2], borders[1::2], strict=True)
    ]


def gap_box(lane: Lane, gap: Gap, viewport: Viewport) -> Box:
    """Where a gap of that lane's track lies, cut to the view."""
    start = lane.track.starts[lane.track.index[gap.id]]
    left = max(viewport.x_of(start), HEADER_PX - BEYOND_PX)
    right = min(viewport.x_of(start + gap.duration), viewport.width + BEYOND_PX)
    return Box(left, lane.body.top, max(0.0, right - left), lane.body.height)


FILL_PX = (58, 22)  # the button that offers to fill a gap


def fill_box(gap: Box) -> Box | None:
    """Where a gap's "+ fill" button lies, in the middle of what is in view; None where it doesn't fit."""
    width, height = FILL_PX
    if gap.width < width + 8 or gap.height < height:
        return None
    left = max(gap.left, HEADER_PX)
    return Box(left + (gap.right - left - width) / 2, gap.top + (gap.height - height) / 2, width, height)


# ---- parts of a clip -------------------------------------------------------------------------------------------------


class Parts(NamedTuple):
    """The parts of a clip that are drawn and grabbed apart; None = too small to have it."""

    title: Box
    body: Box
    badge: Box | None  # the stack of takes
    fade_in: tuple[float, float] | None  # middle of the handle
    fade_out: tuple[float, float] | None


def parts_of(placed: ClipBox, viewport: Viewport) -> Parts:
    """Where a clip's parts lie. The title stays in view when the clip begins left of it."""
    clip, box, seen = placed.clip, placed.box, placed.seen
    titled = box.height >= TITLED_FROM_PX
    in_view = max(box.left, HEADER_PX)
    width = max(0.0, min(box.right, viewport.width) - in_view)
    title = Box(in_view, box.top, width, TITLE_PX)
    body = Box(seen.left, box.top + TITLE_PX, seen.width, box.height - TITLE_PX) if titled else seen
    badge = None
    if len(clip.takes) > 1 and width > 44:
        badge = Box(in_view + width - 42, box.top + 2, 38, 14)
    if box.width < 44 or box.height < 34:
        return Parts(title, body, badge, None, None)
    y = body.top + HANDLE_PX + 1
    inset = HANDLE_PX + 3
    fade_in = (box.left + max(inset, viewport.px(clip.fade_in)), y)
    fade_out = (box.right - max(inset, viewport.px(clip.fade_out)), y)
    return Parts(title, body, badge, fade_in, fade_out)


def _lay_out_transitions(clips: list[ClipBox], viewport: Viewport) -> Iterator[TransitionBox]:
    for placed in clips:
        clip = placed.clip
        if clip.transition is None and clip.tail is None:
            continue
        end = placed.start + clip.duration
        for transition, cut, at_tail in ((clip.transition, placed.start, False), (clip.tail, end, True)):
            if transition is None:
                continue
            left, right = viewport.x_of(cut - transition.before), viewport.x_of(cut + transition.after)
            box = Box(left, placed.box.top, right - left, placed.box.height)
            yield TransitionBox(clip, placed.track, transition, at_tail, box)


# ---- ruler, markers, range -------------------------------------------------------------------------------------------


def tick_step(rate_nominal: int, frames_per_px: float) -> tuple[int, int]:
    """(frames between labelled ticks, parts between them) for a zoom: round numbers of frames, seconds and minutes."""
    least = TICK_PX * frames_per_px
    frames = [step for step in (1, 2, 5, 10) if step < rate_nominal]
    seconds = [rate_nominal * step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)]
    step = next((step for step in frames + seconds if step >= least), None)
    if step is None:
        step = 7200 * rate_nominal * ceil(least / (7200 * rate_nominal))
    parts = next(parts for parts in (10, 5, 4, 3, 2, 1) if step % parts == 0 and step / parts / frames_per_px >= 8)
    return step, parts


def lay_out_ruler(sequence: Sequence, viewport: Viewport) -> tuple[Tick, ...]:
    """The ruler's ticks; labels are timecodes that count from the sequence's first frame."""
    step, parts = tick_step(nominal_rate(sequence.rate), viewport.frames_per_px)
    small = step // parts
    ticks: list[Tick] = []
    for number in range(max(0, floor(viewport.first_frame / small) - parts), floor(viewport.last_frame / small) + 1):
        frame = number * small
        words = ""
        if number % parts == 0:
            words = timecode(sequence.first_frame + frame, sequence.rate, drop=sequence.drop_frame)
        ticks.append(Tick(viewport.x_of(frame), words))
    return tuple(ticks)


MARKER_PX = 11


def _lay_out_markers(sequence: Sequence, clips: list[ClipBox], viewport: Viewport) -> Iterator[MarkerBox]:
    for marker in sequence.markers:
        x, width = viewport.x_of(marker.frame), viewport.px(marker.duration)
        if HEADER_PX - width - MARKER_PX <= x <= viewport.width + MARKER_PX:
            yield MarkerBox(marker, None, x, width, RULER_PX - MARKER_PX - 1)
    for placed in clips:
        if not placed.clip.markers:
            continue
        for marker in placed.clip.markers:
            if 0 <= marker.frame < placed.clip.duration:
                x = viewport.x_of(placed.start + marker.frame)
                yield MarkerBox(marker, placed.clip.id, x, viewport.px(marker.duration), placed.box.top + TITLE_PX - 3)


def lay_out_range(first: int | None, last: int | None, viewport: Viewport) -> Box | None:
    """The range between in and out, over ruler and lanes; one that lacks an end reaches to the view's."""
    if first is None and last is None:
        return None
    left = HEADER_PX - BEYOND_PX if first is None else viewport.x_of(first)
    right = viewport.width + BEYOND_PX if last is None else viewport.x_of(last)
    return Box(left, 0, max(0.0, right - left), viewport.height)
