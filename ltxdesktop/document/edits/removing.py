"""Taking clips and ranges away: lift leaves a gap, extract closes it."""

from __future__ import annotations

from collections.abc import Iterable

from ltxdesktop.document.edits.desk import Desk, sequence_of
from ltxdesktop.document.edits.rippling import (
    close_holes,
    holes_of,
    points_after,
    rippling,
    shift,
    shift_markers,
)
from ltxdesktop.document.errors import BadValue, NoSuch
from ltxdesktop.document.model import Document, Gap, ItemId, SequenceId, TrackId


def lift(
    document: Document, clip_ids: Iterable[ItemId], *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Document:
    """Remove clips and leave gaps.

    | A | B | C |  ->  | A |   | C |
          ^ clip

    Their linked clips go too, unless `linked` is False. Raises NoSuchClip, LockedTrack.
    """
    desk = Desk(document, sequence_id)
    desk.take_off(desk.family(clip_ids, linked=linked))
    return desk.document()


def extract(document: Document, clip_ids: Iterable[ItemId], *, sequence_id: SequenceId | None = None) -> Document:
    """Remove clips and their linked clips, and close the holes.

    | A | B | C |  ->  | A | C |
          ^ clip

    What comes later moves left on all rippling tracks (see `rippling`); if picture and sound of a clip have other
    lengths, by the shorter of the two. Raises NoSuchClip, LockedTrack, NoRoom, OutOfSync.
    """
    desk = Desk(document, sequence_id)
    family = desk.family(clip_ids)
    clusters = holes_of(desk, family)
    desk.take_off(family)
    for holes in reversed(clusters):
        close_holes(desk, holes)
    return desk.document()


def ripple_delete(document: Document, item_ids: Iterable[ItemId], *, sequence_id: SequenceId | None = None) -> Document:
    """What the Ripple Delete key does: `extract` for clips, `close_gap` for gaps, of a selection that may have both."""
    desk = Desk(document, sequence_id)
    ids = list(item_ids)
    gaps = [item_id for item_id in ids if is_gap(desk, item_id)]
    for gap in sorted(gaps, key=desk.start, reverse=True):
        if sequence_of(document, sequence_id).track_of(gap) is not None:  # else it closed along with another one
            document = close_gap(document, gap, sequence_id=sequence_id)
    clips = [item_id for item_id in ids if item_id not in gaps]
    return extract(document, clips, sequence_id=sequence_id) if clips else document


def close_gap(document: Document, gap_id: ItemId, *, sequence_id: SequenceId | None = None) -> Document:
    """Close a gap; what comes later moves left on all rippling tracks.

    | A |   | B |  ->  | A | B |
          ^ gap

    Raises NoSuch, LockedTrack, NoRoom where another track has a clip in the way, OutOfSync.
    """
    desk = Desk(document, sequence_id)
    if not is_gap(desk, gap_id):
        raise NoSuch("gap", gap_id)
    desk.require_unlocked(desk.home(gap_id))
    (holes,) = holes_of(desk, [gap_id])
    close_holes(desk, holes)
    return desk.document()


def is_gap(desk: Desk, item_id: ItemId) -> bool:
    """Raises NoSuchClip for an id that isn't there at all."""
    track = desk.tracks[desk.home(item_id)]
    return isinstance(track.items[track.index[item_id]], Gap)


def lift_range(
    document: Document,
    first: int,
    last: int,
    track_ids: Iterable[TrackId] | None = None,
    *,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Empty frames [first, last) of tracks, cutting what reaches out of the range; all unlocked tracks by default.

    | A  B  C |  ->  | A |   | C |
       ^first ^last

    Raises BadValue, NoSuchTrack, LockedTrack.
    """
    desk = Desk(document, sequence_id)
    for number in _named(desk, track_ids, desk.free_numbers(), first, last):
        if first < desk.tracks[number].duration:
            desk.clear(number, first, last)
    return desk.document()


def extract_range(
    document: Document,
    first: int,
    last: int,
    track_ids: Iterable[TrackId] | None = None,
    *,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Cut frames [first, last) out of tracks and close the hole; out of all rippling tracks by default.

    | A  B  C |  ->  | A | C |
       ^first ^last

    With tracks named, the other rippling tracks shift along (nothing is cut there). Raises BadValue, NoSuchTrack,
    LockedTrack, NoRoom, OutOfSync.
    """
    desk = Desk(document, sequence_id)
    numbers = _named(desk, track_ids, rippling(desk), first, last)
    spans = {number: desk.cut_out(number, first, last) for number in numbers if first < desk.tracks[number].duration}
    own = {number: len(desk.tracks[number].items) for number in numbers}
    own |= {number: end for number, (_, end) in spans.items()}
    shift(desk, points_after(desk, last, own), first - last, own=numbers)
    for number, (begin, end) in spans.items():
        desk.splice(number, begin, end, [])
    shift_markers(desk, last, first - last)
    return desk.document()


def _named(desk: Desk, track_ids: Iterable[TrackId] | None, default: list[int], first: int, last: int) -> list[int]:
    if first < 0 or last <= first:
        raise BadValue("The out point must lie behind the in point.")
    if track_ids is None:
        return default
    numbers = [desk.number(track_id) for track_id in track_ids]
    for number in numbers:
        desk.require_unlocked(number)
    return numbers
