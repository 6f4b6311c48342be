"""Where results go: takes into the place that was asked for, wherever that has moved meanwhile.

While a job ran the person went on editing. A retake looks for its own clip first, then for any clip that shows the same
footage at the same speed; what was cut away of the range stays away. If nothing of it is left, the take waits in the
media panel. Every landing is one edit, so one undo takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Literal, NamedTuple

import msgspec

from engine.protocol.messages import Recipe, ResultFile
from ltxdesktop.document import edits
from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    Item,
    ItemId,
    Media,
    MediaId,
    MediaKind,
    Take,
    Track,
    TrackId,
    TrackKind,
    new_id,
)
from ltxdesktop.document.model import Sequence as Timeline
from ltxdesktop.document.time import parse_rate
from ltxdesktop.loop.errors import NothingCame
from ltxdesktop.loop.joining import BLEND_FRAMES, joined
from ltxdesktop.loop.places import AfterClip, AtFrame, InGap, LikeTake, OfClip, Place, edge_of

What = Literal["both", "picture", "sound"]


class Made(NamedTuple):
    """One result as media: where its asked part begins, behind the handle before it, and how long the one after is."""

    media: Media
    begin_s: Fraction
    after_s: Fraction


@dataclass(frozen=True)
class Landing:
    """A document with the takes in it; `clip` is None if they only wait in the media panel."""

    document: Document
    name: str  # of the step in the history
    clip: ItemId | None
    words: str = ""  # for the person, when it isn't where it was asked for


def made_of(files: Iterable[ResultFile], recipe: Recipe | None, name: str) -> tuple[Made, ...]:
    """A result's variations as media, films first choice, else sounds. Raises NothingCame."""
    files = tuple(files)
    films = [each for each in files if each.role == "video"]
    found = films or [each for each in files if each.role == "audio"]
    if not found:
        raise NothingCame
    latents = {each.variation: each.path for each in files if each.role == "latents"}
    many = len(found) > 1
    return tuple(
        _made(
            each,
            _recipe_of(recipe, each.variation, latents.get(each.variation, "")),
            f"{name} {each.variation + 1}" if many else name,
        )
        for each in found
    )


def _recipe_of(recipe: Recipe | None, variation: int, latents: str) -> dict[str, Any]:
    """One variation's recipe as plain values: with its own seed, and of a draft what it can be finished from."""
    if recipe is None:
        return {}
    said: dict[str, Any] = msgspec.to_builtins(recipe)
    said["seed"] = recipe.seeds[variation] if variation < len(recipe.seeds) else recipe.work.seed
    if latents:
        said["draft_latents"] = latents
    return said


def _made(file: ResultFile, recipe: dict[str, Any], name: str) -> Made:
    is_film = file.role == "video"
    rate = parse_rate(file.rate) if file.rate else Fraction(25)
    media = Media(
        id=MediaId(new_id()),
        name=name or PurePath(file.path).stem,
        path=file.path,
        kind=MediaKind.VIDEO if is_film else MediaKind.AUDIO,
        rate=rate,
        frames=file.frames if is_film else 0,
        width=file.width,
        height=file.height,
        sample_rate=file.sample_rate,
        samples=file.samples,
        channels=2 if file.sample_rate else 0,
        bytes=file.size_bytes,
        recipe=recipe,
    )
    if is_film:
        before, after = Fraction(file.handle_before) / rate, Fraction(file.handle_after) / rate
    else:
        unit = max(1, file.sample_rate)
        before, after = Fraction(file.handle_samples_before, unit), Fraction(file.handle_samples_after, unit)
    return Made(media, before, after)


def land(
    document: Document, place: Place, made: Sequence[Made], *, what: What = "both", blend: int = BLEND_FRAMES
) -> Landing:
    """Put results where they were asked for. Raises NothingCame; edits that fail leave the takes in the media panel."""
    if not made:
        raise NothingCame
    with_media = document.with_media(*(each.media for each in made))
    try:
        match place:
            case OfClip():
                landing = _retake(with_media, place, made, what, blend)
            case AfterClip():
                landing = _continue(with_media, place, made, blend)
            case InGap():
                landing = _bridge(with_media, place, made, blend)
            case AtFrame():
                landing = _new_clip(with_media, place, made)
            case LikeTake():
                landing = _beside(with_media, place, made)
    except DocumentError as error:
        return _waiting(with_media, str(error))
    return landing or _waiting(with_media, "Its place on the timeline is gone.")


