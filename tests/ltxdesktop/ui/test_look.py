"""Changing the theme: what is shown and what is opened later are in the new one."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QDialog, QLineEdit, QMainWindow, QVBoxLayout, QWidget

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
    assert ground(field) == LIGHT.control
    dialog = QDialog(window)
    later = QLineEdit()
    QVBoxLayout(dialog).addWidget(later)
    dialog.show()
    assert ground(later) == LIGHT.control
    look.toggle()
    assert ground(field) == ground(later) == DARK.control
    dialog.close()


def test_a_window_that_is_made_after_the_theme_is_chosen_has_it(qapp, qtbot):
    look = Look(qapp, DARK)
    look.use(LIGHT)
    field = QLineEdit()
    qtbot.addWidget(field)
    field.show()
    assert ground(field) == LIGHT.control
