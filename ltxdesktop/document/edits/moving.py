"""Moving clips in time and between tracks, copies of them, and the clipboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction

from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.edits.pieces import fitted
from ltxdesktop.document.edits.placing import Ready, lay, open_and_lay, require_fit
from ltxdesktop.document.errors import BadValue, NoRoom, NoTrack
from ltxdesktop.document.handles import handles
from ltxdesktop.document.model import (
    EMPTY,
    Clip,
    Document,
    GroupId,
    ItemId,
    LinkId,
    MarkerId,
    Media,
    MediaId,
    Parameter,
    Sequence,
    SequenceId,
    TrackId,
    TrackKind,
    new_id,
)
from ltxdesktop.document.time import nearest


class MoveMode(Enum):
    """What happens where moved clips meet others."""

    OVERWRITE = "overwrite"  # they cover what is there
    INSERT = "insert"  # everything from their first frame on makes room, on all rippling tracks
    FREE = "free"  # the move is refused


def move(
    document: Document,
    clip_ids: Iterable[ItemId],
    frames: int,
    tracks_delta: int = 0,
    mode: MoveMode = MoveMode.OVERWRITE,
    *,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Move clips and their linked clips in time, and between tracks of their kind. Gaps stay where they were.

    | A | B | C |  ->  | A |   | C | B |      (OVERWRITE)

    `tracks_delta` counts among the tracks of the first clip's kind (+1: V1 to V2, A1 to A2); clips of other kinds
    stay on their tracks, so dragging a picture up leaves its sound where it is. All moved clips keep their distances.
    Transitions stay where both their clips moved. `linked=False` moves these clips only; `check.out_of_sync` tells by
    how much they are off then. Raises NoSuchClip, LockedTrack, BadValue before frame 0, NoTrack,
    and with FREE NoRoom.
    """
    desk = Desk(document, sequence_id)
    named = list(clip_ids)
    family = desk.family(named, linked=linked)
    if not family:
        return document
    kind = desk.tracks[desk.home(named[0])].kind
    ready = [
        (_neighbour(desk, number, tracks_delta, kind), start + frames, clip)
        for number, start, clip in desk.spots(family)
    ]
    desk.take_off(family)
    _put(desk, ready, mode)
    return desk.document()


