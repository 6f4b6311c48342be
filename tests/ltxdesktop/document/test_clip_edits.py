"""Edits of what clips show and how: transitions, fades, speed, takes, values, effects, links, markers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from helpers import check_edit, clip, clips, film, media, refuses, said

from ltxdesktop.document import edits
from ltxdesktop.document.check import out_of_sync
from ltxdesktop.document.edits import Edge, MoveMode, Placement
from ltxdesktop.document.errors import (
    BadValue,
    LastOne,
    LockedTrack,
    NoHandles,
    NoSuch,
    NoSuchEffect,
    NoSuchMarker,
    NotEnoughMedia,
    OutOfSync,
    UnknownParameter,
    WrongTrack,
)
from ltxdesktop.document.model import (
    Clip,
    Document,
    Easing,
    Gap,
    ItemId,
    Key,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Solid,
    Take,
    Title,
    TrackId,
    Transition,
    TransitionKind,
)

A, B, C = ItemId("A"), ItemId("B"), ItemId("C")
V1, A1 = TrackId("V1"), TrackId("A1")
PAIRS = "V1: A:10 B:10 C:10 | A1: a:10 b:10 c:10"
DISSOLVE = Transition(TransitionKind.DISSOLVE, 2, 3)


def with_clip(document: Document, clip_id: str, **values: object) -> Document:
    """The film with some of a clip's values replaced."""
    tracks = tuple(
        replace(track, items=tuple(replace(item, **values) if item.id == clip_id else item for item in track.items))
        for track in document.sequence.tracks
    )
    return document.with_sequence(replace(document.sequence, tracks=tracks))


# ---- transitions -----------------------------------------------------------------------------------------------------


def test_a_transition_crosses_picture_and_sound() -> None:
    after = check_edit(film(PAIRS), lambda d: edits.set_transition(d, B, DISSOLVE))
    assert clip(after, "B").transition == clip(after, "b").transition == DISSOLVE
    assert clip(check_edit(after, lambda d: edits.set_transition(d, B, None)), "b").transition is None
    alone = edits.set_transition(film(PAIRS), B, DISSOLVE, linked=False)
    assert clip(alone, "b").transition is None


def test_the_tail_of_a_clip_is_the_head_of_the_next() -> None:
    after = check_edit(film(PAIRS), lambda d: edits.set_transition(d, A, DISSOLVE, Edge.TAIL))
    assert clip(after, "B").transition == DISSOLVE


def test_towards_nothing_a_transition_lies_within_its_clip() -> None:
    after = check_edit(film("V1: A:10 .5 B:10"), lambda d: edits.set_transition(d, B, DISSOLVE))
    assert clip(after, "B").transition == Transition(TransitionKind.DISSOLVE, 0, 5)
    after = check_edit(after, lambda d: edits.set_transition(d, A, DISSOLVE, Edge.TAIL))
    assert clip(after, "A").tail == Transition(TransitionKind.DISSOLVE, 5, 0)
    assert clip(check_edit(after, lambda d: edits.set_transition(d, A, None, Edge.TAIL)), "A").tail is None


def test_a_transition_needs_handles() -> None:
    before = film("V1: A:10@289 B:10@3 C:10")
    error = refuses(before, lambda d: edits.set_transition(d, B, Transition(before=4, after=1)), NoHandles, "3 frames")
    assert (error.before, error.after) == (3, 1)
    assert edits.transition_room(before, B) == (3, 1)
    check_edit(before, lambda d: edits.set_transition(d, B, Transition(before=3, after=1)))
    refuses(before, lambda d: edits.set_transition(d, B, Transition()), BadValue)


