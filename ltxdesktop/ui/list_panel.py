"""A panel with one list and what can be done with its chosen row: the jobs, the takes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QWidget

from ltxdesktop.ui.overflow_row import OverflowRow
from ltxdesktop.ui.parts import IconButton, Panel
from ltxdesktop.ui.theme import Look


class ListPanel(Panel):
    """Every action is a button beside the heading, an entry of the list's menu, and a key."""

    def __init__(self, heading: str, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(heading, parent)
        self._look = look
        self._actions: dict[str, QAction] = {}
        self._buttons = OverflowRow(look, heading, (0, 0, 0, 0), 4)
        self.head.addWidget(self._buttons)
        self._list = QListView()
        self._list.setAccessibleName(heading)
        self._list.setMouseTracking(True)
        self._list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._show_menu)
        look.changed.connect(self._list.viewport().update)

    @property
    def actions_by_name(self) -> dict[str, QAction]:
        """For the menu bar."""
        return self._actions

    def _add(self, name: str, icon: str, words: str, keys: str, call: Callable[[], object]) -> QAction:
        """`keys` "": none, where they mean something else."""
        action = QAction(words, self)
        action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda: call())  # without the signal's own word, checked
        button = IconButton(self._look, icon, words, keys)
        button.clicked.connect(action.trigger)
        action.enabledChanged.connect(button.setEnabled)
        self.addAction(action)
        self._buttons.add(button, len(self._actions), action)
        self._actions[name] = action
        return action

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.addActions(list(self._actions.values()))
        menu.exec(self._list.viewport().mapToGlobal(at))
        menu.deleteLater()
