"""Whose a key is: each command's key pressed in every kind of field, in all three keymaps, as a keyboard sends them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QItemSelectionModel, QKeyCombination, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from ltxdesktop.ui import focus_keys
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.commands import COMMANDS
from ltxdesktop.ui.decimal_field import DecimalField
from ltxdesktop.ui.keymaps import BUILT_IN, Keymap
from ltxdesktop.ui.length_field import LengthField
from ltxdesktop.ui.parts import number_field
from ltxdesktop.ui.prompt_field import PromptField

# What is done in a text: on every system that the program runs on, even where Qt leaves such a key to others.
OF_TEXT = {
    "Ctrl+Z", "Ctrl+Shift+Z", "Ctrl+Y", "Ctrl+X", "Ctrl+C", "Ctrl+V", "Ctrl+Shift+V", "Ctrl+A", "Ctrl+Backspace",
}  # fmt: skip


class Desk:
    """A window with commands that only say their names, and one of everything that can have the focus."""

    def __init__(self, qtbot: QtBot) -> None:
        self.done: list[str] = []
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.actions = Actions(self.window)
        for command in COMMANDS:
            self.actions[command.name].triggered.connect(lambda *_, name=command.name: self.done.append(name))
        self.picture = QWidget()
        self.picture.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.prompt = PromptField("")
        self.choice, self.editable = QComboBox(), QComboBox()
        self.editable.setEditable(True)
        for each in (self.choice, self.editable):
            each.addItems(["one", "two", "three"])
        self.slider = QSlider()
        self.rows = QListWidget()
        self.rows.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.rows.addItems(["one", "two", "three"])
        self.line = QLineEdit()
        self.typed: list[QWidget] = [
            self.prompt, self.line, number_field(0, 9), DecimalField(), LengthField(), self.editable,
        ]  # fmt: skip
        column = QVBoxLayout(self.window)
        for each in (self.picture, *self.typed, self.choice, self.slider, self.rows):
            column.addWidget(each)
        self.window.show()
        self.window.activateWindow()
        qtbot.waitUntil(self.window.isActiveWindow)
        self._qtbot = qtbot

    def focus(self, widget: QWidget) -> None:
        widget.setFocus()
        self._qtbot.waitUntil(widget.hasFocus)

    def press(self, widget: QWidget, key: str, text: str | None = None) -> list[str]:
        """The commands that a key does there; `text` is what the keyboard says it writes."""
        combination = QKeySequence(key)[0]
        self.done.clear()
        said = text_of(combination) if text is None else text
        QTest.sendKeyEvent(QTest.KeyAction.Click, widget, combination.key(), said, combination.keyboardModifiers(), -1)
        return list(self.done)


def text_of(combination: QKeyCombination) -> str:
    """What X11 says that a key writes: with Ctrl a letter's control character; digits and signs stay."""
    held = combination.keyboardModifiers()
    character = chr(combination.key()) if combination.key() < Qt.Key.Key_Escape else ""
    if held & Qt.KeyboardModifier.ControlModifier and character.isalpha():
        return chr(ord(character) & 0x1F)
    return character if held & Qt.KeyboardModifier.ShiftModifier else character.lower()


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    yield Desk(qtbot)
    QGuiApplication.clipboard().clear()


def pressed_keys(keymap: Keymap) -> list[tuple[str, str]]:
    return [(command.name, key) for command in COMMANDS for key in keymap.keys(command.name)]


@pytest.mark.parametrize("keymap", BUILT_IN, ids=lambda keymap: keymap.name)
def test_every_key_does_its_command_where_nothing_is_typed(desk: Desk, keymap: Keymap):
    desk.actions.use(keymap)
    desk.focus(desk.picture)
    wrong = {key: done for name, key in pressed_keys(keymap) if (done := desk.press(desk.picture, key)) != [name]}
    assert wrong == {}


@pytest.mark.parametrize("keymap", BUILT_IN, ids=lambda keymap: keymap.name)
def test_text_fields_keep_what_text_is_written_with_and_nothing_else(desk: Desk, keymap: Keymap):
    desk.actions.use(keymap)
    wrong: list[tuple[str, str, list[str]]] = []
    for field in desk.typed:
        desk.focus(field)
        for name, key in pressed_keys(keymap):
            keeps = key in OF_TEXT or not re.search(r"Ctrl|Alt|F\d", key)
            if desk.press(field, key) != ([] if keeps else [name]):
                wrong.append((type(field).__name__, key, desk.done))
    assert wrong == []


def test_what_is_typed_with_altgr_is_no_command(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Windows says Ctrl and Alt for AltGr: with it @ is written on a German keyboard, ś on a Polish one."""
    monkeypatch.setattr(focus_keys, "ALTGR", Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    desk.focus(desk.prompt)
    for key, character in (("Ctrl+Alt+E", "€"), ("Ctrl+Alt+S", "ś"), ("Ctrl+Alt+2", "²")):
        assert desk.press(desk.prompt, key, character) == []
    assert desk.prompt.toPlainText() == "€ś²"
    assert desk.press(desk.prompt, "Ctrl+Alt+S") == ["clip.detach_audio"]  # where it writes nothing


def words_of(field: QLineEdit | QPlainTextEdit) -> str:
    return field.text() if isinstance(field, QLineEdit) else field.toPlainText()


@pytest.mark.parametrize("name", ["prompt", "line"])
def test_words_are_deleted_taken_back_and_done_again_in_a_field(desk: Desk, qtbot: QtBot, name: str):
    field: QLineEdit | QPlainTextEdit = getattr(desk, name)
    desk.focus(field)
    qtbot.keyClicks(field, "red ball")
    desk.press(field, "Ctrl+Backspace")
    assert words_of(field) == "red "
    desk.press(field, "Ctrl+Z")
    assert words_of(field) == "red ball"
    desk.press(field, "Ctrl+Y")
    assert words_of(field) == "red "
    QGuiApplication.clipboard().setText("box")
    desk.press(field, "Ctrl+Shift+V")
    assert words_of(field) == "red box"


def test_escape_leaves_a_field(desk: Desk, qtbot: QtBot):
    desk.focus(desk.prompt)
    with qtbot.waitSignal(desk.actions.focus_keys.left):
        desk.press(desk.prompt, "Esc")
    desk.focus(desk.picture)
    with qtbot.assertNotEmitted(desk.actions.focus_keys.left):
        desk.press(desk.picture, "Esc")


def test_choices_and_sliders_are_set_with_arrows(desk: Desk):
    desk.focus(desk.choice)
    assert desk.press(desk.choice, "Down") == []
    assert desk.choice.currentText() == "two"
    assert desk.press(desk.choice, "B") == ["tool.blade"]
    desk.focus(desk.slider)
    assert desk.press(desk.slider, "Right") == []
    assert desk.slider.value() == 1


def test_rows_of_a_list_are_walked_and_chosen_all(desk: Desk):
    desk.focus(desk.rows)
    desk.rows.setCurrentRow(0, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    for key in ("Shift+Down", "Ctrl+A"):
        assert desk.press(desk.rows, key) == []
    assert len(desk.rows.selectedItems()) == 3
    assert desk.press(desk.rows, "Ctrl+B") == ["clip.split"]
