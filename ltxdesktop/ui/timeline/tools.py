"""The tools of the timeline as small state machines: what a press means, and which drag it begins. No Qt, no edits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from ltxdesktop.document.model import Clip, ItemId, Sequence
from ltxdesktop.ui.timeline.boxes import KeyPlace
from ltxdesktop.ui.timeline.drags import (
    NO_KEYS,
    Asked,
    Chosen,
    ExtendDrag,
    FramesDrag,
    HandDrag,
    HeightDrag,
    Keys,
    MoveDrag,
    Outcome,
    Pointer,
    Pressed,
    RangeDrag,
    RubberDrag,
    Scene,
    Scrubbed,
    ScrubDrag,
    Zoomed,
)
from ltxdesktop.ui.timeline.hits import (
    Hit,
    OnClip,
    OnGap,
    OnHeader,
    OnMarker,
    OnNothing,
    OnRangeEdge,
    OnRuler,
    OnTransition,
    Part,
)
from ltxdesktop.ui.timeline.line_drags import KeyDrag, LineDrag
from ltxdesktop.ui.timeline.partners import with_partners
from ltxdesktop.ui.timeline.requests import (
    Fade,
    MoveMarker,
    Request,
    ResizeTransition,
    Roll,
    Slide,
    Slip,
    Split,
    SplitClip,
    Trim,
)
from ltxdesktop.ui.timeline.snapping import REACH_PX, snap, targets

# ---- tools -----------------------------------------------------------------------------------------------------------


class Cursor(Enum):
    """What the mouse looks like, so that one sees what a press would do."""

    ARROW = "arrow"
    HEAD = "head"
    TAIL = "tail"
    ROLL = "roll"
    RIPPLE = "ripple"
    EXTEND = "extend"
    SLIP = "slip"
    SLIDE = "slide"
    BLADE = "blade"
    RANGE = "range"
    HAND = "hand"
    ZOOM = "zoom"
    FADE = "fade"
    VERTICAL = "vertical"
    POINT = "point"
    REFUSED = "refused"


class Tool(Protocol):
    """One tool of the bar."""

    @property
    def name(self) -> str: ...

    @property
    def icon(self) -> str: ...

    @property
    def shortcut(self) -> str: ...

    @property
    def hint(self) -> str: ...

    def press(self, pointer: Pointer, scene: Scene) -> Pressed: ...

    def cursor(self, hit: Hit, keys: Keys) -> Cursor: ...


@dataclass(frozen=True)
class _Tool:
    name: str
    icon: str
    shortcut: str
    hint: str

    def press(self, pointer: Pointer, scene: Scene) -> Pressed:
        """The same for all tools around the clips; on the lanes each its own."""
        viewport = scene.layout.viewport
        match pointer.hit:
            case OnRuler():
                if pointer.keys.alt:
                    return Pressed(None, RangeDrag(max(0, viewport.border_at(pointer.x))))
                drag = ScrubDrag()
                return Pressed(drag.move(pointer, scene), drag)
            case OnRangeEdge(at_end=at_end):
                other = scene.sequence.in_frame if at_end else scene.sequence.out_frame
                return Pressed(None, RangeDrag(_other_end(other, scene.sequence, at_end=at_end)))
            case OnMarker(marker=marker, clip=clip):
                start = 0 if clip is None else scene.sequence.start_of(clip) or 0
                place = _marker_frame(scene.sequence, marker, clip) + start

                def moved(frames: int, _keys: Keys) -> Request:
                    return MoveMarker(marker, clip, frames)

                return Pressed(None, _MarkerDrag(viewport.exact_frame_at(pointer.x), moved, (place,), at=place))
            case OnHeader(track=track, divider=True):
                lane = next(lane for lane in scene.layout.lanes if lane.track.id == track.id)
                return Pressed(None, HeightDrag(track.id, lane.header.top))
            case OnHeader():
                return Pressed()
            case OnClip() | OnTransition() | OnGap() | OnNothing() as over:
                return self.press_lane(pointer, over, scene)

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        return _pressed_select(pointer, over, scene)

    def cursor(self, hit: Hit, keys: Keys) -> Cursor:
        match hit:
            case OnRangeEdge(at_end=at_end):
                return Cursor.TAIL if at_end else Cursor.HEAD
            case OnHeader(divider=True):
                return Cursor.VERTICAL
            case OnMarker() | OnHeader(button=_) | OnRuler():
                return Cursor.ARROW
            case _:
                return self.lane_cursor(hit, keys)

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        return _edge_cursor(hit, keys)


LaneHit = OnClip | OnTransition | OnGap | OnNothing


@dataclass
class _MarkerDrag(FramesDrag):
    """A marker; a click goes to it."""

    at: int = 0

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return Scrubbed(self.at)


class SelectTool(_Tool):
    """Selects, moves, trims, fades."""


class BladeTool(_Tool):
    """Cuts what it is pressed on; with Shift everything under that frame."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        frame, guide = blade_frame(pointer, scene)
        if pointer.keys.shift:
            return Pressed(Asked(Split(frame), guide))
        if isinstance(over, OnClip):
            return Pressed(Asked(SplitClip(over.clip.id, frame, alone=pointer.keys.alt), guide))
        return _pressed_select(pointer, over, scene)

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        if isinstance(hit, OnClip):
            return Cursor.REFUSED if hit.track.locked else Cursor.BLADE
        return Cursor.BLADE if keys.shift else Cursor.ARROW


