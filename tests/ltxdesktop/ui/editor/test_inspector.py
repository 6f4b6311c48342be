"""The inspector by itself: titles, effects, curves and key lanes, by mouse and keys, each change a step of its own."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QCheckBox

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import (
    Clip,
    Easing,
    ItemId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Take,
    Title,
    new_document,
    new_sequence,
)
from ltxdesktop.ui.editor.curves_graph import STRAIGHT, added, moved, points_of, text_of, without
from ltxdesktop.ui.editor.inspector import Inspector
from ltxdesktop.ui.editor.key_lanes import KeyLanes
from ltxdesktop.ui.editor.key_menu import KeyMenu
from ltxdesktop.ui.editor.lane_layout import x_of, y_of
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.key_shapes import curve_icon
from ltxdesktop.ui.timeline.selection import Selection

PICTURE, SOUND, TITLE = ItemId("picture"), ItemId("sound"), ItemId("title")
NUMBERS = ((PICTURE, "opacity"), (SOUND, "volume"))
FILM = Media(MediaId("film"), "film.mp4", "film.mp4", MediaKind.VIDEO, Fraction(25), 1000, 64, 48, 48000, 48000 * 40, 2)


def film():
    """V1: 100 frames of a film, then a title of 50; A1: the film's sound."""
    sequence = new_sequence()
    take = (Take(FILM.id, Fraction(10)),)
    rows = {
        "V1": (Clip(PICTURE, "film", 100, take), Clip(TITLE, "title", 50, content=Title("Hello"))),
        "A1": (Clip(SOUND, "film", 100, take),),
    }
    tracks = tuple(replace(track, items=rows.get(track.name, ())) for track in sequence.tracks)
    return new_document("Test", replace(sequence, tracks=tracks)).with_media(FILM)


class Bench:
    """An inspector over a project that is nowhere saved."""

    def __init__(self, look: Look) -> None:
        self.project, self.selection = OpenProject(), Selection()
        self.project.open(film(), None)
        self.inspector = Inspector(look, self.project, self.selection)
        self.inspector.resize(320, 900)
        self.inspector.show()

    def clip(self, clip_id: ItemId) -> Clip:
        found = self.project.document.sequence.clip(clip_id)
        assert found is not None
        return found

    @property
    def steps(self) -> list[str]:
        return [entry.name for entry in self.project.entries][1:]

    def with_effect(self, kind: str, **texts: str) -> str:
        self.project.edit("Add", lambda document: edits.add_effect(document, PICTURE, kind, texts=texts))
        self.selection.choose([PICTURE])
        return self.clip(PICTURE).effects[-1].id


@pytest.fixture
def bench(qapp: QApplication, qtbot):
    bench = Bench(Look(qapp))
    qtbot.addWidget(bench.inspector)
    yield bench
    check(bench.project.document)


# ---- titles ----------------------------------------------------------------------------------------------------------


def test_typing_is_one_step_until_the_field_is_left(bench: Bench, qtbot):
    bench.selection.choose([TITLE])
    controls = bench.inspector._title
    assert controls is not None
    text = controls.text
    text.selectAll()
    qtbot.keyClicks(text, "Spring")
    assert bench.clip(TITLE).content == replace(Title("Hello"), text="Spring")
    assert bench.steps == ["Write title"]
    text.left.emit()
    qtbot.keyClicks(text, "!")
    assert bench.steps == ["Write title", "Write title"]
    bench.project.undo()
    assert text.toPlainText() == "Spring"
    bench.project.undo()
    assert text.toPlainText() == "Hello"


def test_title_gets_style(bench: Bench):
    bench.selection.choose([TITLE])
    controls = bench.inspector._title
    assert controls is not None
    controls._weight.activated.emit(4)
    controls._italic.setChecked(True)
    controls._align.activated.emit(0)
    controls.numbers["line_spacing"].field.setValue(150)
    content = bench.clip(TITLE).content
    assert isinstance(content, Title)
    assert (content.weight, content.italic, content.align, content.line_spacing) == (700, True, "left", 1.5)
    bench.project.undo()
    bench.project.undo()
    bench.project.undo()
    assert not controls._italic.isChecked()


