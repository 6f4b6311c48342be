"""Faster, slower, backwards, and held pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from ltxdesktop.document.curves import backwards
from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.edits.moving import stretched
from ltxdesktop.document.edits.pieces import fitted
from ltxdesktop.document.edits.placing import open_at
from ltxdesktop.document.edits.rippling import points_after, shift, shift_markers
from ltxdesktop.document.errors import BadValue
from ltxdesktop.document.handles import UNLIMITED, handles, is_endless
from ltxdesktop.document.model import (
    Clip,
    Document,
    Easing,
    Effect,
    Gap,
    ItemId,
    Key,
    Parameter,
    SequenceId,
    TrackKind,
    new_id,
)
from ltxdesktop.document.time import nearest

FASTEST = 100  # times


def set_speed(
    document: Document,
    clip_id: ItemId,
    speed: Fraction,
    *,
    ripple: bool = False,
    keep_pitch: bool | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Play a clip and its linked clips at another speed: below 0 backwards, 0 holds its first picture.

    `keep_pitch` says whether its sound keeps its pitch then, or goes up and down with the speed as on tape; None leaves
    that as it is.

    | A | B: 1x        | C |  ->  | A | B: 2x |       | C |
                              ->  | A | B: 2x | C |          (ripple)

    It goes on to show the same range of its media, so its length changes, to the nearest frame; a held picture keeps
    its length. Without `ripple` it grows into free room only and is cut off there; with it, what comes later shifts on
    all rippling tracks. Keys and markers stay with the picture, fades keep their lengths. Titles and stills have no
    speed. Raises NoSuchClip, LockedTrack, NoRoom, OutOfSync, and BadValue for a speed above 100x or if linked clips
    don't begin together (with `ripple` or backwards: don't lie at the same frames).
    """
    if abs(speed) > FASTEST:
        raise BadValue(f"A clip plays at {FASTEST} times its speed at most.")
    desk = Desk(document, sequence_id)
    clips = [desk.clip(other) for other in desk.family([clip_id])]
    clips = [clip for clip in clips if clip.takes and _has_speed(desk, clip)]
    if not clips:
        raise BadValue(f"{desk.clip(clip_id).name!r} has no speed: it shows one picture.")
    _require_together(desk, clips, speed, ripple)
    changed = [_at_speed(desk, clip, speed) for clip in clips]
    if keep_pitch is not None:
        changed = [replace(clip, keeps_pitch=keep_pitch) for clip in changed]
    if ripple:  # what follows on their tracks moves by the same frames, even where the media of one end early
        shortest = min(clip.duration for clip in changed)
        changed = [fitted(replace(clip, duration=shortest)) for clip in changed]
    frames = changed[0].duration - clips[0].duration
    if ripple:
        own = {desk.home(clip.id): desk.tracks[desk.home(clip.id)].index[clip.id] + 1 for clip in clips}
        end = desk.start(clips[0].id) + clips[0].duration
        shift(desk, points_after(desk, end, own), frames, own=own)
        shift_markers(desk, end, frames)
    for clip in changed:
        if not ripple:
            clip = _into_free_room(desk, clip)
        desk.change(clip)
    return desk.document()


def _has_speed(desk: Desk, clip: Clip) -> bool:
    assert clip.media is not None
    return not is_endless(replace(clip, speed=Fraction(1)), desk.media.get(clip.media))


def _require_together(desk: Desk, clips: list[Clip], speed: Fraction, ripple: bool) -> None:
    starts = {desk.start(clip.id) for clip in clips}
    ends = {desk.start(clip.id) + clip.duration for clip in clips}
    speeds = {clip.speed for clip in clips}
    whole = ripple or speed < 0 or clips[0].speed < 0
    if len(starts) > 1 or len(speeds) > 1 or (whole and len(ends) > 1):
        raise BadValue(
            f"{clips[0].name!r} and what it is linked with don't lie at the same frames, so another speed would part "
            "them. Trim them to the same length or unlink them first."
        )


def _at_speed(desk: Desk, clip: Clip, speed: Fraction) -> Clip:
    """The clip with its range of media at another speed, no longer than there are media."""
    if speed == 0:
        return replace(clip, speed=speed)
    if clip.speed == 0:
        resumed = replace(clip, speed=speed)
        over = -min(0, handles(resumed, desk.media, desk.rate).after)
        return fitted(replace(resumed, duration=max(1, clip.duration - over)))
    ratio = abs(clip.speed / speed)
    duration = max(1, nearest(clip.duration * ratio))
    turned = (speed < 0) is not (clip.speed < 0)
    shaped = _turned(clip, lambda frame: duration - 1 - nearest(frame * ratio)) if turned else stretched(clip, ratio)
    shaped = _over_range(shaped, clip, desk.rate, speed, duration)
    before, after = handles(shaped, desk.media, desk.rate)
    if before < 0 or after < 0:  # rounded up beyond the end of the media
        shaped = _over_range(shaped, clip, desk.rate, speed, max(1, duration + min(before, 0) + min(after, 0)))
    return fitted(shaped)


