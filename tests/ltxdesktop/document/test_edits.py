"""Each edit on small films written as text: what it makes of them, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from helpers import check_edit, clip, clips, film, media, refuses, said

from ltxdesktop.document import edits
from ltxdesktop.document.check import out_of_sync
from ltxdesktop.document.edits import Edge, Laying, MoveMode, Placement
from ltxdesktop.document.errors import (
    BadValue,
    LockedTrack,
    NoRoom,
    NoSuch,
    NoSuchClip,
    NoSuchTrack,
    NotEnoughMedia,
    NoTrack,
    OutOfReach,
    OutOfSync,
    WrongTrack,
)
from ltxdesktop.document.model import Clip, Document, Gap, ItemId, Marker, MarkerId, MediaId, Take, Title, TrackId

A, B, C = ItemId("A"), ItemId("B"), ItemId("C")
V1, V2, A1 = TrackId("V1"), TrackId("V2"), TrackId("A1")
PAIRS = "V1: A:10 B:10 C:10 | A1: a:10 b:10 c:10"


def new(name: str, duration: int = 4, start: int = 100) -> Clip:
    """A clip that isn't on the timeline yet, of media that `with_new` adds."""
    return Clip(ItemId(f"new {name}"), name, duration, takes=(Take(MediaId(name.upper()), Fraction(start, 25)),))


def with_new(text: str) -> Document:
    return film(text).with_media(media("N"))


def changed(document: Document, track: str, **values: object) -> Document:
    tracks = tuple(replace(one, **values) if one.name == track else one for one in document.sequence.tracks)
    return document.with_sequence(replace(document.sequence, tracks=tracks))


# ---- placing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "frame", "after"),
    [
        ("V1: A:10 B:10", 10, "V1: A:10 N:4 B:10"),
        ("V1: A:10 B:10", 0, "V1: N:4 A:10 B:10"),
        ("V1: A:10 B:10", 20, "V1: A:10 B:10 N:4"),
        ("V1: A:10 B:10", 25, "V1: A:10 B:10 .5 N:4"),
        ("V1: A:10 B:10", 3, "V1: A:3 N:4 A:7@103 B:10"),
        ("V1: A:10 .8 B:10", 12, "V1: A:10 .2 N:4 .6 B:10"),
        ("V1: A:10 B:10 | A1: a:10 b:10", 5, "V1: A:5 N:4 A:5@105 B:10 | A1: a:5 .4 a:5@105 b:10"),
        ("V1: A:10 | A1: c:30", 5, "V1: A:5 N:4 A:5@105 | A1: c:5 .4 c:25@105"),
    ],
)
def test_insert_pushes_all_tracks_apart(before: str, frame: int, after: str) -> None:
    check_edit(with_new(before), lambda d: edits.insert_clips(d, [Placement(V1, new("N"))], frame), after)


def test_insert_leaves_tracks_alone_that_arent_sync_locked_and_locked_ones() -> None:
    before = changed(changed(with_new("V1: A:10 | V2: B:10 | A1: c:10"), "V2", locked=True), "A1", sync_locked=False)
    check_edit(
        before,
        lambda d: edits.insert_clips(d, [Placement(V1, new("N"))], 5),
        "V1: A:5 N:4 A:5@105 | V2: B:10 | A1: c:10",
    )


def test_insert_that_would_part_picture_and_sound_is_refused() -> None:
    before = changed(with_new("V1: A:10 B:10 | A1: a:10 b:10"), "A1", locked=True)
    refuses(before, lambda d: edits.insert_clips(d, [Placement(V1, new("N"))], 10), OutOfSync, "'b' on track A1")


def test_insert_splits_links_into_pairs() -> None:
    after = check_edit(with_new(PAIRS), lambda d: edits.insert_clips(d, [Placement(V1, new("N"))], 15))
    (left, right), (left_sound, right_sound) = clips(after, "B"), clips(after, "b")
    assert left.link == left_sound.link
    assert right.link == right_sound.link
    assert left.link != right.link