def test_transitions_dont_overlap() -> None:
    before = edits.set_transition(film(PAIRS), B, Transition(after=6))
    error = refuses(before, lambda d: edits.set_transition(d, C, Transition(before=5, after=1)), NoHandles)
    assert error.before == 4
    before = edits.set_transition(film(PAIRS), C, Transition(before=6))
    error = refuses(before, lambda d: edits.set_transition(d, B, Transition(before=1, after=5)), NoHandles)
    assert error.after == 4


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda d: edits.trim(d, B, Edge.TAIL, -5), DISSOLVE),
        (lambda d: edits.ripple_trim(d, B, Edge.HEAD, 2), DISSOLVE),
        (lambda d: edits.ripple_trim(d, A, Edge.TAIL, -3), DISSOLVE),
        (lambda d: edits.roll(d, A, B, 2), DISSOLVE),
        (lambda d: edits.slip(d, B, 5), DISSOLVE),
        (lambda d: edits.move(d, [A, B], 40), DISSOLVE),
        (lambda d: edits.split(d, 18), DISSOLVE),
        (lambda d: edits.split(d, 12), Transition(before=2, after=2)),  # the piece is only 2 long
        (lambda d: edits.ripple_trim(d, B, Edge.TAIL, -8), Transition(before=2, after=2)),
        (lambda d: edits.slip(d, A, 189), Transition(before=2, after=1)),  # 1 frame of handle left
        (lambda d: edits.slip(d, B, -99), Transition(before=1, after=3)),
        (lambda d: edits.trim(d, B, Edge.HEAD, 1), None),  # the clips don't meet any more
        (lambda d: edits.lift(d, [A]), None),
        (lambda d: edits.extract(d, [A]), None),
        (lambda d: edits.move(d, [B], 40), None),
        (lambda d: edits.insert_clips(d, [Placement(V1, edits.clip_from_content(Solid(), 3))], 10), None),
        (lambda d: edits.overwrite_clips(d, [Placement(V1, edits.clip_from_content(Solid(), 10))], 0), None),
    ],
)
def test_transitions_stay_while_their_clips_meet(edit: object, expected: Transition | None) -> None:
    before = edits.set_transition(film(PAIRS), B, DISSOLVE)
    assert callable(edit)
    assert clip(check_edit(before, edit), "B").transition == expected


def test_a_transition_to_nothing_goes_when_a_clip_follows() -> None:
    before = edits.set_transition(film("V1: A:10 .5 B:10"), A, DISSOLVE, Edge.TAIL)
    gap = next(item for item in before.sequence.tracks[0].items if isinstance(item, Gap))
    assert clip(check_edit(before, lambda d: edits.close_gap(d, gap.id)), "A").tail is None
    assert clip(check_edit(before, lambda d: edits.trim(d, A, Edge.TAIL, 2)), "A").tail is not None


def test_centred_transitions() -> None:
    assert edits.centred(TransitionKind.WIPE_UP, 5) == Transition(TransitionKind.WIPE_UP, 2, 3)


# ---- fades -----------------------------------------------------------------------------------------------------------


def test_fades_stay_at_the_ends() -> None:
    before = check_edit(film("V1: B:10"), lambda d: edits.set_fades(d, B, 4, 3))
    shorter = check_edit(before, lambda d: edits.trim(d, B, Edge.TAIL, -5))
    assert (clip(shorter, "B").fade_in, clip(shorter, "B").fade_out) == (2, 3)
    short = check_edit(before, lambda d: edits.trim(d, B, Edge.TAIL, -8))
    assert (clip(short, "B").fade_in, clip(short, "B").fade_out) == (0, 2)
    left, right = clips(check_edit(before, lambda d: edits.split(d, 5)), "B")
    assert (left.fade_in, left.fade_out, right.fade_in, right.fade_out) == (4, 0, 0, 3)
    refuses(before, lambda d: edits.set_fades(d, B, 8), BadValue, "8 and 3 frames")
    assert edits.set_fades(before, B, 0).sequence.tracks[0].items[0].fade_out == 3  # pyright: ignore


# ---- keys ------------------------------------------------------------------------------------------------------------


def keyed() -> Document:
    curve = Parameter(keys=(Key(0, 0.0), Key(5, 1.0, Easing.EASE_IN), Key(9, 0.5)))
    marks = (Marker(MarkerId("m2"), 2), Marker(MarkerId("m7"), 7))
    return with_clip(film("V1: .20 B:10 .20 C:10"), "B", values={"opacity": curve}, markers=marks)


