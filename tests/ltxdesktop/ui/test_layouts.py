"""Pure layouts: what lies where, and what is under the mouse. No window is needed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, QSize

from engine.protocol.grid import FrameRange
from ltxdesktop.ui.cards import JOB_HEIGHT, TAKE_SIZE, lay_out_job, lay_out_take
from ltxdesktop.ui.main_window import first_size
from ltxdesktop.ui.monitor.picture_view import fitted
from ltxdesktop.ui.range_strip import dragged, frame_at, part_at, x_of
from ltxdesktop.ui.scrubber import value_at, x_of_value

SELECTION = FrameRange(30, 60)


def test_first_window_has_room_on_a_small_screen():
    assert first_size(QSize(1366, 768)) == QSize(1366, 728)
    assert first_size(QSize(3840, 2160)) == QSize(1440, 900)


def test_picture_is_fitted_in_the_middle_without_distortion():
    assert fitted(QSize(192, 128), QSize(800, 400)) == QRect(100, 0, 600, 400)
    assert fitted(QSize(128, 192), QSize(300, 300)) == QRect(50, 0, 200, 300)
    assert fitted(QSize(), QSize(300, 300)).isEmpty()


@pytest.mark.parametrize(
    ("x", "part"),
    [(89, "start"), (95, "start"), (180, "end"), (184, "end"), (130, "inside"), (10, "outside"), (250, "outside")],
)
def test_ends_of_a_range_can_be_grabbed(x: int, part: str):
    assert part_at(x, SELECTION, frames=100, width_px=300) == part


@given(
    frames=st.integers(1, 500), start=st.integers(0, 499), length=st.integers(1, 500), by=st.integers(-600, 600),
    part=st.sampled_from(["start", "end", "inside"]),
)  # fmt: skip
def test_dragging_keeps_a_range_that_is_not_empty_inside_the_clip(frames, start, length, by, part):
    start = start % frames
    before = FrameRange(start, min(frames, start + length))
    after = dragged(before, part, by, frames)
    assert 0 <= after.start < after.end <= frames
    if part == "inside":
        assert after.frames == before.frames


@given(frames=st.integers(1, 2000), frame=st.integers(0, 2000))
def test_place_of_a_frame_is_found_again(frames, frame):
    frame = min(frame, frames)
    assert frame_at(x_of(frame, frames, 4000), frames, 4000) == frame


@given(low=st.integers(0, 10), span=st.integers(0, 400), value=st.integers(0, 400))
def test_knob_of_a_value_is_under_its_own_place(low, span, value):
    value = low + min(value, span)
    assert value_at(x_of_value(value, low, low + span, 1000), low, low + span, 1000) == value


@pytest.mark.parametrize(("lay_out", "size"), [(lay_out_job, QSize(300, JOB_HEIGHT)), (lay_out_take, TAKE_SIZE)])
def test_parts_of_a_card_lie_inside_it_without_overlap(lay_out, size):
    card = QRect(QPoint(5, 7), size)
    boxes = list(lay_out(card))
    assert all(card.contains(box) for box in boxes)
    assert not any(a.intersects(b) for place, a in enumerate(boxes) for b in boxes[place + 1 :])
