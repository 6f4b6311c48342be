"""The loop in the real window with the real engine process: select, ask, take in place, compare, undo."""

from __future__ import annotations

from pathlib import Path

import pytest
from loop_kit import WORDS, ask, editor, pictures, running, say
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.protocol.messages import Done
from engine.protocol.work import AnyWork
from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import TrackKind
from ltxdesktop.loop.places import AfterClip, AtFrame, InGap, OfClip
from ltxdesktop.ui.editor.workspace import EditWorkspace


def test_a_range_gets_takes_in_place_and_undo_takes_them_back(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    before = edit.project.document
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    assert [type(each) for each in edit.loop.places] == [OfClip]
    edit.make._variations.setValue(2)
    ask(qtbot, app, edit)
    check(edit.project.document)
    left, middle, right = pictures(edit)[:3]
    assert [each.duration for each in (left, middle, right)] == [20, 40, 36]
    assert len(middle.takes) == 3
    assert middle.active == 1
    assert edit.selection.primary == middle.id
    assert not list(edit.loop._waiting)
    edit.project.undo()
    assert edit.project.document.sequence.tracks == before.sequence.tracks


def test_a_take_that_landed_before_the_program_died_doesnt_land_again(
    qtbot: QtBot, app: App, edit: EditWorkspace
) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    say(qtbot, edit, WORDS)
    told: list[tuple[str, Done]] = []
    app.session.job_done.connect(lambda *result: told.append(result))
    with qtbot.waitSignal(edit.loop.settled):
        edit.actions_by_name["make.now"].trigger()
        (pending,) = edit.loop._waiting
    landed = edit.project.document
    edit.loop._waiting.add(pending)  # as if its landing had got to the journal and no further
    edit.loop._waiting._earlier = frozenset({pending.job})
    with qtbot.waitSignal(edit.loop.settled):
        edit.loop._take_result(*told[0])
    assert edit.project.document is landed
    assert not list(edit.loop._waiting)


def test_space_after_a_click_on_the_button_plays_and_asks_for_nothing(
    qtbot: QtBot, app: App, edit: EditWorkspace
) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    qtbot.mouseClick(edit.make._prompt, Qt.MouseButton.LeftButton)
    say(qtbot, edit)
    asked: list[str] = []
    edit.make.asked.connect(asked.append)
    with qtbot.waitSignal(edit.loop.settled):
        qtbot.mouseClick(edit.make._make, Qt.MouseButton.LeftButton)
    assert app.window.focusWidget() is edit.timeline.view
    QTest.keyClick(edit.timeline.view, Qt.Key.Key_Space)
    assert asked == ["full"]
    edit.make._make.setFocus()
    say(qtbot, edit)
    with qtbot.waitSignal(edit.loop.settled):
        QTest.keyClick(edit.make._make, Qt.Key.Key_Space)
    assert asked == ["full"] * 2
    assert app.window.focusWidget() is edit.make._make


def test_takes_are_turned_rated_and_the_unused_removed(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    ask(qtbot, app, edit)
    actions = edit.actions_by_name
    actions["clip.previous_take"].trigger()
    assert pictures(edit)[1].active == 0
    actions["clip.next_take"].trigger()
    actions["make.accept"].trigger()
    assert pictures(edit)[1].takes[1].rating == 5
    actions["make.remove_unused"].trigger()
    assert len(pictures(edit)[1].takes) == 1
    assert pictures(edit)[1].media != pictures(edit)[0].media


def test_takes_are_compared_where_there_are_others(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    told: list[str] = []
    edit.loop.said.connect(told.append)
    edit.project.edit("Mark", lambda document: edits.set_range(document, 24, 72))
    ask(qtbot, app, edit)
    assert "compare" in told[-1]
    edit.project.edit("Clear", lambda document: edits.set_range(document, None, None))
    edit.selection.choose([])
    edit.make._frames.setValue(9)
    ask(qtbot, app, edit)  # a clip of its own
    assert told[-1].endswith("a take is here.")


def test_a_take_is_made_again_with_another_seed_beside_it(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    ask(qtbot, app, edit)
    with qtbot.waitSignal(edit.loop.settled):
        edit.actions_by_name["make.vary"].trigger()
    check(edit.project.document)
    middle = pictures(edit)[1]
    assert len(middle.takes) == 3
    recipes = [edit.project.document.media[take.media].recipe for take in middle.takes[1:]]
    assert recipes[0]["seed"] != recipes[1]["seed"]
    assert recipes[0]["work"]["prompt"] == recipes[1]["work"]["prompt"]
    assert middle.takes[1].start_s == middle.takes[2].start_s


def test_editing_goes_on_and_the_take_follows_its_clip(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    say(qtbot, edit)
    clip = pictures(edit)[0]
    with qtbot.waitSignal(edit.loop.settled):
        edit.actions_by_name["make.now"].trigger()
        edit.project.edit("Move", lambda document: edits.move(document, [clip.id], 300))
    check(edit.project.document)
    retaken = next(each for each in pictures(edit) if len(each.takes) > 1)
    assert edit.project.document.sequence.start_of(retaken.id) == 320


def test_the_place_follows_what_is_selected(edit: EditWorkspace) -> None:
    first, second = pictures(edit)
    (marked,) = edit.loop.places
    assert isinstance(marked, OfClip)  # the sample comes with a range
    assert (marked.clip, marked.first, marked.frames) == (first.id, 24, 48)
    edit.project.edit("Unmark", lambda document: edits.set_range(document, None, None))
    assert [type(each) for each in edit.loop.places] == [AtFrame]
    edit.selection.choose([first.id])
    assert [type(each) for each in edit.loop.places] == [OfClip]
    edit.timeline.extend_asked.emit(first.id, True, 24)
    (place,) = edit.loop.places
    assert isinstance(place, AfterClip)
    assert place.frames == 24
    edit.project.edit("Move", lambda document: edits.move(document, [second.id], 30))
    gap = edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].items[1]
    edit.timeline.fill_asked.emit(gap.id, 96, 126)
    assert [type(each) for each in edit.loop.places] == [InGap]


def test_what_was_said_last_is_meant(edit: EditWorkspace) -> None:
    """The sample's range lies in the first clip. Turning to another place means that; marking again, the range."""
    first, second = pictures(edit)
    edit.selection.choose([first.id])
    (place,) = edit.loop.places
    assert (place.clip, place.frames) == (first.id, 48)  # the range is in it
    edit.selection.choose([second.id])
    (place,) = edit.loop.places
    assert (place.clip, place.frames) == (second.id, 96)
    edit.project.edit("Mark", lambda document: edits.set_range(document, 10, 30))
    (place,) = edit.loop.places
    assert (place.clip, place.frames) == (first.id, 20)
    edit.project.edit("Move", lambda document: edits.move(document, [second.id], 30))
    gap = edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].items[1]
    edit.timeline.fill_asked.emit(gap.id, 96, 126)
    assert [type(each) for each in edit.loop.places] == [InGap]
    edit.project.edit("Mark", lambda document: edits.set_range(document, 10, 40))
    assert [type(each) for each in edit.loop.places] == [OfClip]
    edit.timeline.fill_asked.emit(gap.id, 96, 126)  # it's selected still
    assert [type(each) for each in edit.loop.places] == [InGap]


def test_a_drag_asks_for_one_estimate_when_it_rests(
    qtbot: QtBot, app: App, edit: EditWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(qtbot, edit)
    with qtbot.waitSignal(edit.make.changed):
        edit.make.wait_for_quiet()
    asked: list[AnyWork] = []
    real = app.session.ask_estimate
    monkeypatch.setattr(app.session, "ask_estimate", lambda work, answer: (asked.append(work), real(work, answer)))
    with qtbot.waitSignal(edit.make.changed):
        for last in range(30, 80):
            edit.project.preview("Range", lambda document, last=last: edits.set_range(document, 20, last))
        edit.project.commit()
        assert asked == []
    (work,) = asked
    assert (work.start, work.end) == (20, 79)


def test_what_speaks_against_a_place_is_said_at_once(qtbot: QtBot, edit: EditWorkspace) -> None:
    say(qtbot, edit)
    edit.project.edit("Range", lambda document: edits.set_range(document, 2000, 2040))
    assert not edit.make.ready
    assert "no clip" in edit.make._problem.text()
    edit.project.edit("Range", lambda document: edits.set_range(document, 20, 60))
    assert edit.make.ready
    edit.make.write("")
    assert not edit.make.ready


def test_places_are_found_without_asking_the_disk(edit: EditWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the GUI thread asked the disk")

    with monkeypatch.context() as watched:
        watched.setattr("os.stat", asked)
        edit.loop.refresh()
        edit.selection.choose([pictures(edit)[0].id])
    assert [type(each) for each in edit.loop.places] == [OfClip]


def test_a_clip_has_its_words_after_reopening(qtbot: QtBot, app: App, edit: EditWorkspace, tmp_path: Path) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    ask(qtbot, app, edit)
    edit.actions_by_name["clip.previous_take"].trigger()  # the original, which was never asked for
    with qtbot.waitSignal(edit.files.saved):
        edit.files.save_as(tmp_path / "film.otio")
    edit.desk.close_project()
    edit.make.write("Something else.")
    with qtbot.waitSignal(edit.files.opened):
        edit.files.open(tmp_path / "film.otio")
    edit.selection.choose([pictures(edit)[1].id])
    assert edit.make.wish.prompt == WORDS


def test_a_take_that_came_while_nobody_listened_is_there_at_the_next_start(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> None:
    with running(qtbot, qapp, tmp_path) as app:
        edit = editor(app)
        with qtbot.waitSignal(edit.files.saved):
            edit.files.save_as(tmp_path / "film.otio")
        edit.loop.close()  # as a program that was killed: nobody takes the result
        ask(qtbot, app, edit)
        assert all(len(clip.takes) == 1 for clip in pictures(edit))
    with running(qtbot, qapp, tmp_path, sample=False) as app:
        edit = editor(app)
        with qtbot.waitSignal(edit.loop.landed):
            edit.files.open(tmp_path / "film.otio")
        assert len(pictures(edit)[1].takes) == 2
