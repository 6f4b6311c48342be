"""A person with no graphics card starts the program for the first time and has a retake by Pocket, in a few clicks.

With the real window, the real engine and the small model that ships, on this machine's processor.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QPushButton, QWidget

from ltxdesktop.app import App
from ltxdesktop.document.model import Clip, TrackKind
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.editor import project_desk
from ltxdesktop.ui.editor.workspace import EditWorkspace
from ltxdesktop.ui.setup.setup_window import SetupWindow

MOST_CLICKS = 5


class Person:
    """Clicks on what is in sight and can be used, and counts."""

    def __init__(self, qtbot) -> None:
        self._qtbot = qtbot
        self.clicks = 0

    def click(self, root: QWidget, words: str) -> None:
        def found() -> list[QPushButton]:
            buttons = root.findChildren(QPushButton)
            return [each for each in buttons if words in each.text() and each.isVisible() and each.isEnabled()]

        self._qtbot.waitUntil(lambda: bool(found()))
        self._qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)
        self.clicks += 1


def pictures(edit: EditWorkspace) -> list[Clip]:
    tracks = edit.project.document.sequence.of_kind(TrackKind.VIDEO)
    return [item for track in tracks for item in track.items if isinstance(item, Clip)]


@pytest.mark.slow
def test_from_the_first_start_to_a_pocket_retake_in_five_clicks(
    qapp, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(project_desk, "ask_unsaved", lambda *_: "discard")
    for name in ("LTX_API_KEY", "LTXV_API_KEY", "LTX_MODELS"):
        monkeypatch.delenv(name, raising=False)
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    command = engine_command(store=str(tmp_path / "store"), models=str(tmp_path / "models"))
    app = App(qapp, command, settings, Settings(tmp_path / "settings.toml"))
    app.start(with_sample=True)
    person = Person(qtbot)
    try:
        # Nothing stands in the way: the set-up page waits in the menu until it's asked for.
        assert app.window.findChild(SetupWindow) is None
        edit = app.window.edit
        assert edit is not None
        qtbot.waitUntil(lambda: bool(app.session.backends))
        before, clips_before = len(edit.project.document.media), len(pictures(edit))
        person.click(app.window, "Draft")
        qtbot.waitUntil(lambda: len(edit.project.document.media) > before)
        assert [entry.state for entry in app.session.jobs.entries()] == ["done"]
        retaken = [clip for clip in pictures(edit) if len(clip.takes) > 1]
        assert [clip.active for clip in retaken] == [1], "the retake lies in its place, beside the original"
        assert len(pictures(edit)) == clips_before + 2, "what wasn't selected is left, on both sides"
        assert person.clicks <= MOST_CLICKS
        assert app.session.advice is not None
        assert "Pocket" in {model.title for each in app.session.backends for model in each.models if model.available}
        app.window._set_up.show_page()  # and there it is when it's wanted
        assert app.window.findChild(SetupWindow) is not None
    finally:
        with qtbot.waitSignals([app.link.stopped, app.window.destroyed]):
            app.window.close()