def _waiting(document: Document, why: str) -> Landing:
    return Landing(document, "Keep take", None, f"{why} The take waits in the media panel.")


# ---- a range of a clip -----------------------------------------------------------------------------------------------


class _Spot(NamedTuple):
    """Frames [first, last) of a clip that show frames of a place from `skipped` on."""

    clip: Clip
    first: int
    last: int
    skipped: int


def _retake(document: Document, place: OfClip, made: Sequence[Made], what: What, blend: int) -> Landing | None:
    sequence = _timeline(document, place)
    spot = _spot(sequence, place, sound=what == "sound") if sequence is not None else None
    if sequence is None or spot is None:
        return None
    source = document.media[place.media]
    # Frame `shown.start` of the media is the first of the result's asked part; the clip may begin within a frame.
    into_s = place.begin_s - Fraction(place.shown.start) / source.rate + spot.skipped * place.speed / place.rate
    takes = [Take(each.media.id, each.begin_s + into_s, each.media.name, blend=blend) for each in made]
    start = sequence.start_of(spot.clip.id)
    assert start is not None
    document = edits.slice_for_takes(
        document,
        spot.clip.id,
        start + spot.first,
        start + spot.last,
        takes,
        linked=what == "both",
        sequence_id=place.sequence,
    )
    middle = _clip_at(document, place, spot.clip.id, start + spot.first)
    document = joined(document, middle, blend, place.sequence)
    cut = "" if (spot.last - spot.first) == place.frames else "A part of its range is no longer there."
    return Landing(document, "Replace" if place.anew else "Retake", middle, cut)


def _spot(sequence: Timeline, place: OfClip, *, sound: bool) -> _Spot | None:
    """Its own clip if that still shows some of the footage, else the clip that shows most of it."""
    spots = [spot for clip in _clips(sequence, sound=sound) if (spot := _overlap(clip, place)) is not None]
    own = [spot for spot in spots if spot.clip.id == place.clip]
    return max(own or spots, key=lambda spot: spot.last - spot.first, default=None)


def _clips(sequence: Timeline, *, sound: bool) -> Iterator[Clip]:
    for track in sequence.of_kind(TrackKind.AUDIO if sound else TrackKind.VIDEO):
        if not track.locked:
            yield from track.clips


def _overlap(clip: Clip, place: OfClip) -> _Spot | None:
    take = next((take for take in clip.takes if take.media == place.media), None)
    if take is None or clip.speed != place.speed:
        return None
    offset = (place.begin_s - take.start_s) * place.rate / place.speed
    if offset.denominator != 1:  # slipped by a part of a frame: other pictures
        return None
    first, last = max(int(offset), 0), min(int(offset) + place.frames, clip.duration)
    return _Spot(clip, first, last, first - int(offset)) if first < last else None


def _beside(document: Document, place: LikeTake, made: Sequence[Made]) -> Landing | None:
    """More takes of the clip that has the one they are like: the same work begins at the same frame."""
    sequence = _timeline(document, place)
    if sequence is None:
        return None
    having = [
        clip
        for track in sequence.tracks
        if not track.locked
        for clip in track.clips
        if any(take.media == place.media for take in clip.takes)
    ]
    clip = next((each for each in having if each.id == place.clip), having[0] if having else None)
    if clip is None:
        return None
    like = next(take for take in clip.takes if take.media == place.media)
    takes = [Take(each.media.id, like.start_s, each.media.name, blend=like.blend) for each in made]
    document = edits.add_takes(document, clip.id, takes, sequence_id=place.sequence)
    return Landing(document, "More takes", clip.id)


# ---- new clips -------------------------------------------------------------------------------------------------------


