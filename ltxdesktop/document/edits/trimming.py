"""Moving edges: trim, ripple trim, roll, slip, slide. Each has a `…_reach` that says how far it can be dragged.

Linked clips take part in all of them. With `linked=False` (Alt held down) one clip is edited alone: a trim or roll
makes a J- or L-cut, the others put it out of sync with its partners, which `check.out_of_sync` tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.edits.pieces import new_gap, part
from ltxdesktop.document.edits.rippling import points_after, shift, shift_markers
from ltxdesktop.document.errors import BadValue, OutOfReach
from ltxdesktop.document.handles import UNLIMITED, handles, is_endless
from ltxdesktop.document.model import Clip, Document, Gap, Item, ItemId, SequenceId, Track


class Edge(Enum):
    """An end of a clip."""

    HEAD = "head"
    TAIL = "tail"


@dataclass(frozen=True, slots=True)
class Reach:
    """How many frames something can go: from `low` (earlier, not above 0) to `high` (later), and what ends it there."""

    low: int = -UNLIMITED
    high: int = UNLIMITED
    low_why: str = ""
    high_why: str = ""

    def narrowed(self, low: int, high: int, why: str) -> Reach:
        """Not further than this, for a reason that a person can read."""
        reach = self
        if low > reach.low:
            reach = replace(reach, low=min(low, 0), low_why=why)
        if high < reach.high:
            reach = replace(reach, high=max(high, 0), high_why=why)
        return reach

    def held(self, frames: int) -> int:
        """The frames that are possible of those asked."""
        return min(max(frames, self.low), self.high)

    def require(self, frames: int) -> None:
        """Raises OutOfReach."""
        if frames < self.low:
            raise OutOfReach(frames, self.low, self.low_why)
        if frames > self.high:
            raise OutOfReach(frames, self.high, self.high_why)


@dataclass(frozen=True, slots=True)
class _Place:
    """A clip where it is."""

    number: int
    place: int
    clip: Clip
    track: Track

    @property
    def left(self) -> Item | None:
        return self.track.items[self.place - 1] if self.place else None

    @property
    def right(self) -> Item | None:
        return self.track.items[self.place + 1] if self.place + 1 < len(self.track.items) else None

    @property
    def start(self) -> int:
        return self.track.starts[self.place]

    def at(self, edge: Edge) -> int:
        """The sequence frame of an edge."""
        return self.track.starts[self.place + (edge is Edge.TAIL)]


def _place(desk: Desk, clip_id: ItemId) -> _Place:
    number = desk.home(clip_id)
    track = desk.tracks[number]
    return _Place(number, track.index[clip_id], desk.clip(clip_id), track)


def _edges(desk: Desk, clip_id: ItemId, edge: Edge, linked: bool) -> list[_Place]:
    """A clip and the linked clips whose edges move along.

    That is one on each other track: the one whose edge is at the same frame, or the only one there (so that a picture
    and a sound that begin or end apart, a J- or L-cut, keep their offset).
    """
    first = _place(desk, clip_id)
    family = [_place(desk, other) for other in desk.family([clip_id], linked=linked)]
    alone = sum(one.number == first.number for one in family) == 1
    found = [first]
    for number in dict.fromkeys(one.number for one in family if one.number != first.number):
        there = [one for one in family if one.number == number]
        same = [one for one in there if one.at(edge) == first.at(edge)]
        found += same or (there if alone and len(there) == 1 else [])
    return found


# ---- trim ------------------------------------------------------------------------------------------------------------


def trim_reach(
    document: Document, clip_id: ItemId, edge: Edge, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Reach:
    """How far `trim` can move an edge. Raises NoSuchClip, LockedTrack."""
    desk = Desk(document, sequence_id)
    return _trim_reach(desk, _edges(desk, clip_id, edge, linked), edge)


def _trim_reach(desk: Desk, places: list[_Place], edge: Edge) -> Reach:
    reach = _shape_reach(desk, places, edge)
    for one in places:
        if edge is Edge.HEAD:
            free = one.left.duration if isinstance(one.left, Gap) else 0
            reach = reach.narrowed(-free, UNLIMITED, f"{one.clip.name!r} meets what is before it on {one.track.name}")
        elif one.right is not None:
            free = one.right.duration if isinstance(one.right, Gap) else 0
            reach = reach.narrowed(-UNLIMITED, free, f"{one.clip.name!r} meets the next clip on {one.track.name}")
    return reach


def _shape_reach(desk: Desk, places: list[_Place], edge: Edge) -> Reach:
    """As far as lengths and media allow."""
    reach = Reach()
    for one in places:
        before, after = handles(one.clip, desk.media, desk.rate)
        short, long = one.clip.duration - 1, before if edge is Edge.HEAD else after
        low, high = (-long, short) if edge is Edge.HEAD else (-short, long)
        least = f"{one.clip.name!r} must keep one frame"
        ended = f"{one.clip.name!r} has no more media"
        reach = reach.narrowed(low, UNLIMITED, ended if edge is Edge.HEAD else least)
        reach = reach.narrowed(-UNLIMITED, high, least if edge is Edge.HEAD else ended)
    return reach


def trim(
    document: Document,
    clip_id: ItemId,
    edge: Edge,
    frames: int,
    *,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Move an edge of a clip; nothing else moves.

    | A | B    | C |  ->  | A |   | B | C |      (head, frames > 0)

    `frames` above 0 is later. Growing uses free room only. The edges of linked clips move by the same frames
    (`linked=False` makes a J- or L-cut). Fades keep their lengths; a transition at an edge that leaves its neighbour is
    removed. Raises NoSuchClip, LockedTrack, OutOfReach.
    """
    desk = Desk(document, sequence_id)
    places = _edges(desk, clip_id, edge, linked)
    _trim_reach(desk, places, edge).require(frames)
    for one in places:
        _grow_gap(desk, one, edge, frames)
        _reshape(desk, one.clip, edge, frames)
    return desk.document()