def _over_range(shaped: Clip, clip: Clip, rate: Fraction, speed: Fraction, duration: int) -> Clip:
    """A clip at a speed whose earliest picture is that of another clip, for all takes."""
    begin = (clip.duration - 1) * clip.speed / rate if clip.speed < 0 else Fraction(0)
    offset = begin - ((duration - 1) * speed / rate if speed < 0 else 0)
    takes = tuple(replace(take, start_s=take.start_s + offset) for take in clip.takes)
    return replace(shaped, speed=speed, duration=duration, takes=takes)


def _into_free_room(desk: Desk, clip: Clip) -> Clip:
    track = desk.tracks[desk.home(clip.id)]
    place = track.index[clip.id]
    old = track.items[place]
    following = track.items[place + 1] if place + 1 < len(track.items) else None
    free = UNLIMITED if following is None else following.duration if isinstance(following, Gap) else 0
    clip = fitted(replace(clip, duration=min(clip.duration, old.duration + free)))
    if following is not None:
        left = old.duration + (free if isinstance(following, Gap) else 0) - clip.duration
        last = place + 1 + isinstance(following, Gap)
        gap = [Gap(ItemId(new_id()), left)] if left else []
        desk.splice(desk.home(clip.id), place + 1, last, gap)
    return clip


# ---- keys of a turned clip -------------------------------------------------------------------------------------------

_MIRRORED = {Easing.EASE_IN: Easing.EASE_OUT, Easing.EASE_OUT: Easing.EASE_IN}


def _turned(clip: Clip, place: Callable[[int], int]) -> Clip:
    """A clip whose keys and markers come in the other order, so that they stay with the picture."""

    def effect(old: Effect) -> Effect:
        return replace(old, values={name: _mirrored(value, place) for name, value in old.values.items()})

    markers = tuple(replace(marker, frame=place(marker.frame)) for marker in clip.markers)
    return replace(
        clip,
        values={name: _mirrored(value, place) for name, value in clip.values.items()} if clip.values else clip.values,
        effects=tuple(effect(old) for old in clip.effects),
        markers=markers,
    )


def _mirrored(parameter: Parameter, place: Callable[[int], int]) -> Parameter:
    """The curve run backwards: the easing of a stretch now belongs to the key that was its end."""
    keys = parameter.keys
    before = [Key(0, 0.0), *keys]  # whose easing leads to each
    found: dict[int, Key] = {}
    for number, key in enumerate(keys):
        easing, curve = before[number].easing, before[number].curve
        easing = _MIRRORED.get(easing, easing)
        curve = backwards(curve) if easing is Easing.CUSTOM else curve
        found[place(key.frame)] = Key(place(key.frame), key.value, easing, curve)
    return replace(parameter, keys=tuple(key for _, key in sorted(found.items())))


# ---- held pictures ---------------------------------------------------------------------------------------------------


def hold_frame(
    document: Document, clip_id: ItemId, frame: int, frames: int, *, sequence_id: SequenceId | None = None
) -> Document:
    """Stop a clip's picture at a frame of the sequence for some frames, then go on; everything later shifts.

    | A       |  ->  | A  |held| A  |
        ^ frame

    Raises NoSuchClip, LockedTrack, OutOfSync, BadValue outside of the clip, for no frame, or for a clip of sound.
    """
    desk = Desk(document, sequence_id)
    clip, start, number = desk.clip(clip_id), desk.start(clip_id), desk.home(clip_id)
    inside = frame - start
    desk.require_unlocked(number, clip.name)
    if desk.tracks[number].kind is not TrackKind.VIDEO or not clip.takes:
        raise BadValue(f"{clip.name!r} has no moving picture to hold.")
    if frames < 1 or not 0 <= inside < clip.duration:
        raise BadValue(f"Frame {frame} doesn't lie inside of {clip.name!r}.")

    def still(values: dict[str, Parameter]) -> dict[str, Parameter]:
        return {name: Parameter(value.at(inside)) for name, value in values.items()}

    held = replace(
        clip,
        id=ItemId(new_id()),
        duration=frames,
        takes=tuple(replace(take, start_s=take.start_s + inside * clip.speed / desk.rate) for take in clip.takes),
        speed=Fraction(0),
        values=still(dict(clip.values)),
        effects=tuple(replace(effect, values=still(dict(effect.values))) for effect in clip.effects),
        fade_in=0,
        fade_out=0,
        transition=None,
        tail=None,
        markers=(),
        link=None,
    )
    open_at(desk, frame, frames, [number])
    desk.lay_all(number, [(frame, held)])
    return desk.document()
