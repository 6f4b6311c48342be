"""The rules that hold in every document, whatever was edited. Tests of edits call `check`; so does opening a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise

from ltxdesktop.document.curves import LEAST_Y, MOST_Y
from ltxdesktop.document.edits.pieces import room_for_transition
from ltxdesktop.document.edits.placing import misfit
from ltxdesktop.document.errors import BrokenDocument, NoSuchMedia, frames_text
from ltxdesktop.document.handles import handles
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    Item,
    ItemId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Sequence,
    Track,
    TrackKind,
)
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS, Declared, problem_with


def check(document: Document) -> None:
    """Raise BrokenDocument with all rules that don't hold.

    - ids are unique: of sequences, bins and media, and across all sequences of tracks, items and markers;
    - a sequence has a size, a rate and a sample rate above 0, its in before its out, and the open one is there;
    - items last a frame or more, no two gaps follow each other, and no track ends with one;
    - a clip has takes or content, never both; its active take is there, and so are the media of all of them;
    - what a clip shows now lies within its media; a track carries only what its kind can;
    - fades aren't longer than the clip; transitions fit the clips, their handles and each other;
    - keys ascend, parameters and effects are declared and within their limits; volumes and pans are possible;
    - bins form a tree, and media lie in bins that are there.
    """
    problems = problems_of(document)
    if problems:
        raise BrokenDocument(problems)


def problems_of(document: Document) -> tuple[str, ...]:
    """The rules of `check` that don't hold, each with the thing it is about."""
    return tuple(_problems(document))


def out_of_sync(sequence: Sequence, media: Mapping[MediaId, Media]) -> dict[ItemId, int]:
    """By how many frames clips are late against the first clip of their link; those in sync are left out.

    Only clips that show the same media at the same speed can be compared. The number is rounded to the nearest frame.
    """
    late: dict[ItemId, int] = {}
    for ids in sequence.linked.values():
        firsts: dict[tuple[MediaId, Fraction], Fraction] = {}
        for clip_id in ids:
            clip, start = sequence.clip(clip_id), sequence.start_of(clip_id)
            assert clip is not None
            assert start is not None
            take = clip.take
            if take is None or not clip.speed or media[take.media].kind is MediaKind.STILL:
                continue
            origin = start - take.start_s * sequence.rate / clip.speed
            first = firsts.setdefault((take.media, clip.speed), origin)
            offset = round(origin - first)
            if offset:
                late[clip_id] = offset
    return late


def _problems(document: Document) -> Iterator[str]:
    yield from _repeated("sequence", (sequence.id for sequence in document.sequences))
    yield from _repeated("bin", (bin_.id for bin_ in document.bins))
    tracks = [track for sequence in document.sequences for track in sequence.tracks]
    yield from _repeated("track", (track.id for track in tracks))
    yield from _repeated("item", (item.id for track in tracks for item in track.items))
    yield from _repeated("marker", _marker_ids(document))
    if all(sequence.id != document.active for sequence in document.sequences):
        yield f"the open sequence {document.active!r} isn't there"
    yield from _media_problems(document)
    for sequence in document.sequences:
        for problem in _sequence_problems(sequence, document.media):
            yield f"sequence {sequence.name!r}: {problem}"


def _repeated(what: str, ids: Iterator[str]) -> Iterator[str]:
    for id_, count in Counter(ids).items():
        if count > 1:
            yield f"{count} {what}s have the id {id_!r}"


def _marker_ids(document: Document) -> Iterator[str]:
    for sequence in document.sequences:
        yield from (marker.id for marker in sequence.markers)
        for track in sequence.tracks:
            for clip in track.clips:
                yield from (marker.id for marker in clip.markers)


def _media_problems(document: Document) -> Iterator[str]:
    bins = {bin_.id: bin_.parent for bin_ in document.bins}
    for media_id, media in document.media.items():
        if media_id != media.id:
            yield f"media {media.name!r} is kept under another id"
        if media.bin is not None and media.bin not in bins:
            yield f"media {media.name!r} lies in a bin that isn't there"
        if media.rate <= 0 or media.frames < 0 or media.samples < 0:
            yield f"media {media.name!r} has an impossible rate or length"
    for bin_ in document.bins:
        seen, parent = {bin_.id}, bin_.parent
        while parent is not None and parent in bins and parent not in seen:
            seen.add(parent)
            parent = bins[parent]
        if parent is not None:
            yield f"bin {bin_.name!r} lies in a bin that {'contains it' if parent in seen else 'is not there'}"


