"""Requests of the timeline against real documents: tried without harm, brought back to what is allowed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timeline_kit import MEDIA, clip, document_of, small_film

from ltxdesktop.document.check import check
from ltxdesktop.document.history import History
from ltxdesktop.document.model import Clip, Document, ItemId, Marker, MarkerId, MediaId, Transition
from ltxdesktop.ui.timeline.editing import EditDesk
from ltxdesktop.ui.timeline.perform import perform
from ltxdesktop.ui.timeline.requests import (
    AddKey,
    Fade,
    Level,
    Move,
    MoveKey,
    MoveMarker,
    Place,
    Request,
    ResizeTransition,
    Roll,
    SetRange,
    Slide,
    Slip,
    Split,
    SplitClip,
    Trim,
    name_of,
)

FRAMES = st.integers(-400, 400)
CLIPS = st.sampled_from([ItemId(name + kind) for name in "abc" for kind in "va"])
REQUESTS: st.SearchStrategy[Request] = st.one_of(
    st.builds(
        Move, st.lists(CLIPS, min_size=1, max_size=4, unique=True).map(tuple), FRAMES, st.integers(-2, 2),
        insert=st.booleans(), copy=st.booleans(), alone=st.booleans(),
    ),
    st.builds(Trim, CLIPS, st.booleans(), FRAMES, ripple=st.booleans(), alone=st.booleans()),
    st.builds(Roll, CLIPS, CLIPS, FRAMES, alone=st.booleans()),
    st.builds(Slip, CLIPS, FRAMES, alone=st.booleans()),
    st.builds(Slide, CLIPS, FRAMES, alone=st.booleans()),
    st.builds(Split, st.integers(0, 500)),
    st.builds(SplitClip, CLIPS, st.integers(0, 500), alone=st.booleans()),
    st.builds(Fade, CLIPS, st.booleans(), st.integers(0, 300)),
    st.builds(Level, CLIPS, st.just("volume"), st.floats(-60, 12)),
    st.builds(AddKey, CLIPS, st.just("volume"), st.integers(0, 120), st.floats(-60, 12)),
    st.builds(MoveKey, CLIPS, st.just("volume"), st.integers(0, 3), st.integers(0, 120), st.floats(-60, 12)),
    st.builds(ResizeTransition, CLIPS, st.booleans(), st.booleans(), FRAMES),
    st.builds(Place, st.just((MEDIA,)), st.integers(0, 500), insert=st.booleans()),
    st.builds(MoveMarker, st.just(MarkerId("m")), st.none(), FRAMES),
    st.builds(SetRange, st.one_of(st.none(), st.integers(0, 200)), st.one_of(st.none(), st.integers(201, 400))),
)  # fmt: skip


def dressed_film() -> Document:
    """The small film with a dissolve between a and b, and a marker."""
    document = small_film()
    sequence = document.sequence
    tracks = tuple(
        replace(
            track,
            items=tuple(
                replace(item, transition=Transition(before=10, after=10)) if item.id in ("bv", "ba") else item
                for item in track.items
            ),
        )
        for track in sequence.tracks
    )
    return document.with_sequence(replace(sequence, tracks=tracks, markers=(Marker(MarkerId("m"), 40),)))


@settings(max_examples=100)
@given(st.lists(REQUESTS, min_size=1, max_size=5))
def test_any_gestures_leave_a_sound_document_that_undo_takes_back(requests: list[Request]):
    first = dressed_film()
    copy = replace(first, sequences=tuple(replace(each) for each in first.sequences))
    history = History(first)
    check(first)
    desk = EditDesk(history)
    for request in requests:
        before = history.document
        tried = desk.attempt(request)
        assert history.document is before
        check(tried.document)
        if tried.refused:
            assert tried.why
            assert tried.document is before
        desk.commit(name_of(tried.request), tried.document)
    history.jump(0)
    assert history.document == copy


def test_a_drag_too_far_goes_as_far_as_it_can_and_says_why():
    desk = EditDesk(History(small_film()))
    tried = desk.attempt(Trim(ItemId("cv"), True, 5000))
    assert isinstance(tried.request, Trim)
    assert tried.request.frames == 650  # 40 s of media from its tenth second on, less the 100 frames shown
    assert "media" in tried.why
    assert not tried.refused


def test_a_track_that_cant_take_a_clip_keeps_the_drag_on_its_own():
    desk = EditDesk(History(small_film()))
    tried = desk.attempt(Move((ItemId("cv"), ItemId("ca")), 30, 5))
    assert tried.request == Move((ItemId("cv"), ItemId("ca")), 30, 0)
    assert tried.why


def test_alone_leaves_the_partner_and_the_link():
    before = small_film()
    after = perform(Slip(ItemId("bv"), 10, alone=True), before)
    picture, sound = after.sequence.clip(ItemId("bv")), after.sequence.clip(ItemId("ba"))
    assert picture is not None
    assert picture.takes[0].start_s == Fraction(10) + Fraction(10, 25)
    assert picture.link == "link b"
    assert sound == before.sequence.clip(ItemId("ba"))


def test_several_media_are_placed_one_after_the_other():
    second = MediaId("second")
    before = document_of(V1=[clip("a")])
    before = before.with_media(replace(before.media[MEDIA], id=second, name="second.mp4", frames=50, samples=96_000))
    after = perform(Place((second, MEDIA), 100), before)
    for name in ("V1", "A1"):
        track = next(track for track in after.sequence.tracks if track.name == name)
        placed = [(start, item.duration) for start, item in track.placed() if isinstance(item, Clip)]
        assert placed[-2:] == [(100, 50), (150, 1000)]
    check(after)


@pytest.mark.parametrize(("at_tail", "frames", "expected"), [(False, 90, (90, 0)), (True, 300, (0, 100))])
def test_fades_end_at_the_clips_other_end(at_tail: bool, frames: int, expected: tuple[int, int]):
    tried = EditDesk(History(small_film())).attempt(Fade(ItemId("av"), at_tail, frames))
    found = tried.document.sequence.clip(ItemId("av"))
    assert found is not None
    assert (found.fade_in, found.fade_out) == expected


def test_transition_grows_into_the_handles_only():
    desk = EditDesk(History(dressed_film()))
    tried = desk.attempt(ResizeTransition(ItemId("bv"), False, True, 3000))
    found = tried.document.sequence.clip(ItemId("bv"))
    assert found is not None
    assert found.transition == Transition(before=10, after=100)
    assert tried.why