def curve_at(document: Document, name: str, frame: int) -> float:
    """The opacity of the clip of that name at a frame of the sequence."""
    track = document.sequence.tracks[0]
    start, found = next((start, item) for start, item in track.placed(frame, frame + 1))
    assert isinstance(found, Clip)
    assert found.name == name
    return found.values["opacity"].at(frame - start)


@pytest.mark.parametrize(
    ("edit", "moved"),
    [
        (lambda d: edits.trim(d, B, Edge.HEAD, 3), 0),
        (lambda d: edits.trim(d, B, Edge.HEAD, -3), 0),
        (lambda d: edits.trim(d, B, Edge.TAIL, -3), 0),
        (lambda d: edits.split(d, 26), 0),
        (lambda d: edits.move(d, [B], -4), -4),
        (lambda d: edits.ripple_trim(d, B, Edge.HEAD, 3), -3),
        (lambda d: edits.slip(d, B, 2), -2),
    ],
)
def test_keys_stay_with_the_picture(edit: object, moved: int) -> None:
    before = keyed()
    assert callable(edit)
    after = check_edit(before, edit)
    for frame in range(24, 27):
        assert curve_at(after, "B", frame + moved) == pytest.approx(curve_at(before, "B", frame))


def test_clip_markers_stay_with_the_picture() -> None:
    after = check_edit(keyed(), lambda d: edits.trim(d, B, Edge.HEAD, 3))
    assert [marker.frame for marker in clip(after, "B").markers] == [-1, 4]  # the first is out of sight, not lost
    assert [m.frame for m in clip(edits.trim(after, B, Edge.HEAD, -3), "B").markers] == [2, 7]
    left, right = clips(check_edit(keyed(), lambda d: edits.split(d, 25)), "B")
    assert [[m.frame for m in one.markers] for one in (left, right)] == [[2], [2]]


def test_keys_are_set_moved_and_removed() -> None:
    before = film("V1: B:10")
    one = check_edit(before, lambda d: edits.set_key(d, B, "opacity", 4, 0.5))
    two = check_edit(one, lambda d: edits.set_key(d, B, "opacity", 0, 0.0, Easing.EASE))
    assert clip(two, "B").values["opacity"].keys == (Key(0, 0.0, Easing.EASE), Key(4, 0.5))
    three = edits.set_key(two, B, "opacity", 0, 0.25)
    assert clip(three, "B").values["opacity"].keys[0] == Key(0, 0.25, Easing.EASE)
    moved = check_edit(two, lambda d: edits.move_key(d, B, "opacity", 0, 8))
    assert [key.frame for key in clip(moved, "B").values["opacity"].keys] == [4, 8]
    assert len(clip(edits.move_key(two, B, "opacity", 0, 4), "B").values["opacity"].keys) == 1
    gone = edits.remove_key(check_edit(two, lambda d: edits.remove_key(d, B, "opacity", 0)), B, "opacity", 4)
    assert clip(gone, "B").values["opacity"] == Parameter(0.5)
    refuses(two, lambda d: edits.remove_key(d, B, "opacity", 3), NoSuch)


def test_values_have_limits_and_defaults_arent_kept() -> None:
    before = film("V1: B:10")
    half = check_edit(before, lambda d: edits.set_value(d, B, "opacity", 0.5))
    assert clip(half, "B").values == {"opacity": Parameter(0.5)}
    assert clip(edits.set_value(half, B, "opacity", 1), "B").values == {}
    assert clip(edits.set_value(half, B, "opacity", None), "B").values == {}
    assert edits.set_value(half, B, "opacity", 0.5) is half
    refuses(before, lambda d: edits.set_value(d, B, "opacity", 1.5), BadValue, "between 0 and 1")
    refuses(before, lambda d: edits.set_value(d, B, "opacity", float("nan")), BadValue)
    refuses(before, lambda d: edits.set_value(d, B, "opacty", 1), UnknownParameter)
    backwards = Parameter(keys=(Key(3, 0.1), Key(2, 0.2)))
    refuses(before, lambda d: edits.set_value(d, B, "opacity", backwards), BadValue, "ascend")
    refuses(edits.change_track(before, V1, locked=True), lambda d: edits.set_value(d, B, "opacity", 0.5), LockedTrack)


