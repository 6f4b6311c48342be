"""The tools of the timeline as small state machines: press, move, release -> what is wanted. No Qt, no document edits.

A press gives what happens at once and, maybe, a drag. A drag answers each move with an outcome: an edit to preview
(`Asked`), a selection, a place for the playhead … The widget shows outcomes while the mouse is down and commits the
last one on release; Esc throws the drag away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from ltxdesktop.document.model import Clip, ItemId, Sequence, Track, TrackId
from ltxdesktop.document.time import timecode
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
    lane_at,
)
from ltxdesktop.ui.timeline.layout import Box, Layout, clip_box, parts_of, volume_at
from ltxdesktop.ui.timeline.partners import with_partners
from ltxdesktop.ui.timeline.requests import (
    Fade,
    Move,
    MoveMarker,
    Request,
    ResizeTransition,
    Roll,
    SetRange,
    Slide,
    Slip,
    Split,
    SplitClip,
    Trim,
    Volume,
)
from ltxdesktop.ui.timeline.snapping import REACH_PX, snap, targets

DRAG_FROM_PX = 4  # a press that moves less is a click


class Keys(NamedTuple):
    """Which modifiers are held."""

    shift: bool = False
    ctrl: bool = False
    alt: bool = False


NO_KEYS = Keys()


@dataclass(frozen=True, slots=True)
class Pointer:
    """The mouse: where, over what, with which modifiers."""

    x: float
    y: float
    hit: Hit
    keys: Keys = NO_KEYS


@dataclass(frozen=True, slots=True)
class Scene:
    """What a tool may look at: the document as it was before the drag, and how it lies on the screen now."""

    sequence: Sequence
    layout: Layout
    selected: frozenset[ItemId] = frozenset()
    playhead: int = 0
    snapping: bool = True


# ---- outcomes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """An edit: shown while the mouse is down, committed when it goes up."""

    request: Request
    guide: int | None = None  # the frame that an edge caught at
    words: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A selection, in force at once. `rubber` is the band being drawn."""

    clips: frozenset[ItemId] = frozenset()
    gap: ItemId | None = None
    transition: tuple[ItemId, bool] | None = None  # the clip, and whether it's the one at its tail
    rubber: Box | None = None


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """The playhead follows the mouse."""

    frame: int
    guide: int | None = None


@dataclass(frozen=True, slots=True)
class Panned:
    """The view follows the hand, by pixels."""

    dx: float
    dy: float


@dataclass(frozen=True, slots=True)
class Zoomed:
    """Nearer (above 1) or farther, around x."""

    factor: float
    x: float


@dataclass(frozen=True, slots=True)
class Resized:
    """A lane's height follows the mouse."""

    track: TrackId
    height_px: int


@dataclass(frozen=True, slots=True)
class Extended:
    """A clip is to become longer than its media: so many frames before its head or behind its tail are to be made."""

    clip: ItemId
    at_tail: bool
    first: int  # of the new part, in the sequence
    frames: int
    track: TrackId
    guide: int | None = None
    words: str = ""


Outcome = Asked | Chosen | Scrubbed | Panned | Zoomed | Resized | Extended


class Drag(Protocol):
    """What goes on while the mouse is down."""

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None: ...

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        """What a press means that was let go without moving."""
        ...


class Pressed(NamedTuple):
    """What a press does at once, and the drag it begins."""

    now: Outcome | None = None
    drag: Drag | None = None


# ---- drags -----------------------------------------------------------------------------------------------------------


@dataclass
class FramesDrag:
    """Any drag whose meaning is a number of frames: trims, rolls, slips, slides, fades, transitions, markers."""

    anchor: float  # exact frame under the mouse when it was pressed
    make: Callable[[int, Keys], Request]
    edges: tuple[int, ...] = ()  # frames that catch; none = no snapping
    moving: frozenset[ItemId] = frozenset()
    base: int = 0  # the number that no movement means
    catching: list[int] | None = field(default=None, init=False)

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        wanted = round(scene.layout.viewport.exact_frame_at(pointer.x) - self.anchor)
        frames, guide = self._caught(wanted, scene)
        request = self.make(self.base + frames, pointer.keys)
        return Asked(request, guide, shift_words(self.base + frames, scene.sequence))

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return None

    def _caught(self, wanted: int, scene: Scene) -> tuple[int, int | None]:
        if not self.edges or not scene.snapping:
            return wanted, None
        if self.catching is None:
            self.catching = targets(scene.sequence, scene.playhead, moving=self.moving)
        return snap(self.edges, wanted, self.catching, REACH_PX * scene.layout.viewport.frames_per_px)


