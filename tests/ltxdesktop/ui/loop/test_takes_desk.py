"""The takes of a clip in the real window: turned while they play, rated, named, joined, removed."""

from __future__ import annotations

import pytest
from loop_kit import ask, pictures, say
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import Clip
from ltxdesktop.loop import joining
from ltxdesktop.settings.declared import KEEP_TAKES
from ltxdesktop.ui.drawing import STAR_PX
from ltxdesktop.ui.editor.workspace import EditWorkspace
from ltxdesktop.ui.loop.compare import HINTS
from ltxdesktop.ui.loop.take_cards import lay_out
from ltxdesktop.ui.loop.takes_view import TakesView


@pytest.fixture
def view(qtbot: QtBot, app: App, edit: EditWorkspace) -> TakesView:
    """Two takes of the middle of the first clip, which is selected."""
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    edit.make._variations.setValue(2)
    ask(qtbot, app, edit)
    assert len(retaken(edit).takes) == 3
    return edit.takes._view


def retaken(edit: EditWorkspace) -> Clip:
    return pictures(edit)[1]


def test_the_original_has_a_picture_at_once_however_much_the_timeline_asks_for(
    qtbot: QtBot, app: App, edit: EditWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = edit.project.document.media[pictures(edit)[0].takes[0].media]
    qtbot.waitUntil(lambda: edit.materials.picture_at_hand(media, 0.5) is not None)
    monkeypatch.setattr(edit.materials, "ask_picture", lambda *_: None)  # its own never comes
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    ask(qtbot, app, edit)
    rows = edit.takes._view.model.values()
    assert rows[0].take.media == media.id
    assert rows[0].picture is not None


def test_turning_plays_in_a_loop_around_the_range_and_is_one_step(
    qtbot: QtBot, edit: EditWorkspace, view: TakesView
) -> None:
    steps, player = len(edit.project.entries), edit.program.player
    edit.timeline.go_to(90)
    for active in (2, 0, 1, 2):
        edit.actions_by_name["clip.next_take"].trigger()
        assert retaken(edit).active == active
    assert player.playing
    assert player.looping
    assert edit.takes.audition.clip == retaken(edit).id
    qtbot.waitUntil(lambda: player.frame < 84)  # a second of 24 frames behind the range of 20 to 60
    assert len(edit.project.entries) == steps + 1
    edit.actions_by_name["make.accept"].trigger()
    assert not player.playing
    assert not player.looping
    assert retaken(edit).takes[2].rating == 5
    edit.actions_by_name["play.toggle"].trigger()
    assert player.playing
    assert not player.looping
    player.pause()


def test_keeping_a_take_lets_the_other_made_ones_go_if_that_is_set(
    app: App, edit: EditWorkspace, view: TakesView
) -> None:
    app.window._in_use.settings.set(KEEP_TAKES, False)
    before = retaken(edit)
    edit.actions_by_name["clip.next_take"].trigger()
    shown = retaken(edit).takes[retaken(edit).active].media
    edit.actions_by_name["make.accept"].trigger()
    after = retaken(edit)
    assert [take.media for take in after.takes] == [before.takes[0].media, shown]  # the original stays
    assert after.takes[after.active].rating == 5
    check(edit.project.document)
    assert {take.media for take in before.takes} <= set(edit.project.document.media)
    edit.project.undo()
    assert len(retaken(edit).takes) == 3


def test_a_click_on_a_star_rates_and_on_the_same_again_does_not(
    qtbot: QtBot, edit: EditWorkspace, view: TakesView
) -> None:
    edit.docks["takes"].raise_()
    shown = view._list
    qtbot.waitUntil(lambda: shown.isVisible())
    shown.scrollTo(view.model.index(2))
    box = lay_out(shown.visualRect(view.model.index(2))).stars
    fourth = QPoint(box.left() + 3 * STAR_PX + 4, box.center().y())
    qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=fourth)
    assert retaken(edit).takes[2].rating == 4
    qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=fourth)
    assert retaken(edit).takes[2].rating == 0
    shown.setCurrentIndex(view.model.index(1))
    qtbot.keyClick(shown, Qt.Key.Key_3)
    assert retaken(edit).takes[1].rating == 3
    edit.project.undo()
    assert retaken(edit).takes[1].rating == 0