class RippleTool(_Tool):
    """Trims and lets everything behind it follow."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        if isinstance(over, OnClip):
            return Pressed(None, _trim_drag(pointer, over, scene, nearest=True, ripple=True))
        return _pressed_select(pointer, over, scene)

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        return Cursor.RIPPLE if isinstance(hit, OnClip) else Cursor.ARROW


class RollTool(_Tool):
    """Moves the cut between two clips."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        if not isinstance(over, OnClip):
            return _pressed_select(pointer, over, scene)
        at_tail = _nearer_tail(over)
        pair = _pair(over, at_tail=at_tail)
        if pair is None:  # nothing beside it: a plain trim
            return Pressed(None, _trim_drag(pointer, over, scene, nearest=True, ripple=False))
        left, right = pair
        cut = over.start + over.clip.duration if at_tail else over.start

        def rolled(frames: int, keys: Keys) -> Request:
            return Roll(left.id, right.id, frames, alone=keys.alt)

        moving = with_partners(scene.sequence, frozenset((left.id, right.id)))
        return Pressed(None, FramesDrag(_anchor(pointer, scene), rolled, (cut,), moving))

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        return Cursor.ROLL if isinstance(hit, OnClip) else Cursor.ARROW


class SlipTool(_Tool):
    """Shows another part of the same media: what is seen follows the mouse."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        if not isinstance(over, OnClip):
            return _pressed_select(pointer, over, scene)

        def slipped(frames: int, keys: Keys) -> Request:
            return Slip(over.clip.id, -frames, alone=keys.alt)

        return Pressed(_chosen(over, scene), FramesDrag(_anchor(pointer, scene), slipped))

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        return Cursor.SLIP if isinstance(hit, OnClip) else Cursor.ARROW


class SlideTool(_Tool):
    """Moves a clip; its neighbours become longer and shorter."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        if not isinstance(over, OnClip):
            return _pressed_select(pointer, over, scene)

        def slid(frames: int, keys: Keys) -> Request:
            return Slide(over.clip.id, frames, alone=keys.alt)

        edges = (over.start, over.start + over.clip.duration)
        moving = with_partners(scene.sequence, frozenset((over.clip.id,)))
        return Pressed(_chosen(over, scene), FramesDrag(_anchor(pointer, scene), slid, edges, moving))

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        return Cursor.SLIDE if isinstance(hit, OnClip) else Cursor.ARROW


class RangeTool(_Tool):
    """Selects a range of time: what is made again, exported, or played in a loop."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        frame, _ = blade_frame(pointer, scene)
        return Pressed(None, RangeDrag(frame, on_click=Scrubbed(over.frame)))

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        return Cursor.RANGE


class ExtendTool(_Tool):
    """Pulls a clip's nearer end out past its media; what is missing is to be made."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        if not isinstance(over, OnClip) or over.track.locked:
            return _pressed_select(pointer, over, scene)
        return Pressed(_chosen(over, scene), ExtendDrag(over, _nearer_tail(over), _anchor(pointer, scene)))

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        if not isinstance(hit, OnClip):
            return Cursor.ARROW
        return Cursor.REFUSED if hit.track.locked else Cursor.EXTEND


