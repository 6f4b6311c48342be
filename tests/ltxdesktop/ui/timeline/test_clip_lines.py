"""Lines in clips and their keys, by mouse and keys in a real window, and the arithmetic behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from timeline_kit import Window, clip, document_of, small_film

from ltxdesktop.document import edits
from ltxdesktop.document.model import Easing, ItemId, Key, Parameter
from ltxdesktop.document.parameters import PARAMETERS
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.boxes import Box, LineNames
from ltxdesktop.ui.timeline.hits import OnClip, Part
from ltxdesktop.ui.timeline.lines import PICTURE_LINES, SOUND_LINES, Line, key_spot, line_of

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
BV, BA = ItemId("bv"), ItemId("ba")


@pytest.fixture
def window(qapp: QApplication) -> Iterator[Window]:
    window = Window(Look(qapp), small_film())
    yield window
    window.sound()
    window.widget.close()
    window.widget.deleteLater()


def line_in(window: Window, clip_id: ItemId) -> Line:
    layout = window.view.placed()
    placed = next(each for each in layout.clips if each.clip.id == clip_id)
    line = line_of(placed, layout)
    assert line is not None
    return line


def on_line(window: Window, clip_id: ItemId, frame: int) -> QPoint:
    """The point of a clip's line over a frame of the sequence."""
    line = line_in(window, clip_id)
    start = window.sequence.start_of(clip_id)
    assert start is not None
    return QPoint(round(window.view.viewport.x_of(frame)), round(line.y_of(line.parameter.at(frame - start))))


def keys_of(window: Window, clip_id: ItemId, name: str) -> list[tuple[int, float]]:
    found = window.sequence.clip(clip_id)
    assert found is not None
    return [(key.frame, round(key.value, 3)) for key in found.values.get(name, Parameter()).keys]


def with_keys(window: Window, clip_id: ItemId, *frames: int) -> None:
    for frame in frames:
        window.click(on_line(window, clip_id, frame), CTRL)


def test_ctrl_click_on_the_line_makes_a_key(window: Window):
    with_keys(window, BA, 130)
    assert keys_of(window, BA, "volume") == [(30, 0.0)]
    assert window.history.entries[-1].name == "Add a key of volume"
    assert window.view.selection.key == (BA, "volume", 30)


