"""Places on the timeline that can be made: a range of a clip, its end, a gap, the playhead, a whole shot.

A place is found once, when the person asks, and remembered with the job: it says what the engine is to look at, in
frames of the media, and later where the take belongs (`landing`). Media are exact: the range that is asked for covers
every picture that the timeline shows of it, at any speed and rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Literal

from engine.protocol.grid import FrameRange
from engine.protocol.work import Neighbour
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    ItemId,
    Media,
    MediaId,
    MediaKind,
    Sequence,
    SequenceId,
    Track,
    TrackId,
    TrackKind,
)
from ltxdesktop.document.time import frame_at
from ltxdesktop.loop.errors import MediaMissing, NoNeighbours, NotExtendable, NotFootage, NothingThere

NO_FILM = {
    MediaKind.STILL: "it's a still picture. Select it with no range marked, and a clip is made that begins with it",
    MediaKind.AUDIO: "it has no picture",
}
Locate = Callable[[Media], str]  # the file's path on this machine; "" if it's missing


@dataclass(frozen=True)
class OfClip:
    """Frames of a clip: `frames` of the sequence from `first` of the clip on, and what of its media they show."""

    sequence: SequenceId
    clip: ItemId
    media: MediaId
    path: str
    first: int  # frame of the clip
    frames: int  # of the sequence
    begin_s: Fraction  # media time of that frame
    speed: Fraction
    rate: Fraction  # of the sequence
    shown: FrameRange  # frames of the media that cover them
    media_rate: Fraction = Fraction(0)  # 0: asked for before it was noted
    anew: bool = False  # another shot instead, that knows nothing of what was there
    handles: int = 0  # frames of the media beyond it that transitions at the clip's ends show


@dataclass(frozen=True)
class AfterClip:
    """The time beyond an end of a clip, where it is to go on (or to come from)."""

    sequence: SequenceId
    clip: ItemId
    media: MediaId
    path: str
    at: int  # frame of the media: the first new one; backward: the one after the last new one
    frames: int  # of the sequence
    media_frames: int  # that they need
    direction: Literal["forward", "backward"]


@dataclass(frozen=True)
class InGap:
    """A gap between two clips with pictures."""

    sequence: SequenceId
    gap: ItemId
    track: TrackId
    frame: int  # of the sequence
    frames: int
    before: Neighbour
    after: Neighbour


@dataclass(frozen=True)
class AtFrame:
    """A frame of the sequence, at which a new clip is to begin.

    `picture_only`: its sound is there already, on a track of its own.
    """

    sequence: SequenceId
    frame: int
    track: TrackId | None = None
    picture_only: bool = False
    beside: ItemId | None = None  # the clip that it goes with, wherever that is moved
    behind: bool = False  # at that clip's end, not at its start

    def frame_now(self, sequence: Sequence) -> int:
        """Where it begins as the film is now."""
        clip = sequence.clip(self.beside) if self.beside is not None else None
        start = sequence.start_of(clip.id) if clip is not None else None
        if clip is None or start is None:
            return self.frame
        return start + (clip.duration if self.behind else 0)


@dataclass(frozen=True)
class LikeTake:
    """Where a take is: for the same work once more, with another seed, or in full size after a draft."""

    sequence: SequenceId
    clip: ItemId
    media: MediaId  # of that take


Place = OfClip | AfterClip | InGap | AtFrame | LikeTake


def in_range(
    document: Document, first: int, last: int, locate: Locate, *, clips: Iterable[ItemId] = ()
) -> tuple[OfClip, ...]:
    """The parts of clips with footage in frames [first, last) of the open sequence.

    With `clips` named, each of them; else at each moment the topmost that is seen, so a range across a cut gives one
    part on either side. Raises NothingThere, NotFootage, MediaMissing if no part can be made; of several, those that
    can't are left out (`in_range_and_not` names them).
    """
    return in_range_and_not(document, first, last, locate, clips=clips)[0]


def in_range_and_not(
    document: Document, first: int, last: int, locate: Locate, *, clips: Iterable[ItemId] = ()
) -> tuple[tuple[OfClip, ...], tuple[str, ...]]:
    """As `in_range`, with the names of the clips that stay as they are: they aren't footage, or theirs is missing."""
    sequence, named = document.sequence, set(clips)
    found = list(_parts(sequence, first, last, named)) if named else list(_topmost(sequence, first, last))
    parts: list[OfClip] = []
    refused: list[NotFootage | MediaMissing] = []
    for part in found:
        try:
            parts.append(_of_clip(document, sequence, *part, locate))
        except (NotFootage, MediaMissing) as error:
            refused.append(error)
    if not parts:
        raise refused[0] if refused else NothingThere()
    return tuple(parts), tuple(dict.fromkeys(each.clip for each in refused))


