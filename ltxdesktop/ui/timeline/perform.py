"""Carries out what the timeline asks for, with the document's edits: request in, changed document out. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ltxdesktop.document import edits
from ltxdesktop.document.errors import NoSuchClip, NoSuchMarker, OutOfReach
from ltxdesktop.document.model import Clip, Document, ItemId, LinkId, TrackId, TrackKind
from ltxdesktop.ui.timeline.requests import (
    AddKey,
    Fade,
    Level,
    Move,
    MoveKey,
    MoveMarker,
    Place,
    Request,
    ResizeTransition,
    Roll,
    SetRange,
    ShiftKeys,
    Slide,
    Slip,
    Split,
    SplitClip,
    Trim,
)


def perform(request: Request, document: Document) -> Document:
    """The document after an edit. Raises a DocumentError that says why it can't be done."""
    match request:
        case Move():
            return _move(request, document)
        case Trim(clip=clip, at_tail=at_tail, frames=frames, ripple=ripple, alone=alone):
            edge = edits.Edge.TAIL if at_tail else edits.Edge.HEAD
            if not ripple:
                return edits.trim(document, clip, edge, frames, linked=not alone)
            return _maybe_alone(document, (clip,), alone, lambda one: edits.ripple_trim(one, clip, edge, frames))
        case Roll(left=left, right=right, frames=frames, alone=alone):
            return edits.roll(document, left, right, frames, linked=not alone)
        case Slip(clip=clip, frames=frames, alone=alone):
            return _maybe_alone(document, (clip,), alone, lambda one: edits.slip(one, clip, frames))
        case Slide(clip=clip, frames=frames, alone=alone):
            return _maybe_alone(document, (clip,), alone, lambda one: edits.slide(one, clip, frames))
        case Split(frame=frame, tracks=tracks):
            return edits.split(document, frame, tracks)
        case SplitClip(clip=clip, frame=frame, alone=alone):
            return edits.split_clip(document, clip, frame, linked=not alone)
        case Place():
            return _place(request, document)
        case Fade():
            return _fade(request, document)
        case Level(clip=clip, parameter=parameter, value=value):
            return edits.set_value(document, clip, parameter, value)
        case AddKey(clip=clip, parameter=parameter, frame=frame, value=value):
            return edits.set_key(document, clip, parameter, frame, value)
        case MoveKey():
            return _move_key(request, document)
        case ShiftKeys(clip=clip, parameter=parameter, values=values):
            for frame, value in values:
                document = edits.set_key(document, clip, parameter, frame, value)
            return document
        case SetRange(first=first, last=last):
            return edits.set_range(document, first, last)
        case MoveMarker():
            return _move_marker(request, document)
        case ResizeTransition():
            return _resize_transition(request, document)


def _move(request: Move, document: Document) -> Document:
    clips, frames, tracks = request.clips, request.frames, request.tracks
    if not frames and not tracks and not request.copy:
        return document
    mode = edits.MoveMode.INSERT if request.insert else edits.MoveMode.OVERWRITE
    if request.copy:
        return _maybe_alone(
            document, clips, request.alone, lambda one: edits.duplicate(one, clips, frames, tracks, mode)
        )
    return _maybe_alone(document, clips, request.alone, lambda one: edits.move(one, clips, frames, tracks, mode))


def _maybe_alone(
    document: Document, clips: Iterable[ItemId], alone: bool, edit: Callable[[Document], Document]
) -> Document:
    """Edit clips without what is linked to them: their links are put aside, and given back."""
    if not alone:
        return edit(document)
    links = {clip_id: clip.link for clip_id in clips if (clip := document.sequence.clip(clip_id)) and clip.link}
    changed = edit(_with_links(document, dict.fromkeys(links)))
    return _with_links(changed, links)


def _with_links(document: Document, links: Mapping[ItemId, LinkId | None]) -> Document:
    """The document with those clips' links set; clips that are gone are left out."""
    sequence = document.sequence
    tracks = tuple(
        replace(
            track,
            items=tuple(
                replace(item, link=links[item.id]) if isinstance(item, Clip) and item.id in links else item
                for item in track.items
            ),
        )
        if any(item_id in track.index for item_id in links)
        else track
        for track in sequence.tracks
    )
    return document.with_sequence(replace(sequence, tracks=tracks))