def test_double_click_on_the_line_makes_a_key_and_elsewhere_opens_the_clip(window: Window, qtbot):
    at = on_line(window, BA, 150)
    window.click(at)
    QTest.mouseDClick(window.view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    assert keys_of(window, BA, "volume") == [(50, 0.0)]
    with qtbot.waitSignal(window.view.clip_opened):
        elsewhere = window.at(170, "A1")
        QTest.mouseDClick(window.view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, elsewhere)


def test_key_is_dragged_in_time_and_value_as_one_step(window: Window):
    with_keys(window, BA, 120, 160)
    steps = len(window.history.entries)
    start = on_line(window, BA, 160)
    window.drag(start, start + QPoint(13, 14))
    (_, first), (frame, value) = keys_of(window, BA, "volume")
    assert (first, frame) == (0.0, 73)
    assert value < -3
    assert len(window.history.entries) == steps + 1
    assert window.view.selection.key == (BA, "volume", 73)
    window.history.undo()
    assert keys_of(window, BA, "volume") == [(20, 0.0), (60, 0.0)]


def test_key_stays_between_its_neighbours_and_in_its_clip(window: Window):
    window.actions["view.snap"].setChecked(False)
    with_keys(window, BA, 120, 160)
    at = on_line(window, BA, 160)
    window.drag(at, at - QPoint(90, 0))
    assert keys_of(window, BA, "volume")[1][0] == 21
    at = on_line(window, BA, 121)
    window.drag(at, at + QPoint(300, 0))
    assert keys_of(window, BA, "volume")[1][0] == 99


def test_dragged_key_catches_at_the_playhead(window: Window):
    window.panel.go_to(150)
    with_keys(window, BA, 120)
    at = on_line(window, BA, 120)
    window.drag(at, at + QPoint(25, 0), release=False)
    assert window.view._guide == 150
    window.release(at + QPoint(25, 0))
    assert keys_of(window, BA, "volume") == [(50, 0.0)]


def test_key_at_the_first_frame_and_lowest_value_lies_in_its_clip(window: Window):
    window.history.do("Key", edits.set_key(window.history.document, BA, "volume", 0, -60))
    layout = window.view.placed()
    placed = next(each for each in layout.clips if each.clip.id == BA)
    x, y = key_spot(line_in(window, BA), placed, layout.viewport, Key(0, -60))
    assert placed.box.left < x < placed.box.left + 12
    assert y < placed.box.bottom - 4
    window.drag(QPoint(round(x), round(y)), QPoint(round(x) + 30, round(y) - 15))
    assert keys_of(window, BA, "volume")[0][0] == 30


def test_shift_keeps_time_or_value(window: Window):
    with_keys(window, BA, 120)
    at = on_line(window, BA, 120)
    window.drag(at, at + QPoint(6, 15), keys=SHIFT)
    frame, value = keys_of(window, BA, "volume")[0]
    assert frame == 20
    assert value < -3
    at = on_line(window, BA, 120)
    window.drag(at, at + QPoint(30, 8), keys=SHIFT)
    assert keys_of(window, BA, "volume") == [(50, value)]


def test_escape_throws_the_drag_of_a_key_away(window: Window):
    with_keys(window, BA, 120)
    steps = len(window.history.entries)
    at = on_line(window, BA, 120)
    window.drag(at, at + QPoint(30, 8), release=False)
    assert window.view.sequence.clip(BA).values["volume"].keys[0].frame == 50
    window.key(Qt.Key.Key_Escape)
    window.release(at)
    assert keys_of(window, BA, "volume") == [(20, 0.0)]
    assert len(window.history.entries) == steps


def test_delete_removes_the_selected_key_not_the_clip(window: Window):
    with_keys(window, BA, 120, 160)
    window.click(on_line(window, BA, 120))
    window.actions["edit.lift"].trigger()
    assert keys_of(window, BA, "volume") == [(60, 0.0)]
    window.actions["edit.lift"].trigger()  # the key is gone: now it's the clip
    assert window.sequence.clip(BA) is None


def test_line_between_keys_moves_both(window: Window):
    with_keys(window, BA, 120, 160)
    at = on_line(window, BA, 140)
    window.drag(at, at + QPoint(0, 12))
    low = [value for _, value in keys_of(window, BA, "volume")]
    assert low[0] == low[1] < -3
    at = on_line(window, BA, 180)
    window.drag(at, at + QPoint(0, 5))
    after = [value for _, value in keys_of(window, BA, "volume")]
    assert after[0] == low[0]
    assert after[1] < low[1]


def test_picture_shows_its_opacity_when_selected(window: Window):
    top = round(window.lane("V1").body.top) + 19
    place = QPoint(window.at(150).x(), top)
    assert window.view.hit_at(place.x(), place.y()).part is Part.BODY
    window.click(window.at(150, "V1"))
    assert window.view.hit_at(place.x(), place.y()).part is Part.LINE
    window.drag(place, place + QPoint(0, 20))
    found = window.sequence.clip(BV)
    assert found is not None
    assert 0.3 < found.values["opacity"].value < 0.8
    assert window.history.entries[-1].name == "Opacity"


def test_another_number_can_be_shown(window: Window):
    window.click(window.at(150, "V1"))
    window.view.show_lines(LineNames(picture="scale"))
    with_keys(window, BV, 140)
    assert keys_of(window, BV, "scale") == [(40, 1.0)]


def test_menu_of_a_key_eases_and_removes(window: Window):
    with_keys(window, BA, 120, 160)
    at = on_line(window, BA, 120)
    under = window.view.hit_at(at.x(), at.y())
    assert isinstance(under, OnClip)
    assert (under.part, under.key) == (Part.KEY, 20)
    menu = window.panel.menus.menu(under)
    entries = {action.text(): action for action in menu.actions() if action.text()}
    assert entries["&Straight"].isChecked()
    entries["S&mooth"].trigger()
    assert window.sequence.clip(BA).values["volume"].keys[0].easing is Easing.EASE
    entries["Remove all keys of volume"].trigger()
    assert keys_of(window, BA, "volume") == []


def test_key_on_a_locked_track_stays_and_says_why(window: Window, qtbot):
    with_keys(window, BA, 120)
    window.panel.commands.tracks.press_header(window.lane("A1").track.id, "lock")
    at = on_line(window, BA, 120)
    with qtbot.waitSignal(window.panel.refused):
        window.drag(at, at + QPoint(20, 0))
    assert keys_of(window, BA, "volume") == [(20, 0.0)]


def test_lines_and_keys_are_painted(window: Window):
    plain = window.view.grab().toImage()
    with_keys(window, BA, 120)
    window.view.selection.clear()
    at = on_line(window, BA, 120)
    scale = window.view.devicePixelRatioF()
    there = (round(at.x() * scale), round(at.y() * scale))
    keyed = window.view.grab().toImage()
    assert keyed.pixelColor(*there) != plain.pixelColor(*there)
    assert keyed.pixelColor(*there).lightness() > 150


def test_undo_selects_what_was_selected_then(window: Window):
    window.click(window.at(150, "V1"))
    chosen = window.view.selection.now
    window.actions["edit.lift"].trigger()
    assert not window.view.selection.clips
    window.click(window.at(300, "V1"))
    window.history.undo()
    assert window.view.selection.now == chosen
    window.history.redo()
    assert window.view.selection.clips == {ItemId("cv"), ItemId("ca")}


# ---- the arithmetic --------------------------------------------------------------------------------------------------

BODY = Box(0, 20, 200, 60)


@given(name=st.sampled_from(PICTURE_LINES + SOUND_LINES), y=st.floats(22, 78))
def test_value_is_read_where_it_is_drawn(name: str, y: float):
    line = Line(PARAMETERS[name], Parameter(), BODY)
    value = line.value_at(y)
    assert PARAMETERS[name].minimum <= value <= PARAMETERS[name].maximum
    assert line.value_at(line.y_of(value)) == pytest.approx(value, abs=PARAMETERS[name].step + 0.11)


def test_value_beyond_what_is_shown_survives_a_drag_sideways():
    line = Line(PARAMETERS["scale"], Parameter(), BODY)
    assert line.y_of(5.0) == line.y_of(2.0)
    assert line.moved(5.0, 0) == 5.0


def test_path_goes_through_every_key_and_steps_where_it_holds():
    keys = (Key(10, 0.2, Easing.HOLD), Key(20, 0.8, Easing.EASE), Key(40, 0.4))
    line = Line(PARAMETERS["opacity"], Parameter(1.0, keys), BODY)
    path = line.path(0, 50)
    assert path[0] == (0, 0.2)
    assert (20.0, 0.2) in path
    assert (20.0, 0.8) in path
    assert path[-1] == (50, 0.4)
    assert all(value == line.parameter.at(frame) for frame, value in path if frame != 20)
    assert line.path(25, 26)[0] == (25, line.parameter.at(25))


def test_small_clips_show_no_line():
    from ltxdesktop.ui.timeline.layout import lay_out
    from ltxdesktop.ui.timeline.viewport import Viewport

    quiet = replace(clip("q", 30), values={"volume": Parameter(-6.0)})
    layout = lay_out(document_of(A1=[quiet]).sequence, Viewport(1152, 400))
    assert line_of(layout.clips[0], layout) is None


def test_waveform_follows_the_keys_of_the_volume():
    import numpy as np
    from PySide6.QtGui import QColor

    from ltxdesktop.ui.timeline.clip_painting import wave_picture

    peaks = np.tile(np.array([[-1.0, 1.0, 0.5]], np.float32), (10, 1))
    gain = np.linspace(0, 1, 10, dtype=np.float32)[:, None]
    picture = wave_picture(peaks, 40, gain, QColor("#112233"), QColor("#445566"))
    filled = [sum(picture.pixelColor(x, y).alpha() > 0 for y in range(40)) for x in range(10)]
    assert filled == sorted(filled)
    assert filled[0] <= 2
    assert filled[-1] == 40
