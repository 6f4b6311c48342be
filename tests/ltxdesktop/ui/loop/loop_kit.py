"""What the tests of the loop share: the program with the sample open, and asking for a job in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document.model import Clip, TrackKind
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.ui.editor.workspace import EditWorkspace

WORDS = "A blue box slides to the right."


@contextmanager
def running(qtbot: QtBot, qapp: QApplication, folder: Path, *, sample: bool = True) -> Iterator[App]:
    """The program with the stripes that need no model; its store and settings lie in `folder`."""
    settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    made = App(qapp, engine_command("", ["test"], str(folder / "store")), settings)
    made.start()
    made.window.show_workspace("edit")
    edit = editor(made)
    try:
        if sample:
            edit.open_sample()
            qtbot.waitUntil(lambda: edit.project.document.sequence.duration > 0)
        qtbot.waitUntil(lambda: bool(made.session.backends))
        yield made
    finally:
        with qtbot.waitSignal(made.link.stopped):
            edit.project.mark_saved(edit.project.path or folder / "film.otio", edit.project.document)
            made.window.close()


def editor(app: App) -> EditWorkspace:
    assert app.window.edit is not None
    return app.window.edit


def pictures(edit: EditWorkspace) -> list[Clip]:
    """The clips of V1."""
    return list(edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].clips)


def say(qtbot: QtBot, edit: EditWorkspace, prompt: str = WORDS) -> None:
    """Write it, and wait until it can be asked for."""
    edit.make.write(prompt)
    qtbot.waitUntil(lambda: edit.make.ready)


def ask(qtbot: QtBot, app: App, edit: EditWorkspace, prompt: str = WORDS) -> None:
    """Say it, press the button, wait for what comes."""
    say(qtbot, edit, prompt)
    with qtbot.waitSignal(edit.loop.settled):
        edit.actions_by_name["make.now"].trigger()
