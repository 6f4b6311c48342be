"""Small changes of clips, tracks, markers and the range, as pure functions: what handles and menus set."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from ltxdesktop.document.errors import LockedTrack, NoSuchClip, NoSuchMarker, NoSuchTrack, OutOfReach
from ltxdesktop.document.model import (
    Clip,
    Document,
    ItemId,
    Marker,
    MarkerId,
    Parameter,
    Track,
    TrackId,
)


def change_clip(document: Document, clip: Clip) -> Document:
    """The document with the clip of that id replaced. Raises NoSuchClip, LockedTrack."""
    sequence = document.sequence
    track = sequence.track_of(clip.id)
    if track is None:
        raise NoSuchClip(clip.id)
    if track.locked:
        raise LockedTrack(track.name, clip.name)
    place = track.index[clip.id]
    return change_track(document, track.spliced(place, place + 1, (clip,)))


def change_track(document: Document, track: Track) -> Document:
    """The document with the track of that id replaced. Raises NoSuchTrack."""
    sequence = document.sequence
    if sequence.track(track.id) is None:
        raise NoSuchTrack(track.id)
    tracks = tuple(track if each.id == track.id else each for each in sequence.tracks)
    return document.with_sequence(replace(sequence, tracks=tracks))


def clip_of(document: Document, clip_id: ItemId) -> Clip:
    """Raises NoSuchClip."""
    clip = document.sequence.clip(clip_id)
    if clip is None:
        raise NoSuchClip(clip_id)
    return clip


def set_fade(document: Document, clip_id: ItemId, frames: int, *, at_tail: bool) -> Document:
    """Raises NoSuchClip, LockedTrack, and OutOfReach beyond the clip or its other fade."""
    clip = clip_of(document, clip_id)
    room = clip.duration - (clip.fade_in if at_tail else clip.fade_out)
    if frames > room:
        raise OutOfReach(frames, room, f"{clip.name!r} has no more room for a fade")
    changed = replace(clip, fade_out=frames) if at_tail else replace(clip, fade_in=frames)
    return document if changed == clip else change_clip(document, changed)


def set_volume(document: Document, clip_id: ItemId, db: float) -> Document:
    """Raises NoSuchClip, LockedTrack."""
    clip = clip_of(document, clip_id)
    values = {**clip.values, "volume": Parameter(db)}
    return change_clip(document, replace(clip, values=MappingProxyType(values)))


def show_take(document: Document, clip_id: ItemId, index: int) -> Document:
    """Another take, for the clip and those linked to it that have as many. Raises NoSuchClip, LockedTrack."""
    clip = clip_of(document, clip_id)
    members = (clip.id,) if clip.link is None else document.sequence.members(clip.link)
    for member in members:
        each = clip_of(document, member)
        if len(each.takes) == len(clip.takes) and each.active != index:
            document = change_clip(document, replace(each, active=index))
    return document


def set_range(document: Document, first: int | None, last: int | None) -> Document:
    sequence = document.sequence
    if (sequence.in_frame, sequence.out_frame) == (first, last):
        return document
    return document.with_sequence(replace(sequence, in_frame=first, out_frame=last))


def move_marker(document: Document, marker_id: MarkerId, clip_id: ItemId | None, frames: int) -> Document:
    """A marker by some frames, within its clip. Raises NoSuchMarker, NoSuchClip, LockedTrack."""
    clip = None if clip_id is None else clip_of(document, clip_id)
    markers = document.sequence.markers if clip is None else clip.markers
    marker = next((each for each in markers if each.id == marker_id), None)
    if marker is None:
        raise NoSuchMarker(marker_id)
    frame = max(0, marker.frame + frames)
    if clip is not None:
        frame = min(clip.duration - 1, frame)
    if frame == marker.frame:
        return document
    moved = tuple(sorted((replace(each, frame=frame) if each is marker else each for each in markers), key=_frame))
    if clip is not None:
        return change_clip(document, replace(clip, markers=moved))
    return document.with_sequence(replace(document.sequence, markers=moved))


def _frame(marker: Marker) -> int:
    return marker.frame


def resize_transition(document: Document, clip_id: ItemId, frames: int, *, at_tail: bool, last: bool) -> Document:
    """One end of a transition; it lasts one frame at least. Raises NoSuchClip, LockedTrack, OutOfReach."""
    clip = clip_of(document, clip_id)
    made = clip.tail if at_tail else clip.transition
    if made is None or not frames:
        return document
    changed = replace(made, after=made.after + frames) if last else replace(made, before=made.before - frames)
    if changed.before < 0 or changed.after < 0 or changed.duration < 1:
        possible = -made.after if last else made.before
        raise OutOfReach(frames, possible, "A transition begins before the cut and ends behind it")
    return change_clip(document, replace(clip, tail=changed) if at_tail else replace(clip, transition=changed))


def set_track(document: Document, track_id: TrackId, **changes: bool | int | str) -> Document:
    """A track's name, height or switches. Raises NoSuchTrack."""
    track = document.sequence.track(track_id)
    if track is None:
        raise NoSuchTrack(track_id)
    return change_track(document, replace(track, **changes))  # pyright: ignore[reportArgumentType]