@dataclass
class MoveDrag:
    """Clips in time and between tracks. Ctrl makes room, Alt leaves copies behind."""

    grabbed: OnClip
    anchor: float
    clips: frozenset[ItemId]
    on_click: Chosen | None
    copy: bool = False  # begun as a copy: stays one
    catching: list[int] | None = field(default=None, init=False)
    earliest: int | None = field(default=None, init=False)
    ordered: tuple[ItemId, ...] = field(default=(), init=False)
    alone: bool = field(default=False, init=False)

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        wanted = round(scene.layout.viewport.exact_frame_at(pointer.x) - self.anchor)
        guide = None
        if scene.snapping:
            if self.catching is None:
                self.catching = targets(scene.sequence, scene.playhead, moving=self.clips)
            reach = REACH_PX * scene.layout.viewport.frames_per_px
            wanted, guide = snap(self._edges(scene.sequence), wanted, self.catching, reach)
        wanted, guide = self._from_frame_0(wanted, guide, scene.sequence)
        tracks = _tracks_between(scene, self.grabbed.track, pointer.y)
        copy = self.copy or pointer.keys.alt
        request = Move(self.ordered, wanted, tracks, insert=pointer.keys.ctrl, copy=copy, alone=self.alone)
        return Asked(request, guide, shift_words(wanted, scene.sequence))

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return self.on_click

    def _from_frame_0(self, wanted: int, guide: int | None, sequence: Sequence) -> tuple[int, int | None]:
        """Nothing begins before the sequence does."""
        if self.earliest is None:
            moving = with_partners(sequence, self.clips)
            self.alone = not moving <= self.clips
            grabbed = self.grabbed.clip.id  # first: `tracks` counts tracks of its kind
            self.ordered = (grabbed, *sorted(self.clips - {grabbed}))
            self.earliest = min((start for each in moving if (start := sequence.start_of(each)) is not None), default=0)
        return (wanted, guide) if wanted >= -self.earliest else (-self.earliest, 0)

    def _edges(self, sequence: Sequence) -> tuple[int, ...]:
        """The grabbed clip's ends and those of the whole selection: all of them would catch at everything."""
        clip = self.grabbed.clip
        ends = [self.grabbed.start, self.grabbed.start + clip.duration]
        if 1 < len(self.clips) <= 200:
            placed = [(sequence.start_of(each), sequence.clip(each)) for each in self.clips]
            ends += [start for start, _ in placed if start is not None]
            ends += [start + found.duration for start, found in placed if start is not None and found is not None]
        return (ends[0], ends[1], min(ends), max(ends))


@dataclass
class RubberDrag:
    """A band over the lanes; what it touches is selected."""

    from_frame: float
    from_y: float  # on the lanes, whatever is scrolled
    before: frozenset[ItemId]  # kept while Shift is held
    on_click: Outcome

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        viewport = scene.layout.viewport
        x0, y0 = viewport.x_of(self.from_frame), self.from_y - viewport.scroll_y
        band = Box(min(x0, pointer.x), min(y0, pointer.y), abs(pointer.x - x0), abs(pointer.y - y0))
        first, last = sorted((self.from_frame, viewport.exact_frame_at(pointer.x)))
        found: set[ItemId] = set()
        for lane in scene.layout.lanes:
            if lane.body.top < band.bottom and band.top < lane.body.bottom:
                placed = lane.track.placed(max(0, int(first)), int(last) + 1)
                found.update(item.id for _, item in placed if isinstance(item, Clip))
        if not pointer.keys.alt:
            found = set(with_partners(scene.sequence, frozenset(found)))
        return Chosen(frozenset(found) | self.before, rubber=band)

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return self.on_click


@dataclass
class RangeDrag:
    """The in/out range: drawn anew from `anchor`, or one end moved while the other stays there."""

    anchor: int
    on_click: Outcome | None = None
    catching: list[int] | None = field(default=None, init=False)

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        border, guide = max(0, scene.layout.viewport.border_at(pointer.x)), None
        if scene.snapping and not pointer.keys.ctrl:
            if self.catching is None:
                self.catching = targets(scene.sequence, scene.playhead, with_range=False)
            reach = REACH_PX * scene.layout.viewport.frames_per_px
            frames, guide = snap((border,), 0, self.catching, reach)
            border += frames
        if border == self.anchor:  # at least the frame under the mouse
            border = self.anchor + 1
        first, last = sorted((self.anchor, border))
        words = f"{_timecode(first, scene.sequence)} – {_timecode(last, scene.sequence)} · {last - first} f"
        return Asked(SetRange(first, last), guide, words)

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return self.on_click


