"""The recipe's window: in words first, as it's stored beside them, and copied whole."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from engine.protocol.messages import Recipe
from engine.protocol.work import Retake
from ltxdesktop.ui.recipe_window import RecipeWindow

RECIPE = Recipe(
    work=Retake(source="/films/a.mp4", start=24, end=72, prompt="<b>a blue ball</b>", seed=7),
    engine="1.0",
    backend="local",
    device="CPU",
)


def test_a_recipe_is_read_in_words_and_copied_as_its_stored(qtbot: QtBot) -> None:
    window = RecipeWindow(RECIPE)
    qtbot.addWidget(window)
    window.show()
    shown = {each.text() for each in window.findChildren(QLabel) if each.isVisible()}
    assert {"Prompt", "<b>a blue ball</b>", "picture and sound of frames 24 to 72 of a.mp4", "7"} <= shown
    stored = window.findChild(QPlainTextEdit)
    assert isinstance(stored, QPlainTextEdit)
    assert not stored.isVisible()
    qtbot.mouseClick(window._ways._group.button(1), Qt.MouseButton.LeftButton)
    assert stored.isVisible()
    copy = next(each for each in window.findChildren(QPushButton) if each.text() == "Copy")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert msgspec.json.decode(QGuiApplication.clipboard().text(), type=Recipe) == RECIPE