def _sequence_problems(sequence: Sequence, media: Mapping[MediaId, Media]) -> Iterator[str]:
    if sequence.width < 1 or sequence.height < 1 or sequence.rate <= 0 or sequence.sample_rate < 1:
        yield "its size, rate or sample rate isn't above 0"
    first, last = sequence.in_frame, sequence.out_frame
    if (first is not None and first < 0) or (last is not None and last <= (first or 0)):
        yield f"in {first} and out {last} are no range"
    if any(marker.frame < 0 or marker.duration < 0 for marker in sequence.markers):
        yield "a marker lies before the first frame or lasts less than none"
    for track in sequence.tracks:
        for problem in _track_problems(track, sequence, media):
            yield f"track {track.name}: {problem}"


def _track_problems(track: Track, sequence: Sequence, media: Mapping[MediaId, Media]) -> Iterator[str]:
    if not -1 <= track.pan <= 1:
        yield f"its pan is {track.pan}"
    for left, right in pairwise(track.items):
        if isinstance(left, Gap) and isinstance(right, Gap):
            yield f"gaps {left.id} and {right.id} follow each other"
    if track.items and isinstance(track.items[-1], Gap):
        yield "it ends with a gap"
    neighbours: list[Item | None] = [None, *track.items, None]
    for place, item in enumerate(track.items):
        if item.duration < 1:
            yield f"item {item.id} lasts {item.duration} frames"
        if isinstance(item, Clip):
            problems = [*_clip_problems(item, track.kind, sequence, media)]
            if not problems:  # transitions can only be judged over sound clips
                problems += _transition_problems(neighbours[place], item, neighbours[place + 2], sequence, media)
            for problem in problems:
                yield f"clip {item.name!r} ({item.id}): {problem}"


def _clip_problems(clip: Clip, kind: TrackKind, sequence: Sequence, media: Mapping[MediaId, Media]) -> Iterator[str]:
    if bool(clip.takes) is (clip.content is not None):
        yield "it must have takes or content, and not both"
        return
    if not 0 <= clip.active < max(1, len(clip.takes)):
        yield f"its take {clip.active} isn't there"
        return
    try:
        why = misfit(clip, kind, media)
    except NoSuchMedia as error:
        yield f"its media {error.name!r} aren't there"
        return
    if why:
        yield why
    before, after = handles(clip, media, sequence.rate)
    if before < 0 or after < 0:
        yield f"it shows {frames_text(-min(before, 0))} before and {-min(after, 0)} after what its media have"
    if clip.fade_in < 0 or clip.fade_out < 0 or clip.fade_in + clip.fade_out > clip.duration:
        yield f"its fades ({clip.fade_in}, {clip.fade_out}) don't fit {clip.duration} frames"
    yield from _parameter_problems(clip)


def _parameter_problems(clip: Clip) -> Iterator[str]:
    for name, value in clip.values.items():
        yield from _value_problems(name, value, PARAMETERS.get(name))
    yield from _repeated("effect", iter([effect.id for effect in clip.effects]))
    for effect in clip.effects:
        declared = EFFECTS.get(effect.kind)
        if declared is None:
            yield f"effect {effect.kind!r} isn't declared"
            continue
        for name, value in effect.values.items():
            yield from _value_problems(f"{effect.kind}.{name}", value, declared.parameters.get(name))
        for name in effect.texts.keys() - set(declared.texts):
            yield f"effect {effect.kind!r} has no text {name!r}"


def _value_problems(name: str, value: Parameter, declared: Declared | None) -> Iterator[str]:
    if declared is None:
        yield f"parameter {name!r} isn't declared"
    elif why := problem_with(declared, value):
        yield why
    for key in value.keys:
        x1, y1, x2, y2 = key.curve
        if not (0 <= x1 <= 1 and 0 <= x2 <= 1 and LEAST_Y <= y1 <= MOST_Y and LEAST_Y <= y2 <= MOST_Y):
            yield f"the key of {name!r} at {key.frame} has a curve that can't be drawn: {key.curve}"
    if any(a.frame >= b.frame for a, b in pairwise(value.keys)):
        yield f"keys of {name!r} don't ascend"


def _transition_problems(
    left: Item | None, clip: Clip, right: Item | None, sequence: Sequence, media: Mapping[MediaId, Media]
) -> Iterator[str]:
    head, tail = clip.transition, clip.tail
    if head is not None and (head.before < 0 or head.after < 0 or head.duration < 1):
        yield "its transition lasts no frame"
    elif head is not None and isinstance(left, Clip):
        room = room_for_transition(
            left, clip, handles(left, media, sequence.rate).after, handles(clip, media, sequence.rate).before
        )
        if head.before > room[0] or head.after > room[1]:
            yield f"its transition ({head.before}, {head.after}) has room for {room} only"
    elif head is not None and (head.before or head.after > clip.duration):
        yield "its transition from nothing must lie within the clip"
    if tail is None:
        return
    if isinstance(right, Clip):
        yield "it has a transition to nothing, but another clip follows"
    if tail.after or tail.before < 1 or tail.before > clip.duration - (head.after if head else 0):
        yield "its transition to nothing must lie within the clip, behind the one at its head"
