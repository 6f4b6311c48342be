"""The steps of the open project: press one to go there. What was undone is faint."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget

from ltxdesktop.document.history import Entry
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.own_keys import OwnKeys
from ltxdesktop.ui.theme import Look


class HistoryPanel(QWidget):
    """A list that follows the project's history."""

    def __init__(self, look: Look, project: OpenProject) -> None:
        super().__init__()
        self._look, self._project = look, project
        self._shown: tuple[Entry, ...] = ()
        self.list = QListWidget()
        self.list.setAccessibleName("Steps")
        self.list.setToolTip("Press a step (or choose it and press Enter) to go back or forward to it")
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.list)
        self.list.itemClicked.connect(self._go)
        self._keys = OwnKeys(self.list, dict.fromkeys(("Return", "Enter"), self._go_to_current))
        self.setFocusProxy(self.list)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._open_menu)
        project.steps_changed.connect(self.show_steps)
        look.changed.connect(self.show_steps)
        self.show_steps()

    def show_steps(self) -> None:
        entries, index = self._project.entries, self._project.index
        kept = 0
        while kept < min(len(entries), len(self._shown)) and entries[kept] is self._shown[kept]:
            kept += 1
        while self.list.count() > kept:
            self.list.takeItem(self.list.count() - 1)
        self.list.addItems([entry.name for entry in entries[kept:]])
        self._shown = entries
        self._mark(index)

    def _mark(self, index: int) -> None:
        faint, text = QColor(self._look.theme.faint), QColor(self._look.theme.text)
        for row in range(self.list.count()):
            self.list.item(row).setForeground(faint if row > index else text)
        self.list.setCurrentRow(index)
        self.list.scrollToItem(self.list.item(index))

    def _go_to_current(self) -> None:
        if self.list.currentRow() >= 0:
            self._go(self.list.currentItem())

    def _open_menu(self, at: QPoint) -> None:
        if self.list.indexAt(at).isValid():
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction("Go to this step\tEnter").triggered.connect(self._go_to_current)
            menu.popup(self.list.viewport().mapToGlobal(at))

    def _go(self, item: QListWidgetItem) -> None:
        row = self.list.row(item)
        if row != self._project.index:
            self._project.jump(row)
