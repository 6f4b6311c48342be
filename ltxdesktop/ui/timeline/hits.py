"""What lies under the mouse, found with the very rectangles that are painted. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ltxdesktop.document.model import Clip, Gap, ItemId, MarkerId, Sequence, Track
from ltxdesktop.ui.timeline.boxes import Button, ClipBox, Lane
from ltxdesktop.ui.timeline.layout import (
    EDGE_PX,
    HANDLE_PX,
    MARKER_PX,
    Layout,
    clip_box,
    fill_box,
    gap_box,
    header_buttons,
    parts_of,
)
from ltxdesktop.ui.timeline.lines import is_on, key_at, line_of
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX

RANGE_EDGE_PX = 6
DIVIDER_PX = 4  # how near to a lane's lower end its height is dragged


class Part(Enum):
    """Where on a clip."""

    BODY = "body"
    HEAD = "head"
    TAIL = "tail"
    FADE_IN = "fade in"
    FADE_OUT = "fade out"
    LINE = "line"
    KEY = "key"
    BADGE = "takes"


@dataclass(frozen=True, slots=True)
class OnClip:
    """A clip, and where on it; `frame` is the one under the mouse."""

    clip: Clip
    track: Track
    start: int
    frame: int
    part: Part = Part.BODY
    line: str = ""  # of LINE and KEY: the name of the number
    key: int | None = None  # of KEY: its frame of the clip


@dataclass(frozen=True, slots=True)
class OnTransition:
    """A transition: HEAD and TAIL are its ends, BODY is the rest."""

    clip: ItemId
    track: Track
    at_tail: bool
    frame: int
    part: Part = Part.BODY


@dataclass(frozen=True, slots=True)
class OnGap:
    """A gap between clips; `fill` on the button that offers to fill it, where that is shown."""

    gap: Gap
    track: Track
    start: int
    frame: int
    fill: bool = False


@dataclass(frozen=True, slots=True)
class OnRuler:
    """The ruler with its timecodes."""

    frame: int


@dataclass(frozen=True, slots=True)
class OnMarker:
    """A marker of the sequence, or of a clip."""

    marker: MarkerId
    clip: ItemId | None
    frame: int


@dataclass(frozen=True, slots=True)
class OnRangeEdge:
    """The in point (`at_end` false) or the out point of the selected range."""

    at_end: bool
    frame: int


@dataclass(frozen=True, slots=True)
class OnHeader:
    """A track's header; `button` where one is, `divider` at the lower end that changes the height."""

    track: Track
    button: Button | None = None
    divider: bool = False


@dataclass(frozen=True, slots=True)
class OnNothing:
    """Past a track's end, or below all of them (`track` is None)."""

    track: Track | None
    frame: int


Hit = OnClip | OnTransition | OnGap | OnRuler | OnMarker | OnRangeEdge | OnHeader | OnNothing


def hit(layout: Layout, sequence: Sequence, x: float, y: float) -> Hit:
    """What a press at (x, y) would grab; smaller things go before the larger ones that they lie on."""
    frame = max(0, layout.viewport.frame_at(x))
    if x < HEADER_PX:
        return _in_headers(layout, x, y, frame)
    edge = _range_edge(layout, sequence, x)
    if y < RULER_PX:
        if edge is not None:
            return OnRangeEdge(edge, frame)
        marker = _marker(layout, x, y)
        return marker or OnRuler(frame)
    marker = _marker(layout, x, y)
    if marker is not None:
        return marker
    lane = lane_at(layout, y)
    if lane is None:
        return OnNothing(None, frame)
    return _transition(layout, lane, x, y, frame) or _in_lane(layout, lane, x, y, frame)


def lane_at(layout: Layout, y: float) -> Lane | None:
    return (
        next((lane for lane in layout.lanes if lane.body.top <= y < lane.body.bottom), None) if y >= RULER_PX else None
    )


def _in_headers(layout: Layout, x: float, y: float, frame: int) -> Hit:
    if y < RULER_PX:
        return OnNothing(None, frame)
    for lane in layout.lanes:
        if abs(y - lane.header.bottom) <= DIVIDER_PX:
            return OnHeader(lane.track, divider=True)
        if lane.header.has(x, y):
            pressed = next((each.button for each in header_buttons(lane) if each.box.has(x, y)), None)
            return OnHeader(lane.track, pressed)
    return OnNothing(None, frame)


