"""While a job of the loop runs its preview plays over the program; the film comes back when it ends or is wanted."""

from __future__ import annotations

import json
from pathlib import Path

from loop_kit import say
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.ui.editor.workspace import EditWorkspace
from ltxdesktop.ui.loop.becoming import BADGE


def filled(colour: str) -> QImage:
    picture = QImage(32, 24, QImage.Format.Format_RGB32)
    picture.fill(QColor(colour))
    return picture


def test_the_preview_plays_until_the_job_ends(qtbot: QtBot, app: App, edit: EditWorkspace, tmp_path: Path) -> None:
    gate, view = tmp_path / "gate", edit.program.view
    qtbot.waitUntil(lambda: not view.picture.isNull())
    say(qtbot, edit, json.dumps({"wait_at": "decoding", "gate": str(gate)}))
    edit.actions_by_name["make.now"].trigger()
    qtbot.waitUntil(lambda: view.accessibleDescription() == BADGE)
    (pending,) = edit.loop._waiting
    red, blue = filled("red"), filled("blue")
    app.session.preview_arrived.emit(pending.job, [red, blue], 24.0)  # the stripes' own pictures are all alike
    qtbot.waitUntil(lambda: view.picture == red)
    qtbot.waitUntil(lambda: view.picture == blue)
    edit.timeline.go_to(100)  # the film is looked at meanwhile
    qtbot.waitUntil(lambda: view.accessibleDescription() != BADGE)
    app.session.preview_arrived.emit(pending.job, [red, blue], 24.0)
    assert view.accessibleDescription() == BADGE
    with qtbot.waitSignal(edit.loop.landed):
        gate.touch()
    qtbot.waitUntil(lambda: view.accessibleDescription() != BADGE)
