"""Layout, viewport, hits and snapping: pure functions, no window."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeline_kit import MEDIA, clip, document_of, gap, lane_of, small_film

from ltxdesktop.document.model import (
    Clip,
    ItemId,
    Marker,
    MarkerId,
    Take,
    Transition,
    new_sequence,
)
from ltxdesktop.ui.timeline.boxes import Box, Button
from ltxdesktop.ui.timeline.hits import (
    OnClip,
    OnGap,
    OnHeader,
    OnMarker,
    OnNothing,
    OnRangeEdge,
    OnRuler,
    OnTransition,
    Part,
    hit,
)
from ltxdesktop.ui.timeline.layout import (
    LEAST_SHARE,
    NARROW_PX,
    header_buttons,
    lane_share,
    lay_out,
    lay_out_track,
    parts_of,
    tick_step,
)
from ltxdesktop.ui.timeline.lines import volume_at, volume_y
from ltxdesktop.ui.timeline.snapping import nearest_cut, snap, targets
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX, Viewport

VIEW = Viewport(1152, 400)  # 1,000 px of lanes


def test_clips_lie_where_their_frames_are():
    layout = lay_out(small_film().sequence, VIEW)
    boxes = {placed.clip.id: placed.box for placed in layout.clips}
    assert boxes[ItemId("bv")].left == HEADER_PX + 100
    assert boxes[ItemId("cv")].right == HEADER_PX + 350
    assert boxes[ItemId("bv")].left == boxes[ItemId("ba")].left
    assert boxes[ItemId("bv")].top < boxes[ItemId("ba")].top


def test_video_is_listed_from_the_top_down_and_sound_below_it():
    names = [lane.track.name for lane in lay_out(small_film().sequence, VIEW).lanes]
    assert names == ["V2", "V1", "A1", "A2"]


def test_only_what_is_in_view_is_laid_out():
    layout = lay_out(small_film().sequence, Viewport(HEADER_PX + 40, 400, first_frame=120))
    assert {placed.clip.name for placed in layout.clips} == {"b"}


@given(first=st.floats(0, 5000), per_px=st.floats(0.02, 50), scale=st.sampled_from([1.0, 1.5, 2.0]))
def test_merged_and_drawn_clips_cover_every_clip_in_view(first: float, per_px: float, scale: float):
    items = [clip(f"c{place}", 1 + place % 17) if place % 5 else gap(f"g{place}", 30) for place in range(300)]
    document = document_of(V1=items)
    view = Viewport(1152, 400, first, per_px, scale=scale)
    lane = lane_of(document, "V1")
    wide, runs = lay_out_track(lane, view)
    seen = [placed.seen for placed in wide] + [run.box for run in runs]
    for start, item in lane.track.placed():
        middle = HEADER_PX + (start + item.duration / 2 - first) / per_px
        if isinstance(item, Clip) and HEADER_PX < middle < view.width:
            assert any(box.left - 1 <= middle <= box.right + 1 for box in seen), item.name
    assert all(placed.clip.duration / per_px >= NARROW_PX for placed in wide)


def test_ten_thousand_clips_cost_no_more_boxes_than_pixels():
    document = document_of(V1=[clip(f"c{place}", 3) for place in range(10_000)])
    lane = lane_of(document, "V1")
    wide, runs = lay_out_track(lane, VIEW.fitted(30_000))
    assert not wide
    assert len(runs) == 1
    assert runs[0].box.width == pytest.approx(1000 / 1.04, abs=2)


def test_gaps_between_narrow_clips_stay_visible():
    items = [clip("a", 10), gap("g", 1000), clip("b", 10)]
    _, runs = lay_out_track(lane_of(document_of(V1=items), "V1"), replace(VIEW, frames_per_px=10.0))
    assert [run.box.left - HEADER_PX for run in runs] == [0, 101]


def test_selected_clips_in_a_run_show():
    items = [clip(f"c{place}", 5) for place in range(100)]
    lane = lane_of(document_of(V1=items), "V1")
    _, runs = lay_out_track(lane, replace(VIEW, frames_per_px=5.0), {ItemId("c50")})
    assert [run.box.left - HEADER_PX for run in runs if run.selected] == [50]


@given(frame=st.integers(0, 100_000), per_px=st.floats(0.02, 1), first=st.floats(0, 1000))
def test_border_under_a_frames_place_is_that_frame(frame: int, per_px: float, first: float):
    view = Viewport(1152, 400, first, per_px, scale=2.0)
    assert abs(view.border_at(view.x_of(frame)) - frame) <= 1
    if per_px < 0.5:
        assert view.border_at(view.x_of(frame)) == frame


@given(factor=st.floats(0.2, 5), x=st.floats(HEADER_PX, 1152))
def test_zoom_keeps_the_frame_under_the_mouse(factor: float, x: float):
    view = Viewport(1152, 400, 5000.0, 2.0)
    zoomed = view.zoomed(factor, x)
    if zoomed.first_frame > 0:
        assert zoomed.exact_frame_at(x) == pytest.approx(view.exact_frame_at(x), abs=1e-6)


def test_edges_fall_on_whole_pixels_of_the_screen():
    for scale in (1.0, 1.5, 2.0):
        view = Viewport(1152, 400, 0.3, 0.37, scale=scale)
        assert all((view.x_of(frame) * scale) % 1 == 0 for frame in range(50))


@pytest.mark.parametrize("per_px", [1 / 80, 0.1, 1.0, 7.0, 300.0, 20_000.0])
def test_labels_of_the_ruler_have_room(per_px: float):
    step, parts = tick_step(25, per_px)
    assert step / per_px >= 96
    assert step % parts == 0


# ---- hits ------------------------------------------------------------------------------------------------------------


def under(document, x: float, track: str = "V1", share: float = 0.72, view: Viewport = VIEW):
    layout = lay_out(document.sequence, view)
    body = next(lane.body for lane in layout.lanes if lane.track.name == track)
    return hit(layout, document.sequence, HEADER_PX + x, body.top + body.height * share)


@pytest.mark.parametrize(
    ("x", "name", "part"),
    [(2, "a", Part.HEAD), (50, "a", Part.BODY), (98, "a", Part.TAIL), (101, "b", Part.HEAD), (348, "c", Part.TAIL)],
)
def test_edges_and_bodies_are_found(x: int, name: str, part: Part):
    found = under(small_film(), x)
    assert isinstance(found, OnClip)
    assert (found.clip.name, found.part) == (name, part)


def test_gap_empty_lane_ruler_and_headers_are_found():
    document = small_film()
    layout = lay_out(document.sequence, VIEW)
    assert isinstance(under(document, 220), OnGap)
    past = under(document, 800)
    assert isinstance(past, OnNothing)
    assert past.track is not None
    assert hit(layout, document.sequence, HEADER_PX + 33, 4) == OnRuler(33)
    lane = layout.lanes[1]
    button = header_buttons(lane)[0]
    assert hit(layout, document.sequence, button.box.left + 3, button.box.top + 3) == OnHeader(lane.track, Button.LOCK)
    assert hit(layout, document.sequence, 20, lane.header.bottom) == OnHeader(lane.track, divider=True)


def test_last_clips_end_can_be_grabbed_from_outside():
    found = under(small_film(), 352)
    assert isinstance(found, OnClip)
    assert found.part is Part.TAIL


def test_volume_line_fade_handles_and_badge_are_found():
    stacked = replace(clip("v", 300), takes=(Take(MEDIA, Fraction(0)),) * 3)
    document = document_of(A1=[clip("a", 300)], V1=[stacked])
    layout = lay_out(document.sequence, VIEW)
    placed = {each.clip.name: each for each in layout.clips}
    parts = parts_of(placed["a"], VIEW)
    line = hit(layout, document.sequence, HEADER_PX + 150, volume_y(0, parts.body))
    assert isinstance(line, OnClip)
    assert line.part is Part.LINE
    assert parts.fade_in is not None
    fade = hit(layout, document.sequence, *parts.fade_in)
    assert isinstance(fade, OnClip)
    assert fade.part is Part.FADE_IN
    badge = parts_of(placed["v"], VIEW).badge
    assert badge is not None
    takes = hit(layout, document.sequence, badge.left + 2, badge.top + 2)
    assert isinstance(takes, OnClip)
    assert takes.part is Part.BADGE


def test_transition_lies_over_the_clips_and_has_ends():
    items = [clip("a"), replace(clip("b"), transition=Transition(before=20, after=20))]
    document = document_of(V1=items)
    found = [under(document, x) for x in (82, 100, 118)]
    assert all(isinstance(each, OnTransition) for each in found)
    assert [each.part for each in found] == [Part.HEAD, Part.BODY, Part.TAIL]


def test_markers_and_range_ends_go_before_the_ruler():
    sequence = replace(small_film().sequence, markers=(Marker(MarkerId("m"), 60),), in_frame=200, out_frame=300)
    layout = lay_out(sequence, VIEW)
    assert hit(layout, sequence, HEADER_PX + 62, RULER_PX - 6) == OnMarker(MarkerId("m"), None, 60)
    assert hit(layout, sequence, HEADER_PX + 203, 6) == OnRangeEdge(False, 203)
    assert hit(layout, sequence, HEADER_PX + 297, 6) == OnRangeEdge(True, 297)


@given(x=st.floats(-20, 1200), y=st.floats(-20, 420))
def test_every_point_is_something(x: float, y: float):
    sequence = small_film().sequence
    hit(lay_out(sequence, VIEW), sequence, x, y)


@given(db=st.floats(-59, 12))
def test_volume_is_read_where_it_is_drawn(db: float):
    body = Box(0, 10, 100, 200)
    assert volume_at(volume_y(db, body), body) == pytest.approx(db, abs=0.11)


# ---- snapping --------------------------------------------------------------------------------------------------------


def test_edges_catch_at_cuts_playhead_markers_and_range():
    sequence = replace(small_film().sequence, markers=(Marker(MarkerId("m"), 333, duration=5),), in_frame=7)
    assert targets(sequence, 42) == [0, 7, 42, 100, 200, 250, 333, 338, 350]


def test_what_moves_doesnt_catch_at_itself():
    sequence = document_of(V1=[clip("a"), clip("b"), clip("c")]).sequence
    assert targets(sequence, moving={ItemId("b"), ItemId("c")}) == [0, 100]
    assert targets(sequence, moving={ItemId("c")}) == [0, 100, 200]


def test_the_nearest_catch_wins_and_far_ones_dont():
    assert snap((100, 150), 7, [110, 156], 5) == (6, 156)
    assert snap((100,), 20, [110], 5) == (20, None)


@given(st.lists(st.integers(0, 1000), max_size=8), st.integers(-100, 100), st.lists(st.integers(0, 1000)))
def test_snapping_never_goes_farther_than_its_reach(edges, frames, catching):
    found = snap(edges, frames, sorted(catching), 8)
    assert abs(found.frames - frames) <= 8
    if found.guide is not None:
        assert any(edge + found.frames == found.guide for edge in edges)


def test_next_and_previous_cut():
    cuts = [0, 100, 200]
    assert nearest_cut(cuts, 100, forward=True) == 200
    assert nearest_cut(cuts, 100, forward=False) == 0
    assert nearest_cut(cuts, 200, forward=True) is None


def test_empty_sequence_lays_out():
    sequence = new_sequence()
    assert not lay_out(sequence, VIEW.fitted(0)).clips


def test_lanes_share_a_low_timeline_until_they_would_be_too_low():
    sequence = small_film().sequence
    for height, fits in ((600, True), (290, True), (220, True), (120, False)):
        view = replace(VIEW, height=height, lane_share=lane_share(sequence, height - RULER_PX))
        lanes = lay_out(sequence, view).lanes
        assert (lanes[-1].body.bottom <= height and len(lanes) == 4) is fits, height
    assert lane_share(sequence, 600) == 1.0
    assert lane_share(sequence, 10) == LEAST_SHARE
    own = replace(sequence, tracks=tuple(replace(track, height_px=90) for track in sequence.tracks))
    assert lane_share(own, 10) == 1.0  # what a person has chosen stays