def test_insert_into_a_lead_keeps_the_sound_that_moves_with_its_picture() -> None:
    before = with_new("V1: A:10 B:10 | A1: a:8 b:12@98")
    after = check_edit(before, lambda d: edits.insert_clips(d, [Placement(V1, new("N"))], 9))
    assert said(after) == "V1: A:9 N:4 A:1@109 B:10 | A1: a:8 b:1@98 .4 b:11@99"
    lead, rest = clips(after, "b")
    assert rest.link == clip(after, "B").link != lead.link


def test_insert_moves_the_sequences_markers() -> None:
    before = with_new("V1: A:10")
    marks = tuple(Marker(MarkerId(str(frame)), frame) for frame in (2, 5, 9))
    before = before.with_sequence(replace(before.sequence, markers=marks))
    after = check_edit(before, lambda d: edits.insert_clips(d, [Placement(V1, new("N"))], 5))
    assert [marker.frame for marker in after.sequence.markers] == [2, 9, 13]


@pytest.mark.parametrize(
    ("before", "frame", "after"),
    [
        ("V1: A:10 B:10", 8, "V1: A:8 N:4 B:8@102"),
        ("V1: A:10 B:10", 3, "V1: A:3 N:4 A:3@107 B:10"),
        ("V1: A:10 B:10", 30, "V1: A:10 B:10 .10 N:4"),
        ("V1: A:2 B:2 C:10", 0, "V1: N:4 C:10"),
        ("V1: A:10 .10 B:10", 12, "V1: A:10 .2 N:4 .4 B:10"),
        ("V1:", 2, "V1: .2 N:4"),
        ("V1: A:10 B:10 | A1: a:10 b:10", 8, "V1: A:8 N:4 B:8@102 | A1: a:10 b:10"),
    ],
)
def test_overwrite_covers_what_is_there(before: str, frame: int, after: str) -> None:
    check_edit(with_new(before), lambda d: edits.overwrite_clips(d, [Placement(V1, new("N"))], frame), after)


def test_pieces_on_one_track_stay_linked_with_the_whole_on_the_other() -> None:
    after = check_edit(with_new(PAIRS), lambda d: edits.overwrite_clips(d, [Placement(V1, new("N"))], 13))
    assert {one.link for one in clips(after, "B")} == {clip(after, "b").link}


def test_what_is_left_of_a_clip_keeps_its_id() -> None:
    before = with_new(PAIRS)
    after = check_edit(before, lambda d: edits.overwrite_clips(d, [Placement(V1, new("N"))], 8))
    assert (clip(after, "A").id, clip(after, "B").id) == (A, B)
    assert clip(after, "B").link == clip(after, "b").link
    after = check_edit(before, lambda d: edits.extract_range(d, 8, 12), "V1: A:8 B:8@102 C:10 | A1: a:8 b:8@102 c:10")
    assert (clip(after, "A").id, clip(after, "B").id, clip(after, "b").id) == (A, B, "b")
    left, right = clips(check_edit(before, lambda d: edits.lift_range(d, 12, 14)), "B")
    assert left.id == B != right.id


def test_append_puts_both_at_the_same_frame() -> None:
    before = with_new("V1: A:10 | A1: a:14")
    placed = edits.placements(before, MediaId("N"), in_s=Fraction(4), out_s=Fraction(104, 25))
    after = check_edit(before, lambda d: edits.append_clips(d, placed), "V1: A:10 .4 N:4 | A1: a:14 N:4")
    picture, sound = clips(after, "N")
    assert picture.link == sound.link is not None