def test_effects() -> None:
    before = film("V1: A:10 B:10")
    blur = check_edit(before, lambda d: edits.add_effect(d, B, "blur", values={"radius": 0.1}, effect_id="b"))
    both = check_edit(blur, lambda d: edits.add_effect(d, B, "lut", texts={"file": "x.cube"}, effect_id="l", place=0))
    assert [effect.id for effect in clip(both, "B").effects] == ["l", "b"]
    keyed = check_edit(both, lambda d: edits.set_key(d, B, "radius", 2, 0.2, effect="b"))
    assert clip(keyed, "B").effects[1].values["radius"].keys == (Key(2, 0.2),)
    moved = check_edit(both, lambda d: edits.move_effect(d, B, "l", 1))
    assert [effect.id for effect in clip(moved, "B").effects] == ["b", "l"]
    off = check_edit(both, lambda d: edits.change_effect(d, B, "l", enabled=False, texts={"file": "y.cube"}))
    assert (clip(off, "B").effects[0].enabled, clip(off, "B").effects[0].texts["file"]) == (False, "y.cube")
    worn = check_edit(both, lambda d: edits.copy_values(d, B, [A]))
    assert [effect.kind for effect in clip(worn, "A").effects] == ["lut", "blur"]
    assert clip(check_edit(both, lambda d: edits.remove_effect(d, B, "l")), "B").effects[0].id == "b"
    refuses(both, lambda d: edits.remove_effect(d, B, "x"), NoSuchEffect)
    refuses(both, lambda d: edits.add_effect(d, B, "sparkle"), NoSuch)
    refuses(both, lambda d: edits.change_effect(d, B, "b", texts={"file": ""}), NoSuch)
    refuses(both, lambda d: edits.set_value(d, B, "radius", 9, effect="b"), BadValue)


def test_switches_names_and_content() -> None:
    before = film(PAIRS)
    off = check_edit(before, lambda d: edits.set_enabled(d, [B], False))
    assert not clip(off, "b").enabled
    assert said(edits.rename(before, B, " kitchen ")).count("kitchen") == 2
    refuses(before, lambda d: edits.rename(d, B, " "), BadValue)
    refuses(before, lambda d: edits.set_content(d, B, Solid()), BadValue, "shows media")
    title = edits.append_clips(before, [Placement(V1, edits.clip_from_content(Title("One\nTwo"), 5))])
    made = clip(title, "One")
    assert clip(edits.set_content(title, made.id, Title("Three")), "One").content == Title("Three")
    assert clip(edits.change_metadata(before, B, {"x": 1}), "B").metadata == {"x": 1}


# ---- speed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "speed", "ripple", "after"),
    [
        (PAIRS, 2, False, "V1: A:10 B:5 .5 C:10 | A1: a:10 b:5 .5 c:10"),
        (PAIRS, 2, True, "V1: A:10 B:5 C:10 | A1: a:10 b:5 c:10"),
        (PAIRS, Fraction(1, 2), True, "V1: A:10 B:20 C:10 | A1: a:10 b:20 c:10"),
        (PAIRS, Fraction(1, 2), False, PAIRS),  # no room to grow: the rest is cut off
        ("V1: B:10 .4 C:10", Fraction(1, 2), False, "V1: B:14 C:10"),
        ("V1: B:10", Fraction(1, 2), False, "V1: B:20"),
        (PAIRS, -1, False, "V1: A:10 B:10@109 C:10 | A1: a:10 b:10@109 c:10"),
        (PAIRS, -2, True, "V1: A:10 B:5@108 C:10 | A1: a:10 b:5@108 c:10"),
        (PAIRS, 0, False, PAIRS),
        ("V1: B:10@290", Fraction(2, 3), False, "V1: B:15@290"),
        ("V1: B:1", 100, False, "V1: B:1"),
    ],
)
def test_speed_keeps_the_range_of_the_media(before: str, speed: Fraction | int, ripple: bool, after: str) -> None:
    result = check_edit(film(before), lambda d: edits.set_speed(d, B, Fraction(speed), ripple=ripple), after)
    assert clip(result, "B").speed == speed