def whole(document: Document, clip_id: ItemId, locate: Locate) -> OfClip:
    """All of a clip. Raises NothingThere, NotFootage, MediaMissing."""
    sequence = document.sequence
    clip, start = sequence.clip(clip_id), sequence.start_of(clip_id)
    if clip is None or start is None:
        raise NothingThere
    return _of_clip(document, sequence, clip, 0, clip.duration, locate)


def beyond(
    document: Document, clip_id: ItemId, frames: int, direction: Literal["forward", "backward"], locate: Locate
) -> AfterClip:
    """`frames` of the sequence that go on after a clip, or lead up to it.

    Raises NothingThere, NotFootage, NotExtendable, MediaMissing.
    """
    sequence = document.sequence
    clip = sequence.clip(clip_id)
    if clip is None:
        raise NothingThere
    media, path = _footage(document, clip, locate)
    if clip.speed <= 0:
        raise NotExtendable(clip.name)
    at = edge_of(clip, sequence.rate, media, direction)
    needed = max(1, ceil(frames * clip.speed / sequence.rate * media.rate))
    return AfterClip(sequence.id, clip.id, media.id, path, at, frames, needed, direction)


def edge_of(clip: Clip, rate: Fraction, media: Media, direction: Literal["forward", "backward"]) -> int:
    """The frame of the media at which a clip goes on; backward: the one that it begins with. `rate`: the sequence's."""
    edge_s = clip.media_time(clip.duration if direction == "forward" else 0, rate)
    return min(max(ceil(edge_s * media.rate), 0), media.frames)


def gap(document: Document, gap_id: ItemId, locate: Locate) -> InGap:
    """A gap with footage on both sides. Raises NothingThere, NoNeighbours, NotFootage, MediaMissing."""
    sequence = document.sequence
    track = sequence.track_of(gap_id)
    if track is None or not isinstance(track.items[track.index[gap_id]], Gap):
        raise NothingThere
    place = track.index[gap_id]
    left = track.items[place - 1] if place else None
    right = track.items[place + 1] if place + 1 < len(track.items) else None
    if not isinstance(left, Clip) or not isinstance(right, Clip) or track.kind is not TrackKind.VIDEO:
        raise NoNeighbours
    return InGap(
        sequence.id,
        gap_id,
        track.id,
        track.starts[place],
        track.items[place].duration,
        _neighbour(document, left, left.duration, locate),
        _neighbour(document, right, 0, locate),
    )


def at_frame(document: Document, frame: int, track: TrackId | None = None) -> AtFrame:
    """A place for a new clip. A negative frame is the sequence's first."""
    return AtFrame(document.sequence.id, max(0, frame), track)


def behind_clip(document: Document, clip_id: ItemId, track: TrackId) -> AtFrame:
    """A place for a new clip at the end of another."""
    place = AtFrame(document.sequence.id, 0, track, beside=clip_id, behind=True)
    return replace(place, frame=place.frame_now(document.sequence))


def heard_samples(document: Document, clip: Clip) -> tuple[int, int]:
    """What a clip plays of its sound: first sample of the media, and how many."""
    assert clip.media is not None
    media, rate = document.media[clip.media], document.sequence.rate
    ends = sorted((clip.media_time(0, rate), clip.media_time(clip.duration, rate)))
    first, last = (min(max(round(end * media.sample_rate), 0), media.samples) for end in ends)
    return first, last - first


def over_sound(document: Document, clip_id: ItemId) -> AtFrame:
    """A place for a picture that begins with a sound."""
    place = AtFrame(document.sequence.id, 0, picture_only=True, beside=clip_id)
    return replace(place, frame=place.frame_now(document.sequence))


# ---- looking ---------------------------------------------------------------------------------------------------------


def _parts(sequence: Sequence, first: int, last: int, named: set[ItemId]) -> Iterator[tuple[Clip, int, int]]:
    """(clip, first, last) with frames of the clip, for named clips that have a picture on a video track."""
    for track in sequence.of_kind(TrackKind.VIDEO):
        for start, item in track.placed(first, last):
            if isinstance(item, Clip) and item.id in named:
                yield item, max(first - start, 0), min(last - start, item.duration)