def test_placing_refuses_what_cant_lie_there() -> None:
    before = with_new("V1: A:10 | A1: a:10")
    text = Clip(ItemId("t"), "t", 5, content=Title("t"))
    assert said(edits.overwrite_clips(before, [Placement(V1, text)], 0)) == "V1: t:5 A:5@105 | A1: a:10"
    refuses(before, lambda d: edits.overwrite_clips(d, [Placement(A1, text)], 0), WrongTrack, "no sound")
    refuses(before, lambda d: edits.overwrite_clips(d, [Placement(TrackId("V9"), text)], 0), NoSuchTrack)
    refuses(before, lambda d: edits.overwrite_clips(d, [Placement(V1, text)], -1), BadValue, "first frame")
    long = new("N", 201)
    refuses(before, lambda d: edits.overwrite_clips(d, [Placement(V1, long)], 0), NotEnoughMedia, "200 frames")
    locked = changed(before, "V1", locked=True)
    refuses(locked, lambda d: edits.overwrite_clips(d, [Placement(V1, text)], 0), LockedTrack, "V1 is locked")


def test_a_clip_that_is_placed_twice_gets_a_new_id() -> None:
    before = with_new("V1: A:10")
    once = edits.append_clips(before, [Placement(V1, new("N"))])
    check_edit(once, lambda d: edits.append_clips(d, [Placement(V1, new("N"))]), "V1: A:10 N:4 N:4")


@pytest.mark.parametrize(
    ("rate", "frames", "expected"),
    [(Fraction(25), 100, 100), (Fraction(30000, 1001), 100, 84), (Fraction(50), 101, 51), (Fraction(24), 1, 2)],
)
def test_a_new_clip_shows_all_pictures_of_its_media(rate: Fraction, frames: int, expected: int) -> None:
    shown = media("N", frames, rate)
    picture, sound = edits.clip_from_media(shown, film("V1:").sequence)
    assert picture.duration == sound.duration == expected
    assert picture.link == sound.link
    assert (
        picture.media_time(expected - 1, Fraction(25)) < shown.duration_s <= picture.media_time(expected, Fraction(25))
    )


def test_replaced_media_keep_place_length_and_link() -> None:
    check_edit(
        with_new(PAIRS),
        lambda d: edits.replace_media(d, B, MediaId("N"), Fraction(2)),
        "V1: A:10 N:10@50 C:10 | A1: a:10 N:10@50 c:10",
    )
    refuses(with_new(PAIRS), lambda d: edits.replace_media(d, B, MediaId("N"), Fraction(295, 25)), NotEnoughMedia)


@pytest.mark.parametrize(
    ("points", "after"),
    [
        ({"in_s": 4, "out_s": 5, "in_frame": 5}, "V1: A:5 N:25 | A1: a:5 N:25"),
        ({"in_s": 4, "out_s": 5, "out_frame": 30}, "V1: A:5 N:25 | A1: a:5 N:25"),
        ({"in_s": 4, "in_frame": 2, "out_frame": 5}, "V1: A:2 N:3 A:5@105 | A1: a:2 N:3 a:5@105"),
        ({"out_s": 5, "in_frame": 2, "out_frame": 5}, "V1: A:2 N:3@122 A:5@105 | A1: a:2 N:3@122 a:5@105"),
        ({"in_s": 4, "out_s": 5, "in_frame": 10, "out_frame": 60}, "V1: A:10 N:50 | A1: a:10 N:50"),
    ],
)
def test_three_points_say_the_fourth(points: dict[str, int], after: str) -> None:
    exact = {name: Fraction(value) if name.endswith("_s") else value for name, value in points.items()}
    before = with_new("V1: A:10 | A1: a:10")
    result = check_edit(before, lambda d: edits.three_point(d, MediaId("N"), **exact), after)  # pyright: ignore
    assert clip(result, "N").speed == (Fraction(1, 2) if len(points) == 4 else 1)


def test_three_point_insert_and_what_it_refuses() -> None:
    before = with_new("V1: A:10 | A1: a:10")
    check_edit(
        before,
        lambda d: edits.three_point(
            d, MediaId("N"), in_s=Fraction(4), in_frame=5, out_frame=8, laying=Laying.INSERT, sound=False
        ),
        "V1: A:5 N:3 A:5@105 | A1: a:5 .3 a:5@105",
    )
    refuses(before, lambda d: edits.three_point(d, MediaId("N")), BadValue, "in or an out point")
    refuses(before, lambda d: edits.three_point(d, MediaId("N"), in_frame=0, out_frame=400), NotEnoughMedia)


