"""Putting clips on tracks: insert, overwrite, append, replace, and the three-point edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from ltxdesktop.document.edits.desk import Desk, sequence_of
from ltxdesktop.document.edits.rippling import cut_all, rippling, shift, shift_markers
from ltxdesktop.document.errors import BadValue, NoSuchMedia, NotEnoughMedia, NoTrack, WrongTrack
from ltxdesktop.document.handles import UNLIMITED, frames_from, handles_of_take
from ltxdesktop.document.model import (
    Clip,
    Content,
    Document,
    ItemId,
    LinkId,
    Media,
    MediaId,
    MediaKind,
    Sequence,
    SequenceId,
    Take,
    Title,
    Track,
    TrackId,
    TrackKind,
    new_id,
)

STILL_S = 5  # how long a still or a title is shown at first


@dataclass(frozen=True, slots=True)
class Placement:
    """A clip for a track, `offset` frames after the frame at which the whole is placed."""

    track: TrackId
    clip: Clip
    offset: int = 0


class Laying(Enum):
    """What happens to what is there already."""

    OVERWRITE = "overwrite"
    INSERT = "insert"


# ---- clips -----------------------------------------------------------------------------------------------------------


def clip_from_media(
    media: Media, sequence: Sequence, in_s: Fraction | None = None, out_s: Fraction | None = None
) -> tuple[Clip, ...]:
    """New clips that show [in_s, out_s) of media (seconds; all of it by default): picture, then sound, linked.

    A clip lasts for all frames of the sequence that begin within that time. Stills last 5 s unless `out_s` says
    otherwise. Raises NotEnoughMedia if not even one frame is there.
    """
    start_s = in_s or Fraction(0)
    there = frames_from(media, start_s, sequence.rate)
    if out_s is not None:
        wanted = -int(-(out_s - start_s) * sequence.rate // 1)
        there = min(there, wanted)
    elif media.kind is MediaKind.STILL:
        there = int(STILL_S * sequence.rate)
    if there < 1 or start_s < 0:
        raise NotEnoughMedia(media.name, 1, max(0, there))
    both = media.has_picture and media.has_sound
    link = LinkId(new_id()) if both else None
    clip = Clip(ItemId(new_id()), media.name, there, takes=(Take(media.id, start_s),), link=link)
    return (clip, replace(clip, id=ItemId(new_id()))) if both else (clip,)


def clip_from_content(content: Content, duration: int, name: str = "") -> Clip:
    """A new clip that shows a title or a plain colour."""
    if not name:
        name = content.text.splitlines()[0][:40] if isinstance(content, Title) and content.text else "Colour"
    return Clip(ItemId(new_id()), name, duration, content=content)


def placements(
    document: Document,
    media_id: MediaId,
    *,
    in_s: Fraction | None = None,
    out_s: Fraction | None = None,
    video: TrackId | None = None,
    audio: TrackId | None = None,
    picture: bool = True,
    sound: bool = True,
    sequence_id: SequenceId | None = None,
) -> tuple[Placement, ...]:
    """New clips of media with the tracks they go to: those named, else the first that isn't locked of each kind.

    `picture` and `sound` leave one of the two out. Raises NoSuchMedia, NoTrack, NotEnoughMedia.
    """
    sequence = sequence_of(document, sequence_id)
    media = media_of(document, media_id)
    clips = clip_from_media(media, sequence, in_s, out_s)
    kinds = [TrackKind.VIDEO] * media.has_picture + [TrackKind.AUDIO] * media.has_sound
    wanted = {TrackKind.VIDEO: picture, TrackKind.AUDIO: sound}
    named = {TrackKind.VIDEO: video, TrackKind.AUDIO: audio}
    pairs = [(clip, kind) for clip, kind in zip(clips, kinds, strict=True) if wanted[kind]]
    alone = len(pairs) < 2
    return tuple(
        Placement(named[kind] or _first_free(sequence, kind).id, replace(clip, link=None) if alone else clip)
        for clip, kind in pairs
    )


def media_of(document: Document, media_id: MediaId) -> Media:
    """Raises NoSuchMedia."""
    media = document.media.get(media_id)
    if media is None:
        raise NoSuchMedia(media_id)
    return media


def _first_free(sequence: Sequence, kind: TrackKind) -> Track:
    found = next((track for track in sequence.of_kind(kind) if not track.locked), None)
    if found is None:
        raise NoTrack(kind.value)
    return found


def require_fit(clip: Clip, track: Track, media: Mapping[MediaId, Media]) -> None:
    """Raises WrongTrack if a track of that kind can't carry the clip, NoSuchMedia if it shows what isn't there."""
    why = misfit(clip, track.kind, media)
    if why:
        raise WrongTrack(clip.name, track.name, why)


def misfit(clip: Clip, kind: TrackKind, media: Mapping[MediaId, Media]) -> str:
    """Why a track of that kind can't carry a clip; "" if it can."""
    if clip.content is not None:
        if kind is TrackKind.AUDIO:
            return "it has no sound"
        return "" if kind is TrackKind.VIDEO or isinstance(clip.content, Title) else "that track holds text only"
    if kind is TrackKind.SUBTITLE:
        return "that track holds text only"
    for take in clip.takes:
        shown = media.get(take.media)
        if shown is None:
            raise NoSuchMedia(take.media)
        if not (shown.has_picture if kind is TrackKind.VIDEO else shown.has_sound):
            return f"{shown.name!r} has no {'picture' if kind is TrackKind.VIDEO else 'sound'}"
    return ""