def _continue(document: Document, place: AfterClip, made: Sequence[Made], blend: int) -> Landing | None:
    sequence = _timeline(document, place)
    clip = _that_goes_on(document, sequence, place) if sequence is not None else None
    if sequence is None or clip is None:
        return None
    track, start = sequence.track_of(clip.id), sequence.start_of(clip.id)
    assert track is not None
    assert start is not None
    forward = place.direction == "forward"
    free = _free(track.items, track.index[clip.id], forward=forward)
    fits = free is None or free >= place.frames
    frame = start + clip.duration if forward else start - place.frames if fits else start
    laid = _placements(document, sequence, track.id, clip, made, place.frames, blend=blend)
    document, words = _put(document, sequence, laid, frame, over=fits)
    new = _clip_at(document, place, clip.id, frame)
    return Landing(joined(document, new, blend, place.sequence), "Extend", new, words)


def _that_goes_on(document: Document, sequence: Timeline, place: AfterClip) -> Clip | None:
    """The clip that ends (or begins) where the new part goes on: its own, or the piece of it that was cut off there.

    If its end was trimmed away meanwhile, its own clip as it is.
    """
    own, media = sequence.clip(place.clip), document.media.get(place.media)
    if media is None:
        return None
    showing = [clip for clip in _clips(sequence, sound=False) if clip.media == place.media and clip.speed > 0]
    fitting = [clip for clip in showing if edge_of(clip, sequence.rate, media, place.direction) == place.at]
    if own is not None and own.media == place.media and (own in fitting or not fitting):
        return own
    return fitting[0] if fitting else None


def _free(items: Sequence[Item], place: int, *, forward: bool) -> int | None:
    """Frames of nothing behind an item, or before it; None = to the end of time."""
    beside = place + 1 if forward else place - 1
    if not 0 <= beside < len(items):
        return None if forward else 0
    item = items[beside]
    return item.duration if isinstance(item, Gap) else 0


def _bridge(document: Document, place: InGap, made: Sequence[Made], blend: int) -> Landing | None:
    sequence = _timeline(document, place)
    track = sequence.track_of(place.gap) if sequence is not None else None
    if sequence is None or track is None:
        return None
    at = track.index[place.gap]
    if track.items[at].duration != place.frames:
        return None
    laid = _placements(document, sequence, track.id, None, made, place.frames, blend=blend)
    document, words = _put(document, sequence, laid, track.starts[at], over=True)
    new = _on_track(document, place, track.id, track.starts[at])
    return Landing(joined(document, new, blend, place.sequence), "Fill gap", new, words)


def _new_clip(document: Document, place: AtFrame, made: Sequence[Made]) -> Landing | None:
    sequence = _timeline(document, place)
    if sequence is None:
        return None
    tracks = [track for track in sequence.of_kind(TrackKind.VIDEO) if not track.locked]
    track = next((each for each in tracks if each.id == place.track), tracks[0] if tracks else None)
    if track is None:
        return None
    laid = _placements(document, sequence, track.id, None, made, None, sound=not place.picture_only)
    length, frame = max(each.clip.duration for each in laid), place.frame_now(sequence)
    if place.picture_only:
        return _over_sound(document, place, laid, frame, length)
    document, words = _put(document, sequence, laid, frame, over=_is_empty(track, frame, length))
    return Landing(document, "Generate", _on_track(document, place, track.id, frame), words)


def _over_sound(
    document: Document, place: AtFrame, laid: tuple[edits.Placement, ...], frame: int, length: int
) -> Landing:
    """A picture on a track where it's seen and nothing is in its way: pushed aside, the sound would no longer be under
    it. Where there is no such track a new one is put on top."""
    sequence = _timeline(document, place)
    assert sequence is not None
    above = True
    found: TrackId | None = None
    for track in reversed(sequence.of_kind(TrackKind.VIDEO)):
        above = above and _is_empty(track, frame, length)
        if above and not track.locked:
            found = track.id
    if found is None:
        found = TrackId(new_id())
        document = edits.add_track(document, TrackKind.VIDEO, track_id=found, sequence_id=sequence.id)
    laid = tuple(replace(each, track=found) for each in laid)
    document = edits.overwrite_clips(document, laid, frame, sequence_id=sequence.id)
    return Landing(document, "Generate", _on_track(document, place, found, frame))


