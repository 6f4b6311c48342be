"""Keys that belong to a widget while it has the focus, though the window has commands on them: Delete in a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget


class OwnKeys(QObject):
    """Lives as long as its widget. Keys are written as Qt does: "Del", "Shift+F10".

    Qt asks the focused widget whether a key is its own before it looks for a shortcut. What an editor within the widget
    leaves over is none of these: Enter ends a name there.
    """

    def __init__(self, widget: QWidget, keys: Mapping[str, Callable[[], object]]) -> None:
        super().__init__(widget)
        self._widget, self._keys = widget, dict(keys)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.type() not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        call = self._keys.get(QKeySequence(QKeyCombination(held, Qt.Key(event.key()))).toString())
        if call is None or not self._widget.hasFocus():
            return False
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            call()
        return True