def _range_edge(layout: Layout, sequence: Sequence, x: float) -> bool | None:
    near: list[tuple[float, bool]] = []
    for border, at_end in ((sequence.in_frame, False), (sequence.out_frame, True)):
        if border is not None:
            distance = x - layout.viewport.x_of(border)
            inward = -distance if at_end else distance  # handles hang inward
            if -2 <= inward <= RANGE_EDGE_PX + 2:
                near.append((abs(distance), at_end))
    return min(near)[1] if near else None


def _marker(layout: Layout, x: float, y: float) -> OnMarker | None:
    for placed in reversed(layout.markers):
        if abs(x - placed.x) <= MARKER_PX / 2 and placed.top <= y <= placed.top + MARKER_PX:
            return OnMarker(placed.marker.id, placed.clip, placed.marker.frame)
    return None


def _transition(layout: Layout, lane: Lane, x: float, y: float, frame: int) -> OnTransition | None:
    for placed in layout.transitions:
        if placed.track.id != lane.track.id or not placed.box.has(x, y):
            continue
        reach = min(EDGE_PX, placed.box.width / 4)
        part = Part.BODY
        if x < placed.box.left + reach:
            part = Part.HEAD
        elif x >= placed.box.right - reach:
            part = Part.TAIL
        return OnTransition(placed.clip.id, placed.track, placed.at_tail, frame, part)
    return None


def _in_lane(layout: Layout, lane: Lane, x: float, y: float, frame: int) -> Hit:
    track = lane.track
    place = track.place_at(frame)
    if place is None:
        return _just_past(layout, lane, x, frame) or OnNothing(track, frame)
    item = track.items[place]
    if isinstance(item, Gap):
        button = fill_box(gap_box(lane, item, layout.viewport))
        return OnGap(item, track, track.starts[place], frame, button is not None and button.has(x, y))
    placed = clip_box(lane, place, layout.viewport)
    on_line = _on_line(layout, placed, frame, x, y)
    if on_line is not None and on_line.part is Part.KEY:
        return on_line
    part = _part(layout, placed, x, y)
    return on_line if on_line is not None and part is Part.BODY else OnClip(item, track, placed.start, frame, part)


def _on_line(layout: Layout, placed: ClipBox, frame: int, x: float, y: float) -> OnClip | None:
    """The line that a clip shows, or a key on it."""
    line = line_of(placed, layout)
    if line is None:
        return None
    found = OnClip(placed.clip, placed.track, placed.start, frame, Part.LINE, line.declared.name)
    key = key_at(line, placed, layout.viewport, x, y)
    if key is not None:
        return replace(found, part=Part.KEY, key=key.frame)
    return found if is_on(line, placed, layout.viewport, x, y) else None


def _just_past(layout: Layout, lane: Lane, x: float, frame: int) -> OnClip | None:
    """The last clip's tail can be grabbed from outside too: nothing else is there."""
    track = lane.track
    if not track.items or x - layout.viewport.x_of(track.duration) > EDGE_PX / 2:
        return None
    last = track.items[-1]
    return OnClip(last, track, track.starts[-2], frame, Part.TAIL) if isinstance(last, Clip) else None


def _part(layout: Layout, placed: ClipBox, x: float, y: float) -> Part:
    parts = parts_of(placed, layout.viewport)
    for part, handle in ((Part.FADE_IN, parts.fade_in), (Part.FADE_OUT, parts.fade_out)):
        if handle is not None and abs(x - handle[0]) <= HANDLE_PX + 1 and abs(y - handle[1]) <= HANDLE_PX + 1:
            return part
    if parts.badge is not None and parts.badge.has(x, y):
        return Part.BADGE
    reach = min(EDGE_PX, placed.box.width / 4)
    if x < placed.box.left + reach:
        return Part.HEAD
    if x >= placed.box.right - reach:
        return Part.TAIL
    return Part.BODY
