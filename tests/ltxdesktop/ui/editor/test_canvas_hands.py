"""The selected clip is moved, scaled and turned with the mouse in the program monitor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtTest import QTest

from ltxdesktop.document.check import check
from ltxdesktop.document.model import Clip, ItemId, Media, MediaId, MediaKind, Parameter, Title, TrackKind
from ltxdesktop.document.parameters import value_of
from ltxdesktop.ui.editor.canvas_layout import Part, handles_of, part_at, placement_of, pulled

LEFT = Qt.MouseButton.LeftButton
FILM, SCREEN = QSizeF(1920, 1080), QRectF(10, 20, 960, 540)  # half as large on the screen


def picture_of(edit) -> Clip:
    return edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].items[0]


def number(edit, name: str) -> float:
    return value_of(picture_of(edit), name).at(edit.playhead)


@pytest.fixture
def chosen(project, qtbot):
    """The film's clip, selected, at half its size."""
    clip = picture_of(project)
    project.selection.choose([clip.id])
    project.inspector._inspected.project.edit(
        "Half", lambda document: project.canvas._inspected.with_value(document, clip.id, "scale", 0.5)
    )
    qtbot.waitUntil(lambda: project.canvas.handles() is not None)
    return project


def drag(edit, start: QPointF, stop: QPointF, keys=Qt.KeyboardModifier.NoModifier, *, release: bool = True) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    view = edit.program.view
    QTest.mousePress(view, LEFT, keys, start.toPoint())
    for part in (0.5, 1.0):
        at = start + (stop - start) * part
        there = QPointF(view.mapToGlobal(at))
        QApplication.sendEvent(view, QMouseEvent(QEvent.Type.MouseMove, at, there, Qt.MouseButton.NoButton, LEFT, keys))
    if release:
        QTest.mouseRelease(view, LEFT, keys, stop.toPoint())


def test_clip_is_moved_in_the_picture_as_one_step(chosen):
    screen, steps = chosen.program.view.picture_rect(), chosen.project.index
    middle = screen.center()
    drag(chosen, middle, middle + QPointF(screen.width() / 4, screen.height() / 8))
    assert number(chosen, "position.x") == pytest.approx(0.25, abs=0.01)
    assert number(chosen, "position.y") == pytest.approx(0.125, abs=0.01)
    assert chosen.project.index == steps + 1
    assert chosen.project.entries[-1].name == "Move in the picture"
    check(chosen.project.document)
    chosen.project.undo()
    assert number(chosen, "position.x") == 0


def test_it_catches_at_the_middle_unless_ctrl_is_held(chosen):
    screen = chosen.program.view.picture_rect()
    middle = screen.center()
    drag(chosen, middle, middle + QPointF(60, 4))
    assert number(chosen, "position.y") == 0
    drag(chosen, middle + QPointF(60, 0), middle + QPointF(60, 4), Qt.KeyboardModifier.ControlModifier)
    assert number(chosen, "position.y") != 0


def test_a_corner_scales_and_the_knob_turns(chosen):
    handles = chosen.canvas.handles()
    corner, pivot = handles.corners.at(2), handles.pivot
    drag(chosen, corner, pivot + (corner - pivot) * 1.5)
    assert number(chosen, "scale") == pytest.approx(0.75, abs=0.02)
    handles = chosen.canvas.handles()
    arm = handles.turn - handles.pivot
    drag(chosen, handles.turn, handles.pivot + QPointF(-arm.y(), arm.x()), Qt.KeyboardModifier.ShiftModifier)
    assert number(chosen, "rotation") == 90


def test_escape_throws_the_drag_away(chosen):
    middle, before = chosen.program.view.picture_rect().center(), chosen.project.document
    drag(chosen, middle, middle + QPointF(50, 30), release=False)
    assert number(chosen, "position.x") != 0
    QTest.keyClick(chosen.program.view, Qt.Key.Key_Escape)
    assert chosen.project.document == before
    QTest.mouseRelease(chosen.program.view, LEFT, pos=(middle + QPointF(50, 30)).toPoint())
    assert chosen.project.document == before


def test_moving_a_keyed_clip_sets_a_key_at_the_playhead(chosen):
    clip = picture_of(chosen)
    chosen.canvas._inspected.playhead = 0
    chosen.inspector._inspected.toggle_key("", "position.x")
    chosen.timeline.go_to(20)
    middle = chosen.program.view.picture_rect().center()
    drag(chosen, middle, middle + QPointF(chosen.program.view.picture_rect().width() / 4, 0))
    keys = value_of(picture_of(chosen), "position.x").keys
    assert [key.frame for key in keys] == [0, 20]
    assert keys[1].value == pytest.approx(0.25, abs=0.01)
    assert picture_of(chosen).id == clip.id


@pytest.mark.parametrize("why", ["nothing selected", "playhead elsewhere", "locked", "switched off"])
def test_no_handles_where_there_is_nothing_to_take_hold_of(chosen, why: str):
    if why == "nothing selected":
        chosen.selection.clear()
    elif why == "playhead elsewhere":
        chosen.canvas.set_playhead(1000)
    elif why == "locked":
        track = chosen.project.document.sequence.of_kind(TrackKind.VIDEO)[0]
        chosen.timeline.commands.tracks.press_header(track.id, "lock")
    else:
        chosen.actions_by_name["view.handles"].trigger()
    assert chosen.canvas.handles() is None


def test_titles_move_by_their_own_place_and_scale_by_their_letters():
    title = Title("Words", x=0.25, y=0.5, size=0.1)
    clip = Clip(ItemId("t"), "t", 50, content=title, values={"scale": Parameter(0.5)})
    placed = placement_of(clip, 0, None, FILM)
    assert placed.box.center().x() == pytest.approx(0.25 * 1920)
    moved = pulled(Part.BODY, clip, 0, placed, SCREEN, QPointF(0, 0), QPointF(96, 0), free=True)
    assert moved.title is not None
    assert moved.title.x == pytest.approx(0.45)  # a tenth of the screen at half the scale
    handles = handles_of(placed, SCREEN)
    middle = (handles.corners.at(0) + handles.corners.at(2)) / 2
    corner = handles.corners.at(1)
    larger = pulled(Part.CORNER, clip, 0, placed, SCREEN, corner, middle + (corner - middle) * 2)
    assert larger.title == replace(title, size=pytest.approx(0.2))


def test_handles_follow_scale_rotation_and_crop():
    media = Media(MediaId("m"), "m", "m.mp4", MediaKind.VIDEO, width=1080, height=1920)
    values = {"rotation": Parameter(90.0), "crop.left": Parameter(0.5), "scale": Parameter(0.5)}
    clip = Clip(ItemId("c"), "c", 50, values=values)
    placed = placement_of(clip, 0, media, FILM)
    assert placed.box.width() == pytest.approx(1080 * 1080 / 1920 / 2)
    handles = handles_of(placed, SCREEN)
    assert part_at(handles, handles.turn) is Part.TURN
    assert part_at(handles, handles.corners.at(3)) is Part.CORNER
    assert part_at(handles, (handles.corners.at(0) + handles.corners.at(2)) / 2) is Part.BODY
    assert part_at(handles, QPointF(0, 0)) is None
    assert handles.turn.x() > handles.stem.x()  # its upper edge looks to the right now