def _fade(request: Fade, document: Document) -> Document:
    """As long as it was dragged, but no longer than the clip and its other fade allow."""
    clip = _clip(document, request.clip)
    room = clip.duration - (clip.fade_in if request.at_tail else clip.fade_out)
    if request.frames > room:
        raise OutOfReach(request.frames, room, f"{clip.name!r} has no more room for a fade")
    if request.at_tail:
        return edits.set_fades(document, clip.id, fade_out=request.frames)
    return edits.set_fades(document, clip.id, fade_in=request.frames)


def _move_marker(request: MoveMarker, document: Document) -> Document:
    """A marker stays within the film, or within its clip."""
    holder = document.sequence if request.clip is None else _clip(document, request.clip)
    marker = next((each for each in holder.markers if each.id == request.marker), None)
    if marker is None:
        raise NoSuchMarker(request.marker)
    frame = max(0, marker.frame + request.frames)
    if isinstance(holder, Clip):
        frame = min(holder.duration - 1, frame)
    return document if frame == marker.frame else edits.change_marker(document, replace(marker, frame=frame))


def _move_key(request: MoveKey, document: Document) -> Document:
    clip, parameter = request.clip, request.parameter
    if request.to_frame != request.frame:
        document = edits.move_key(document, clip, parameter, request.frame, request.to_frame)
    return edits.set_key(document, clip, parameter, request.to_frame, request.value)


def _resize_transition(request: ResizeTransition, document: Document) -> Document:
    """An end of a transition, as far as the clips' handles go; it begins before its cut and ends behind it."""
    clip = _clip(document, request.clip)
    edge = edits.Edge.TAIL if request.at_tail else edits.Edge.HEAD
    made = clip.tail if request.at_tail else clip.transition
    if made is None or not request.frames:
        return document
    before, after = edits.transition_room(document, clip.id, edge)
    low, high = (-made.after, after - made.after) if request.last else (made.before - before, made.before)
    if made.duration + (low if request.last else -high) < 1:
        low, high = (low + 1, high) if request.last else (low, high - 1)
    if not low <= request.frames <= high:
        raise OutOfReach(request.frames, min(high, max(low, request.frames)), "The clips have no more material here")
    if request.last:
        changed = replace(made, after=made.after + request.frames)
    else:
        changed = replace(made, before=made.before - request.frames)
    return edits.set_transition(document, clip.id, changed, edge)


def _clip(document: Document, clip_id: ItemId) -> Clip:
    """Raises NoSuchClip."""
    clip = document.sequence.clip(clip_id)
    if clip is None:
        raise NoSuchClip(clip_id)
    return clip


def _place(request: Place, document: Document) -> Document:
    """Media one after the other; picture and sound of each start together, on tracks of the same rank."""
    video, audio = _target_tracks(document, request.track)
    placed: list[edits.Placement] = []
    offset = 0
    for media_id in request.media:
        made = edits.placements(
            document, media_id, in_s=request.in_s, out_s=request.out_s, video=video, audio=audio,
            picture=request.picture, sound=request.sound,
        )  # fmt: skip
        placed += [replace(each, offset=each.offset + offset) for each in made]
        offset += max((each.clip.duration for each in made), default=0)
    lay = edits.insert_clips if request.insert else edits.overwrite_clips
    return lay(document, placed, request.frame)


def _target_tracks(document: Document, track_id: TrackId | None) -> tuple[TrackId | None, TrackId | None]:
    """(video, audio) tracks for a drop on a track: itself, and the one of the same rank for the other half."""
    track = None if track_id is None else document.sequence.track(track_id)
    if track is None:
        return None, None
    ranks = {kind: document.sequence.of_kind(kind) for kind in (TrackKind.VIDEO, TrackKind.AUDIO)}
    if track.kind not in ranks:
        return None, None
    rank = [each.id for each in ranks[track.kind]].index(track.id)
    found = {kind: tracks[min(rank, len(tracks) - 1)].id if tracks else None for kind, tracks in ranks.items()}
    return found[TrackKind.VIDEO], found[TrackKind.AUDIO]
