"""The button beside a prompt that brings back what was asked for before: the same list in Generate and in Edit."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMenu

from ltxdesktop.loop.prompts import PromptHistory
from ltxdesktop.ui.parts import IconButton
from ltxdesktop.ui.theme import Look
from ltxdesktop.words import shortened

_SHOWN = 70  # characters; the tooltip has all


class EarlierPrompts(IconButton):
    """Off as long as there are none."""

    chosen = Signal(str)  # the whole prompt

    def __init__(self, look: Look, prompts: PromptHistory) -> None:
        super().__init__(look, "list", "Earlier prompts")
        self._prompts = prompts
        self.clicked.connect(self._show)
        self._look_again()

    def add(self, prompt: str) -> None:
        """A prompt was used."""
        self._prompts.add(prompt)
        self._look_again()

    def menu_of(self) -> QMenu:
        """The prompts, newest first."""
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for words in self._prompts:
            action = menu.addAction(shortened(words, _SHOWN).replace("&", "&&"))
            action.setToolTip(words)
            action.triggered.connect(partial(self.chosen.emit, words))
        return menu

    def showEvent(self, event: QShowEvent) -> None:
        """In the other workspace prompts may have been used meanwhile."""
        self._look_again()
        super().showEvent(event)

    def _look_again(self) -> None:
        self.setEnabled(len(self._prompts) > 0)

    def _show(self) -> None:
        menu = self.menu_of()
        menu.exec(self.mapToGlobal(self.rect().bottomLeft()))
        menu.deleteLater()