def test_a_take_is_named_where_it_stands(qtbot: QtBot, edit: EditWorkspace, view: TakesView) -> None:
    edit.docks["takes"].raise_()
    edit.window().activateWindow()
    qtbot.waitUntil(lambda: edit.window().isActiveWindow() and view._list.isVisible())
    view._list.edit(view.model.index(1))
    field = view._list.findChild(QLineEdit)
    assert field is not None
    qtbot.waitUntil(field.hasFocus)
    field.selectAll()
    qtbot.keyClicks(field, "The calm one")
    view.model.dataChanged.emit(view.model.index(1), view.model.index(1))  # as when its picture comes
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: retaken(edit).takes[1].name == "The calm one")
    assert view.model.values()[1].name == "The calm one"


def test_the_join_is_set_beside_the_takes_and_is_one_step(qtbot: QtBot, edit: EditWorkspace, view: TakesView) -> None:
    steps = len(edit.project.entries)
    assert (view._blend.value(), view._blend.maximum()) == (4, 4)
    for frames in (3, 1, 0):
        view._blend.setValue(frames)
    assert joining.blend_of(edit.project.document, retaken(edit).id) == 0
    assert view._blend.text() == "Hard cut"
    assert len(edit.project.entries) == steps + 1
    check(edit.project.document)
    edit.project.undo()
    assert view._blend.value() == 4


def test_turned_or_unjoined_on_the_timeline_each_take_keeps_its_own_joins(edit: EditWorkspace, view: TakesView) -> None:
    view._blend.setValue(2)
    clip, commands = retaken(edit).id, edit.timeline.commands
    for number, blend in ((2, 4), (1, 2), (2, 4), (1, 2)):
        commands.choose_take(clip, number)
        assert joining.blend_of(edit.project.document, clip) == blend
    edit.selection.choose(transition=(clip, False))
    commands.lift()
    for number, blend in ((2, 4), (1, 0)):
        commands.choose_take(clip, number)
        assert joining.blend_of(edit.project.document, clip) == blend
    check(edit.project.document)


def test_a_draft_is_called_one_and_cant_be_finished_without_its_latents(
    qtbot: QtBot, app: App, edit: EditWorkspace
) -> None:
    say(qtbot, edit)
    with qtbot.waitSignal(edit.loop.settled):
        edit.actions_by_name["make.draft"].trigger()
    assert edit.takes._view.model.values()[1].facts.startswith("draft · seed")
    assert not edit.actions_by_name["make.finish"].isEnabled()  # the stripes keep none


def test_any_two_takes_are_compared_where_they_differ(qtbot: QtBot, edit: EditWorkspace, view: TakesView) -> None:
    edit.timeline.go_to(90)  # elsewhere all takes look alike
    edit.actions_by_name["make.compare"].trigger()
    compare = edit.takes._compare
    assert compare is not None
    assert 20 <= edit.program.frame < 60
    assert [each.currentIndex() for each in compare.sides] == [0, 1]
    qtbot.waitUntil(lambda: not compare.view._pictures[0].isNull())
    assert "Drag" in compare._hint.text()
    qtbot.mouseClick(compare.modes._group.button(2), Qt.MouseButton.LeftButton)
    assert compare._hint.text() == HINTS["turn"]  # there is no line to drag
    qtbot.mouseClick(compare.modes._group.button(0), Qt.MouseButton.LeftButton)
    original, first = compare.view._pictures
    assert original != first
    compare.sides[0].setCurrentIndex(2)
    compare.sides[0].activated.emit(2)
    assert compare.view._names == (compare.sides[0].itemText(2), compare.sides[1].itemText(1))
    qtbot.waitUntil(lambda: compare.view._pictures[0] != original)
    frame = edit.program.frame
    qtbot.keyClick(compare, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: edit.program.frame == frame + 1)
    qtbot.keyClick(compare, Qt.Key.Key_Escape)
    assert not compare.isVisible()