# ---- effects ---------------------------------------------------------------------------------------------------------


def test_switch_of_an_effect_follows_undo(bench: Bench):
    effect = bench.with_effect("blur")
    switch = next(box for box in bench.inspector.findChildren(QCheckBox) if box.accessibleName() == "Blur on")
    switch.setChecked(False)
    assert not bench.clip(PICTURE).effects[0].enabled
    assert bench.steps[-1] == "Blur off"
    bench.project.undo()
    assert bench.inspector._effects.switches[effect].isChecked()


def test_numbers_of_effects_have_key_lanes(bench: Bench, qtbot):
    effect = bench.with_effect("blur")
    row = bench.inspector._rows[effect, "radius"]
    row.key.click()
    bench.inspector.set_playhead(50)
    row.field.setValue(20)
    lanes = bench.inspector._lanes
    assert lanes.isVisible()
    assert [place.key.frame for place in lanes.places()] == [0, 50]
    place = lanes.places()[1]
    qtbot.mousePress(lanes, Qt.MouseButton.LeftButton, pos=QPoint(round(place.x), round(place.y)))
    qtbot.mouseMove(lanes, QPoint(lanes.width() - 9, round(place.y)))
    qtbot.mouseRelease(lanes, Qt.MouseButton.LeftButton)
    keys = bench.clip(PICTURE).effects[0].values["radius"].keys
    assert [(key.frame, key.value) for key in keys] == [(0, 0.01), (99, 0.2)]
    assert bench.steps[-1] == "Move key"


