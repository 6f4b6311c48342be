"""Tracks: added, removed, moved, changed."""

from __future__ import annotations

from dataclasses import replace

from ltxdesktop.document.edits.desk import Desk, sequence_of
from ltxdesktop.document.errors import BadValue
from ltxdesktop.document.model import COUNTED, Document, SequenceId, Track, TrackId, TrackKind, new_id

LETTERS = {TrackKind.VIDEO: "V", TrackKind.AUDIO: "A", TrackKind.SUBTITLE: "S"}


def add_track(
    document: Document,
    kind: TrackKind,
    place: int | None = None,
    *,
    name: str = "",
    track_id: TrackId | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Add an empty track at a place among those of its kind (0 = V1, A1); as the last by default.

    Without a name it gets the next free one: V3. Raises BadValue for a name of blanks.
    """
    sequence = sequence_of(document, sequence_id)
    same = sequence.of_kind(kind)
    if not name:
        taken = {track.name for track in sequence.tracks}
        name = next(word for n in range(1, len(taken) + 2) if (word := f"{LETTERS[kind]}{n}") not in taken)
    track = Track(track_id or TrackId(new_id()), kind, _named(name))
    at = len(same) if place is None else min(max(0, place), len(same))
    return document.with_sequence(
        replace(sequence, tracks=_with_kind(sequence.tracks, [*same[:at], track, *same[at:]]))
    )


def _with_kind(tracks: tuple[Track, ...], same: list[Track]) -> tuple[Track, ...]:
    """All tracks, with those of one kind replaced by others; kinds stay in the order video, audio, subtitle."""
    kind = same[0].kind
    found: list[Track] = []
    for each in TrackKind:
        found += same if each is kind else [track for track in tracks if track.kind is each]
    return tuple(found)


def remove_track(document: Document, track_id: TrackId, *, sequence_id: SequenceId | None = None) -> Document:
    """Remove a track with its clips; clips that were linked with them are on their own then.

    Raises NoSuchTrack, LockedTrack.
    """
    desk = Desk(document, sequence_id)
    number = desk.number(track_id)
    desk.require_unlocked(number)
    gone = desk.tracks.pop(number)
    for link in gone.links:
        left = desk.members(link)
        if len(left) == 1:
            desk.change(replace(desk.clip(left[0]), link=None))
    return desk.document()


def move_track(document: Document, track_id: TrackId, place: int, *, sequence_id: SequenceId | None = None) -> Document:
    """Move a track to a place among those of its kind (0 = V1, A1). Raises NoSuchTrack."""
    desk = Desk(document, sequence_id)
    track = desk.tracks[desk.number(track_id)]
    same = [other for other in desk.before.of_kind(track.kind) if other.id != track_id]
    same.insert(min(max(0, place), len(same)), track)
    tracks = _with_kind(desk.before.tracks, same)
    if [other.id for other in tracks] == [other.id for other in desk.before.tracks]:
        return document
    return document.with_sequence(replace(desk.before, tracks=tracks))


def change_track(
    document: Document,
    track_id: TrackId,
    *,
    name: str | None = None,
    muted: bool | None = None,
    soloed: bool | None = None,
    locked: bool | None = None,
    sync_locked: bool | None = None,
    height_px: int | None = None,
    volume_db: float | None = None,
    pan: float | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Change what is given of a track; locked ones too. Raises NoSuchTrack, BadValue."""
    desk = Desk(document, sequence_id)
    old = desk.tracks[desk.number(track_id)]
    if pan is not None and not -1 <= pan <= 1:
        raise BadValue("Pan lies between -1 (left) and 1 (right).")
    new = replace(
        old,
        name=old.name if name is None else _named(name),
        muted=old.muted if muted is None else muted,
        soloed=old.soloed if soloed is None else soloed,
        locked=old.locked if locked is None else locked,
        sync_locked=old.sync_locked if sync_locked is None else sync_locked,
        height_px=old.height_px if height_px is None else max(0, height_px),
        volume_db=old.volume_db if volume_db is None else float(volume_db),
        pan=old.pan if pan is None else float(pan),
    )
    if new == old:
        return document
    new.__dict__.update({key: value for key, value in old.__dict__.items() if key in COUNTED})
    tracks = tuple(new if track.id == track_id else track for track in desk.before.tracks)
    return document.with_sequence(replace(desk.before, tracks=tracks))


def _named(name: str) -> str:
    if not name.strip():
        raise BadValue("A track needs a name.")
    return name.strip()
