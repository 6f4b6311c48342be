"""What goes on while the mouse is down: one small class per kind of drag, and the outcomes they answer with. No Qt.

A drag answers each move with an outcome: an edit to preview (`Asked`), a selection, a place for the playhead … The
widget shows outcomes while the mouse is down and commits the last one on release; Esc throws the drag away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ltxdesktop.document.model import Clip, ItemId, Sequence, Track, TrackId
from ltxdesktop.document.time import timecode
from ltxdesktop.ui.timeline.boxes import Box, KeyPlace
from ltxdesktop.ui.timeline.hits import (
    Hit,
    OnClip,
    lane_at,
)
from ltxdesktop.ui.timeline.layout import Layout
from ltxdesktop.ui.timeline.partners import with_partners
from ltxdesktop.ui.timeline.requests import (
    Move,
    Request,
    SetRange,
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
    key: KeyPlace | None = None


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


# ---- helpers ---------------------------------------------------------------------------------------------------------


def _tracks_between(scene: Scene, track: Track, y: float) -> int:
    """How many tracks of its kind lie between a track and the one at height y; 0 over other kinds."""
    lane = lane_at(scene.layout, y)
    if lane is None or lane.track.kind is not track.kind:
        return 0
    order = [each.id for each in scene.sequence.of_kind(track.kind)]
    return order.index(lane.track.id) - order.index(track.id)


def shift_words(frames: int, sequence: Sequence) -> str:
    """ "+00:00:01:05": how far something goes."""
    return ("+" if frames >= 0 else "") + timecode(frames, sequence.rate)


def _timecode(frame: int, sequence: Sequence) -> str:
    return timecode(sequence.first_frame + frame, sequence.rate, drop=sequence.drop_frame)
