"""The loop in the real window with the real engine process: select, ask, take in place, compare, undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import Clip, TrackKind
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.loop.places import AfterClip, AtFrame, InGap, OfClip
from ltxdesktop.ui.editor.workspace import EditWorkspace

SOON_MS = 60_000  # engines start slowly where many tests share few cores


@pytest.fixture
def app(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[App]:
    """The program with the stripes that need no model, and the sample project open."""
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    made = App(qapp, engine_command("", ["test"], str(tmp_path / "store")), settings)
    made.start()
    made.window.show_workspace("edit")
    edit = made.window.edit
    assert edit is not None
    edit.open_sample()
    qtbot.waitUntil(lambda: edit.project.document.sequence.duration > 0, timeout=SOON_MS)
    qtbot.waitUntil(lambda: bool(made.session.backends), timeout=SOON_MS)
    yield made
    with qtbot.waitSignal(made.link.stopped, timeout=SOON_MS):
        edit.project.mark_saved(tmp_path / "film.otio", edit.project.document)
        made.window.close()


@pytest.fixture
def edit(app: App) -> EditWorkspace:
    assert app.window.edit is not None
    return app.window.edit


def pictures(edit: EditWorkspace) -> list[Clip]:
    """The clips of V1."""
    return list(edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].clips)


def ask(qtbot: QtBot, app: App, edit: EditWorkspace, prompt: str = "A blue box slides to the right.") -> None:
    """Say it, press the button, wait for what comes."""
    edit.make.write(prompt)
    qtbot.waitUntil(lambda: edit.make.ready, timeout=SOON_MS)
    with qtbot.waitSignal(app.session.job_done, timeout=SOON_MS):
        edit.actions_by_name["make.now"].trigger()


def test_a_range_gets_takes_in_place_and_undo_takes_them_back(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    before = edit.project.document
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    assert [type(each) for each in edit.loop.places] == [OfClip]
    edit.make.choose_takes(2)
    ask(qtbot, app, edit)
    check(edit.project.document)
    left, middle, right = pictures(edit)[:3]
    assert [each.duration for each in (left, middle, right)] == [20, 40, 36]
    assert len(middle.takes) == 3
    assert middle.active == 1
    assert edit.selection.primary == middle.id
    assert edit.loop.waiting_jobs == ()
    edit.project.undo()
    assert edit.project.document.sequence.tracks == before.sequence.tracks


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


def test_a_take_is_made_again_with_another_seed_beside_it(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    ask(qtbot, app, edit)
    with qtbot.waitSignal(app.session.job_done, timeout=SOON_MS):
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
    edit.make.write("A blue box slides to the right.")
    qtbot.waitUntil(lambda: edit.make.ready, timeout=SOON_MS)
    clip = pictures(edit)[0]
    with qtbot.waitSignal(app.session.job_done, timeout=SOON_MS):
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
