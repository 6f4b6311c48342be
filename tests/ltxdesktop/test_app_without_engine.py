"""The window of a bundle before its engine is installed: it opens, says so, and uses the engine once it's there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QLabel, QPushButton

from ltxdesktop.app import App
from ltxdesktop.jobs import channel
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.pack.errors import NoPack
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.setup.engine_window import EngineWindow


def buttons(app: App) -> dict[str, QPushButton]:
    return {each.text(): each for each in app.window.top.findChildren(QPushButton) if each.isVisible()}


def test_window_opens_without_an_engine_and_uses_the_installed_one(qapp, qtbot, tmp_path: Path):
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)

    def find_engine() -> list[str]:
        return engine_command(backends=["test"], store=str(tmp_path / "store"))

    app = App(qapp, [], settings, Settings(tmp_path / "settings.toml"), find_engine=find_engine)
    app.start()
    assert app.link.process_id == 0
    assert "The engine isn't installed" in buttons(app)
    dialog = app.window.findChild(EngineWindow)
    assert dialog.isVisible()
    dialog.close()
    project = shutil.copy(Path(__file__).parent / "document/projects/version-1.otio", tmp_path / "film.otio")
    app.window.open_project(Path(project))  # as a file manager has it opened
    assert app.window.edit is not None
    qtbot.waitUntil(lambda: app.window.edit.has_project)
    assert app.window.edit.project.name == "film"
    qtbot.waitUntil(lambda: app.window.findChild(EngineWindow) is None)

    buttons(app)["Install it…"].click()
    dialog = app.window.findChild(EngineWindow)
    assert any("none for this version" in each.text() for each in dialog.findChildren(QLabel))
    dialog.installed.emit()
    qtbot.waitUntil(lambda: bool(app.session.backends))
    assert "Install it…" not in buttons(app)
    with qtbot.waitSignals([app.link.stopped, app.window.destroyed]):
        app.window.close()


def test_a_bundle_without_an_engine_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(channel, "BUNDLED", True)
    monkeypatch.setenv("LTX_ENGINE_PACKS", str(tmp_path))
    with pytest.raises(NoPack, match="ltxdesktop engine install"):
        engine_command()
    assert engine_command("ssh host ltx-engine --stdio")[0] == "ssh"
