"""Cutting clips in two, on one track or all."""

from __future__ import annotations

from collections.abc import Iterable

from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.errors import BadValue
from ltxdesktop.document.model import Clip, Document, ItemId, SequenceId, TrackId


def split(
    document: Document,
    frame: int,
    track_ids: Iterable[TrackId] | None = None,
    *,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Cut the clips under a frame of the sequence; on all unlocked tracks by default.

    | A    |  ->  | A | A'|
        ^ frame

    The left piece keeps the clip's id, its fade-in and the transition at its head, the right piece its fade-out and
    the one at its end; keys go on through the cut. Linked clips that are cut together stay linked piece by piece.
    Clips that already begin there stay as they are. Raises NoSuchTrack, LockedTrack.
    """
    desk = Desk(document, sequence_id)
    if track_ids is None:
        numbers = desk.free_numbers()
    else:
        numbers = [desk.number(track_id) for track_id in track_ids]
        for number in numbers:
            desk.require_unlocked(number)
    for number in numbers:
        if isinstance(desk.tracks[number].at(frame), Clip):
            desk.cut(number, frame)
    return desk.document()


def split_clip(
    document: Document,
    clip_id: ItemId,
    frame: int,
    *,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Cut a clip, and its linked clips that are there too, at a frame of the sequence.

    Raises NoSuchClip, LockedTrack, and BadValue if the frame isn't inside of the clip (its first frame can't be cut).
    """
    desk = Desk(document, sequence_id)
    start, clip = desk.start(clip_id), desk.clip(clip_id)
    if not start < frame < start + clip.duration:
        raise BadValue(f"Frame {frame} doesn't lie inside of {clip.name!r}.")
    for other in desk.family([clip_id], linked=linked):
        begin = desk.start(other)
        if begin < frame < begin + desk.clip(other).duration:
            desk.cut(desk.home(other), frame)
    return desk.document()