# ---- edits -----------------------------------------------------------------------------------------------------------


def insert_clips(
    document: Document, clips: Iterable[Placement], frame: int, *, sequence_id: SequenceId | None = None
) -> Document:
    """Push everything from a frame on to the right, and put clips into the hole.

    | A  B |  ->  | A | new | B |
       ^ frame

    All rippling tracks are cut at the frame and shifted by the same amount (see `rippling`), as are the sequence's
    markers. Raises NoSuchTrack, LockedTrack, WrongTrack, OutOfSync.
    """
    desk = Desk(document, sequence_id)
    open_and_lay(desk, _ready(desk, clips), frame)
    return desk.document()


def overwrite_clips(
    document: Document, clips: Iterable[Placement], frame: int, *, sequence_id: SequenceId | None = None
) -> Document:
    """Put clips over what is there. Nothing shifts.

    | A | B | C |  ->  | A |new| C |
         ^ frame

    Raises NoSuchTrack, LockedTrack, WrongTrack.
    """
    desk = Desk(document, sequence_id)
    lay(desk, _ready(desk, clips), frame)
    return desk.document()


def append_clips(document: Document, clips: Iterable[Placement], *, sequence_id: SequenceId | None = None) -> Document:
    """Put clips behind the last clip of their tracks, all at the same frame so that they stay in sync.

    | A | B |  ->  | A | B | new |
    """
    desk = Desk(document, sequence_id)
    ready = _ready(desk, clips)
    frame = max((desk.tracks[number].duration for number, _, _ in ready), default=0)
    lay(desk, ready, frame)
    return desk.document()


Ready = list[tuple[int, int, Clip]]  # number of the track, offset, clip


def _ready(desk: Desk, clips: Iterable[Placement]) -> Ready:
    """Placements whose tracks are there, unlocked and of the right kind, with ids that aren't used yet."""
    ready: Ready = []
    seen: set[ItemId] = set()
    for placement in clips:
        number = desk.number(placement.track)
        desk.require_unlocked(number)
        clip = placement.clip
        require_fit(clip, desk.tracks[number], desk.media)
        require_reach(clip, desk)
        if clip.id in seen or desk.before.track_of(clip.id) is not None:
            clip = replace(clip, id=ItemId(new_id()))
        seen.add(clip.id)
        ready.append((number, placement.offset, clip))
    return ready


def require_reach(clip: Clip, desk: Desk) -> None:
    """Raises NotEnoughMedia if a clip shows what its media doesn't have, BadValue if it lasts no frame."""
    if clip.duration < 1:
        raise BadValue("A clip lasts one frame at least.")
    take = clip.take
    if take is None:
        return
    media = desk.media.get(take.media)
    before, after = handles_of_take(clip, take, media, desk.rate)
    if media is not None and (before < 0 or after < 0):
        raise NotEnoughMedia(media.name, clip.duration, clip.duration + min(before, 0) + min(after, 0))


def lay(desk: Desk, ready: Ready, frame: int) -> None:
    """Overwrite at a frame. Raises BadValue before frame 0."""
    if any(frame + offset < 0 for _, offset, _ in ready):
        raise BadValue("A clip can't begin before the first frame.")
    for number in dict.fromkeys(number for number, _, _ in ready):
        desk.lay_all(number, [(frame + offset, clip) for other, offset, clip in ready if other == number])


def open_and_lay(desk: Desk, ready: Ready, frame: int) -> None:
    """Open a hole as long as all the clips at a frame of all rippling tracks, and lay the clips into it."""
    if frame < 0 or any(offset < 0 for _, offset, _ in ready):
        raise BadValue("A clip can't begin before the first frame.")
    length = max((offset + clip.duration for _, offset, clip in ready), default=0)
    open_at(desk, frame, length, [number for number, _, _ in ready])
    lay(desk, ready, frame)


