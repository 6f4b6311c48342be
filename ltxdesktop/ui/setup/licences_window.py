"""All licences in one window: the program's, those of what came with it, and those of the models, each whole.

The models' texts are the engine's; what a person accepted stands under them.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QListWidget, QVBoxLayout, QWidget

from engine.protocol.packages import LicenceText
from ltxdesktop.resources import BUNDLED, HOME, RESOURCES
from ltxdesktop.ui.parts import wrapped
from ltxdesktop.ui.setup.licence_view import accepted_words, origin_words, text_view
from ltxdesktop.ui.setup.stock import Stock

LIST_PX = 230


def shipped() -> list[tuple[str, Path]]:
    """Titles and files of the texts that came with the program, those that are there."""
    notices = Path(sys.executable).parent / "licences" if BUNDLED else HOME
    every = [
        ("ltxdesktop (Apache 2.0)", HOME / "LICENSE"),
        ("Notice", HOME / "NOTICE"),
        ("Inter, the typeface", RESOURCES / "fonts" / "OFL.txt"),
        ("What is in the bundle", notices / "THIRD-PARTY-NOTICES.txt"),
    ]
    return [(title, file) for title, file in every if file.is_file()]


class LicencesWindow(QDialog):
    """A list at the left, the chosen text at the right."""

    def __init__(self, stock: Stock, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Licences")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(900, 640)
        self._stock, self._gone = stock, False
        self._files = shipped()
        licences = stock.list.licences if stock.list is not None else ()
        self._models = [(each.title, each.licence) for each in licences]
        self.titles = QListWidget()
        self.titles.setFixedWidth(LIST_PX)
        self.titles.setAccessibleName("Licences")
        self.titles.setToolTip("Choose a text (up and down)")
        self.titles.setWordWrap(True)
        self.titles.addItems([title for title, _ in (*self._files, *self._models)])
        self.text = text_view("Text of the licence")
        self._origin = wrapped("note")
        self._origin.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self.titles.currentRowChanged.connect(self._show)
        self.titles.setCurrentRow(0)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(10)
        row = QHBoxLayout()
        row.addWidget(self.titles)
        right = QVBoxLayout()
        right.addWidget(self.text, 1)
        right.addWidget(self._origin)
        row.addLayout(right, 1)
        column.addLayout(row, 1)
        ends = QDialogButtonBox()
        close = ends.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.setToolTip("Close this window (Esc)")
        ends.rejected.connect(self.close)
        column.addWidget(ends)

    def _show(self, row: int) -> None:
        if row < len(self._files):
            self._put(self._files[row][1].read_text(encoding="utf-8", errors="replace"), "")
            return
        self._put("", "Asking the engine for it…")
        licence = self._models[row - len(self._files)][1]
        self._stock.read_licence(licence, partial(self._take_text, row))

    def _take_text(self, row: int, text: LicenceText) -> None:
        if not self._gone and self.titles.currentRow() == row:
            accepted = accepted_words(self._stock.licence(text.licence))
            self._put(text.text, f"{origin_words(text)}\n{accepted or 'Not accepted yet.'}")

    def _put(self, text: str, origin: str) -> None:
        self.text.setPlainText(text)
        self._origin.setText(origin)
        self._origin.setVisible(bool(origin))

    def done(self, result: int) -> None:
        self._gone = True  # answers that are on their way find nobody
        super().done(result)
