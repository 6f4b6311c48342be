"""What the panel offers where something can't be done: a reason, and the ways that are left."""

from __future__ import annotations

from fractions import Fraction

from loop_kit import pictures, say
from pytestqt.qtbot import QtBot

from ltxdesktop.document import edits
from ltxdesktop.ui.editor.workspace import EditWorkspace


def test_a_clip_that_cant_be_extended_can_still_be_made_again(qtbot: QtBot, edit: EditWorkspace) -> None:
    first = pictures(edit)[0].id
    edit.project.edit("Clear", lambda document: edits.set_range(document, None, None))
    edit.project.edit("Speed", lambda document: edits.set_speed(document, first, Fraction(-1)))
    edit.selection.choose([first])
    say(qtbot, edit)
    edit.make.action_chosen.emit("extend")
    assert not edit.make.ready
    assert "can't be extended" in edit.make._problem.text()
    assert (edit.make.action, edit.make._make.text()) == ("extend", "Extend")
    assert not edit.make._action.isHidden()
    edit.make.action_chosen.emit("retake")
    assert edit.make.ready
    assert edit.make._problem.text() == ""