# ---- removing --------------------------------------------------------------------------------------------------------


def test_lift_leaves_gaps_for_both() -> None:
    check_edit(film(PAIRS), lambda d: edits.lift(d, [B]), "V1: A:10 .10 C:10 | A1: a:10 .10 c:10")
    check_edit(film(PAIRS), lambda d: edits.lift(d, [C]), "V1: A:10 B:10 | A1: a:10 b:10")
    check_edit(film(PAIRS), lambda d: edits.lift(d, [A, C]), "V1: .10 B:10 | A1: .10 b:10")
    check_edit(film(PAIRS), lambda d: edits.lift(d, [B], linked=False), "V1: A:10 .10 C:10 | A1: a:10 b:10 c:10")


@pytest.mark.parametrize(
    ("before", "named", "after"),
    [
        (PAIRS, [B], "V1: A:10 C:10 | A1: a:10 c:10"),
        (PAIRS, [A, B], "V1: C:10 | A1: c:10"),
        (PAIRS, [A, C], "V1: B:10 | A1: b:10"),
        ("V1: A:10 B:10 | V2: .12 C:5 | A1: m:30", [A], "V1: B:10 | V2: .2 C:5 | A1: m:30"),
        # a J-cut: the sound of B leads by 2, and goes on doing so
        ("V1: A:10 B:10 | A1: a:8 b:12@98", [A], "V1: .2 B:10 | A1: b:12@98"),
        # what was free before and after stays free
        ("V1: .5 A:10 .5 B:10", [A], "V1: .10 B:10"),
    ],
)
def test_extract_closes_the_holes(before: str, named: list[ItemId], after: str) -> None:
    check_edit(film(before), lambda d: edits.extract(d, named), after)


def test_extract_is_refused_where_something_is_in_the_way() -> None:
    before = film("V1: A:10 B:10 | V2: .8 M:4 N:4")
    error = refuses(before, lambda d: edits.extract(d, [A]), NoRoom, "'M' stands in the way on track V2")
    assert (error.needed, error.free) == (10, 0)
    check_edit(changed(before, "V2", sync_locked=False), lambda d: edits.extract(d, [A]), "V1: B:10 | V2: .8 M:4 N:4")


def test_extract_of_a_clip_with_a_locked_partner_is_refused() -> None:
    before = changed(film(PAIRS), "A1", locked=True)
    refuses(before, lambda d: edits.extract(d, [B]), LockedTrack, "A1 is locked and holds 'b'")
    refuses(film(PAIRS), lambda d: edits.lift(d, [ItemId("nobody")]), NoSuchClip)


def test_ranges_are_lifted_and_extracted() -> None:
    check_edit(film(PAIRS), lambda d: edits.lift_range(d, 5, 25), "V1: A:5 .20 C:5@105 | A1: a:5 .20 c:5@105")
    check_edit(film(PAIRS), lambda d: edits.lift_range(d, 5, 99), "V1: A:5 | A1: a:5")
    check_edit(film(PAIRS), lambda d: edits.extract_range(d, 5, 25), "V1: A:5 C:5@105 | A1: a:5 c:5@105")
    check_edit(film(PAIRS), lambda d: edits.extract_range(d, 5, 99), "V1: A:5 | A1: a:5")
    check_edit(
        film(PAIRS), lambda d: edits.lift_range(d, 2, 4, [V1]), "V1: A:2 .2 A:6@104 B:10 C:10 | A1: a:10 b:10 c:10"
    )
    check_edit(
        film("V1: A:10 B:10 | V2: .15 M:4"),
        lambda d: edits.extract_range(d, 2, 6, [V1]),
        "V1: A:2 A:4@106 B:10 | V2: .11 M:4",
    )
    refuses(film(PAIRS), lambda d: edits.lift_range(d, 5, 5), BadValue)


