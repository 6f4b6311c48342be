"""A small film with sound, and the Edit workspace in a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from edit_films import FRAMES, write_film
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QMainWindow

from ltxdesktop.ui.editor.workspace import EditWorkspace
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.watchdog import LIMIT_S, Hold, Watchdog

# Of computing, not of waiting for a busy machine. Yet a guest counts what its host took from it as its own computing:
# in one minute of a run three places that take 1 to 30 ms seemed to compute for 0.2 to 0.5 s, and twice in fifty runs
# 0.8 to 0.9. So this finds what computes without end; benchmarks/window_turns.py finds what is slow.
HELD_S = 20 * LIMIT_S


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("films") / "steps.mp4")


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def open_edit(qapp, qtbot, tmp_path: Path, settings: QSettings):
    """Opens the workspace in a window; closing it ends its threads."""
    windows: list[QMainWindow] = []

    def open_one() -> EditWorkspace:
        window = QMainWindow()
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        edit = EditWorkspace(Look(qapp), settings, tmp_path / "state", tmp_path / "cache")
        edit.problems = []
        edit.problem.connect(edit.problems.append)
        edit.said.connect(edit.problems.append)
        window.setCentralWidget(edit)
        for menu in edit.menus(window):
            window.menuBar().addMenu(menu)
        window.resize(1400, 900)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        windows.append(window)
        return edit

    yield open_one
    for window in windows:
        edit = window.centralWidget()
        edit.close_all()
        with qtbot.waitSignal(window.destroyed):
            window.close()


@pytest.fixture
def project(open_edit, qapp, qtbot, film: Path) -> Iterator[EditWorkspace]:
    """An open project whose timeline shows the film once. Holding the GUI thread in the test fails it."""
    edit = open_edit()
    edit.desk.begin([film], "Test", place=True)
    qtbot.waitUntil(lambda: edit.project.document.sequence.duration == FRAMES)
    qtbot.waitUntil(lambda: not edit.program.view.picture.isNull())
    for _ in range(3):  # panels are laid out and painted for the first time
        qapp.processEvents()
    holds: list[Hold] = []
    dog = Watchdog(holds.append)  # from here on: building the window and its first paint may take longer
    yield edit
    dog.stop()
    slow = [hold for hold in holds if hold.cpu_s >= HELD_S]
    assert not slow, f"the GUI thread computed for {slow[0].cpu_s * 1000:.0f} ms in one go:\n{slow[0].stack}"
