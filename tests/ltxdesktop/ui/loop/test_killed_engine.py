"""The engine is killed in each phase of a job of the loop: it's said, the film and the place are kept, retry works."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from loop_kit import pictures, say
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.ui.editor.workspace import EditWorkspace


@pytest.mark.parametrize("phase", ["loading", "encoding prompt", "stage 1", "decoding", "writing"])
def test_a_killed_engine_is_told_and_the_job_tried_again_lands(
    qtbot: QtBot, app: App, edit: EditWorkspace, tmp_path: Path, phase: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = tmp_path / "gate"
    edit.project.edit("Mark", lambda document: edits.set_range(document, 20, 60))
    say(qtbot, edit, json.dumps({"wait_at": phase, "gate": str(gate)}))
    edit.actions_by_name["make.now"].trigger()
    qtbot.waitUntil(lambda: _doing(app) == phase)
    before = edit.project.document
    os.kill(app.link.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: _state(app) == "failed")
    banner = app.window.banner
    assert banner.isVisible()
    assert "engine" in banner.words
    assert edit.project.document is before
    assert len(list(edit.loop._waiting)) == 1
    qtbot.waitUntil(lambda: app.session.view.life == "ready")
    gate.touch()
    with qtbot.waitSignal(edit.loop.landed):
        banner.acted.emit()
    check(edit.project.document)
    assert len(pictures(edit)[1].takes) == 2
    assert not list(edit.loop._waiting)


def _state(app: App) -> str:
    return app.session.jobs.entries()[0].state if app.session.jobs.rowCount() else ""


def _doing(app: App) -> str:
    progress = app.session.jobs.entries()[0].progress if app.session.jobs.rowCount() else None
    return progress.phase if progress is not None else ""