def test_gaps_close() -> None:
    before = film("V1: A:10 .5 B:10 | A1: a:10 .5 b:10")
    gap = next(item.id for item in before.sequence.tracks[0].items if isinstance(item, Gap))
    check_edit(before, lambda d: edits.close_gap(d, gap), "V1: A:10 B:10 | A1: a:10 b:10")
    check_edit(before, lambda d: edits.ripple_delete(d, [gap, A]), "V1: B:10 | A1: b:10")
    refuses(before, lambda d: edits.close_gap(d, A), NoSuch, "gap")
    gaps = [item.id for track in before.sequence.tracks for item in track.items if isinstance(item, Gap)]
    check_edit(before, lambda d: edits.ripple_delete(d, gaps), "V1: A:10 B:10 | A1: a:10 b:10")


# ---- cutting ---------------------------------------------------------------------------------------------------------


def test_split_cuts_all_tracks_and_pairs_the_pieces() -> None:
    after = check_edit(
        film(PAIRS), lambda d: edits.split(d, 14), "V1: A:10 B:4 B:6@104 C:10 | A1: a:10 b:4 b:6@104 c:10"
    )
    assert [one.link for one in clips(after, "B")] == [one.link for one in clips(after, "b")]
    assert len({one.link for one in clips(after, "B")}) == 2
    check_edit(film(PAIRS), lambda d: edits.split(d, 14, [V1]), "V1: A:10 B:4 B:6@104 C:10 | A1: a:10 b:10 c:10")
    check_edit(
        film(PAIRS), lambda d: edits.split_clip(d, B, 14), "V1: A:10 B:4 B:6@104 C:10 | A1: a:10 b:4 b:6@104 c:10"
    )
    assert edits.split(film(PAIRS), 10) is not None
    refuses(film(PAIRS), lambda d: edits.split_clip(d, B, 10), BadValue, "inside of 'B'")


def test_split_where_nothing_is_to_cut_is_the_same_document() -> None:
    before = film(PAIRS)
    assert edits.split(before, 10) is before
    assert edits.split(before, 500) is before


# ---- trimming --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "edge", "frames", "after"),
    [
        (PAIRS, Edge.HEAD, 3, "V1: A:10 .3 B:7@103 C:10 | A1: a:10 .3 b:7@103 c:10"),
        (PAIRS, Edge.TAIL, -3, "V1: A:10 B:7 .3 C:10 | A1: a:10 b:7 .3 c:10"),
        ("V1: .5 B:10 .5 C:10", Edge.HEAD, -5, "V1: B:15@95 .5 C:10"),
        ("V1: .5 B:10 .5 C:10", Edge.TAIL, 2, "V1: .5 B:12 .3 C:10"),
        ("V1: B:10", Edge.TAIL, 7, "V1: B:17"),
        # the sound of a J-cut keeps its lead
        ("V1: .5 B:10 | A1: .3 b:12@98", Edge.HEAD, 2, "V1: .7 B:8@102 | A1: .5 b:10@100".replace("@100", "")),
    ],
)
def test_trim_moves_an_edge(before: str, edge: Edge, frames: int, after: str) -> None:
    check_edit(film(before), lambda d: edits.trim(d, B, edge, frames), after)


def test_trim_of_one_makes_a_split_edit() -> None:
    check_edit(
        film("V1: A:10 | A1: a:10"), lambda d: edits.trim(d, A, Edge.TAIL, 2, linked=False), "V1: A:12 | A1: a:10"
    )


def test_of_several_linked_pieces_the_one_at_the_same_edge_is_trimmed() -> None:
    before = film("V1: A:10 | A1: a:5 a:5@105")
    check_edit(before, lambda d: edits.trim(d, A, Edge.TAIL, -2), "V1: A:8 | A1: a:5 a:3@105")
    check_edit(before, lambda d: edits.trim(d, A, Edge.HEAD, 2), "V1: .2 A:8@102 | A1: .2 a:3@102 a:5@105")
    check_edit(before, lambda d: edits.trim(d, ItemId("a"), Edge.TAIL, -2), "V1: A:10 | A1: a:3 .2 a:5@105")


