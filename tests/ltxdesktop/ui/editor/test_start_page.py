"""The start page: its list of recent projects can be tidied; files stay, and unsaved work is asked about."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from ltxdesktop.project.recent import RecentProject, left_behind
from ltxdesktop.ui.editor.start_page import PATH_ROLE, StartPage
from ltxdesktop.ui.theme import Look


@pytest.fixture
def page(qapp: QApplication, qtbot, tmp_path: Path) -> StartPage:
    page = StartPage(Look(qapp))
    qtbot.addWidget(page)
    saved, lost = tmp_path / "film.otio", tmp_path / "Untitled.otio"
    saved.write_text("{}")
    lost.write_text("{}")
    page.show_recent([RecentProject(saved, "film", datetime.now(UTC), exists=True), left_behind(lost)])
    page.show()
    return page


def test_menu_takes_a_project_off_the_list(page: StartPage, qtbot):
    entries = {action.text(): action for action in page.menu(page.recent.item(0)).actions()}
    assert list(entries) == ["Open", "Remove from the list"]
    with qtbot.waitSignal(page.forget_asked) as asked:
        entries["Remove from the list"].trigger()
    assert asked.args[0].name == "film.otio"


def test_a_click_a_double_click_and_enter_open_a_project_once(page: StartPage, qtbot):
    chosen: list[Path] = []
    page.recent_chosen.connect(chosen.append)
    place = page.recent.visualItemRect(page.recent.item(0)).center()
    for gesture in ("click", "double click", "click", "enter"):
        chosen.clear()
        if gesture == "enter":
            qtbot.keyClick(page.recent, Qt.Key.Key_Return)
        else:
            qtbot.mouseClick(page.recent.viewport(), Qt.MouseButton.LeftButton, pos=place)
        if gesture == "double click":
            qtbot.mouseDClick(page.recent.viewport(), Qt.MouseButton.LeftButton, pos=place)  # what follows the first
            qtbot.mouseRelease(page.recent.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert chosen == [Path(page.recent.item(0).data(PATH_ROLE))], gesture


def test_delete_does_the_same(page: StartPage, qtbot):
    page.recent.setCurrentRow(0)
    page.recent.setFocus()
    with qtbot.waitSignal(page.forget_asked):
        qtbot.keyClick(page.recent, Qt.Key.Key_Delete)


def test_unsaved_work_is_never_just_forgotten(page: StartPage, qtbot):
    entries = {action.text(): action for action in page.menu(page.recent.item(1)).actions()}
    with qtbot.waitSignal(page.discard_asked) as asked, qtbot.assertNotEmitted(page.forget_asked):
        entries["Throw this work away…"].trigger()
    assert asked.args[0].name == "Untitled.otio"