def test_lanes_show_picture_and_sound_and_make_keys(bench: Bench, qtbot):
    bench.project.edit("Key", lambda d: edits.set_key(d, PICTURE, "opacity", 0, 0.5))
    bench.project.edit("Key", lambda d: edits.set_key(d, SOUND, "volume", 90, -6))
    bench.selection.choose([PICTURE, SOUND])
    lanes = bench.inspector._lanes
    assert [lane.words for lane in lanes.lanes] == ["Opacity", "Volume"]
    middle = QPoint((96 + lanes.width()) // 2, round(y_of(1, 0.5)))
    qtbot.mouseDClick(lanes, Qt.MouseButton.LeftButton, pos=middle)
    frames = [key.frame for key in bench.clip(SOUND).values["volume"].keys]
    assert len(frames) == 2
    assert 40 < frames[0] < 60
    with qtbot.waitSignal(bench.inspector.place_asked) as asked:
        qtbot.mouseClick(lanes, Qt.MouseButton.LeftButton, pos=QPoint(lanes.width() - 9, round(y_of(0, 0.5))))
    assert asked.args == [99]


@pytest.fixture
def keyed_lanes(bench: Bench) -> KeyLanes:
    """Opacity with keys at 10, 40 and 80, volume with keys at 20 and 60."""
    for frame, value in ((10, 0.0), (40, 1.0), (80, 0.5)):
        bench.project.edit("Key", lambda d, f=frame, v=value: edits.set_key(d, PICTURE, "opacity", f, v))
    for frame, value in ((20, -6), (60, 0)):
        bench.project.edit("Key", lambda d, f=frame, v=value: edits.set_key(d, SOUND, "volume", f, v))
    bench.selection.choose([PICTURE, SOUND])
    return bench.inspector._lanes


def frames_of(bench: Bench, clip: ItemId, name: str) -> list[int]:
    return [key.frame for key in bench.clip(clip).values[name].keys]


def chosen_frames(lanes: KeyLanes) -> list[int]:
    return sorted(key.frame for key in lanes.chosen)


def drag(qtbot, lanes: KeyLanes, begin: QPoint, end: QPoint) -> None:
    qtbot.mousePress(lanes, Qt.MouseButton.LeftButton, pos=begin)
    qtbot.mouseMove(lanes, (begin + end) / 2)
    qtbot.mouseMove(lanes, end)
    qtbot.mouseRelease(lanes, Qt.MouseButton.LeftButton, pos=end)


def spot(lanes: KeyLanes, lane: int, frame: int) -> QPoint:
    place = next(each for each in lanes.places() if each.lane == lane and each.key.frame == frame)
    return QPoint(round(place.x), round(place.y))


def test_a_rubber_band_chooses_keys_of_several_lanes_and_moves_them_as_one_step(bench: Bench, qtbot, keyed_lanes):
    lanes, steps = keyed_lanes, len(bench.steps)
    begin = QPoint(round(x_of(30, 100, lanes.width())), 1)
    drag(qtbot, lanes, begin, QPoint(round(x_of(65, 100, lanes.width())), lanes.height() - 1))
    assert chosen_frames(lanes) == [40, 60]
    drag(qtbot, lanes, spot(lanes, 0, 40), QPoint(round(x_of(50, 100, lanes.width())), 10))
    assert frames_of(bench, PICTURE, "opacity") == [10, 50, 80]
    assert frames_of(bench, SOUND, "volume") == [20, 70]
    assert chosen_frames(lanes) == [50, 70]
    assert bench.steps[steps:] == ["Move 2 keys"]


def test_keys_dragged_together_stay_in_their_clip(bench: Bench, qtbot, keyed_lanes):
    keyed_lanes.choose_all()
    far = QPoint(keyed_lanes.width() - 9, 10)
    drag(qtbot, keyed_lanes, spot(keyed_lanes, 0, 10), far)
    assert frames_of(bench, PICTURE, "opacity") == [29, 59, 99]
    assert frames_of(bench, SOUND, "volume") == [39, 79]


def test_chosen_keys_are_eased_by_the_menu_and_removed_by_delete(bench: Bench, qtbot, keyed_lanes):
    lanes = keyed_lanes
    lanes.setFocus()
    qtbot.keyClick(lanes, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert chosen_frames(lanes) == [10, 20, 40, 60, 80]
    qtbot.keyClick(lanes, Qt.Key.Key_Menu)
    menu = lanes.findChild(KeyMenu)
    qtbot.waitUntil(menu.isVisible)
    qtbot.keyClick(menu, Qt.Key.Key_M)  # its letter for "smooth"
    assert {key.easing for key in bench.clip(PICTURE).values["opacity"].keys} == {Easing.EASE}
    assert {key.easing for key in bench.clip(SOUND).values["volume"].keys} == {Easing.EASE}
    assert bench.steps[-1] == "Ease from 5 keys"
    qtbot.keyClick(lanes, Qt.Key.Key_Delete)
    assert bench.steps[-1] == "Remove 5 keys"
    assert not any(bench.clip(clip).values.get(name, Parameter()).keys for clip, name in NUMBERS)


def test_the_keyboard_goes_from_key_to_key_and_moves_them(bench: Bench, qtbot, keyed_lanes):
    lanes = keyed_lanes
    lanes.setFocus()
    for key, frame in ((Qt.Key.Key_Right, 10), (Qt.Key.Key_Down, 20), (Qt.Key.Key_Right, 60)):
        qtbot.keyClick(lanes, key)
        assert chosen_frames(lanes) == [frame]
    with qtbot.waitSignal(bench.inspector.place_asked):
        qtbot.keyClick(lanes, Qt.Key.Key_Left)
    assert chosen_frames(lanes) == [20]
    qtbot.keyClick(lanes, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    alt_shift = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(lanes, Qt.Key.Key_Right, alt_shift)
    assert frames_of(bench, SOUND, "volume") == [31, 60]
    assert chosen_frames(lanes) == [31]


def test_each_way_of_going_on_has_a_curve_of_its_own(qapp):
    pictures = [curve_icon(easing, QColor("black"), 1).pixmap(18).toImage() for easing in Easing]
    assert all(first != second for first, second in combinations(pictures, 2))


# ---- curves ----------------------------------------------------------------------------------------------------------


def graph_of(bench: Bench):
    effect = bench.with_effect("curves")
    graph = bench.inspector._effects.graphs[effect]
    return graph, graph.plot


def curve(bench: Bench, channel: str = "master") -> tuple[tuple[float, float], ...]:
    return points_of(bench.clip(PICTURE).effects[0].texts.get(channel, ""))


def at(plot, x: float, y: float) -> QPoint:
    return plot.place_of((x, y)).toPoint()


def test_click_on_the_curve_makes_a_point_and_a_drag_is_one_step(bench: Bench, qtbot):
    _, plot = graph_of(bench)
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=at(plot, 0.5, 0.5))
    for y in (0.6, 0.7, 0.8):
        qtbot.mouseMove(plot, at(plot, 0.5, y))
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=at(plot, 0.5, 0.8))
    assert len(curve(bench)) == 3
    assert curve(bench)[1] == pytest.approx((0.5, 0.8), abs=0.01)
    assert bench.steps[-1] == "Curve"
    assert len(bench.steps) == 2
    bench.project.undo()
    assert plot.points == STRAIGHT


def test_channels_have_curves_of_their_own(bench: Bench, qtbot):
    graph, plot = graph_of(bench)
    graph.channel.set_value("red")
    graph.channel.chosen.emit("red")
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=at(plot, 0, 0))
    qtbot.mouseMove(plot, at(plot, 0, 0.3))
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=at(plot, 0, 0.3))
    assert curve(bench) == STRAIGHT
    assert curve(bench, "red")[0] == pytest.approx((0, 0.3), abs=0.01)