@pytest.mark.parametrize(
    ("before", "edge", "frames", "possible", "why"),
    [
        (PAIRS, Edge.HEAD, 10, 9, "one frame"),
        (PAIRS, Edge.HEAD, -1, 0, "meets what is before"),
        (PAIRS, Edge.TAIL, 1, 0, "meets the next clip"),
        ("V1: .200 B:10", Edge.HEAD, -120, -100, "no more media"),
        ("V1: B:10", Edge.TAIL, 300, 190, "no more media"),
        ("V1: B:10 | A1: b:5", Edge.TAIL, -7, -4, "one frame"),
    ],
)
def test_trim_says_how_far_it_can_go(before: str, edge: Edge, frames: int, possible: int, why: str) -> None:
    document = film(before)
    error = refuses(document, lambda d: edits.trim(d, B, edge, frames), OutOfReach, why)
    assert error.possible == possible
    assert edits.trim_reach(document, B, edge).held(frames) == possible
    edits.trim(document, B, edge, possible)


@pytest.mark.parametrize(
    ("before", "edge", "frames", "after"),
    [
        (PAIRS, Edge.TAIL, -3, "V1: A:10 B:7 C:10 | A1: a:10 b:7 c:10"),
        (PAIRS, Edge.TAIL, 3, "V1: A:10 B:13 C:10 | A1: a:10 b:13 c:10"),
        (PAIRS, Edge.HEAD, 3, "V1: A:10 B:7@103 C:10 | A1: a:10 b:7@103 c:10"),
        (PAIRS, Edge.HEAD, -3, "V1: A:10 B:13@97 C:10 | A1: a:10 b:13@97 c:10"),
        # a music bed stays, a title that comes later moves along
        ("V1: B:10 C:10 | V2: .12 T:5 | A1: m:30", Edge.TAIL, -3, "V1: B:7 C:10 | V2: .9 T:5 | A1: m:30"),
        ("V1: B:10 C:10 | V2: .12 T:5 | A1: m:30", Edge.TAIL, 3, "V1: B:13 C:10 | V2: .15 T:5 | A1: m:30"),
        # the sound of C leads and moves with its picture
        ("V1: B:10 C:10 | A1: .8 c:12@98", Edge.TAIL, -3, "V1: B:7 C:10 | A1: .5 c:12@98"),
        ("V1: B:10 C:10 | A1: b:8 c:12@98", Edge.TAIL, -3, "V1: B:7 C:10 | A1: b:5 c:12@98"),
        ("V1: B:10 C:10 | A1: b:12 c:8@102", Edge.TAIL, 4, "V1: B:14 C:10 | A1: b:16 c:8@102"),
    ],
)
def test_ripple_trim_shifts_all_that_is_later(before: str, edge: Edge, frames: int, after: str) -> None:
    check_edit(film(before), lambda d: edits.ripple_trim(d, B, edge, frames), after)


def test_ripple_trim_is_refused_where_something_is_in_the_way() -> None:
    before = film("V1: B:10 C:10 | A1: m:12 n:5")
    refuses(before, lambda d: edits.ripple_trim(d, B, Edge.TAIL, -3), NoRoom, "'m' stands in the way on track A1")
    assert edits.ripple_trim_reach(before, B, Edge.TAIL).low == 0
    assert edits.ripple_trim_reach(film("V1: B:10 C:10 | A1: m:10 .2 n:5"), B, Edge.TAIL).low == -2


