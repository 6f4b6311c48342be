"""Takes that are compared, and the one that is kept; the only take of a clip that was made."""

from __future__ import annotations

import pytest
from loop_kit import ask, pictures
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip
from ltxdesktop.loop import joining
from ltxdesktop.ui.editor.workspace import EditWorkspace
from ltxdesktop.ui.loop.compare import CompareWindow
from ltxdesktop.ui.loop.takes_view import TakesView


@pytest.fixture
def view(qtbot: QtBot, app: App, edit: EditWorkspace) -> TakesView:
    """Two takes of the middle of the first clip, which is selected."""
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    edit.make._variations.setValue(2)
    ask(qtbot, app, edit)
    qtbot.waitUntil(lambda: edit.takes.clip == retaken(edit) and len(retaken(edit).takes) == 3)
    return edit.takes._view


def retaken(edit: EditWorkspace) -> Clip:
    return pictures(edit)[1]


@pytest.mark.parametrize("by_key", [True, False])
def test_one_of_two_that_are_compared_is_kept_in_one_step(
    qtbot: QtBot, edit: EditWorkspace, view: TakesView, *, by_key: bool
) -> None:
    edit.actions_by_name["make.compare"].trigger()
    compare = edit.takes._compare
    assert compare is not None
    qtbot.waitUntil(compare.isActiveWindow)
    assert compare.view.hasFocus()  # the keys are its own, not the choices'
    compare.sides[1].setCurrentIndex(2)
    clip, steps = retaken(edit), len(edit.project.entries)
    edit.selection.choose([])  # the window is for the clip that it was opened for
    if by_key:
        qtbot.keyClick(compare.view, Qt.Key.Key_B)
    else:
        qtbot.mouseClick(button(compare, "Keep B"), Qt.MouseButton.LeftButton)
    assert not compare.isVisible()
    assert (retaken(edit).active, retaken(edit).takes[2].rating) == (2, 5)
    assert edit.selection.clips >= {clip.id}
    assert len(edit.project.entries) == steps + 1
    edit.project.undo()
    assert retaken(edit) == clip


def test_a_take_that_left_the_film_while_it_was_compared_isnt_kept(edit: EditWorkspace, view: TakesView) -> None:
    edit.actions_by_name["make.compare"].trigger()
    clip, said = retaken(edit), list[str]()
    edit.takes.said.connect(said.append)
    edit.project.edit("Remove take", lambda document: joining.without_take(document, clip.id, 2))
    before = edit.project.document
    edit.takes._keep_compared(2)
    assert edit.project.document == before
    assert said[-1].endswith("is no longer in the film.")


def test_the_only_take_of_a_new_clip_is_listed_and_rated_and_its_join_is_there(
    qtbot: QtBot, app: App, edit: EditWorkspace
) -> None:
    edit.project.edit("Clear range", lambda document: edits.set_range(document, None, None))
    edit.selection.choose([pictures(edit)[0].id])
    edit.make.action_chosen.emit("extend")
    ask(qtbot, app, edit)
    qtbot.waitUntil(lambda: len(pictures(edit)) == 3)
    view, new = edit.takes._view, pictures(edit)[1]
    qtbot.waitUntil(lambda: edit.takes.clip is not None and edit.takes.clip.id == new.id)
    (row,) = view.model.values()
    assert row.facts.startswith("seed")
    view.rated.emit(0, 4)
    assert pictures(edit)[1].takes[0].rating == 4
    assert not view._join.isHidden()
    edit.selection.choose([pictures(edit)[0].id])
    assert not view.model.values()


def button(window: CompareWindow, words: str) -> QPushButton:
    (found,) = [each for each in window.findChildren(QPushButton) if each.text() == words]
    return found