def test_point_pulled_out_is_taken_away(bench: Bench, qtbot):
    effect = bench.with_effect("curves", master="0,0 0.5,0.8 1,1")
    plot = bench.inspector._effects.graphs[effect].plot
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=at(plot, 0.5, 0.8))
    qtbot.mouseMove(plot, QPoint(plot.width() // 2, -60))
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=QPoint(plot.width() // 2, -60))
    assert curve(bench) == STRAIGHT


def test_points_are_walked_moved_and_removed_by_keys(bench: Bench, qtbot):
    effect = bench.with_effect("curves", master="0,0 0.5,0.8 1,1")
    plot = bench.inspector._effects.graphs[effect].plot
    plot.setFocus()
    for _ in range(2):
        qtbot.keyClick(plot, Qt.Key.Key_Tab)
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert curve(bench)[1] == pytest.approx((0.51, 0.79))
    assert bench.steps.count("Curve") == 1
    qtbot.keyClick(plot, Qt.Key.Key_Delete)
    assert curve(bench) == STRAIGHT


def test_menu_makes_the_curve_straight(bench: Bench):
    effect = bench.with_effect("curves", master="0,0.2 0.5,0.8 1,1")
    plot = bench.inspector._effects.graphs[effect].plot
    menu = plot.menu(1)
    entries = {action.text(): action for action in menu.actions()}
    assert entries["Remove this point"].isEnabled()
    entries["A straight line again"].trigger()
    assert curve(bench) == STRAIGHT


def test_points_keep_their_order_and_stay_within_the_graph():
    points = ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0))
    assert moved(points, 1, 2.0, -1.0)[1] == (0.99, 0.0)
    assert moved(points, 0, 0.7, 0.2)[0] == (0.49, 0.2)
    assert added(points, 0.25, 0.4) == (((0.0, 0.0), (0.25, 0.4), (0.5, 0.5), (1.0, 1.0)), 1)
    assert added(points, 0.5, 0.4) == (points, 1)
    assert without(STRAIGHT, 0) == STRAIGHT
    assert points_of(text_of(points)) == points
    assert points_of("nonsense") == STRAIGHT
    assert text_of(STRAIGHT) == ""