def test_roll_moves_a_cut_and_that_of_the_sound() -> None:
    check_edit(film(PAIRS), lambda d: edits.roll(d, A, B, 3), "V1: A:13 B:7@103 C:10 | A1: a:13 b:7@103 c:10")
    check_edit(film(PAIRS), lambda d: edits.roll(d, A, B, -3), "V1: A:7 B:13@97 C:10 | A1: a:7 b:13@97 c:10")
    check_edit(
        film(PAIRS), lambda d: edits.roll(d, A, B, 3, linked=False), "V1: A:13 B:7@103 C:10 | A1: a:10 b:10 c:10"
    )
    refuses(film(PAIRS), lambda d: edits.roll(d, A, B, 10), OutOfReach, "one frame")
    refuses(film(PAIRS), lambda d: edits.roll(d, A, C, 1), BadValue, "side by side")
    assert edits.roll_reach(film(PAIRS), A, B).held(50) == 9
    assert edits.roll_reach(film("V1: A:10@290 B:10"), A, B).held(5) == 0


def test_roll_stops_at_available_media() -> None:
    before = film("V1: A:10@285 B:20")
    refuses(before, lambda d: edits.roll(d, A, B, 6), OutOfReach, "'A' has no more media: 5 frames at most.")


def test_slip_changes_what_is_shown_only() -> None:
    check_edit(film(PAIRS), lambda d: edits.slip(d, B, 5), "V1: A:10 B:10@105 C:10 | A1: a:10 b:10@105 c:10")
    refuses(film(PAIRS), lambda d: edits.slip(d, B, 191), OutOfReach, "190 frames at most")
    refuses(film(PAIRS), lambda d: edits.slip(d, B, -101), OutOfReach, "100 frames at most")


def test_slide_trims_the_neighbours() -> None:
    check_edit(film(PAIRS), lambda d: edits.slide(d, B, 3), "V1: A:13 B:10 C:7@103 | A1: a:13 b:10 c:7@103")
    check_edit(film(PAIRS), lambda d: edits.slide(d, B, -3), "V1: A:7 B:10 C:13@97 | A1: a:7 b:10 c:13@97")
    check_edit(film("V1: A:10 B:10"), lambda d: edits.slide(d, B, 3), "V1: A:13 B:10")
    check_edit(film("V1: .5 B:10 .5 C:10"), lambda d: edits.slide(d, B, 3), "V1: .8 B:10 .2 C:10")
    check_edit(film("V1: .5 B:10 .5 C:10"), lambda d: edits.slide(d, B, 5), "V1: .10 B:10 C:10")
    check_edit(film("V1: .5 B:10 .5 C:10"), lambda d: edits.slide(d, B, -5), "V1: B:10 .10 C:10")
    refuses(film(PAIRS), lambda d: edits.slide(d, A, -1), OutOfReach, "nothing before")
    check_edit(film("V1: A:10 B:10"), lambda d: edits.slide(d, A, 3), "V1: .3 A:10 B:7@103")


# ---- moving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "frames", "delta", "mode", "after"),
    [
        ([B], 20, 0, MoveMode.OVERWRITE, "V1: A:10 .10 C:10 B:10 | A1: a:10 .10 c:10 b:10"),
        ([B], 15, 0, MoveMode.OVERWRITE, "V1: A:10 .10 C:5 B:10 | A1: a:10 .10 c:5 b:10"),
        ([B], -5, 0, MoveMode.OVERWRITE, "V1: A:5 B:10 .5 C:10 | A1: a:5 b:10 .5 c:10"),
        ([B], 3, 0, MoveMode.OVERWRITE, "V1: A:10 .3 B:10 C:7@103 | A1: a:10 .3 b:10 c:7@103"),
        ([B], -10, 0, MoveMode.INSERT, "V1: B:10 A:10 .10 C:10 | A1: b:10 a:10 .10 c:10"),
        ([B], 15, 0, MoveMode.INSERT, "V1: A:10 .10 C:5 B:10 C:5@105 | A1: a:10 .10 c:5 b:10 c:5@105"),
        ([B], 20, 0, MoveMode.FREE, "V1: A:10 .10 C:10 B:10 | A1: a:10 .10 c:10 b:10"),
        ([B], 2, 1, MoveMode.OVERWRITE, "V1: A:10 .10 C:10 | V2: .12 B:10 | A1: a:10 .2 b:10 c:8@102"),
        ([A, B], 10, 0, MoveMode.OVERWRITE, "V1: .10 A:10 B:10 | A1: .10 a:10 b:10"),
    ],
)
def test_move(named: list[ItemId], frames: int, delta: int, mode: MoveMode, after: str) -> None:
    before = film("V1: A:10 B:10 C:10 | V2: | A1: a:10 b:10 c:10")
    check_edit(before, lambda d: edits.move(d, named, frames, delta, mode), after)


