"""What is offered where something can't be done: a reason, and the ways that are left; and how jobs are called."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from loop_kit import pictures, say
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.document.model import MediaId, Take, TrackKind
from ltxdesktop.loop.places import AfterClip, OfClip
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


def test_jobs_of_the_same_words_are_told_apart_by_their_time(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 80, 112))
    say(qtbot, edit)
    with qtbot.waitSignal(edit.loop.settled):
        edit.actions_by_name["make.now"].trigger()
    titles = sorted(each.title for each in app.session.jobs.entries())
    assert [title.split(":")[:3] for title in titles] == [["Retake 00", "03", "08"], ["Retake 00", "04", "00"]]


def test_sounds_are_compared_by_ear(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    sound = edit.project.document.sequence.of_kind(TrackKind.AUDIO)[0].items[0]
    film = edit.project.document.media[pictures(edit)[0].takes[0].media]
    other = replace(film, id=MediaId("other"))
    edit.project.edit(
        "Take", lambda document: edits.add_takes(document, sound.id, [Take(other.id)], media=[other], linked=False)
    )
    said: list[str] = []
    edit.takes.said.connect(said.append)
    edit.selection.choose([sound.id])
    edit.actions_by_name["make.compare"].trigger()
    assert "by ear" in said[-1]
    assert edit.takes._compare is None


def test_what_was_dragged_with_the_extend_tool_is_set_further_in_the_panel(qtbot: QtBot, edit: EditWorkspace) -> None:
    first = pictures(edit)[0]  # the sample's range lies in it
    edit.docks["make"].raise_()
    say(qtbot, edit)
    edit.timeline.view.setFocus()
    edit.timeline.extend_asked.emit(first.id, True, 24)
    assert (edit.make.action, edit.make._frames.value(), edit.make.direction) == ("extend", 24, "forward")
    qtbot.waitUntil(lambda: planned(edit) == [("to be made", 96, 120)])
    assert not edit.make._prompt.hasFocus()  # there are words already
    edit.make._frames.setValue(30)
    assert planned(edit) == [("to be made", 96, 126)]
    edit.make._direction._group.button(1).click()
    (place,) = edit.loop.places
    assert isinstance(place, AfterClip)
    assert (place.frames, place.direction) == (30, "backward")
    edit.make._action._group.button(0).click()
    assert [type(each) for each in edit.loop.places] == [OfClip]


def test_the_frames_that_are_meant_are_framed_while_the_panel_is_looked_at(qtbot: QtBot, edit: EditWorkspace) -> None:
    first, _ = pictures(edit)
    edit.docks["make"].raise_()
    edit.project.edit("Mark", lambda document: edits.set_range(document, 80, 112))
    qtbot.waitUntil(lambda: planned(edit) == [("", 80, 96), ("", 96, 112)])
    edit.selection.choose([first.id])
    assert planned(edit) == [("", 80, 96)]  # only the selected clip is meant
    edit.docks["inspector"].raise_()
    qtbot.waitUntil(lambda: planned(edit) == [])
    edit.docks["make"].raise_()
    qtbot.waitUntil(lambda: planned(edit) == [("", 80, 96)])
    edit.project.edit("Clear", lambda document: edits.set_range(document, None, None))
    assert planned(edit) == []  # it's selected as a whole, and that is seen


def planned(edit: EditWorkspace) -> list[tuple[str, int | None, int | None]]:
    return [(each.words, each.first, each.last) for each in edit.timeline.view._planned]