def _placements(
    document: Document,
    sequence: Timeline,
    track: TrackId,
    beside: Clip | None,
    made: Sequence[Made],
    frames: int | None,
    *,
    sound: bool = True,
    blend: int | None = None,
) -> tuple[edits.Placement, ...]:
    """The first result as clips on their tracks, with all results as their takes. Sound goes beside the linked sound of
    the clip that is continued, if there is one."""
    first = made[0]
    audio = None
    if beside is not None and beside.link is not None:
        partners = (sequence.track_of(partner) for partner in sequence.linked[beside.link])
        audio = next((each.id for each in partners if each in _sound_tracks(sequence)), None)
    length_s = first.media.duration_s
    assert length_s is not None
    out_s = length_s - first.after_s if frames is None else first.begin_s + Fraction(frames) / sequence.rate
    laid = edits.placements(
        document,
        first.media.id,
        in_s=first.begin_s,
        out_s=min(out_s, length_s),
        video=track,
        audio=audio,
        sound=sound and bool(_sound_tracks(sequence)),
        sequence_id=sequence.id,
    )
    return tuple(replace(each, clip=_with_takes(each.clip, made, blend)) for each in laid)


def _put(
    document: Document, sequence: Timeline, laid: tuple[edits.Placement, ...], frame: int, *, over: bool
) -> tuple[Document, str]:
    """Lay clips at a frame, with what is to be said of it: `over` what is empty there, else everything is pushed.

    The room in the picture may be empty where the sound isn't, as under a sound that goes on behind its picture. That
    sound stays: the new one goes to a track that is free there, or is left out.
    """
    if not over:
        return edits.insert_clips(document, laid, frame, sequence_id=sequence.id), ""
    clear = _beside_sounds(sequence, laid, frame)
    words = "" if len(clear) == len(laid) else "Only its picture was placed: there is other sound on every track."
    return edits.overwrite_clips(document, clear, frame, sequence_id=sequence.id), words


def _beside_sounds(sequence: Timeline, laid: tuple[edits.Placement, ...], frame: int) -> tuple[edits.Placement, ...]:
    """The clips with their sound on a track where nothing is heard yet; without it, if there is none."""
    sounds = _sound_tracks(sequence)
    clear: list[edits.Placement] = []
    for each in laid:
        wanted = sequence.track(each.track)
        if wanted not in sounds:
            clear.append(each)
            continue
        free = (track for track in (wanted, *sounds) if _is_empty(track, frame, each.clip.duration))
        track = next(free, None)
        if track is not None:
            clear.append(replace(each, track=track.id))
    if len(clear) == 1:
        return (replace(clear[0], clip=replace(clear[0].clip, link=None)),)
    return tuple(clear)


def _sound_tracks(sequence: Timeline) -> list[Track]:
    return [track for track in sequence.of_kind(TrackKind.AUDIO) if not track.locked]


def _is_empty(track: Track, frame: int, frames: int) -> bool:
    return all(isinstance(item, Gap) for _, item in track.placed(frame, frame + frames))


def _with_takes(clip: Clip, made: Sequence[Made], blend: int | None) -> Clip:
    takes = (Take(each.media.id, each.begin_s, each.media.name, blend=blend) for each in made)
    return replace(clip, takes=tuple(takes))


# ---- finding again ---------------------------------------------------------------------------------------------------


def _timeline(document: Document, place: Place) -> Timeline | None:
    return next((each for each in document.sequences if each.id == place.sequence), None)


def _clip_at(document: Document, place: Place, beside: ItemId, frame: int) -> ItemId:
    """The clip at a frame of the track on which another clip is."""
    sequence = _timeline(document, place)
    track = sequence.track_of(beside) if sequence is not None else None
    assert track is not None
    return _on_track(document, place, track.id, frame)


def _on_track(document: Document, place: Place, track_id: TrackId, frame: int) -> ItemId:
    sequence = _timeline(document, place)
    track = sequence.track(track_id) if sequence is not None else None
    item = track.at(frame) if track is not None else None
    assert isinstance(item, Clip)
    return item.id