def _topmost(sequence: Sequence, first: int, last: int) -> Iterator[tuple[Clip, int, int]]:
    """What is seen in [first, last), in order: the highest enabled clip of a shown track at each moment."""
    shown = [track for track in reversed(sequence.of_kind(TrackKind.VIDEO)) if not track.muted]
    frame = first
    while frame < last:
        ends = [last]
        seen: tuple[Clip, int] | None = None
        for track in shown:
            start, clip, end = _at(track, frame, last)
            ends.append(end)
            if clip is not None:
                seen = clip, start
                break
        end = min(ends)
        if seen is not None:
            clip, start = seen
            yield clip, frame - start, end - start
        frame = end


def _at(track: Track, frame: int, last: int) -> tuple[int, Clip | None, int]:
    """Start of what is at a frame, the clip if one is seen there, and where that ends."""
    place = track.place_at(frame)
    if place is None:
        return frame, None, last
    item, start, end = track.items[place], track.starts[place], track.starts[place + 1]
    return start, item if isinstance(item, Clip) and item.enabled and item.takes else None, end


def _of_clip(document: Document, sequence: Sequence, clip: Clip, first: int, last: int, locate: Locate) -> OfClip:
    if (first, last) == (0, clip.duration):  # made again, and not from the take that it shows: that has no context
        clip = replace(clip, active=0)
    media, path = _footage(document, clip, locate)
    if clip.speed == 0:
        raise NotFootage(clip.name, "it holds one picture. Save that picture (File menu), and make a clip from it")
    take = clip.take
    assert take is not None
    return OfClip(
        sequence.id,
        clip.id,
        take.media,
        path,
        first,
        last - first,
        clip.media_time(first, sequence.rate),
        clip.speed,
        sequence.rate,
        shown_frames(clip, first, last, sequence.rate, media),
        media.rate,
        handles=ceil(_crossed_beyond(sequence, clip, first, last) * abs(clip.speed) / sequence.rate * media.rate),
    )


def _crossed_beyond(sequence: Sequence, clip: Clip, first: int, last: int) -> int:
    """For how many frames of the sequence transitions show what is beyond the ends of [first, last) of a clip."""
    track = sequence.track_of(clip.id)
    items = track.items if track is not None else ()
    behind = track.index[clip.id] + 1 if track is not None else 0
    right = items[behind] if behind < len(items) else None
    at_head = clip.transition.before if first == 0 and clip.transition is not None else 0
    at_tail = 0
    if last == clip.duration and isinstance(right, Clip) and right.transition is not None:
        at_tail = right.transition.after
    return max(at_head, at_tail)


def shown_frames(clip: Clip, first: int, last: int, rate: Fraction, media: Media) -> FrameRange:
    """The frames of the media that frames [first, last) of a clip show, with those between that are skipped."""
    ends = [frame_at(clip.media_time(frame, rate), media.rate) for frame in (first, last - 1)]
    if clip.speed * media.rate == rate:  # picture for picture
        return _inside(FrameRange(ends[0], ends[1] + 1), media)
    far = clip.media_time(last, rate) * media.rate  # slow motion shows its last picture for a part of its time only
    ends.append(ceil(far) - 1 if clip.speed > 0 else frame_at(far, Fraction(1)) + 1)
    return _inside(FrameRange(min(ends), max(ends) + 1), media)


def _inside(frames: FrameRange, media: Media) -> FrameRange:
    return FrameRange(min(max(frames.start, 0), media.frames - 1), min(max(frames.end, 1), media.frames))


def _footage(document: Document, clip: Clip, locate: Locate) -> tuple[Media, str]:
    if clip.take is None:
        raise NotFootage(clip.name, "the program draws it itself")
    media = document.media[clip.take.media]
    if media.kind is not MediaKind.VIDEO:
        raise NotFootage(clip.name, NO_FILM.get(media.kind, "it shows no film"))
    path = locate(media)
    if not path:
        raise MediaMissing(media.name)
    return media, path


def _neighbour(document: Document, clip: Clip, edge: int, locate: Locate) -> Neighbour:
    media, path = _footage(document, clip, locate)
    at = ceil(clip.media_time(edge, document.sequence.rate) * media.rate)
    return Neighbour(source=path, at=min(max(at, 0), media.frames))