@dataclass
class ScrubDrag:
    """The playhead; Shift catches at cuts and markers."""

    catching: list[int] | None = field(default=None, init=False)

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        frame, guide = max(0, scene.layout.viewport.frame_at(pointer.x)), None
        if pointer.keys.shift:
            if self.catching is None:
                self.catching = targets(scene.sequence)
            border = max(0, scene.layout.viewport.border_at(pointer.x))
            frames, guide = snap((border,), 0, self.catching, REACH_PX * scene.layout.viewport.frames_per_px)
            frame = border + frames if guide is not None else frame
        return Scrubbed(frame, guide)

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return self.move(pointer, scene)


@dataclass
class HandDrag:
    """The view itself."""

    x: float
    y: float

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        dx, dy = self.x - pointer.x, self.y - pointer.y
        self.x, self.y = pointer.x, pointer.y
        return Panned(dx, dy)

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return None


@dataclass
class VolumeDrag:
    """A sound clip's volume line; with Ctrl ten times finer. Catches at 0 dB."""

    grabbed: OnClip
    y: float

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        lane = next((lane for lane in scene.layout.lanes if lane.track.id == self.grabbed.track.id), None)
        if lane is None:
            return None
        placed = clip_box(lane, lane.track.index[self.grabbed.clip.id], scene.layout.viewport)
        y = self.y + (pointer.y - self.y) / 10 if pointer.keys.ctrl else pointer.y
        db = volume_at(y, parts_of(placed, scene.layout.viewport).body)
        if scene.snapping and abs(db) < 0.8 and not pointer.keys.ctrl:
            db = 0.0
        return Asked(Volume(self.grabbed.clip.id, db), words=f"{db:+.1f} dB")

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return None


@dataclass
class ExtendDrag:
    """An end of a clip, outwards: how much is to be made there. Says `Extended` with 0 frames when pulled inwards."""

    grabbed: OnClip
    at_tail: bool
    anchor: float
    catching: list[int] | None = field(default=None, init=False)

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        clip, start = self.grabbed.clip, self.grabbed.start
        edge = start + clip.duration if self.at_tail else start
        wanted, guide = round(scene.layout.viewport.exact_frame_at(pointer.x) - self.anchor), None
        if scene.snapping:
            if self.catching is None:
                self.catching = targets(scene.sequence, scene.playhead, moving={clip.id})
            reach = REACH_PX * scene.layout.viewport.frames_per_px
            wanted, guide = snap((edge,), wanted, self.catching, reach)
        if not self.at_tail:
            wanted = max(wanted, -start)
        frames = max(0, wanted if self.at_tail else -wanted)
        first = edge if self.at_tail else edge - frames
        words = f"Extend by {shift_words(frames, scene.sequence)}"
        return Extended(clip.id, self.at_tail, first, frames, self.grabbed.track.id, guide if frames else None, words)

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return None


@dataclass
class HeightDrag:
    """A lane's height."""

    track: TrackId
    top: float  # of the lane, on the screen

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return Resized(self.track, round(pointer.y - self.top))

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return None


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
        case Part.VOLUME:
            return Pressed(_chosen(over, scene, keys), VolumeDrag(over, pointer.y))
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


def _tracks_between(scene: Scene, track: Track, y: float) -> int:
    """How many tracks of its kind lie between a track and the one at height y; 0 over other kinds."""
    lane = lane_at(scene.layout, y)
    if lane is None or lane.track.kind is not track.kind:
        return 0
    order = [each.id for each in scene.sequence.of_kind(track.kind)]
    return order.index(lane.track.id) - order.index(track.id)


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
        Part.VOLUME: Cursor.VERTICAL,
        Part.BADGE: Cursor.POINT,
    }
    return shapes.get(hit.part, Cursor.ARROW)


def shift_words(frames: int, sequence: Sequence) -> str:
    """ "+00:00:01:05": how far something goes."""
    return ("+" if frames >= 0 else "") + timecode(frames, sequence.rate)


def _timecode(frame: int, sequence: Sequence) -> str:
    return timecode(sequence.first_frame + frame, sequence.rate, drop=sequence.drop_frame)