def nudge(
    document: Document,
    clip_ids: Iterable[ItemId],
    frames: int,
    *,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Move clips by some frames on their tracks, over what is there: what the arrow keys do."""
    return move(document, clip_ids, frames, sequence_id=sequence_id)


def _neighbour(desk: Desk, number: int, tracks_delta: int, kind: TrackKind) -> int:
    """The track so many further of the same kind, for tracks of `kind`. Raises NoTrack, LockedTrack."""
    if not tracks_delta or desk.tracks[number].kind is not kind:
        return number
    same = [other for other, track in enumerate(desk.tracks) if track.kind is kind]
    place = same.index(number) + tracks_delta
    if not 0 <= place < len(same):
        raise NoTrack(kind.value)
    desk.require_unlocked(same[place])
    return same[place]


def _put(desk: Desk, ready: Ready, mode: MoveMode) -> None:
    """Lay clips at the sequence frames that are given with them."""
    first = min(start for _, start, _ in ready)
    if first < 0:
        raise BadValue("A clip can't begin before the first frame.")
    for number, _, clip in ready:
        require_fit(clip, desk.tracks[number], desk.media)
    if mode is MoveMode.FREE:
        for number, start, clip in ready:
            _require_free(desk, number, start, clip)
    if mode is MoveMode.INSERT:
        open_and_lay(desk, [(number, start - first, clip) for number, start, clip in ready], first)
    else:
        lay(desk, ready, 0)


def _require_free(desk: Desk, number: int, start: int, clip: Clip) -> None:
    track = desk.tracks[number]
    for begin, item in track.placed(start, start + clip.duration):
        if isinstance(item, Clip):
            raise NoRoom(track.name, item.name, clip.duration, max(0, begin - start))


# ---- copies ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copied:
    """A clip on the clipboard: on which track of its kind it was (0 = V1, A1), and when, after the first one."""

    kind: TrackKind
    rank: int
    offset: int
    clip: Clip


@dataclass(frozen=True, slots=True)
class Clipboard:
    """Copied clips with the media that they show, so that they can be pasted into another project as well."""

    clips: tuple[Copied, ...] = ()
    rate: Fraction = Fraction(25)
    media: Mapping[MediaId, Media] = field(default=EMPTY)

    @property
    def duration(self) -> int:
        return max((copied.offset + copied.clip.duration for copied in self.clips), default=0)


def copy(
    document: Document, clip_ids: Iterable[ItemId], *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Clipboard:
    """Clips (with their linked ones) for `paste`. Clips of locked tracks can be copied too. Raises NoSuchClip."""
    desk = Desk(document, sequence_id)
    found = dict.fromkeys(clip_ids)
    for clip_id in list(found):
        link = desk.clip(clip_id).link
        if linked and link is not None:
            found.update(dict.fromkeys(desk.members(link)))
    first = min((desk.start(clip_id) for clip_id in found), default=0)
    clips = tuple(_copied(desk, clip_id, first) for clip_id in found)
    shown = {take.media for copied in clips for take in copied.clip.takes}
    media = {media_id: document.media[media_id] for media_id in shown}
    return Clipboard(clips, desk.rate, media)


def _copied(desk: Desk, clip_id: ItemId, first: int) -> Copied:
    track = desk.tracks[desk.home(clip_id)]
    rank = [other.id for other in desk.before.of_kind(track.kind)].index(track.id)
    return Copied(track.kind, rank, desk.start(clip_id) - first, desk.clip(clip_id))


def paste(
    document: Document,
    clipboard: Clipboard,
    frame: int,
    *,
    tracks: Mapping[TrackKind, TrackId] = EMPTY,
    mode: MoveMode = MoveMode.OVERWRITE,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Put copied clips on the timeline at a frame; links and groups among them are kept, as new ones.

    They go to tracks of the same rank as they came from, or with `tracks` so that the lowest of a kind lands on the
    track named for it. What was copied from a sequence of another rate keeps its duration in seconds, to the nearest
    frame. Media that this document doesn't know are added. Raises NoTrack, LockedTrack, BadValue, and with FREE NoRoom.
    """
    missing = [media for media_id, media in clipboard.media.items() if media_id not in document.media]
    desk = Desk(document.with_media(*missing) if missing else document, sequence_id)
    shifts = {
        kind: _rank(desk.before, kind, track_id) - min(c.rank for c in clipboard.clips if c.kind is kind)
        for kind, track_id in tracks.items()
        if any(c.kind is kind for c in clipboard.clips)
    }
    renew = Renewal()
    ready: Ready = []
    for copied in clipboard.clips:
        number = _of_rank(desk, copied.kind, copied.rank + shifts.get(copied.kind, 0))
        offset, clip = copied.offset, renew.clip(copied.clip)
        if clipboard.rate != desk.rate:
            offset, clip = nearest(offset * desk.rate / clipboard.rate), at_rate(clip, clipboard.rate, desk)
        ready.append((number, frame + offset, clip))
    if not ready:
        return document
    _put(desk, ready, mode)
    return desk.document()


def duplicate(
    document: Document,
    clip_ids: Iterable[ItemId],
    frames: int | None = None,
    tracks_delta: int = 0,
    mode: MoveMode = MoveMode.INSERT,
    *,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Put copies of clips and their linked clips `frames` later; by default right behind the last of them.

    | A | B | C |  ->  | A | B | B'| C |

    `tracks_delta` and `linked` as in `move`. Raises what `move` raises.
    """
    desk = Desk(document, sequence_id)
    named = list(clip_ids)
    family = desk.family(named, linked=linked)
    if not family:
        return document
    kind = desk.tracks[desk.home(named[0])].kind
    places = [(desk.home(clip_id), desk.start(clip_id), desk.clip(clip_id)) for clip_id in family]
    if frames is None:
        first, last = min(start for _, start, _ in places), max(start + clip.duration for _, start, clip in places)
        frames = last - first
    renew = Renewal()
    _put(
        desk,
        [
            (_neighbour(desk, number, tracks_delta, kind), start + frames, renew.clip(clip))
            for number, start, clip in places
        ],
        mode,
    )
    return desk.document()


class Renewal:
    """Gives copies ids, links and groups of their own."""

    def __init__(self) -> None:
        self._links: dict[LinkId, LinkId] = {}
        self._groups: dict[GroupId, GroupId] = {}

    def clip(self, clip: Clip) -> Clip:
        link = None if clip.link is None else self._links.setdefault(clip.link, LinkId(new_id()))
        group = None if clip.group is None else self._groups.setdefault(clip.group, GroupId(new_id()))
        markers = tuple(replace(marker, id=MarkerId(new_id())) for marker in clip.markers)
        return replace(clip, id=ItemId(new_id()), link=link, group=group, markers=markers)


def _rank(sequence: Sequence, kind: TrackKind, track_id: TrackId) -> int:
    ids = [track.id for track in sequence.of_kind(kind)]
    if track_id not in ids:
        raise NoTrack(kind.value)
    return ids.index(track_id)


def _of_rank(desk: Desk, kind: TrackKind, rank: int) -> int:
    same = [number for number, track in enumerate(desk.tracks) if track.kind is kind]
    if not 0 <= rank < len(same):
        raise NoTrack(kind.value)
    desk.require_unlocked(same[rank])
    return same[rank]


def at_rate(clip: Clip, old: Fraction, desk: Desk) -> Clip:
    """A clip of a sequence with another rate, with the same times to the nearest frame, within its media."""
    ratio = desk.rate / old

    def scaled(frames: int) -> int:
        return nearest(frames * ratio)

    clip = stretched(replace(clip, duration=max(1, scaled(clip.duration))), ratio)
    over = -min(0, handles(clip, desk.media, desk.rate).after)
    clip = replace(
        clip,
        duration=max(1, clip.duration - over),
        fade_in=scaled(clip.fade_in),
        fade_out=scaled(clip.fade_out),
        transition=None
        if clip.transition is None
        else replace(clip.transition, before=scaled(clip.transition.before), after=scaled(clip.transition.after)),
        tail=None if clip.tail is None else replace(clip.tail, before=scaled(clip.tail.before)),
    )
    return fitted(clip)


def stretched(clip: Clip, ratio: Fraction) -> Clip:
    """A clip whose keys and markers lie `ratio` times as far from its first frame."""

    def curve(parameter: Parameter) -> Parameter:
        placed = {nearest(key.frame * ratio): key for key in parameter.keys}
        return replace(parameter, keys=tuple(replace(key, frame=frame) for frame, key in sorted(placed.items())))

    return replace(
        clip,
        values={name: curve(value) for name, value in clip.values.items()} if clip.values else clip.values,
        effects=tuple(
            replace(effect, values={name: curve(value) for name, value in effect.values.items()})
            for effect in clip.effects
        ),
        markers=tuple(
            replace(marker, frame=nearest(marker.frame * ratio), duration=nearest(marker.duration * ratio))
            for marker in clip.markers
        ),
    )
