"""Which pictures a trim brings beside each other: those that a person has to see while the mouse is down. No Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ltxdesktop.document.model import Clip, Document, Item, ItemId, Sequence, Track, TrackKind
from ltxdesktop.document.time import timecode
from ltxdesktop.ui.timeline.requests import Request, Roll, Slide, Slip, Trim


class Side(NamedTuple):
    """One of two pictures. `frame` of the sequence; None where there is no clip."""

    frame: int | None
    words: str = ""  # the clip's name, and the time of its media
    moves: bool = False  # whether the drag changes this picture


class TrimEdges(NamedTuple):
    left: Side
    right: Side


NOTHING = Side(None)


def edges_of(request: Request, document: Document) -> TrimEdges | None:
    """What to show while a request is tried, of the document as it would become: around a cut its two sides, of a slip
    the clip's first and last picture. None where no picture is trimmed."""
    sequence = document.sequence
    match request:
        case Trim(clip=clip, at_tail=at_tail, alone=alone):
            seen = _pictured(sequence, clip, alone=alone)
            return None if seen is None else _around_end(document, *seen, at_tail=at_tail)
        case Roll(left=left, alone=alone):
            seen = _pictured(sequence, left, alone=alone)
            if seen is None:
                return None
            made = _around_end(document, *seen, at_tail=True)
            return TrimEdges(made.left, made.right._replace(moves=True))
        case Slip(clip=clip, alone=alone):
            seen = _pictured(sequence, clip, alone=alone)
            if seen is None:
                return None
            track, start, last = seen
            return TrimEdges(_side(document, track, start, moves=True), _side(document, track, last, moves=True))
        case Slide(clip=clip, alone=alone):
            seen = _pictured(sequence, clip, alone=alone)
            if seen is None:
                return None
            track, start, last = seen
            return TrimEdges(
                _side(document, track, start - 1, moves=True), _side(document, track, last + 1, moves=True)
            )
        case _:
            return None


def unblended(sequence: Sequence, edges: TrimEdges) -> Sequence:
    """The sequence without the transitions over the pictures that are shown: a trim is judged by the pictures alone."""
    frames = [side.frame for side in edges if side.frame is not None]
    return replace(sequence, tracks=tuple(_unblended(track, frames) for track in sequence.tracks))


def _unblended(track: Track, frames: list[int]) -> Track:
    places = [place for frame in frames if (place := track.place_at(frame)) is not None]
    near = {each for place in places for each in (place, place + 1)} & set(range(len(track.items)))
    plain = {each: _plain(track.items[each]) for each in near}
    if all(plain[each] is track.items[each] for each in near):
        return track
    return replace(track, items=tuple(plain.get(place, item) for place, item in enumerate(track.items)))


def _plain(item: Item) -> Item:
    blends = isinstance(item, Clip) and (item.transition or item.tail)
    return replace(item, transition=None, tail=None) if blends else item


def _pictured(sequence: Sequence, clip_id: ItemId, *, alone: bool) -> tuple[Track, int, int] | None:
    """The track and the first and last frame of a clip with pictures, or of the one that a sound is linked to."""
    clip = sequence.clip(clip_id)
    if clip is None:
        return None
    partners = () if alone or clip.link is None else sequence.linked[clip.link]
    for each in (clip_id, *partners):
        track, found = sequence.track_of(each), sequence.clip(each)
        if track is not None and found is not None and track.kind is TrackKind.VIDEO:
            start = track.starts[track.index[each]]
            return track, start, start + found.duration - 1
    return None


def _around_end(document: Document, track: Track, first: int, last: int, *, at_tail: bool) -> TrimEdges:
    """The cut at a clip's tail or head."""
    if at_tail:
        return TrimEdges(_side(document, track, last, moves=True), _side(document, track, last + 1))
    return TrimEdges(_side(document, track, first - 1), _side(document, track, first, moves=True))


def _side(document: Document, track: Track, frame: int, *, moves: bool = False) -> Side:
    item = track.at(frame) if frame >= 0 else None
    if not isinstance(item, Clip):
        return NOTHING
    start, words = track.starts[track.index[item.id]], item.name
    media = document.media.get(item.media) if item.media is not None else None
    if media is not None and media.frames > 1:
        shown = item.media_frame(frame - start, document.sequence.rate, media)
        words = f"{item.name}   {timecode(shown, media.rate)}"
    return Side(frame, words, moves)
