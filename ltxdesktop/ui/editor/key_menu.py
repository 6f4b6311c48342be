"""The menu of keys: how a number goes on from them to the next, shown as little curves, and their removal."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup, QColor
from PySide6.QtWidgets import QMenu, QWidget

from ltxdesktop.document.model import Easing
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.key_shapes import EASING_WORDS, curve_icon


class KeyMenu(QMenu):
    """For some keys; `now` is the easing that they have in common, None when they differ."""

    easing_chosen = Signal(object)  # Easing
    remove_chosen = Signal()
    all_chosen = Signal()

    def __init__(self, look: Look, count: int, now: Easing | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setToolTipsVisible(True)
        colour, scale = QColor(look.theme.text), parent.devicePixelRatioF()
        group = QActionGroup(self)
        for easing, words in EASING_WORDS.items():
            action = self.addAction(curve_icon(easing, colour, scale), words)
            action.setCheckable(True)
            action.setChecked(easing is now)
            font = action.font()
            font.setBold(easing is now)  # a check mark has no room beside a picture
            action.setFont(font)
            action.setEnabled(bool(count))
            action.setToolTip("How the number goes on from here to the next key")
            action.triggered.connect(partial(self.easing_chosen.emit, easing))
            group.addAction(action)
        self.addSeparator()
        remove = self.addAction("&Remove this key" if count == 1 else f"&Remove {count} keys" if count else "&Remove")
        remove.setEnabled(bool(count))
        remove.setToolTip("Delete, while the keyframes have the focus")
        remove.triggered.connect(self.remove_chosen.emit)
        everything = self.addAction("Choose &all keys")
        everything.setToolTip("Ctrl+A, while the keyframes have the focus")
        everything.triggered.connect(self.all_chosen.emit)