def _grow_gap(desk: Desk, one: _Place, edge: Edge, frames: int) -> None:
    """Give to the gap at an edge what the clip loses, or take from it what the clip needs."""
    beside = one.left if edge is Edge.HEAD else one.right
    change = frames if edge is Edge.HEAD else -frames
    place = one.place if edge is Edge.HEAD else one.place + 1
    if not isinstance(beside, Gap):
        if change > 0:
            desk.splice(one.number, place, place, [new_gap(change)])
        return
    first = place - 1 if edge is Edge.HEAD else place
    desk.splice(one.number, first, first + 1, [replace(beside, duration=beside.duration + change)])


def _reshape(desk: Desk, clip: Clip, edge: Edge, frames: int) -> None:
    if edge is Edge.HEAD:
        desk.reshape(clip, frames, clip.duration)
    else:
        desk.reshape(clip, 0, clip.duration + frames)


# ---- ripple trim -----------------------------------------------------------------------------------------------------


def ripple_trim_reach(
    document: Document, clip_id: ItemId, edge: Edge, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Reach:
    """How far `ripple_trim` can move an edge. Raises NoSuchClip, LockedTrack."""
    desk = Desk(document, sequence_id)
    places = _edges(desk, clip_id, edge, linked)
    reach = _shape_reach(desk, places, edge)
    low, high = -UNLIMITED, UNLIMITED
    own, frame = _ripple_point(places, edge)
    for number, place in points_after(desk, frame, own, strictly=edge is Edge.HEAD).items():
        track = desk.tracks[number]
        if number in own or place >= len(track.items):
            continue
        left = track.items[place - 1] if place else None
        free = left.duration if isinstance(left, Gap) else 0
        if edge is Edge.HEAD:
            high = free
        else:
            low = -free
        reach = reach.narrowed(low, high, f"What comes later on {track.name} has no more room to move along")
    return reach


def _ripple_point(places: list[_Place], edge: Edge) -> tuple[dict[int, int], int]:
    """From which places on the clips' own tracks, and from which frame on others, items shift."""
    return {one.number: one.place + 1 for one in places}, places[0].at(edge)


def ripple_trim(
    document: Document,
    clip_id: ItemId,
    edge: Edge,
    frames: int,
    *,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Move an edge of a clip and all that comes later with it, on all rippling tracks (see `rippling`).

    | A | B    | C |  ->  | A | B | C |      (tail, frames < 0; or head, frames > 0)

    `frames` above 0 moves the edge to later in the picture: at the head the clip becomes shorter and stays where it
    begins. The edges of linked clips move by the same frames. Raises NoSuchClip, LockedTrack, OutOfReach, NoRoom,
    OutOfSync.
    """
    desk = Desk(document, sequence_id)
    places = _edges(desk, clip_id, edge, linked)
    _shape_reach(desk, places, edge).require(frames)
    own, frame = _ripple_point(places, edge)
    longer = -frames if edge is Edge.HEAD else frames
    going = [one.clip.link for one in places] if edge is Edge.HEAD else []
    shift(desk, points_after(desk, frame, own, strictly=edge is Edge.HEAD), longer, own=own, going=going)
    for one in places:
        _reshape(desk, one.clip, edge, frames)
    shift_markers(desk, frame + (max(0, frames) if edge is Edge.HEAD else 0), longer)
    return desk.document()


# ---- roll ------------------------------------------------------------------------------------------------------------


def _cuts(desk: Desk, left_id: ItemId, right_id: ItemId, linked: bool) -> list[tuple[_Place, _Place]]:
    """The two clips of a cut, and linked pairs that meet at the same frame. Raises BadValue if they don't meet."""
    left, right = _place(desk, left_id), _place(desk, right_id)
    if left.number != right.number or left.place + 1 != right.place:
        raise BadValue(f"{left.clip.name!r} and {right.clip.name!r} don't lie side by side.")
    lefts = [_place(desk, other) for other in desk.family([left_id], linked=linked)]
    rights = [_place(desk, other) for other in desk.family([right_id], linked=linked)]
    return [
        (a, b)
        for a in lefts
        for b in rights
        if a.number == b.number and a.place + 1 == b.place and b.start == right.start
    ]


def _roll_reach(desk: Desk, cuts: list[tuple[_Place, _Place]]) -> Reach:
    reach = _shape_reach(desk, [left for left, _ in cuts], Edge.TAIL)
    other = _shape_reach(desk, [right for _, right in cuts], Edge.HEAD)
    reach = reach.narrowed(other.low, UNLIMITED, other.low_why)
    return reach.narrowed(-UNLIMITED, other.high, other.high_why)


def roll_reach(
    document: Document, left_id: ItemId, right_id: ItemId, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Reach:
    """How far `roll` can move a cut. Raises NoSuchClip, LockedTrack, BadValue."""
    desk = Desk(document, sequence_id)
    return _roll_reach(desk, _cuts(desk, left_id, right_id, linked))


def roll(
    document: Document,
    left_id: ItemId,
    right_id: ItemId,
    frames: int,
    *,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Move the cut between two neighbours: one grows by what the other loses.

    | A  |  B | C |  ->  | A    | B | C |      (frames > 0)

    Linked pairs whose cut is at the same frame roll along. Raises NoSuchClip, LockedTrack, BadValue if the clips
    don't lie side by side, OutOfReach.
    """
    desk = Desk(document, sequence_id)
    cuts = _cuts(desk, left_id, right_id, linked)
    _roll_reach(desk, cuts).require(frames)
    for left, right in cuts:
        _reshape(desk, left.clip, Edge.TAIL, frames)
        _reshape(desk, right.clip, Edge.HEAD, frames)
    return desk.document()


# ---- slip ------------------------------------------------------------------------------------------------------------


def slip_reach(
    document: Document, clip_id: ItemId, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Reach:
    """How far `slip` can move what a clip shows. Raises NoSuchClip, LockedTrack."""
    desk = Desk(document, sequence_id)
    return _slip_reach(desk, [desk.clip(other) for other in desk.family([clip_id], linked=linked)])


def _slip_reach(desk: Desk, clips: list[Clip]) -> Reach:
    reach = Reach()
    for clip in clips:
        moving = clip if clip.speed else replace(clip, speed=clip.speed + 1, duration=1)
        before, after = handles(moving, desk.media, desk.rate)
        reach = reach.narrowed(-before, after, f"{clip.name!r} has no more media")
    return reach


def slip(
    document: Document, clip_id: ItemId, frames: int, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Document:
    """Let a clip and its linked clips show what is `frames` later (below 0: earlier) in their media.

    | A | B: 10-20 | C |  ->  | A | B: 15-25 | C |      (frames = 5)

    Place and length stay; keys and markers go with the picture. All takes slip. Titles and stills don't change.
    Raises NoSuchClip, LockedTrack, OutOfReach.
    """
    desk = Desk(document, sequence_id)
    clips = [desk.clip(other) for other in desk.family([clip_id], linked=linked)]
    _slip_reach(desk, clips).require(frames)
    for clip in clips:
        media = desk.media.get(clip.media) if clip.media else None
        if is_endless(clip, media) and clip.speed:
            continue
        moving = clip if clip.speed else replace(clip, speed=clip.speed + 1)
        desk.change(replace(part(moving, frames, clip.duration + frames, desk.rate), speed=clip.speed))
    return desk.document()


# ---- slide -----------------------------------------------------------------------------------------------------------


def slide_reach(
    document: Document, clip_id: ItemId, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Reach:
    """How far `slide` can move a clip. Raises NoSuchClip, LockedTrack."""
    desk = Desk(document, sequence_id)
    return _slide_reach(desk, [_place(desk, other) for other in desk.family([clip_id], linked=linked)])


def _slide_reach(desk: Desk, places: list[_Place]) -> Reach:
    reach = Reach()
    for one in places:
        for beside, edge in ((one.left, Edge.TAIL), (one.right, Edge.HEAD)):
            side = _beside_reach(desk, beside, edge)
            reach = reach.narrowed(side.low, UNLIMITED, side.low_why)
            reach = reach.narrowed(-UNLIMITED, side.high, side.high_why)
    return reach


def _beside_reach(desk: Desk, beside: Item | None, edge: Edge) -> Reach:
    """How far the edge of a neighbour can follow a sliding clip."""
    if isinstance(beside, Clip):
        return _shape_reach(desk, [_place(desk, beside.id)], edge)
    if isinstance(beside, Gap):
        why = "There is no more room"
        ends = (-beside.duration, UNLIMITED) if edge is Edge.TAIL else (-UNLIMITED, beside.duration)
        return Reach().narrowed(*ends, why)
    return Reach().narrowed(0, UNLIMITED, "There is nothing before it") if edge is Edge.TAIL else Reach()


def slide(
    document: Document, clip_id: ItemId, frames: int, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Document:
    """Move a clip and its linked clips between their neighbours, which are trimmed to make room and to follow.

    | A   | B |   C |  ->  | A     | B | C |      (frames > 0)

    Raises NoSuchClip, LockedTrack, OutOfReach, BadValue where two linked clips lie side by side.
    """
    desk = Desk(document, sequence_id)
    family = desk.family([clip_id], linked=linked)
    places = [_place(desk, other) for other in family]
    if any(isinstance(side, Clip) and side.id in family for one in places for side in (one.left, one.right)):
        raise BadValue("Linked clips that lie side by side can't slide; unlink them.")
    _slide_reach(desk, places).require(frames)
    for one in places:
        _follow(desk, one.number, one.clip, frames)
    return desk.document()


def _follow(desk: Desk, number: int, clip: Clip, frames: int) -> None:
    """Let the items beside a clip grow and shrink by its move."""
    place = desk.tracks[number].index[clip.id]
    items = desk.tracks[number].items
    left = items[place - 1] if place else None
    right = items[place + 1] if place + 1 < len(items) else None
    if isinstance(left, Clip):
        desk.reshape(left, 0, left.duration + frames)
    if isinstance(right, Clip):
        desk.reshape(right, frames, right.duration)
    place = desk.tracks[number].index[clip.id]
    if isinstance(right, Gap):
        desk.splice(number, place + 1, place + 2, [replace(right, duration=right.duration - frames)])
    if isinstance(left, Gap):
        desk.splice(number, place - 1, place, [replace(left, duration=left.duration + frames)])
    elif left is None and frames:
        desk.splice(number, 0, 0, [new_gap(frames)])
