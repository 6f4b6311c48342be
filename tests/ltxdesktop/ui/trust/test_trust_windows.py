"""The Help menu's windows in the whole program: hosts, and diagnostics that are seen before they're saved."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QCheckBox, QLabel, QPlainTextEdit, QPushButton

from engine.protocol.hosts import HOSTS
from engine.protocol.work import TextToVideo
from ltxdesktop.app import App
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.trust.diagnostics_window import WAITING, DiagnosticsWindow
from ltxdesktop.ui.trust.hosts_window import HostsWindow


@pytest.fixture
def app(qapp: Any, qtbot: Any, tmp_path: Path) -> Iterator[App]:
    kept = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    kept.setValue("window/workspace", "generate")
    command = engine_command(backends=["test"], store=str(tmp_path / "store"))
    made = App(qapp, command, kept, Settings(tmp_path / "settings.toml"))
    made.start()
    qtbot.waitUntil(lambda: bool(made.session.backends))
    yield made
    with qtbot.waitSignals([made.link.stopped, made.window.destroyed]):
        made.window.close()


def choose(app: App, words: str) -> None:
    next(each for each in app.window.help_menu.actions() if words in each.text().replace("&", "")).trigger()


def test_the_help_menu_shows_every_host_and_closes_with_escape(app: App, qtbot: Any) -> None:
    choose(app, "What leaves this computer")
    window = app.window.findChild(HostsWindow)
    assert window is not None
    said = "\n".join(each.text() for each in window.findChildren(QLabel))
    for host in HOSTS:
        assert host.name in said
    assert "no telemetry" in said
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: app.window.findChild(HostsWindow) is None)


def test_diagnostics_are_seen_whole_then_saved(app: App, qtbot: Any, tmp_path: Path) -> None:
    work = TextToVideo(prompt="a very private dragon", width=32, height=32, frames=9, rate="24", backend="test")
    app.session.submit(work, "a very private dragon")
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 1)
    choose(app, "Save diagnostics")
    qtbot.waitUntil(lambda: app.window.findChild(DiagnosticsWindow) is not None)
    window = app.window.findChild(DiagnosticsWindow)
    assert window is not None
    assert not window.ready  # doctor is still looking
    assert window._said.text() == WAITING
    shown, files = window.findChild(QPlainTextEdit), window._list
    assert shown is not None
    qtbot.waitUntil(lambda: window.ready)
    assert not window._said.text()
    seen: dict[str, str] = {}
    for row in range(files.count()):
        files.setCurrentRow(row)
        seen[files.item(row).text()] = shown.toPlainText()
    assert {"versions.txt", "doctor.txt", "settings.txt", "jobs.txt", "log.txt"} <= set(seen)
    assert "What would work here" in seen["doctor.txt"]
    assert "text_to_video  done" in seen["jobs.txt"]
    assert "dragon" not in "".join(seen.values())
    window.save(tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        assert {name: bundle.read(name).decode() for name in bundle.namelist()} == seen
    tick = next(each for each in window.findChildren(QCheckBox) if "prompts" in each.text())
    tick.setFocus()
    qtbot.keyClick(tick, Qt.Key.Key_Space)
    assert any("a very private dragon" in page.text for page in window.pages)
    window.save(tmp_path / "nowhere" / "bundle.zip")
    assert "can't be written there" in window._said.text()


def test_the_window_of_diagnostics_can_be_left_while_doctor_looks(app: App, qtbot: Any) -> None:
    choose(app, "Save diagnostics")
    qtbot.waitUntil(lambda: app.window.findChild(DiagnosticsWindow) is not None)
    window = app.window.findChild(DiagnosticsWindow)
    assert window is not None
    close = next(each for each in window.findChildren(QPushButton) if each.text() == "Close")
    qtbot.mouseClick(close, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: app.window.findChild(DiagnosticsWindow) is None)
