"""The button that names the open sequence; its menu opens another one, begins, copies and removes them."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QWidget

from ltxdesktop.document.model import Document
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.timeline.editing import EditDesk
from ltxdesktop.ui.timeline.sequence_commands import SequenceCommands

WIDEST_PX = 170
_OWN = ("sequence.new", "sequence.duplicate", "sequence.remove", "sequence.settings")


class SequenceButton(QPushButton):
    """Shows the name of the open sequence, cut where it is too long."""

    def __init__(self, desk: EditDesk, commands: SequenceCommands, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._commands, self._actions = desk, commands, actions
        self.setAccessibleName("Sequence")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(WIDEST_PX)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self.fill)
        self.setMenu(self._menu)
        self.show_document(desk.document)

    def show_document(self, document: Document) -> None:
        name = document.sequence.name
        self.setText(self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, WIDEST_PX - 50))
        self.setToolTip(f"{name}: open another sequence of this project, or begin one")

    def fill(self) -> None:
        """The sequences as they are now, the open one marked."""
        self._menu.clear()
        document = self._desk.document
        for sequence in document.sequences:
            action = self._menu.addAction(sequence.name)
            action.setCheckable(True)
            action.setChecked(sequence.id == document.active)
            action.triggered.connect(partial(self._commands.open, sequence.id))
        self._menu.addSeparator()
        for name in _OWN:
            self._menu.addAction(self._actions[name])