def test_a_linked_sound_is_told_whether_to_keep_its_pitch() -> None:
    slow = check_edit(film(PAIRS), lambda d: edits.set_speed(d, A, Fraction(1, 2), ripple=True, keep_pitch=True))
    fast = check_edit(slow, lambda d: edits.set_speed(d, A, Fraction(2), ripple=True))
    for changed in (slow, fast):
        assert clip(changed, "A").keeps_pitch
        assert clip(changed, "a").keeps_pitch
        assert not clip(changed, "b").keeps_pitch


def test_a_reversed_clip_shows_the_same_pictures_and_turns_back() -> None:
    before = film("V1: B:10")
    rate = before.sequence.rate
    back = edits.set_speed(before, B, Fraction(-1))
    shown = [clip(back, "B").media_frame(n, rate, back.media[MediaId("B")]) for n in range(10)]
    assert shown == list(range(109, 99, -1))
    assert said(edits.set_speed(back, B, Fraction(1))) == "V1: B:10"
    left = check_edit(back, lambda d: edits.trim(d, B, Edge.TAIL, -4))
    assert clip(left, "B").media_frame(5, rate, back.media[MediaId("B")]) == 104
    grown = check_edit(back, lambda d: edits.trim(d, B, Edge.TAIL, 100))
    refuses(grown, lambda d: edits.trim(d, B, Edge.TAIL, 1), Exception, "no more media")


def test_keys_and_markers_follow_the_speed() -> None:
    fast = clip(check_edit(keyed(), lambda d: edits.set_speed(d, B, Fraction(1, 2))), "B")
    assert [key.frame for key in fast.values["opacity"].keys] == [0, 10, 18]
    assert [marker.frame for marker in fast.markers] == [4, 14]
    back = clip(check_edit(keyed(), lambda d: edits.set_speed(d, B, Fraction(-1))), "B")
    assert back.values["opacity"].keys == (Key(0, 0.5, Easing.EASE_OUT), Key(4, 1.0), Key(9, 0.0))
    forward = clip(keyed(), "B").values["opacity"]
    assert [back.values["opacity"].at(9 - n) for n in range(10)] == pytest.approx([forward.at(n) for n in range(10)])


def test_speed_refuses_what_would_part_picture_and_sound() -> None:
    early = film("V1: A:10 B:10 | A1: a:8 b:12@98")
    refuses(early, lambda d: edits.set_speed(d, B, Fraction(2)), BadValue, "same frames")
    late = film("V1: B:10 | A1: b:12")
    check_edit(late, lambda d: edits.set_speed(d, B, Fraction(2)), "V1: B:5 | A1: b:6")
    refuses(late, lambda d: edits.set_speed(d, B, Fraction(-1)), BadValue)
    refuses(late, lambda d: edits.set_speed(d, B, Fraction(101)), BadValue)


def test_linked_clips_change_speed_as_far_as_the_shorter_media_allow() -> None:
    before = edits.link(film("V1: A:20@0 B:10 | A1: x:20@280 b:10"), [A, ItemId("x")])
    held = edits.ripple_trim(edits.set_speed(before, A, Fraction(0)), A, Edge.TAIL, 10)
    assert said(held) == "V1: A:30@0 B:10 | A1: x:30@280 b:10"
    after = check_edit(held, lambda d: edits.set_speed(d, A, Fraction(1), ripple=True))
    assert said(after) == "V1: A:20@0 B:10 | A1: x:20@280 b:10"


def test_a_held_picture_is_put_in() -> None:
    after = check_edit(film(PAIRS), lambda d: edits.hold_frame(d, B, 14, 5))
    assert said(after) == "V1: A:10 B:4 B:5@104 B:6@104 C:10 | A1: a:10 b:4 .5 b:6@104 c:10"
    assert [one.speed for one in clips(after, "B")] == [1, 0, 1]
    refuses(film(PAIRS), lambda d: edits.hold_frame(d, ItemId("b"), 14, 5), BadValue)


# ---- takes -----------------------------------------------------------------------------------------------------------


