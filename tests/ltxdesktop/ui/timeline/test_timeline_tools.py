"""The tools as state machines: press, move, click -> what is asked. No window, no edits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeline_kit import clip, document_of, small_film

from ltxdesktop.document.model import Document, ItemId, Marker, MarkerId
from ltxdesktop.ui.timeline.drags import NO_KEYS, Asked, Chosen, Keys, Panned, Pointer, Resized, Scene, Scrubbed, Zoomed
from ltxdesktop.ui.timeline.hits import hit
from ltxdesktop.ui.timeline.layout import lay_out
from ltxdesktop.ui.timeline.requests import (
    Move,
    MoveMarker,
    Request,
    Roll,
    SetRange,
    Slide,
    Slip,
    Split,
    SplitClip,
    Trim,
    name_of,
)
from ltxdesktop.ui.timeline.tools import (
    BLADE,
    HAND,
    RANGE,
    RIPPLE,
    ROLL,
    SELECT,
    SLIDE,
    SLIP,
    TOOLS,
    ZOOM,
    Cursor,
    Tool,
)
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX, Viewport

VIEW = Viewport(1152, 400)
ALT, CTRL, SHIFT = Keys(alt=True), Keys(ctrl=True), Keys(shift=True)
A, B, C = (frozenset(map(ItemId, names)) for names in (("av", "aa"), ("bv", "ba"), ("cv", "ca")))


class Hand:
    """A mouse over a document, without a window."""

    def __init__(
        self, document: Document, *, selected: frozenset[ItemId] = frozenset(), snapping: bool = False
    ) -> None:
        self.layout = lay_out(document.sequence, VIEW)
        self.scene = Scene(document.sequence, self.layout, selected, snapping=snapping)

    def at(self, frame: float, track: str = "V1", keys: Keys = NO_KEYS, *, share: float = 0.72) -> Pointer:
        x, y = HEADER_PX + frame, 6.0
        if track:
            body = next(lane.body for lane in self.layout.lanes if lane.track.name == track)
            y = body.top + share * body.height
        return Pointer(x, y, hit(self.layout, self.scene.sequence, x, y), keys)

    def drag(self, tool: Tool, start: Pointer, *stops: Pointer) -> object:
        """What the last of the moves asks for."""
        pressed = tool.press(start, self.scene)
        assert pressed.drag is not None
        outcome: object = None
        for stop in stops:
            outcome = pressed.drag.move(stop, self.scene)
        return outcome

    def asked(self, tool: Tool, start: Pointer, *stops: Pointer) -> Request:
        outcome = self.drag(tool, start, *stops)
        assert isinstance(outcome, Asked)
        return outcome.request


def test_edges_trim_with_ctrl_ripple_and_alt_alone():
    hand = Hand(small_film())
    assert hand.asked(SELECT, hand.at(98), hand.at(78)) == Trim(ItemId("av"), True, -20)
    assert hand.asked(SELECT, hand.at(102), hand.at(112, keys=CTRL)) == Trim(ItemId("bv"), False, 10, ripple=True)
    assert hand.asked(SELECT, hand.at(102), hand.at(112, keys=ALT)) == Trim(ItemId("bv"), False, 10, alone=True)


def test_body_moves_the_selection_and_counts_tracks():
    hand = Hand(small_film(), selected=B | C)
    moved = hand.asked(SELECT, hand.at(150), hand.at(190, "V2"))
    assert moved == Move((ItemId("bv"), ItemId("ba"), ItemId("ca"), ItemId("cv")), 40, 1)


def test_a_press_selects_at_once_and_a_click_among_many_selects_one():
    hand = Hand(small_film(), selected=B | C)
    assert SELECT.press(hand.at(50), hand.scene).now == Chosen(A)
    pressed = SELECT.press(hand.at(150), hand.scene)
    assert pressed.now is None
    assert pressed.drag is not None
    assert pressed.drag.click(hand.at(150), hand.scene) == Chosen(B)
    adding = SELECT.press(hand.at(50, keys=SHIFT), hand.scene)
    assert adding.now == Chosen(A | B | C)


def test_half_of_a_linked_pair_moves_alone():
    hand = Hand(small_film(), selected=frozenset({ItemId("bv")}))
    moved = hand.asked(SELECT, hand.at(150), hand.at(160))
    assert isinstance(moved, Move)
    assert moved.alone


def test_nothing_moves_to_before_the_first_frame():
    hand = Hand(small_film(), selected=B)
    moved = hand.asked(SELECT, hand.at(150), hand.at(-90))
    assert isinstance(moved, Move)
    assert moved.frames == -100


def test_modifiers_are_read_while_dragging():
    hand = Hand(small_film(), selected=C)
    moved = hand.asked(SELECT, hand.at(300), hand.at(320), hand.at(330, keys=Keys(ctrl=True, alt=True)))
    assert isinstance(moved, Move)
    assert moved.insert
    assert moved.copy


def test_snapping_catches_the_selections_ends_and_says_where():
    hand = Hand(small_film(), selected=C, snapping=True)
    outcome = hand.drag(SELECT, hand.at(300), hand.at(256))
    assert isinstance(outcome, Asked)
    assert isinstance(outcome.request, Move)
    assert (outcome.request.frames, outcome.guide) == (-50, 200)


def test_tools_ask_for_their_edits():
    hand = Hand(small_film())
    assert hand.asked(RIPPLE, hand.at(90), hand.at(80)) == Trim(ItemId("av"), True, -10, ripple=True)
    assert hand.asked(ROLL, hand.at(90), hand.at(80)) == Roll(ItemId("av"), ItemId("bv"), -10)
    assert hand.asked(ROLL, hand.at(190), hand.at(180)) == Trim(ItemId("bv"), True, -10)  # a gap beside it
    assert hand.asked(SLIP, hand.at(150), hand.at(140)) == Slip(ItemId("bv"), 10)
    assert hand.asked(SLIDE, hand.at(150), hand.at(140)) == Slide(ItemId("bv"), -10)
    assert hand.asked(RANGE, hand.at(150), hand.at(140)) == SetRange(140, 150)
    assert hand.asked(RANGE, hand.at(150), hand.at(150)) == SetRange(150, 151)  # never empty
    assert hand.drag(HAND, hand.at(150), hand.at(130, share=0.5)) == Panned(20, pytest.approx(14.5, abs=1))
    assert ZOOM.press(hand.at(150), hand.scene).now == Zoomed(2.0, HEADER_PX + 150)
    assert ZOOM.press(hand.at(150, keys=ALT), hand.scene).now == Zoomed(0.5, HEADER_PX + 150)


def test_blade_cuts_one_or_all():
    hand = Hand(small_film())
    assert BLADE.press(hand.at(40), hand.scene).now == Asked(SplitClip(ItemId("av"), 40))
    assert BLADE.press(hand.at(40, keys=SHIFT), hand.scene).now == Asked(Split(40))
    alone = BLADE.press(hand.at(40, keys=ALT), hand.scene).now
    assert alone == Asked(SplitClip(ItemId("av"), 40, alone=True))


def test_ruler_scrubs_and_with_alt_marks_a_range():
    hand = Hand(small_film())
    assert SELECT.press(hand.at(33, ""), hand.scene).now == Scrubbed(33)
    assert hand.asked(SELECT, hand.at(33, "", ALT), hand.at(60, "")) == SetRange(33, 60)


def test_range_ends_and_markers_are_dragged():
    document = small_film()
    marker = Marker(MarkerId("m"), 60)
    document = document.with_sequence(replace(document.sequence, markers=(marker,), in_frame=200, out_frame=300))
    hand = Hand(document)
    assert hand.asked(SELECT, hand.at(202, ""), hand.at(210, "")) == SetRange(210, 300)
    assert hand.asked(SELECT, hand.at(298, ""), hand.at(310, "")) == SetRange(200, 310)
    y = RULER_PX - 6
    there = [Pointer(HEADER_PX + x, y, hit(hand.layout, document.sequence, HEADER_PX + x, y)) for x in (60, 75)]
    assert hand.asked(SELECT, *there) == MoveMarker(MarkerId("m"), None, 15)
    pressed = SELECT.press(there[0], hand.scene)
    assert pressed.drag is not None
    assert pressed.drag.click(there[0], hand.scene) == Scrubbed(60)


def test_rubber_band_and_header_height():
    hand = Hand(small_film())
    chosen = hand.drag(SELECT, hand.at(220, "V2"), hand.at(150, "V1"))
    assert isinstance(chosen, Chosen)
    assert chosen.clips == B
    lane = hand.layout.lanes[1]
    there = [
        Pointer(20, y, hit(hand.layout, hand.scene.sequence, 20, y))
        for y in (lane.header.bottom, lane.header.bottom + 30)
    ]
    assert hand.drag(SELECT, *there) == Resized(lane.track.id, round(lane.header.height) + 30)


def test_cursors_tell_the_tool():
    hand = Hand(small_film())
    assert SELECT.cursor(hand.at(2).hit, NO_KEYS) is Cursor.HEAD
    assert SELECT.cursor(hand.at(2).hit, CTRL) is Cursor.RIPPLE
    assert BLADE.cursor(hand.at(50).hit, NO_KEYS) is Cursor.BLADE
    assert {tool.cursor(hand.at(50).hit, NO_KEYS) for tool in TOOLS if tool is not SELECT} == {
        Cursor.BLADE, Cursor.RIPPLE, Cursor.ROLL, Cursor.SLIP, Cursor.SLIDE, Cursor.RANGE, Cursor.EXTEND, Cursor.HAND,
        Cursor.ZOOM,
    }  # fmt: skip


@given(
    st.sampled_from(TOOLS), st.lists(st.tuples(st.floats(-10, 1160), st.floats(-10, 410)), min_size=2, max_size=5),
    st.builds(Keys, st.booleans(), st.booleans(), st.booleans()),
)  # fmt: skip
def test_any_gesture_of_any_tool_asks_for_something_with_a_name(tool, stops, keys):
    document = document_of(V1=[clip("a"), clip("b", 7)], A1=[clip("s", 300)])
    hand = Hand(document, snapping=True)
    points = [Pointer(x, y, hit(hand.layout, document.sequence, x, y), keys) for x, y in stops]
    pressed = tool.press(points[0], hand.scene)
    outcomes = [pressed.now]
    if pressed.drag is not None:
        outcomes += [pressed.drag.move(point, hand.scene) for point in points[1:]]
        outcomes.append(pressed.drag.click(points[-1], hand.scene))
    for outcome in outcomes:
        if isinstance(outcome, Asked):
            assert name_of(outcome.request)
            if isinstance(outcome.request, SetRange):
                assert 0 <= outcome.request.first < outcome.request.last
