"""A take that lands is selected for those who wait for it, and takes nothing out of other hands."""

from __future__ import annotations

from loop_kit import pictures, say
from pytestqt.qtbot import QtBot

from ltxdesktop.document import edits
from ltxdesktop.ui.editor.workspace import EditWorkspace


def marked(qtbot: QtBot, edit: EditWorkspace, first: int, last: int) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, first, last))
    say(qtbot, edit)


def test_who_selects_something_else_meanwhile_keeps_it(qtbot: QtBot, edit: EditWorkspace) -> None:
    said: list[str] = []
    edit.loop.said.connect(said.append)
    marked(qtbot, edit, 24, 48)
    other = pictures(edit)[1].id
    edit.docks["media"].raise_()
    with qtbot.waitSignal(edit.loop.settled):
        edit.actions_by_name["make.now"].trigger()
        edit.selection.choose([other])
    qtbot.waitUntil(lambda: said[-1] == "Retake: a take is here, at 00:01:00.")
    assert edit.selection.clips == {other}
    assert edit.docks["media"].visibleRegion().boundingRect().height() > 0
    assert len(pictures(edit)[1].takes) == 2


def test_who_has_nothing_else_selected_finds_the_take_selected(qtbot: QtBot, edit: EditWorkspace) -> None:
    marked(qtbot, edit, 24, 48)
    edit.selection.choose([pictures(edit)[0].id])
    with qtbot.waitSignal(edit.loop.landed):
        edit.actions_by_name["make.now"].trigger()
        edit.timeline.go_to(90)  # looking at something else is no work on it
    assert edit.selection.clips == {pictures(edit)[1].id}


def test_the_takes_of_a_range_across_a_cut_are_selected_together(qtbot: QtBot, edit: EditWorkspace) -> None:
    marked(qtbot, edit, 80, 112)
    landed: list[str] = []
    edit.loop.landed.connect(landed.append)
    edit.actions_by_name["make.now"].trigger()
    qtbot.waitUntil(lambda: len(landed) == 2)
    first, second = (clip for clip in pictures(edit) if len(clip.takes) == 2)
    assert edit.selection.clips == {first.id, second.id}
    assert edit.selection.primary == first.id
    assert edit.takes.clip == first
    assert [place.frames for place in edit.loop.places] == [16, 16]  # and both can be made again