class HandTool(_Tool):
    """Moves the view."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        return Pressed(None, HandDrag(pointer.x, pointer.y))

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        return Cursor.HAND


class ZoomTool(_Tool):
    """A click goes nearer, with Alt farther."""

    def press_lane(self, pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
        return Pressed(Zoomed(0.5 if pointer.keys.alt else 2.0, pointer.x))

    def lane_cursor(self, hit: Hit, keys: Keys) -> Cursor:
        return Cursor.ZOOM


SELECT = SelectTool("Select", "tool-select", "V", "Select and move; drag edges to trim. Alt-drag marks a range.")
BLADE = BladeTool("Blade", "tool-blade", "B", "Cut a clip; with Shift all tracks")
RIPPLE = RippleTool("Ripple", "tool-ripple", "R", "Trim an edge, and everything behind it follows")
ROLL = RollTool("Roll", "tool-roll", "N", "Move the cut between two clips")
SLIP = SlipTool("Slip", "tool-slip", "Y", "Show another part of the clip's media")
SLIDE = SlideTool("Slide", "tool-slide", "U", "Move a clip between its neighbours")
RANGE = RangeTool("Range", "tool-range", "G", "Mark a range of time, to make again or to export")
EXTEND = ExtendTool("Extend", "tool-extend", "E", "Pull a clip's end past its media: the missing part is made")
HAND = HandTool("Hand", "tool-hand", "H", "Move the view")
ZOOM = ZoomTool("Zoom", "tool-zoom", "Z", "Click to zoom in, Alt-click to zoom out")
TOOLS: tuple[Tool, ...] = (SELECT, BLADE, RIPPLE, ROLL, SLIP, SLIDE, RANGE, EXTEND, HAND, ZOOM)


# ---- what presses mean -----------------------------------------------------------------------------------------------


def _pressed_select(pointer: Pointer, over: LaneHit, scene: Scene) -> Pressed:
    """A press of the Select tool, and of the others where they have no business."""
    match over:
        case OnClip():
            return _pressed_clip(pointer, over, scene)
        case OnTransition(clip=clip, at_tail=at_tail, part=part):
            chosen = Chosen(transition=(clip, at_tail))
            if part is Part.BODY:
                return Pressed(chosen)

            def resized(frames: int, _keys: Keys) -> Request:
                return ResizeTransition(clip, at_tail, part is Part.TAIL, frames)

            return Pressed(chosen, FramesDrag(_anchor(pointer, scene), resized))
        case OnGap() | OnNothing():
            kept = scene.selected if pointer.keys.shift else frozenset[ItemId]()
            on_click = Chosen(kept, gap=over.gap.id if isinstance(over, OnGap) else None)
            if pointer.keys.alt:
                frame, _ = blade_frame(pointer, scene)
                return Pressed(None, RangeDrag(frame, on_click))
            y = pointer.y + scene.layout.viewport.scroll_y
            return Pressed(None, RubberDrag(_anchor(pointer, scene), y, kept, on_click))


def _pressed_clip(pointer: Pointer, over: OnClip, scene: Scene) -> Pressed:
    keys = pointer.keys
    match over.part:
        case Part.HEAD | Part.TAIL:
            return Pressed(_chosen(over, scene, keys), _trim_drag(pointer, over, scene, nearest=False, ripple=False))
        case Part.FADE_IN | Part.FADE_OUT:
            return Pressed(_chosen(over, scene, keys), _fade_drag(pointer, over, scene))
        case Part.LINE:
            return Pressed(_chosen(over, scene, keys), LineDrag(over, pointer.x, pointer.y))
        case Part.KEY:
            assert over.key is not None
            clips = _chosen(over, scene, keys) or Chosen(scene.selected)
            key = KeyPlace(over.clip.id, over.line, over.key)
            return Pressed(replace(clips, key=key), KeyDrag(over, over.key, pointer.x, pointer.y))
        case Part.BADGE | Part.BODY:
            pass
    mine = frozenset((over.clip.id,))
    partners = with_partners(scene.sequence, mine)
    if keys.alt and not keys.shift:  # Alt-drag marks a range over the clip; Alt-click takes it without its partners
        frame, _ = blade_frame(pointer, scene)
        return Pressed(_chosen(over, scene), RangeDrag(frame, Chosen(mine)))
    anchor = _anchor(pointer, scene)
    if keys.shift and keys.alt:
        clips = scene.selected if over.clip.id in scene.selected else partners
        return Pressed(Chosen(clips), MoveDrag(over, anchor, clips, None, copy=True))
    if over.clip.id in scene.selected:
        others = scene.selected - partners
        on_click = Chosen(others) if keys.shift or keys.ctrl else Chosen(partners)
        return Pressed(None, MoveDrag(over, anchor, scene.selected, on_click))
    clips = scene.selected | partners if keys.shift else partners
    on_click = Chosen(scene.selected | partners) if keys.ctrl else None
    return Pressed(Chosen(clips), MoveDrag(over, anchor, clips, on_click))


def _chosen(over: OnClip, scene: Scene, keys: Keys = NO_KEYS) -> Chosen | None:
    """The clip (with its partners) becomes the selection, if it isn't part of it already."""
    if over.clip.id in scene.selected:
        return None
    mine = frozenset((over.clip.id,))
    return Chosen(mine if keys.alt else with_partners(scene.sequence, mine))


