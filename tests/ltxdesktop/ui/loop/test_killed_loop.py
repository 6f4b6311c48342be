"""kill -9 of the program while takes are made: at the next start those that landed are there, the others can land."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from loop_kit import editor, pictures, running
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ltxdesktop.document.check import check
from ltxdesktop.ui.editor import project_desk

ROOT = Path(__file__).parents[4]


@pytest.fixture
def killed(tmp_path: Path, qapp: QApplication) -> Path:
    """The folder of a program that was killed with one take landed and one job running."""
    script = Path(__file__).with_name("killed_loop.py")
    program = subprocess.Popen(
        [sys.executable, script, tmp_path, qapp.applicationName()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline().strip() == "ready"
        program.kill()
    return tmp_path


def test_takes_are_there_at_the_next_start(
    qtbot: QtBot, qapp: QApplication, killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_desk, "ask", lambda *_: True)  # "Recover it"
    with running(qtbot, qapp, killed, sample=False) as app:
        edit = editor(app)
        edit.files.open(killed / "film.otio")
        # the journal's last second may be lost: then the take isn't in the recovered project and lands once more
        qtbot.waitUntil(lambda: [len(clip.takes) for clip in pictures(edit)] == [1, 2, 1, 1])
        qtbot.waitUntil(lambda: app.session.jobs.rowCount() == 2 and len([*edit.loop._waiting]) == 1)
        (left,) = edit.loop._waiting
        assert app.session.jobs.entry(left.job).state == "failed"  # nothing of it was kept; it's said in the list
        (killed / "gate").touch()
        with qtbot.waitSignal(edit.loop.landed):
            app.session.retry(left.job)
        assert [len(clip.takes) for clip in pictures(edit)] == [1, 2, 1, 1, 2, 1]
        check(edit.project.document)
