"""The program with the sample open, for tests of the loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_kit import editor, running
from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.ui.editor.workspace import EditWorkspace
from ltxdesktop.ui.memories import WAITING


@pytest.fixture
def app(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[App]:
    with running(qtbot, qapp, tmp_path) as made:
        yield made


@pytest.fixture
def edit(app: App) -> EditWorkspace:
    return editor(app)


@pytest.fixture(autouse=True)
def no_takes_of_other_tests(qapp: QApplication) -> None:
    """A window that closes in the turn in which a take comes leaves it to the next start: here to the next test."""
    state = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)
    Path(state, WAITING).unlink(missing_ok=True)