def _trim_drag(pointer: Pointer, over: OnClip, scene: Scene, *, nearest: bool, ripple: bool) -> FramesDrag:
    at_tail = _nearer_tail(over) if nearest else over.part is Part.TAIL
    edge = over.start + over.clip.duration if at_tail else over.start

    def trimmed(frames: int, keys: Keys) -> Request:
        return Trim(over.clip.id, at_tail, frames, ripple=ripple or keys.ctrl, alone=keys.alt)

    moving = with_partners(scene.sequence, frozenset((over.clip.id,)))
    return FramesDrag(_anchor(pointer, scene), trimmed, (edge,), moving)


def _fade_drag(pointer: Pointer, over: OnClip, scene: Scene) -> FramesDrag:
    at_tail = over.part is Part.FADE_OUT
    sign, length = (-1, over.clip.fade_out) if at_tail else (1, over.clip.fade_in)

    def faded(frames: int, _keys: Keys) -> Request:
        return Fade(over.clip.id, at_tail, max(0, min(sign * frames, over.clip.duration)))

    return FramesDrag(_anchor(pointer, scene), faded, base=sign * length)


def _nearer_tail(over: OnClip) -> bool:
    if over.part in (Part.HEAD, Part.TAIL):
        return over.part is Part.TAIL
    return over.frame - over.start >= over.clip.duration / 2


def _pair(over: OnClip, *, at_tail: bool) -> tuple[Clip, Clip] | None:
    """The clips on both sides of a cut; None where a gap or nothing is beside it."""
    place = over.track.index[over.clip.id]
    other = place + 1 if at_tail else place - 1
    if not 0 <= other < len(over.track.items):
        return None
    neighbour = over.track.items[other]
    if not isinstance(neighbour, Clip):
        return None
    return (over.clip, neighbour) if at_tail else (neighbour, over.clip)


def blade_frame(pointer: Pointer, scene: Scene) -> tuple[int, int | None]:
    """The border nearest to the mouse, caught at cuts and the playhead; and the guide to draw."""
    border = max(0, scene.layout.viewport.border_at(pointer.x))
    if not scene.snapping or pointer.keys.ctrl:
        return border, None
    reach = REACH_PX * scene.layout.viewport.frames_per_px
    frames, guide = snap((border,), 0, targets(scene.sequence, scene.playhead), reach)
    return border + frames, guide


def _anchor(pointer: Pointer, scene: Scene) -> float:
    return scene.layout.viewport.exact_frame_at(pointer.x)


def _other_end(border: int | None, sequence: Sequence, *, at_end: bool) -> int:
    if border is not None:
        return border
    return 0 if at_end else sequence.duration


def _marker_frame(sequence: Sequence, marker: str, clip_id: ItemId | None) -> int:
    holder = sequence if clip_id is None else sequence.clip(clip_id)
    return 0 if holder is None else next((each.frame for each in holder.markers if each.id == marker), 0)


def _edge_cursor(hit: Hit, keys: Keys) -> Cursor:
    if isinstance(hit, OnTransition):
        return {Part.HEAD: Cursor.HEAD, Part.TAIL: Cursor.TAIL}.get(hit.part, Cursor.ARROW)
    if not isinstance(hit, OnClip):
        return Cursor.ARROW
    if hit.track.locked:
        return Cursor.REFUSED
    if keys.ctrl and hit.part in (Part.HEAD, Part.TAIL):
        return Cursor.RIPPLE
    if keys.alt and not keys.shift and hit.part is Part.BODY:
        return Cursor.RANGE
    shapes = {
        Part.HEAD: Cursor.HEAD,
        Part.TAIL: Cursor.TAIL,
        Part.FADE_IN: Cursor.FADE,
        Part.FADE_OUT: Cursor.FADE,
        Part.LINE: Cursor.VERTICAL,
        Part.KEY: Cursor.POINT,
        Part.BADGE: Cursor.POINT,
    }
    return shapes.get(hit.part, Cursor.ARROW)
