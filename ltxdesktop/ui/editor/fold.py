"""Rows of the inspector under a heading that folds them away."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ltxdesktop.ui.parts import IconButton, label
from ltxdesktop.ui.theme import Look


class Group(QWidget):
    """Put controls into `rows`."""

    def __init__(self, look: Look, words: str, *, open_at_first: bool = True) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 4)
        column.setSpacing(4)
        self._head = QHBoxLayout()
        self._fold = IconButton(look, "fold-open" if open_at_first else "fold-closed", f"Show or hide {words}")
        self._head.addWidget(self._fold)
        self.title = label(words, "title")
        self._head.addWidget(self.title)
        self._head.addStretch(1)
        column.addLayout(self._head)
        self._page = QWidget()
        self.rows = QVBoxLayout(self._page)
        self.rows.setContentsMargins(8, 0, 0, 0)
        self.rows.setSpacing(3)
        self._page.setVisible(open_at_first)
        column.addWidget(self._page)
        self._fold.clicked.connect(self._toggle)

    def add_button(self, button: QWidget) -> None:
        """A button at the right of the heading."""
        self._head.addWidget(button)

    def _toggle(self) -> None:
        shown = self._page.isHidden()
        self._page.setVisible(shown)
        self._fold.set_icon("fold-open" if shown else "fold-closed")