def made(name: str, frames: int, kind: MediaKind = MediaKind.VIDEO, sound: bool = True) -> Media:
    whole = replace(media(name, frames), kind=kind)
    return whole if sound else replace(whole, sample_rate=0, samples=0)


def test_a_retake_of_a_part_slices_the_clip_and_keeps_the_original() -> None:
    new = made("N", 8)
    take = Take(new.id, Fraction(2, 25), "one")
    after = check_edit(film(PAIRS), lambda d: edits.slice_for_takes(d, B, 13, 17, [take], media=[new]))
    assert said(after) == "V1: A:10 B:3 B:4@2 B:3@107 C:10 | A1: a:10 b:3 b:4@2 b:3@107 c:10"
    middle, sound = clips(after, "B")[1], clips(after, "b")[1]
    assert [one.media for one in middle.takes] == [one.media for one in sound.takes] == ["B", "N"]
    assert middle.link == sound.link
    original = check_edit(after, lambda d: edits.set_take(d, middle.id, 0))
    assert said(original) == "V1: A:10 B:3 B:4@103 B:3@107 C:10 | A1: a:10 b:3 b:4@103 b:3@107 c:10"
    trimmed = edits.trim(edits.lift(original, [clips(original, "B")[0].id]), middle.id, Edge.HEAD, -3)
    refuses(trimmed, lambda d: edits.set_take(d, middle.id, 1), NotEnoughMedia, "'N' has only")


def test_a_retake_of_the_picture_leaves_the_sound() -> None:
    new = made("N", 8)
    after = check_edit(
        film(PAIRS), lambda d: edits.slice_for_takes(d, B, 13, 17, [Take(new.id)], media=[new], linked=False)
    )
    assert said(after) == "V1: A:10 B:3 B:4@0 B:3@107 C:10 | A1: a:10 b:10 c:10"
    assert {one.link for one in clips(after, "B")} == {clip(after, "b").link}
    # its pieces go on in sync: what is trimmed away at a head parts from the sound that stays whole
    last = edits.lift(after, [C])
    cut = check_edit(last, lambda d: edits.ripple_trim(d, clips(d, "B")[2].id, Edge.HEAD, 1))
    assert clips(cut, "B")[2].link != clip(cut, "b").link


def test_silent_takes_go_to_the_picture_only() -> None:
    new = made("N", 20, sound=False)
    after = check_edit(film(PAIRS), lambda d: edits.add_takes(d, B, [Take(new.id)], media=[new]))
    assert (len(clip(after, "B").takes), len(clip(after, "b").takes)) == (2, 1)
    refuses(film(PAIRS), lambda d: edits.add_takes(d, ItemId("b"), [Take(new.id)], media=[new]), WrongTrack)
    short = made("S", 5)
    refuses(film(PAIRS), lambda d: edits.add_takes(d, B, [Take(short.id)], media=[short]), NotEnoughMedia)


def test_takes_are_rated_and_removed() -> None:
    new = made("N", 20)
    before = edits.add_takes(film(PAIRS), B, [Take(new.id), Take(new.id, Fraction(1, 25))], media=[new])
    assert clip(before, "B").active == 1
    rated = check_edit(before, lambda d: edits.change_take(d, B, 2, rating=4, note="best", name="two"))
    assert clip(rated, "B").takes[2].rating == 4
    gone = check_edit(before, lambda d: edits.remove_take(d, B, 1))
    assert (clip(gone, "B").active, len(clip(gone, "b").takes)) == (0, 2)
    refuses(film(PAIRS), lambda d: edits.remove_take(d, B, 0), LastOne)
    refuses(before, lambda d: edits.set_take(d, B, 7), NoSuch)
    refuses(before, lambda d: edits.change_take(d, B, 1, rating=6), BadValue)
    quiet = edits.add_takes(film(PAIRS), B, [Take(new.id)], media=[new], select=False)
    assert clip(quiet, "B").active == 0


# ---- links, groups, markers ------------------------------------------------------------------------------------------


