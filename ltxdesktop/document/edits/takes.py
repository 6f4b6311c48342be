"""Takes of a clip: more of them, another one, a part of a clip with takes of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.edits.placing import misfit, require_fit
from ltxdesktop.document.errors import BadValue, LastOne, NoSuch, NotEnoughMedia
from ltxdesktop.document.handles import handles_of_take
from ltxdesktop.document.model import Clip, Document, ItemId, Media, MediaId, SequenceId, Take


def add_takes(
    document: Document,
    clip_id: ItemId,
    takes: Iterable[Take],
    *,
    media: Iterable[Media] = (),
    select: bool = True,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Give a clip more takes, and show the first of them (unless `select` is False).

    Each begins at the clip's first frame. `media` are added to the document with them. Linked clips at the same time
    get the takes whose media have what their track needs, shifted if they begin at another frame; `linked=False`
    retakes this clip's picture or sound only. Raises NoSuchClip, LockedTrack, WrongTrack, NoSuchMedia, NotEnoughMedia.
    """
    desk = Desk(document.with_media(*media) if (media := tuple(media)) else document, sequence_id)
    _give(desk, clip_id, tuple(takes), select, linked)
    return desk.document()


def slice_for_takes(
    document: Document,
    clip_id: ItemId,
    first: int,
    last: int,
    takes: Iterable[Take],
    *,
    media: Iterable[Media] = (),
    select: bool = True,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Cut frames [first, last) of the sequence out of a clip as a clip of their own, and give that the takes.

    | A             |  ->  | A |A: takes| A |
        ^first ^last

    What was there stays as the first takes of the middle piece, so nothing is lost. Linked clips are cut and get takes
    as in `add_takes`. Raises BadValue if the range isn't within the clip, and what `add_takes` raises.
    """
    desk = Desk(document.with_media(*media) if (media := tuple(media)) else document, sequence_id)
    start, clip = desk.start(clip_id), desk.clip(clip_id)
    if not start <= first < last <= start + clip.duration:
        raise BadValue(f"Frames {first} to {last} don't lie within {clip.name!r}.")
    number = desk.home(clip_id)
    for other_id in desk.family([clip_id], linked=linked):
        other_number, begin = desk.home(other_id), desk.start(other_id)
        end = begin + desk.clip(other_id).duration
        for frame in (first, last):
            if begin < frame < end:
                desk.cut(other_number, frame)
    desk = Desk(desk.document(), sequence_id)  # now it's settled what is linked with what
    middle = desk.tracks[number].at(first)
    assert isinstance(middle, Clip)
    _give(desk, middle.id, tuple(takes), select, linked)
    return desk.document()


def _give(desk: Desk, clip_id: ItemId, takes: tuple[Take, ...], select: bool, linked: bool) -> None:
    start, speed = desk.start(clip_id), desk.clip(clip_id).speed
    if not desk.clip(clip_id).takes:
        raise BadValue(f"{desk.clip(clip_id).name!r} draws text or a colour; it has no takes.")
    for other_id in _together(desk, clip_id, linked=linked):
        clip, track = desk.clip(other_id), desk.tracks[desk.home(other_id)]
        later_s = (desk.start(other_id) - start) * speed / desk.rate
        given = tuple(replace(take, start_s=take.start_s + later_s) for take in takes)
        if other_id == clip_id:
            require_fit(replace(clip, takes=clip.takes + given), track, desk.media)
        elif not clip.takes or misfit(replace(clip, takes=given), track.kind, desk.media):
            continue
        changed = replace(clip, takes=clip.takes + given, active=len(clip.takes) if select and given else clip.active)
        if other_id != clip_id and _missing(desk, changed) is not None:
            continue
        _require_reach(desk, changed)
        desk.change(changed)


def set_take(
    document: Document, clip_id: ItemId, index: int, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Document:
    """Show another take of a clip, and of linked clips at the same time the take of the same media.

    Where picture and sound were retaken apart, each has takes that the other hasn't: turned away from a take that both
    show, a linked clip without the new one is as it was at first; what it shows by itself, it keeps.
    Raises NoSuchClip, LockedTrack, NoSuch, NotEnoughMedia if the take is shorter than the clip has become.
    """
    desk = Desk(document, sequence_id)
    before = desk.clip(clip_id)
    chosen = _take(before, index)
    for other_id in _together(desk, clip_id, linked=linked):
        clip = desk.clip(other_id)
        wanted = index if other_id == clip_id else _following(clip, chosen.media, before.media, first=index == 0)
        if wanted != clip.active:
            changed = replace(clip, active=wanted)
            _require_reach(desk, changed)
            desk.change(changed)
    return desk.document()


def _following(clip: Clip, chosen: MediaId, left: MediaId | None, *, first: bool) -> int:
    """The take that a linked clip shows when its partner turns from the media `left` to `chosen`, its first or not."""
    same = next((number for number, take in enumerate(clip.takes) if take.media == chosen), None)
    in_step = clip.media is not None and clip.media == left
    if same is not None and (in_step or not first):
        return same
    return 0 if in_step else clip.active


def remove_take(
    document: Document, clip_id: ItemId, index: int, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Document:
    """Take a take away, of linked clips with it; if it was shown, the one before it is shown then.

    The media stay in the project. Raises NoSuchClip, LockedTrack, NoSuch, LastOne, NotEnoughMedia.
    """
    desk = Desk(document, sequence_id)
    gone = _take(desk.clip(clip_id), index)
    if len(desk.clip(clip_id).takes) == 1:
        raise LastOne("take")
    for other_id in _together(desk, clip_id, linked=linked):
        clip = desk.clip(other_id)
        found = [number for number, take in enumerate(clip.takes) if take.media == gone.media]
        at = index if other_id == clip_id else found[0] if found else -1
        if len(clip.takes) > 1 and at >= 0:
            active = clip.active - (clip.active >= at and clip.active > 0)
            changed = replace(clip, takes=clip.takes[:at] + clip.takes[at + 1 :], active=active)
            _require_reach(desk, changed)
            desk.change(changed)
    return desk.document()


def change_take(
    document: Document,
    clip_id: ItemId,
    index: int,
    *,
    name: str | None = None,
    rating: int | None = None,
    note: str | None = None,
    blend: int | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Name, rate (0..5) or annotate a take, or say how long its joins are to be (frames).

    The joins themselves stay as they are. Raises NoSuchClip, LockedTrack, NoSuch, BadValue.
    """
    desk = Desk(document, sequence_id)
    clip = desk.clip(clip_id)
    take = _take(clip, index)
    desk.family([clip_id], linked=False)
    if rating is not None and not 0 <= rating <= 5:
        raise BadValue("A take is rated with 0 to 5.")
    if blend is not None and blend < 0:
        raise BadValue("A join can't be shorter than a hard cut.")
    changed = replace(
        take,
        name=take.name if name is None else name,
        rating=take.rating if rating is None else rating,
        note=take.note if note is None else note,
        blend=take.blend if blend is None else blend,
    )
    if changed != take:
        desk.change(replace(clip, takes=(*clip.takes[:index], changed, *clip.takes[index + 1 :])))
    return desk.document()


def _together(desk: Desk, clip_id: ItemId, *, linked: bool) -> list[ItemId]:
    """A clip and what is linked with it at the same time: other pieces of what it was cut from have takes of their own.

    Raises NoSuchClip, LockedTrack.
    """
    first, last = desk.start(clip_id), desk.start(clip_id) + desk.clip(clip_id).duration
    return [
        each
        for each in desk.family([clip_id], linked=linked)
        if desk.start(each) < last and first < desk.start(each) + desk.clip(each).duration
    ]


def _take(clip: Clip, index: int) -> Take:
    if not 0 <= index < len(clip.takes):
        raise NoSuch("take", f"{clip.name} {index}")
    return clip.takes[index]


def _missing(desk: Desk, clip: Clip) -> tuple[Media, int] | None:
    """The media that a clip's active take reaches beyond, and how many frames it has."""
    take = clip.takes[clip.active]
    media = desk.media.get(take.media)
    before, after = handles_of_take(clip, take, media, desk.rate)
    if media is None or (before >= 0 and after >= 0):
        return None
    return media, max(0, clip.duration + min(before, 0) + min(after, 0))


def _require_reach(desk: Desk, clip: Clip) -> None:
    missing = _missing(desk, clip)
    if missing is not None:
        raise NotEnoughMedia(missing[0].name, clip.duration, missing[1])
