"""The queue beside the timeline: jobs are counted on its tab, cancelled and tried again without leaving the film."""

from __future__ import annotations

import json
from pathlib import Path

from loop_kit import pictures, say
from PySide6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.ui.editor.workspace import EditWorkspace


def test_a_job_is_cancelled_and_tried_again_beside_the_timeline(
    qtbot: QtBot, app: App, edit: EditWorkspace, tmp_path: Path
) -> None:
    gate, panel, dock = tmp_path / "gate", edit._loop.jobs, edit.docks["jobs"]
    say(qtbot, edit, json.dumps({"wait_at": "stage 1", "gate": str(gate)}))
    edit.actions_by_name["make.now"].trigger()
    jobs = app.session.jobs
    qtbot.waitUntil(lambda: [each.state for each in jobs.entries()] == ["running"])
    qtbot.waitUntil(lambda: dock.windowTitle() == "Jobs (1)")
    panel.choose(jobs.entries()[0].job)
    panel.actions_by_name["cancel"].trigger()
    qtbot.waitUntil(lambda: [each.state for each in jobs.entries()] == ["cancelled"])
    qtbot.waitUntil(lambda: dock.windowTitle() == "Jobs")
    gate.touch()
    with qtbot.waitSignal(edit.loop.landed):
        panel.actions_by_name["retry"].trigger()
    assert len(pictures(edit)[1].takes) == 2


def test_jobs_for_one_place_are_shown_as_one(qtbot: QtBot, app: App, edit: EditWorkspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    say(qtbot, edit, json.dumps({"wait_at": "stage 1", "gate": str(gate)}))
    for _ in range(3):
        edit.actions_by_name["make.now"].trigger()
    jobs, view = app.session.jobs, edit.timeline.view
    states = ["running", "queued", "queued"]
    qtbot.waitUntil(lambda: [each.state for each in jobs.entries()] == states)
    qtbot.waitUntil(lambda: app.session.view.jobs == 3)
    qtbot.waitUntil(lambda: edit.docks["jobs"].windowTitle() == "Jobs (3)")
    (shown,) = view._activities
    assert shown.fraction >= 0
    assert shown.words.endswith(" · 2 more")
    gate.touch()
    qtbot.waitUntil(lambda: len(pictures(edit)[1].takes) == 4)
    assert not view._activities


def test_its_keys_leave_the_editors_alone(edit: EditWorkspace) -> None:
    assert all(action.shortcut() == QKeySequence() for action in edit._loop.jobs.actions_by_name.values())
