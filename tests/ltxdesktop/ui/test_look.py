"""Changing the theme: what is shown and what is opened later are in the new one."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QDialog, QGridLayout, QLineEdit, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from ltxdesktop.ui.dressing import LARGEST
from ltxdesktop.ui.theme import DARK, LIGHT, Look


def ground(widget: QWidget) -> str:
    """The colour near its left edge, where nothing is written."""
    return QColor(widget.grab().toImage().pixel(3, widget.height() // 2)).name()


@pytest.fixture
def window(qapp, qtbot):
    made = QMainWindow()
    made.setCentralWidget(QLineEdit())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_a_change_of_theme_reaches_windows_and_the_dialogs_that_they_open_later(qapp, qtbot, window):
    look = Look(qapp, DARK)
    field = window.centralWidget()
    assert ground(field) == DARK.control
    look.toggle()
    qtbot.waitUntil(lambda: not look.settling)
    assert ground(field) == LIGHT.control
    dialog = QDialog(window)
    later = QLineEdit()
    QVBoxLayout(dialog).addWidget(later)
    dialog.show()
    assert ground(later) == LIGHT.control
    look.toggle()
    qtbot.waitUntil(lambda: not look.settling)
    assert ground(field) == ground(later) == DARK.control
    dialog.close()


@pytest.fixture
def large_window(qapp, qtbot):
    """More widgets than are given a sheet at once, half of them hidden."""
    made = QMainWindow()
    pages = QStackedWidget()
    for _ in range(2):
        page = QWidget()
        rows = QGridLayout(page)
        for number in range(LARGEST):
            rows.addWidget(QLineEdit(), number // 15, number % 15)
        pages.addWidget(page)
    made.setCentralWidget(pages)
    qtbot.addWidget(made)
    made.resize(1200, 500)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_a_large_window_changes_in_turns_and_is_painted_when_all_that_is_seen_has(qapp, qtbot, large_window):
    look = Look(qapp, DARK)
    seen, hidden = (large_window.centralWidget().widget(number) for number in (0, 1))
    last_seen, last_hidden = (page.layout().itemAt(LARGEST - 1).widget() for page in (seen, hidden))
    look.toggle()
    assert look.settling
    assert not large_window.updatesEnabled(), "a part would be seen in the old theme"
    with qtbot.waitSignal(look.changed):
        pass
    assert ground(last_seen) == LIGHT.control
    qtbot.waitUntil(large_window.updatesEnabled)
    qtbot.waitUntil(lambda: not look.settling)
    large_window.centralWidget().setCurrentIndex(1)
    assert ground(last_hidden) == LIGHT.control
    assert ground(large_window) == LIGHT.window


def test_the_newest_of_two_quick_changes_wins(qapp, qtbot, large_window):
    look = Look(qapp, DARK)
    look.toggle()
    look.toggle()
    qtbot.waitUntil(lambda: not look.settling)
    assert large_window.updatesEnabled()
    for number in (0, 1):
        large_window.centralWidget().setCurrentIndex(number)
        assert ground(large_window.centralWidget().widget(number).layout().itemAt(0).widget()) == DARK.control


def test_what_is_put_into_a_large_window_after_a_change_has_the_new_theme(qapp, qtbot, large_window):
    look = Look(qapp, DARK)
    look.toggle()
    qtbot.waitUntil(lambda: not look.settling)
    dialog = QDialog(large_window)
    QVBoxLayout(dialog).addWidget(QLineEdit())
    dialog.show()
    assert ground(dialog.layout().itemAt(0).widget()) == LIGHT.control
    dialog.close()
    page = QLineEdit()
    large_window.centralWidget().addWidget(page)
    large_window.centralWidget().setCurrentWidget(page)
    assert ground(page) == LIGHT.control


def test_windows_that_nobody_sees_leave_everything_to_the_application(qapp, qtbot, large_window):
    look = Look(qapp, DARK)
    look.toggle()
    qtbot.waitUntil(lambda: not look.settling)
    large_window.hide()
    look.toggle()
    assert not look.settling
    large_window.show()
    qtbot.waitExposed(large_window)
    assert ground(large_window.centralWidget().widget(0).layout().itemAt(0).widget()) == DARK.control


def test_a_window_that_is_made_after_the_theme_is_chosen_has_it(qapp, qtbot):
    look = Look(qapp, DARK)
    look.use(LIGHT)
    field = QLineEdit()
    qtbot.addWidget(field)
    field.show()
    assert ground(field) == LIGHT.control
