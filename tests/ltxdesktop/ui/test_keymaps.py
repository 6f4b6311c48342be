"""Commands, their keys in three keymaps, the window that changes them, and the palette that finds them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.commands import COMMANDS, GROUP_NAMES
from ltxdesktop.ui.editor.menus import MENUS
from ltxdesktop.ui.keymaps import BUILT_IN, OURS, OWN, PREMIERE, NotAKeymap, from_text
from ltxdesktop.ui.keymaps_window import KeymapsWindow
from ltxdesktop.ui.palette import CommandPalette, matching
from ltxdesktop.ui.theme import Look


@pytest.fixture
def window(qtbot) -> QWidget:
    made = QWidget()
    QVBoxLayout(made)
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


@pytest.fixture
def actions(window) -> Actions:
    return Actions(window)


def test_commands_have_names_of_their_own_and_known_groups():
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
    assert {command.group for command in COMMANDS} == set(GROUP_NAMES)


@pytest.mark.parametrize("keymap", BUILT_IN, ids=lambda keymap: keymap.name)
def test_keymap_names_only_commands_and_has_no_conflict(keymap):
    assert keymap.changed.keys() <= {command.name for command in COMMANDS}
    assert keymap.conflicts() == {}


def test_every_command_has_a_key_and_a_place_in_the_menus():
    assert [command.name for command in COMMANDS if not command.keys] == []
    offered = {name for _, names in MENUS for name in names}
    assert [command.name for command in COMMANDS if command.name not in offered] == []


@pytest.mark.parametrize("keymap", BUILT_IN, ids=lambda keymap: keymap.name)
def test_keys_are_written_as_qt_writes_them(keymap, qapp):
    for command in COMMANDS:
        for key in keymap.keys(command.name):
            assert QKeySequence(key).toString() == key, command.name


def test_keymap_is_read_back_and_nonsense_is_refused():
    assert from_text(PREMIERE.to_text()) == PREMIERE
    with pytest.raises(NotAKeymap):
        from_text('{"name": 1}')


def test_two_commands_on_one_key_are_a_conflict():
    changed = OURS.with_keys("play.toggle", ("L",))
    assert changed.keys("play.forwards") == ()
    both = changed.with_keys("play.forwards", ("L",))
    assert both.conflicts() == {"L": ("play.toggle", "play.forwards")}


def test_key_does_its_command_but_never_steals_from_a_text_field(actions, window, qtbot):
    done = []
    actions.bind("play.toggle", lambda: done.append(1))
    field = QLineEdit()
    window.layout().addWidget(field)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert done == [1]
    field.setFocus()
    qtbot.keyClicks(field, "a b")
    assert field.text() == "a b"
    assert done == [1]


def test_focused_button_keeps_its_space(actions, window, qtbot):
    done = []
    actions.bind("play.toggle", lambda: done.append("play"))
    button = QPushButton()
    button.clicked.connect(lambda: done.append("button"))
    window.layout().addWidget(button)
    button.setFocus()
    qtbot.waitUntil(button.hasFocus)
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert done == ["button"]


def test_keymap_is_in_force_and_told(actions, window, qtbot):
    with qtbot.waitSignal(actions.keys_changed):
        actions.use(PREMIERE)
    assert [key.toString() for key in actions["tool.blade"].shortcuts()] == ["C"]
    assert "(C)" in actions["tool.blade"].toolTip()


def test_window_warns_of_a_conflict_and_keeps_a_keymap_of_ones_own(actions, window, qtbot, qapp):
    editor = KeymapsWindow(Look(qapp), actions, window)
    qtbot.addWidget(editor)
    editor.show()
    editor.choose("play.toggle")
    editor.keys.setKeySequence(QKeySequence("B"))
    assert "Blade" in editor.warning.text()
    editor.add.click()
    assert editor.keymap.keys("play.toggle") == ("B",)
    editor.search.setText("blade")
    assert editor.chosen == "tool.blade"
    editor.accept()
    assert [key.toString() for key in actions["play.toggle"].shortcuts()] == ["B"]
    assert actions.keymap.name == OWN


@pytest.mark.parametrize(
    ("query", "first"), [("split", "clip.split"), ("rip del", "edit.extract"), ("gap", "clip.close_gap")]
)
def test_command_is_found_by_a_few_letters(query: str, first: str):
    assert matching(query)[0].name == first


def test_palette_does_the_command_with_the_keyboard_alone(actions, window, qtbot):
    done = []
    actions.bind("sequence.marker", lambda: done.append("marker"))
    palette = CommandPalette(actions, window)
    palette.show_over(window)
    qtbot.keyClicks(palette.field, "add a mark")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert done == ["marker"]
    assert not palette.isVisible()