def open_at(desk: Desk, frame: int, frames: int, targets: Iterable[int] = ()) -> None:
    """Cut all rippling tracks (and the targets) at a frame and push what follows to the right."""
    points = cut_all(desk, [*rippling(desk), *targets], frame)
    shift(desk, points, frames)
    shift_markers(desk, frame, frames)


def replace_media(
    document: Document,
    clip_id: ItemId,
    media_id: MediaId,
    start_s: Fraction = Fraction(0),
    *,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Let a clip show other media from `start_s` on; place, length, effects, fades and links stay.

    Linked clips follow where the media have what their track needs, so that picture and sound are replaced together.
    The takes of the old media are gone. Raises NoSuchMedia, WrongTrack, NotEnoughMedia.
    """
    desk = Desk(document, sequence_id)
    media = media_of(document, media_id)
    own_start = desk.start(clip_id)
    for other_id in desk.family([clip_id]):
        clip, number = desk.clip(other_id), desk.home(other_id)
        begin_s = start_s + (desk.start(other_id) - own_start) * clip.speed / desk.rate
        changed = replace(clip, name=media.name, takes=(Take(media_id, begin_s),), active=0, content=None)
        if other_id == clip_id:
            require_fit(changed, desk.tracks[number], document.media)
        elif misfit(changed, desk.tracks[number].kind, document.media):
            continue
        require_reach(changed, desk)
        desk.change(changed)
    return desk.document()


def three_point(
    document: Document,
    media_id: MediaId,
    *,
    in_s: Fraction | None = None,
    out_s: Fraction | None = None,
    in_frame: int | None = None,
    out_frame: int | None = None,
    laying: Laying = Laying.OVERWRITE,
    video: TrackId | None = None,
    audio: TrackId | None = None,
    picture: bool = True,
    sound: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Place media by in and out points of the source (seconds) and of the sequence (frames, out exclusive).

    Three of the four say the fourth; with fewer, the source's points are its ends. With all four the clip is made
    faster or slower so that it fits ("fit to fill"). Without any point of the sequence BadValue is raised.
    Raises also NotEnoughMedia, NoTrack and what the placing raises.
    """
    sequence = sequence_of(document, sequence_id)
    media = media_of(document, media_id)
    begin_s, end_s, frame, speed = _fourth_point(media, sequence.rate, in_s, out_s, in_frame, out_frame)
    ready = placements(
        document,
        media_id,
        in_s=begin_s,
        out_s=end_s,
        video=video,
        audio=audio,
        picture=picture,
        sound=sound,
        sequence_id=sequence_id,
    )
    if speed != 1:
        assert in_frame is not None
        assert out_frame is not None
        ready = tuple(replace(one, clip=replace(one.clip, speed=speed, duration=out_frame - in_frame)) for one in ready)
    place = insert_clips if laying is Laying.INSERT else overwrite_clips
    return place(document, ready, frame, sequence_id=sequence_id)


def _fourth_point(
    media: Media,
    rate: Fraction,
    in_s: Fraction | None,
    out_s: Fraction | None,
    in_frame: int | None,
    out_frame: int | None,
) -> tuple[Fraction, Fraction, int, Fraction]:
    """(in, out) of the source, the sequence's frame, and the speed."""
    if in_frame is not None and out_frame is not None:
        frames = out_frame - in_frame
        if frames < 1:
            raise BadValue("The out point must lie behind the in point.")
        if in_s is not None and out_s is not None:
            if out_s <= in_s:
                raise BadValue("The source's out point must lie behind its in point.")
            return in_s, out_s, in_frame, (out_s - in_s) * rate / frames
        begin_s = out_s - frames / rate if in_s is None and out_s is not None else in_s or Fraction(0)
        if begin_s < 0 or frames_from(media, begin_s, rate) < frames:
            there = frames_from(media, max(begin_s, Fraction(0)), rate)
            raise NotEnoughMedia(media.name, frames, min(there, UNLIMITED))
        return begin_s, begin_s + frames / rate, in_frame, Fraction(1)
    begin_s = in_s or Fraction(0)
    if out_s is None and media.duration_s is None:
        out_s = begin_s + STILL_S
    end_s = out_s if out_s is not None else media.duration_s
    assert end_s is not None
    if end_s <= begin_s:
        raise BadValue("The source's out point must lie behind its in point.")
    frames = -int(-(end_s - begin_s) * rate // 1)
    if in_frame is not None:
        return begin_s, end_s, in_frame, Fraction(1)
    if out_frame is not None:
        if out_frame < frames:
            raise BadValue("There is not enough room before the out point.")
        return begin_s, end_s, out_frame - frames, Fraction(1)
    raise BadValue("Set an in or an out point on the timeline, or give the frame.")
