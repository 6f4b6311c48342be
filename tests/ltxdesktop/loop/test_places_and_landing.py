"""Ranges of the timeline become exact work, and results find their place again after other edits."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from engine.protocol.grid import FrameRange
from engine.protocol.messages import BackendCapability, ModeCapability, ModelCapability, ResultFile
from engine.protocol.work import AudioToVideo, Retake, TextToVideo
from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    ItemId,
    Media,
    MediaId,
    MediaKind,
    TrackKind,
    Transition,
    new_document,
    new_sequence,
)
from ltxdesktop.loop import joining, landing, places
from ltxdesktop.loop.asking import Wish, problems, work_for
from ltxdesktop.loop.errors import MediaMissing, NoNeighbours, NotExtendable, NotFootage, NothingCame, NothingThere

RATE = Fraction(30000, 1001)
FILM = Media(
    MediaId("film"),
    "film.mp4",
    "film.mp4",
    MediaKind.VIDEO,
    RATE,
    frames=300,
    width=640,
    height=360,
    sample_rate=48000,
    samples=480480,
    channels=2,
)


def locate(media: Media) -> str:
    return f"/clips/{media.path}"


def project(*ranges: tuple[int, int], rate: Fraction = RATE) -> Document:
    """A sequence with parts [first, last) of the film, in frames of the film, one after the other."""
    document = new_document(sequence=new_sequence(rate=rate)).with_media(FILM)
    for first, last in ranges:
        laid = edits.placements(document, FILM.id, in_s=first / RATE, out_s=last / RATE)
        document = edits.append_clips(document, laid)
    return document


def film(frames: int, before: int = 4, after: int = 4, variation: int = 0) -> ResultFile:
    samples = round((frames + before + after) * 48000 / RATE)
    return ResultFile(
        path=f"/results/take-{variation}.mp4",
        role="video",
        size_bytes=1000,
        variation=variation,
        width=640,
        height=360,
        rate="30000/1001",
        frames=frames + before + after,
        handle_before=before,
        handle_after=after,
        sample_rate=48000,
        samples=samples,
    )


def clips(document: Document, track: int = 0) -> list[Clip]:
    return list(document.sequence.tracks[track].clips)


def v1(document: Document) -> int:
    return next(n for n, track in enumerate(document.sequence.tracks) if track.name == "V1")


def a1(document: Document) -> int:
    return next(n for n, track in enumerate(document.sequence.tracks) if track.name == "A1")


def made(frames: int, count: int = 1, before: int = 4, after: int = 4) -> tuple[landing.Made, ...]:
    return landing.made_of([film(frames, before, after, n) for n in range(count)], None, "Take")


def sound_alone(frames: int) -> tuple[landing.Made, ...]:
    handle = round(4 * 48000 / RATE)
    file = ResultFile(
        path="/results/take.wav",
        role="audio",
        size_bytes=10,
        sample_rate=48000,
        samples=round((frames + 8) * 48000 / RATE),
        handle_samples_before=handle,
        handle_samples_after=handle,
    )
    return landing.made_of([file], None, "Sound")


def test_a_range_is_the_medias_own_frames_at_the_medias_rate() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 10, 30, locate)
    assert place.shown == FrameRange(60, 80)
    assert place.path == "/clips/film.mp4"
    assert (place.first, place.frames) == (10, 20)


def test_a_range_across_a_cut_gives_one_part_on_either_side() -> None:
    document = project((50, 150), (200, 260))
    parts = places.in_range(document, 90, 120, locate)
    assert [part.shown for part in parts] == [FrameRange(140, 150), FrameRange(200, 220)]


def test_the_topmost_clip_counts_where_tracks_overlap() -> None:
    document = project((0, 100))
    v2 = document.sequence.tracks[v1(document) + 1]
    laid = edits.placements(document, FILM.id, in_s=200 / RATE, out_s=210 / RATE, video=v2.id, sound=False)
    document = edits.overwrite_clips(document, laid, 20)
    parts = places.in_range(document, 10, 40, locate)
    assert [part.shown for part in parts] == [FrameRange(10, 20), FrameRange(200, 210), FrameRange(30, 40)]


def test_other_rates_cover_every_picture_that_is_shown() -> None:
    document = project((0, 300), rate=Fraction(25))
    (place,) = places.in_range(document, 25, 50, locate)
    rate = Fraction(25)
    shown = {int(n / rate * RATE) for n in range(25, 50)}
    assert min(shown) == place.shown.start
    assert place.shown.end - 1 in (max(shown), max(shown) + 1)


@pytest.mark.parametrize("speed", [Fraction(2), Fraction(1, 2), Fraction(-1)])
def test_speed_is_undone_in_the_medias_frames(speed: Fraction) -> None:
    document = project((100, 200))
    clip = clips(document, v1(document))[0]
    document = edits.set_speed(document, clip.id, speed)
    clip = clips(document, v1(document))[0]
    (place,) = places.in_range(document, 4, 24, locate)
    for frame in range(4, 24):
        assert clip.media_frame(frame, RATE, FILM) in place.shown


def test_what_cant_be_made_again_says_why() -> None:
    document = project((0, 100))
    with pytest.raises(NothingThere):
        places.in_range(document, 100, 120, locate)
    with pytest.raises(MediaMissing, match=r"film\.mp4"):
        places.in_range(document, 0, 20, lambda media: "")
    clip = clips(document, v1(document))[0]
    held = edits.set_speed(document, clip.id, Fraction(0))
    with pytest.raises(NotFootage, match="holds one picture"):
        places.in_range(held, 0, 20, locate)


def test_what_cant_be_made_of_a_range_is_left_out_and_named() -> None:
    still = Media(MediaId("still"), "still.png", "still.png", MediaKind.STILL, width=640, height=360)
    document = project((50, 150)).with_media(still)
    document = edits.append_clips(document, edits.placements(document, still.id))
    (part,), left_out = places.in_range_and_not(document, 80, 140, locate)
    assert (part.first, part.frames, left_out) == (80, 20, ("still.png",))
    with pytest.raises(NotFootage, match="still picture"):
        places.in_range(document, 110, 140, locate)
    reversed_ = edits.set_speed(document, clips(document, v1(document))[0].id, Fraction(-1))
    with pytest.raises(NotExtendable, match="can't be extended"):
        places.beyond(reversed_, clips(reversed_, v1(reversed_))[0].id, 24, "forward", locate)


def test_a_retake_lands_in_place_with_sound_and_joins_and_loses_nothing() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 10, 30, locate)
    landed = landing.land(document, place, made(20, count=2))
    check(landed.document)
    left, middle, right = clips(landed.document, v1(document))
    assert [each.duration for each in (left, middle, right)] == [10, 20, 70]
    assert middle.id == landed.clip
    assert middle.takes[0].media == FILM.id
    assert middle.active == 1
    assert len(middle.takes) == 3
    assert middle.media_time(0, RATE) == 4 / RATE  # behind the handle
    assert middle.transition is not None
    assert right.transition is not None
    assert (middle.transition.before, middle.transition.after) == (4, 0)
    assert (right.transition.before, right.transition.after) == (0, 4)
    sound = clips(landed.document, a1(document))[1]
    assert sound.takes == middle.takes
    for clip, first in ((left, 50), (right, 80)):
        assert clip.media_frame(0, RATE, FILM) == first
    original = edits.set_take(landed.document, middle.id, 0)
    assert clips(original, v1(document))[1].media_frame(0, RATE, FILM) == 60


def test_a_take_goes_where_its_clip_went() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 10, 30, locate)
    document = edits.move(document, [place.clip], 500)
    landed = landing.land(document, place, made(20))
    check(landed.document)
    assert landed.clip is not None
    assert landed.document.sequence.start_of(landed.clip) == 510


def test_a_take_finds_the_piece_that_was_cut_off() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 60, 80, locate)
    document = edits.split(document, 40)
    document = edits.ripple_delete(document, [place.clip])
    landed = landing.land(document, place, made(20))
    check(landed.document)
    assert landed.clip is not None
    assert landed.document.sequence.start_of(landed.clip) == 20
    assert landed.words == ""


def test_what_was_trimmed_away_stays_away() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 10, 30, locate)
    document = edits.trim(document, place.clip, edits.Edge.HEAD, 20)
    landed = landing.land(document, place, made(20))
    check(landed.document)
    middle = clips(landed.document, v1(document))[0]
    assert middle.id == landed.clip
    assert middle.duration == 10
    assert middle.media_time(0, RATE) == (4 + 10) / RATE
    assert "no longer there" in landed.words


def test_without_its_clip_the_take_waits_in_the_media_panel() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 10, 30, locate)
    document = edits.lift(document, [place.clip])
    landed = landing.land(document, place, made(20))
    assert landed.clip is None
    assert "media panel" in landed.words
    assert len(landed.document.media) == 2


def test_a_locked_track_keeps_the_take_in_the_media_panel() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 10, 30, locate)
    sequence = document.sequence
    number = v1(document)
    locked = replace(sequence.tracks[number], locked=True)
    tracks = (*sequence.tracks[:number], locked, *sequence.tracks[number + 1 :])
    document = document.with_sequence(replace(sequence, tracks=tracks))
    assert landing.land(document, place, made(20)).clip is None


def test_a_whole_clip_is_made_again_from_the_original() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 10, 30, locate)
    landed = landing.land(document, place, made(20))
    assert landed.clip is not None
    again = places.whole(landed.document, landed.clip, locate)
    assert again.media == FILM.id
    assert again.shown == FrameRange(60, 80)
    part = places.in_range(landed.document, 12, 22, locate)[0]
    assert part.media != FILM.id  # inside the take that is shown, the take is what goes on around it
    twice = landing.land(landed.document, again, made(20))
    check(twice.document)
    assert [each.duration for each in clips(twice.document, v1(document))] == [10, 20, 70]
    assert len(clips(twice.document, v1(document))[1].takes) == 3


def test_only_the_sound_is_retaken() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 10, 30, locate)
    landed = landing.land(document, place, sound_alone(20), what="sound")
    check(landed.document)
    assert len(clips(landed.document, v1(document))[0].takes) == 1
    assert any(len(clip.takes) == 2 for clip in clips(landed.document, a1(document)))


def test_an_extension_pushes_what_follows_and_fills_what_is_free() -> None:
    document = project((50, 150), (200, 260))
    first = clips(document, v1(document))[0]
    place = places.beyond(document, first.id, 24, "forward", locate)
    assert (place.at, place.media_frames) == (150, 24)
    landed = landing.land(document, place, made(24, after=0))
    check(landed.document)
    assert [each.duration for each in clips(landed.document, v1(document))] == [100, 24, 60]
    moved = edits.move(document, [clips(document, v1(document))[1].id], 100)
    into_gap = landing.land(moved, place, made(24, after=0))
    items = into_gap.document.sequence.tracks[v1(document)].items
    assert [each.duration for each in items] == [100, 24, 76, 60]
    assert isinstance(items[2], Gap)


def test_an_extension_goes_on_after_the_piece_that_was_cut_off() -> None:
    document = project((50, 150), (200, 260))
    first = clips(document, v1(document))[0]
    place = places.beyond(document, first.id, 24, "forward", locate)
    cut = edits.split(document, 40)
    landed = landing.land(cut, place, made(24, after=0))
    check(landed.document)
    assert [each.duration for each in clips(landed.document, v1(document))] == [40, 60, 24, 60]
    gone = edits.extract(cut, [first.id])  # only the piece at the end is left
    assert [each.duration for each in clips(landing.land(gone, place, made(24)).document, v1(gone))] == [60, 24, 60]
    trimmed = edits.lift(cut, [clips(cut, v1(cut))[1].id])
    filled = landing.land(trimmed, place, made(24, after=0)).document
    assert [each.duration for each in clips(filled, v1(filled))] == [40, 24, 60]


def test_backward_extension_comes_before_the_clip() -> None:
    document = project((50, 150))
    clip = clips(document, v1(document))[0]
    place = places.beyond(document, clip.id, 10, "backward", locate)
    assert place.at == 50
    landed = landing.land(document, place, made(10, before=0))
    check(landed.document)
    assert [each.duration for each in clips(landed.document, v1(document))] == [10, 100]
    assert landed.document.sequence.start_of(clip.id) == 10


def test_a_gap_is_filled_exactly() -> None:
    document = project((50, 150), (200, 260))
    document = edits.move(document, [clips(document, v1(document))[1].id], 30)
    hole = document.sequence.tracks[v1(document)].items[1]
    place = places.gap(document, hole.id, locate)
    assert (place.frames, place.before.at, place.after.at) == (30, 150, 200)
    landed = landing.land(document, place, made(30))
    check(landed.document)
    assert [each.duration for each in landed.document.sequence.tracks[v1(document)].items] == [100, 30, 60]
    lifted = edits.lift(document, [clips(document, v1(document))[0].id])
    with pytest.raises(NoNeighbours, match="extend the other"):
        places.gap(lifted, lifted.sequence.tracks[v1(document)].items[0].id, locate)


def test_a_new_clip_is_put_into_free_room_or_pushes() -> None:
    document = project((50, 150))
    free = landing.land(document, places.at_frame(document, 120), made(49, before=0, after=0))
    check(free.document)
    assert [each.duration for each in free.document.sequence.tracks[v1(document)].items] == [100, 20, 49]
    pushed = landing.land(document, places.at_frame(document, 40), made(49, before=0, after=0))
    check(pushed.document)
    assert [each.duration for each in clips(pushed.document, v1(document))] == [40, 49, 60]


@pytest.mark.parametrize(("first", "last"), [(60, 100), (0, 30)])
def test_a_picture_joins_no_sound_at_the_end_of_its_clip_nor_a_sound_a_picture(first: int, last: int) -> None:
    document = project((50, 150), (160, 220)) if last == 100 else project((160, 220), (50, 150))
    shift = 0 if last == 100 else 60
    (place,) = places.in_range(document, first + shift, last + shift, locate)
    whats: list[tuple[landing.What, tuple[landing.Made, ...], int]] = [
        ("picture", made(last - first), 0),
        ("sound", sound_alone(last - first), 1),
    ]
    for what, takes, touched in whats:
        landed = landing.land(document, place, takes, what=what)
        check(landed.document)
        joined = [
            any(clip.transition for clip in clips(landed.document, track)) for track in (v1(document), a1(document))
        ]
        assert joined == [touched == 0, touched == 1]
        assert landed.clip is not None
        hard = joining.with_blend(landed.document, landed.clip, 0)
        assert not any(clip.transition for track in hard.sequence.tracks for clip in track.clips)


def retaken(document: Document, what: landing.What, path: str) -> Document:
    """Frames [40, 60) of it made once more."""
    (place,) = places.in_range(document, 40, 60, locate)
    takes = sound_alone(20) if what == "sound" else made(20)
    takes = tuple(each._replace(media=replace(each.media, path=path)) for each in takes)
    landed = landing.land(document, place, takes, what=what)
    check(landed.document)
    return landed.document


def shown(document: Document, track: int) -> str:
    """The file of what a track shows in the range."""
    item = document.sequence.tracks[track].at(45)
    assert isinstance(item, Clip)
    assert item.media is not None
    return document.media[item.media].path


def in_range(document: Document, track: int) -> Clip:
    item = document.sequence.tracks[track].at(45)
    assert isinstance(item, Clip)
    return item


def test_picture_and_sound_that_were_retaken_apart_are_turned_together_where_they_belong_together() -> None:
    document = project((50, 150))
    picture, sound = v1(document), a1(document)
    made_again: list[tuple[landing.What, str]] = [("picture", "p"), ("both", "b"), ("sound", "s"), ("both", "c")]
    for what, path in made_again:
        document = retaken(document, what, path)
    assert [document.media[take.media].path for take in in_range(document, picture).takes] == [
        "film.mp4",
        "p",
        "b",
        "c",
    ]
    assert [document.media[take.media].path for take in in_range(document, sound).takes] == ["film.mp4", "b", "s", "c"]
    for track, number, expected in (
        (picture, 2, ("b", "b")),
        (picture, 1, ("p", "film.mp4")),  # turned away from a take of both, to one of the picture
        (sound, 2, ("p", "s")),
        (picture, 0, ("film.mp4", "s")),  # the sound was chosen by itself
        (picture, 3, ("c", "c")),
        (picture, 0, ("film.mp4", "film.mp4")),
    ):
        document = joining.with_take(document, in_range(document, track).id, number)
        check(document)
        assert (shown(document, picture), shown(document, sound)) == expected
    assert all(
        len(clip.takes) == 1 for track in document.sequence.tracks for clip in track.clips if clip.duration != 20
    )
    gone = edits.remove_take(document, in_range(document, picture).id, 2)
    assert [gone.media[take.media].path for take in in_range(gone, sound).takes] == ["film.mp4", "s", "c"]


def test_a_transition_at_the_end_of_a_range_gets_the_handles_that_it_shows() -> None:
    document = project((50, 150), (160, 220))
    second = clips(document, v1(document))[1]
    document = edits.set_transition(document, second.id, Transition(before=12, after=12))
    (inside,) = places.in_range(document, 20, 60, locate)
    (at_end,) = places.in_range(document, 60, 100, locate)
    (at_start,) = places.in_range(document, 100, 130, locate)
    assert [inside.handles, at_end.handles, at_start.handles] == [0, 12, 12]
    work = work_for(at_end, Wish("a boat"), document.sequence)
    assert isinstance(work, Retake)
    assert work.handles == 12
    landed = landing.land(document, at_end, made(40, before=12, after=12)).document
    check(landed)
    assert clips(landed, v1(landed))[2].transition == Transition(before=12, after=12)
    assert clips(landed, v1(landed))[1].transition == Transition(before=4)


@pytest.mark.parametrize(
    ("locked", "what", "named"),
    [
        ("V1", "both", ["V1"]), ("V1", "picture", ["V1"]), ("V1", "sound", []),
        ("A1", "both", ["A1"]), ("A1", "picture", []), ("A1", "sound", ["A1"]),
    ],
)  # fmt: skip
def test_a_locked_track_is_named_before_anything_is_made(locked: str, what: landing.What, named: list[str]) -> None:
    document = project((50, 150), (160, 220))
    track = next(each for each in document.sequence.tracks if each.name == locked)
    document = edits.change_track(document, track.id, locked=True)
    (place,) = places.in_range(document, 10, 60, locate)
    said = problems(place, Wish("a boat", what=what), document.sequence, *able(), (640, 360))
    assert [words.split()[0] for words in said] == named
    beyond = places.beyond(document, place.clip, 24, "forward", locate)
    said = problems(beyond, Wish("a boat"), document.sequence, *able(), (640, 360))
    assert [words.split()[0] for words in said] == (["V1"] if locked == "V1" else [])


def able() -> tuple[BackendCapability, ModelCapability]:
    """A model that can do everything."""
    modes = tuple(ModeCapability(mode=mode, available=True) for mode in ("retake", "extend", "fill_gap"))
    model = ModelCapability(model="m", title="Pocket", available=True, modes=modes)
    return BackendCapability(backend="local", title="Here", available=True, models=(model,)), model


def gap_over_a_sound() -> tuple[Document, places.InGap]:
    """The picture of the middle clip is lifted; its sound goes on beneath the gap."""
    document = project((50, 150), (150, 180), (200, 260))
    picture = clips(document, v1(document))[1]
    document = edits.lift(edits.unlink(document, [picture.id]), [picture.id])
    return document, places.gap(document, document.sequence.tracks[v1(document)].items[1].id, locate)


def test_a_filled_gap_keeps_the_sound_that_goes_on_beneath_it() -> None:
    document, place = gap_over_a_sound()
    heard = document.sequence.tracks[a1(document)]
    landed = landing.land(document, place, made(30))
    check(landed.document)
    assert [each.duration for each in clips(landed.document, v1(document))] == [100, 30, 60]
    assert landed.document.sequence.tracks[a1(document)] == heard
    (beside,) = clips(landed.document, a1(document) + 1)
    assert (landed.document.sequence.start_of(beside.id), beside.duration, landed.words) == (100, 30, "")


def test_where_sound_is_on_every_track_only_the_picture_lands() -> None:
    document, place = gap_over_a_sound()
    second = list(document.sequence.of_kind(TrackKind.AUDIO))[1]
    document = edits.change_track(document, second.id, locked=True)
    heard = document.sequence.tracks[a1(document)]
    landed = landing.land(document, place, made(30))
    check(landed.document)
    new = clips(landed.document, v1(document))[1]
    assert (new.duration, new.link) == (30, None)
    assert landed.document.sequence.tracks[a1(document)] == heard
    assert "Only its picture" in landed.words


def test_an_extension_and_a_new_clip_keep_the_sound_that_is_there() -> None:
    document = project((50, 150), (150, 180))
    first, last = clips(document, v1(document))
    document = edits.lift(edits.unlink(document, [last.id]), [last.id])
    heard = document.sequence.tracks[a1(document)]
    for place in (places.beyond(document, first.id, 24, "forward", locate), places.at_frame(document, 104)):
        landed = landing.land(document, place, made(24, before=0, after=0))
        check(landed.document)
        assert landed.document.sequence.tracks[a1(document)] == heard
        assert [each.duration for each in clips(landed.document, a1(document) + 1)] == [24]


def test_a_film_lands_where_every_sound_track_is_locked() -> None:
    document = project((50, 150))
    for track in document.sequence.of_kind(TrackKind.AUDIO):
        document = edits.change_track(document, track.id, locked=True)
    landed = landing.land(document, places.at_frame(document, 120), made(24, before=0, after=0))
    check(landed.document)
    assert [each.duration for each in clips(landed.document, v1(document))] == [100, 24]


def test_no_film_is_said() -> None:
    with pytest.raises(NothingCame):
        landing.made_of([], None, "Take")


def with_a_song() -> Document:
    song = Media(MediaId("song"), "song.wav", "song.wav", MediaKind.AUDIO, sample_rate=48000, samples=96096, channels=2)
    document = new_document(sequence=new_sequence(rate=RATE)).with_media(song)
    return edits.append_clips(document, edits.placements(document, song.id))


def test_a_picture_for_a_sound_leaves_the_sound_alone() -> None:
    document = with_a_song()
    before = document.sequence.tracks[a1(document)]
    place = places.over_sound(document, clips(document, a1(document))[0].id)
    landed = landing.land(document, place, made(60, before=0, after=0))
    check(landed.document)
    assert landed.document.sequence.tracks[a1(document)] == before
    assert [each.duration for each in clips(landed.document, v1(document))] == [60]


def test_a_picture_follows_that_part_of_a_sound_that_is_heard() -> None:
    document = with_a_song()
    (song,) = clips(document, a1(document))
    assert places.heard_samples(document, song) == (0, 96096)
    trimmed = edits.trim(document, song.id, edits.Edge.HEAD, 30)
    (song,) = clips(trimmed, a1(trimmed))
    assert places.heard_samples(trimmed, song) == (48048, 48048)
    place, wish = (
        places.over_sound(trimmed, song.id),
        Wish("a dance", sound="song.wav", heard=(48048, 48048), frames=30),
    )
    work = work_for(place, wish, trimmed.sequence)
    assert isinstance(work, AudioToVideo)
    assert (work.audio.start, work.audio.samples, work.frames) == (48048, 48048, 30)


def test_a_picture_for_a_sound_is_seen_above_what_is_there_and_follows_its_sound() -> None:
    document = with_a_song().with_media(FILM)
    (song,) = clips(document, a1(document))
    film_only = edits.placements(document, FILM.id, in_s=Fraction(2), out_s=Fraction(6), sound=False)
    document = edits.append_clips(document, film_only)
    place = places.over_sound(document, song.id)
    assert place.frame == 0
    moved = edits.move(document, [song.id], 12)
    for above, count in ((moved, 2), (edits.overwrite_clips(moved, on_top(moved, film_only), 0), 3)):
        sounds = above.sequence.tracks[a1(above)]
        landed = landing.land(above, place, made(60, before=0, after=0))
        check(landed.document)
        pictures = landed.document.sequence.of_kind(TrackKind.VIDEO)
        assert len(pictures) == count
        assert [(pictures[-1].starts[n], item.duration) for n, item in enumerate(pictures[-1].items)][-1] == (12, 60)
        assert next(each for each in landed.document.sequence.tracks if each.id == sounds.id) == sounds
        assert pictures[:-1] == above.sequence.of_kind(TrackKind.VIDEO)[: count - 1]


def on_top(document: Document, laid: tuple[edits.Placement, ...]) -> tuple[edits.Placement, ...]:
    """The same clips once more, on the highest track."""
    top = document.sequence.of_kind(TrackKind.VIDEO)[-1].id
    return tuple(replace(each, track=top, clip=replace(each.clip, id=ItemId("top"))) for each in laid)


def test_a_clip_that_is_made_behind_another_goes_where_that_went() -> None:
    document = project((50, 150))
    (clip,) = clips(document, v1(document))
    place = places.behind_clip(document, clip.id, document.sequence.tracks[v1(document)].id)
    assert place.frame == 100
    moved = edits.move(document, [clip.id], 30)
    landed = landing.land(moved, place, made(24, before=0, after=0))
    check(landed.document)
    assert [each.duration for each in landed.document.sequence.tracks[v1(document)].items] == [30, 100, 24]


def test_another_shot_takes_the_place_of_a_range() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 40, 60, locate)
    anew = replace(place, anew=True)
    work = work_for(anew, Wish("a boat", frames=200), document.sequence)
    assert isinstance(work, TextToVideo)
    assert (work.frames, work.rate, work.width) == (20, "30000/1001", document.sequence.width)
    landed = landing.land(document, anew, made(20, before=0, after=0))
    check(landed.document)
    middle = clips(landed.document, v1(landed.document))[1]
    assert (landed.name, middle.duration, middle.active, len(middle.takes)) == ("Replace", 20, 1, 2)
    assert middle.takes[1].start_s == 0
    assert middle.transition is None


def test_what_comes_before_a_clip_fills_the_gap_there() -> None:
    document = project((50, 150))
    first = clips(document, v1(document))[0]
    document = edits.move(document, [first.id], 30)
    for frames, start in ((30, 0), (20, 10), (31, 30)):
        place = places.beyond(document, first.id, frames, "backward", locate)
        landed = landing.land(document, place, made(frames, before=0))
        check(landed.document)
        assert landed.clip is not None
        assert landed.document.sequence.start_of(landed.clip) == start  # the last has no room and pushes the clip away
        assert landed.document.sequence.start_of(first.id) == start + frames
