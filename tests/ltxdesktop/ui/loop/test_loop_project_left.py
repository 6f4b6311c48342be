"""A project that is closed while a take is made gets it when it's opened again."""

from __future__ import annotations

import json
from pathlib import Path

from loop_kit import pictures, say
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document.check import check
from ltxdesktop.ui.editor.workspace import EditWorkspace


def test_a_take_waits_for_its_project_that_was_closed(
    qtbot: QtBot, app: App, edit: EditWorkspace, tmp_path: Path
) -> None:
    gate, film = tmp_path / "gate", tmp_path / "film.otio"
    edit.files.save_as(film)
    qtbot.waitUntil(lambda: edit.files.path == film and edit.project.clean)
    say(qtbot, edit, json.dumps({"wait_at": "stage 1", "gate": str(gate)}))
    edit.actions_by_name["make.now"].trigger()
    jobs = app.session.jobs
    qtbot.waitUntil(lambda: [each.state for each in jobs.entries()] == ["running"])
    qtbot.waitUntil(lambda: edit.project.clean)
    edit.actions_by_name["project.close"].trigger()
    assert not edit.files.is_open
    closed = edit.project.document
    with qtbot.waitSignal(edit.loop.settled):
        gate.touch()
    assert edit.project.document is closed  # nobody would keep it
    assert len(list(edit.loop._waiting)) == 1
    with qtbot.waitSignal(edit.loop.landed):
        edit.files.open(film)
    assert len(pictures(edit)[1].takes) == 2
    check(edit.project.document)