def test_move_keeps_its_rules() -> None:
    before = film(PAIRS)
    refuses(before, lambda d: edits.move(d, [B], 5, 0, MoveMode.FREE), NoRoom, "'C' stands in the way")
    refuses(before, lambda d: edits.move(d, [B], -11), BadValue, "first frame")
    refuses(before, lambda d: edits.move(d, [B], 0, 1), NoTrack, "video")
    assert edits.move(before, [], 5) is before
    assert said(edits.nudge(before, [B], 1)) == "V1: A:10 .1 B:10 C:9@101 | A1: a:10 .1 b:10 c:9@101"


def test_edits_of_one_clip_alone_leave_its_partner() -> None:
    before = film("V1: A:10 B:10 C:10 | A1: a:10 b:10")
    check_edit(
        before, lambda d: edits.slip(d, B, 3, linked=False), "V1: A:10 B:10@103 C:10 | A1: a:10 b:10", in_sync=False
    )
    after = check_edit(
        before,
        lambda d: edits.move(d, [B], 25, linked=False),
        "V1: A:10 .10 C:10 .5 B:10 | A1: a:10 b:10",
        in_sync=False,
    )
    assert out_of_sync(after.sequence, after.media) == {"b": -25}
    check_edit(
        before, lambda d: edits.slide(d, B, 2, linked=False), "V1: A:12 B:10 C:8@102 | A1: a:10 b:10", in_sync=False
    )
    check_edit(before, lambda d: edits.duplicate(d, [C], linked=False), "V1: A:10 B:10 C:10 C:10 | A1: a:10 b:10")
    check_edit(
        before, lambda d: edits.ripple_trim(d, B, Edge.TAIL, -2, linked=False), "V1: A:10 B:8 C:10 | A1: a:10 b:10"
    )


def test_duplicate_and_paste_keep_links() -> None:
    before = film(PAIRS)
    after = check_edit(before, lambda d: edits.duplicate(d, [B]), "V1: A:10 B:10 B:10 C:10 | A1: a:10 b:10 b:10 c:10")
    assert [one.link for one in clips(after, "B")] == [one.link for one in clips(after, "b")]
    assert len({one.link for one in clips(after, "B")}) == 2
    board = edits.copy(before, [A])
    after = check_edit(
        before, lambda d: edits.paste(d, board, 35), "V1: A:10 B:10 C:10 .5 A:10 | A1: a:10 b:10 c:10 .5 a:10"
    )
    assert [one.link for one in clips(after, "A")] == [one.link for one in clips(after, "a")]
    check_edit(before, lambda d: edits.paste(d, board, 10, mode=MoveMode.INSERT))
    refuses(before, lambda d: edits.paste(d, board, 10, mode=MoveMode.FREE), NoRoom)


def test_paste_into_another_project_brings_its_media_and_keeps_the_time() -> None:
    board = edits.copy(film(PAIRS), [A, C])
    other = film("V1: X:3 | A1: x:3", rate=Fraction(50))
    after = check_edit(
        other,
        lambda d: edits.paste(d, board, 10),
        "V1: X:3 .7 A:20@200 .20 C:20@200 | A1: x:3 .7 a:20@200 .20 c:20@200",
    )
    assert set(after.media) == {"X", "A", "C"}
