"""Which keys belong to the widget that has the focus, though the window has commands on them.

A text field keeps what is typed and every key that text is edited with, also those that Qt has no use for on this
system: otherwise Ctrl+Backspace in a prompt would take a gap out of the film. All else does its command from there too.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

Text = QLineEdit | QPlainTextEdit | QTextEdit
Key, Held, Standard = Qt.Key, Qt.KeyboardModifier, QKeySequence.StandardKey

PLAIN = (Held.NoModifier, Held.ShiftModifier)
ALTGR = Held.ControlModifier | Held.AltModifier if sys.platform == "win32" else None  # elsewhere it's a key of its own
REDO, PASTE_PLAIN = QKeySequence("Ctrl+Y"), QKeySequence("Ctrl+Shift+V")  # as most programs have them, on any system
WITH_CONTROL = (
    Standard.Undo,
    Standard.Redo,
    Standard.Cut,
    Standard.Copy,
    Standard.Paste,
    Standard.SelectAll,
    Standard.DeleteStartOfWord,
    Standard.DeleteEndOfWord,
)
IN_HISTORY = "in-history"  # property of a number whose changes are steps of the film's history
ENTER = frozenset((Key.Key_Return, Key.Key_Enter))
STEPS = frozenset((Key.Key_Up, Key.Key_Down, Key.Key_PageUp, Key.Key_PageDown, Key.Key_Home, Key.Key_End))
WALK = STEPS | ENTER | {Key.Key_Left, Key.Key_Right}
EDIT = WALK | {Key.Key_Backspace, Key.Key_Delete, Key.Key_Insert}
SEVERAL = (QAbstractItemView.SelectionMode.ExtendedSelection, QAbstractItemView.SelectionMode.MultiSelection)


class FocusKeys(QObject):
    """Filters the events of the commands' owner: Qt asks the focused widget and then its parents for each key."""

    left = Signal()  # Esc, in a text field that has no use for it: the person is done there

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) or not isinstance(event, QKeyEvent):
            return False
        focused = QApplication.focusWidget()
        if focused is None:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            if is_its_own(focused, event):
                event.accept()
            return False
        text = text_in(focused)
        return text is not None and self._press(text, event)

    def _press(self, text: Text, event: QKeyEvent) -> bool:
        """What the field itself has left over."""
        pressed = QKeySequence(event.keyCombination())
        if pressed == REDO:
            text.redo()
        elif pressed == PASTE_PLAIN:
            text.paste()
        elif event.key() == Key.Key_Escape and event.modifiers() == Held.NoModifier:
            self.left.emit()
        else:
            return False
        event.accept()
        return True


def is_its_own(focused: QWidget, event: QKeyEvent) -> bool:
    """Whether a widget that has the focus keeps this key from the commands."""
    key, held = Key(event.key()), event.modifiers() & ~Held.KeypadModifier
    if text_in(focused) is not None and not is_of_film(focused, event):
        return _is_of_text(event, key, held)
    match focused:
        case QAbstractButton():
            return held == Held.NoModifier and key == Key.Key_Space
        case QComboBox():
            return held == Held.NoModifier and key in STEPS
        case QAbstractSlider():
            return held == Held.NoModifier and key in WALK
        case QAbstractItemView():
            all_rows = event.matches(Standard.SelectAll) and focused.selectionMode() in SEVERAL
            return all_rows or (held in PLAIN and key in WALK)
        case _:
            return False


def is_of_film(focused: QWidget, event: QKeyEvent) -> bool:
    """Undo and redo in a number that nothing is typed into: what its arrows changed is a step of the history."""
    if not focused.property(IN_HISTORY):
        return False
    line = focused.findChild(QLineEdit)
    redoes = event.matches(Standard.Redo) or QKeySequence(event.keyCombination()) == REDO
    return (redoes or event.matches(Standard.Undo)) and line is not None and not line.isModified()


def text_in(widget: QWidget) -> Text | None:
    """Where words or numbers are typed in this widget, if they are."""
    match widget:
        case QLineEdit() | QPlainTextEdit() | QTextEdit():
            return None if widget.isReadOnly() else widget
        case QAbstractSpinBox():
            return widget.findChild(QLineEdit)
        case QComboBox() if widget.isEditable():
            return widget.lineEdit()
        case _:
            return None


def _is_of_text(event: QKeyEvent, key: Qt.Key, held: Qt.KeyboardModifier) -> bool:
    if held in PLAIN:
        return key < Key.Key_Escape or key in EDIT  # what is below Esc in Qt's numbers are characters
    if held == ALTGR and event.text() and event.text().isprintable():
        return True
    pressed = QKeySequence(event.keyCombination())
    return pressed in (REDO, PASTE_PLAIN) or any(event.matches(each) for each in WITH_CONTROL)