def test_links_and_groups() -> None:
    before = film(PAIRS)
    alone = check_edit(before, lambda d: edits.unlink(d, [B]))
    assert clip(alone, "B").link is clip(alone, "b").link is None
    assert said(edits.lift(alone, [B])) == "V1: A:10 .10 C:10 | A1: a:10 b:10 c:10"
    again = check_edit(alone, lambda d: edits.link(d, [B, ItemId("b")]))
    assert clip(again, "B").link == clip(again, "b").link is not None
    assert clip(check_edit(before, lambda d: edits.detach_audio(d, B)), "b").link is None
    refuses(alone, lambda d: edits.detach_audio(d, B), BadValue, "no linked sound")
    refuses(before, lambda d: edits.link(d, [B]), BadValue)
    grouped = check_edit(before, lambda d: edits.group(d, [A, C]))
    assert set(edits.selected_together(grouped.sequence, [A])) == {"A", "a", "C", "c"}
    assert edits.selected_together(before.sequence, [A]) == ("A", "a")
    assert clip(check_edit(grouped, lambda d: edits.ungroup(d, [A])), "C").group is None


def test_a_linked_clip_that_was_moved_alone_is_late() -> None:
    moved = edits.move(edits.unlink(film(PAIRS), [C]), [ItemId("c")], 4)
    linked = edits.link(moved, [C, ItemId("c")])
    assert out_of_sync(linked.sequence, linked.media) == {"c": 4}


def test_markers() -> None:
    before = film(PAIRS)
    mark = Marker(MarkerId("m"), 3, "here")
    on_film = check_edit(before, lambda d: edits.add_marker(d, mark))
    on_clip = check_edit(before, lambda d: edits.add_marker(d, mark, B))
    assert clip(on_clip, "B").markers == on_film.sequence.markers == (mark,)
    moved = replace(mark, frame=6, name="there")
    assert edits.change_marker(on_film, moved).sequence.markers == (moved,)
    assert clip(check_edit(on_clip, lambda d: edits.change_marker(d, moved)), "B").markers == (moved,)
    assert clip(check_edit(on_clip, lambda d: edits.remove_marker(d, mark.id)), "B").markers == ()
    refuses(before, lambda d: edits.remove_marker(d, mark.id), NoSuchMarker)
    refuses(before, lambda d: edits.add_marker(d, replace(mark, frame=10), B), BadValue)
    refuses(on_film, lambda d: edits.change_marker(d, replace(mark, frame=-1)), BadValue)


def test_in_and_out() -> None:
    before = film(PAIRS)
    after = check_edit(before, lambda d: edits.set_range(d, 5, 9))
    assert (after.sequence.in_frame, after.sequence.out_frame) == (5, 9)
    assert edits.set_range(after, 5, 9) is after
    refuses(before, lambda d: edits.set_range(d, 9, 9), BadValue)


def test_copies_have_their_own_markers_and_groups() -> None:
    before = edits.group(edits.add_marker(film(PAIRS), Marker(MarkerId("m"), 3), B), [A, B])
    after = check_edit(before, lambda d: edits.duplicate(d, [B], 40, mode=MoveMode.OVERWRITE))
    old, new = clips(after, "B")
    assert old.markers[0].id != new.markers[0].id
    assert old.group != new.group


def test_a_ripple_that_a_locked_track_cant_follow_is_refused() -> None:
    before = edits.change_track(film("V1: A:10 B:10 | A1: .10 b:10"), A1, locked=True)
    refuses(before, lambda d: edits.ripple_trim(d, A, Edge.TAIL, 2), OutOfSync, "unlink")


def test_a_clip_of_one_still_grows_without_end_and_slips_nowhere() -> None:
    still = Media(MediaId("P"), "P", "p.png", MediaKind.STILL)
    picture = Clip(B, "B", 10, takes=(Take(still.id),))
    before = edits.append_clips(film("V1:").with_media(still), [Placement(V1, picture)])
    assert clip(check_edit(before, lambda d: edits.trim(d, B, Edge.TAIL, 10**6)), "B").duration == 10**6 + 10
    assert edits.slip(before, B, 50) is before
    refuses(before, lambda d: edits.set_speed(d, B, Fraction(2)), BadValue, "one picture")
