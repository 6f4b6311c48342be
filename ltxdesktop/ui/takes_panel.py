"""The takes panel: finished results as a grid, and what can be done with the chosen one. It only asks."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QStackedLayout, QWidget

from engine.protocol.work import Extend, Retake
from ltxdesktop.ui.cards import TakeCards
from ltxdesktop.ui.models.take_list import Take, TakeListModel
from ltxdesktop.ui.models.values import VALUE
from ltxdesktop.ui.parts import IconButton, Panel, label
from ltxdesktop.ui.theme import Look


class TakesPanel(Panel):
    """Shows a `TakeListModel`."""

    chosen = Signal(object)  # Take, to be played
    finish_requested = Signal(object)  # Take, a draft
    again_requested = Signal(object)  # Take: fill the panel with its recipe
    vary_requested = Signal(object)  # Take: the same with another seed
    retake_requested = Signal(object)  # Take: use it as the clip to work on
    save_requested = Signal(object)
    join_requested = Signal(object)  # Take: save the whole clip with it in its place
    recipe_requested = Signal(object)

    def __init__(self, look: Look, takes: TakeListModel, parent: QWidget | None = None) -> None:
        super().__init__("Takes", parent)
        self._look, self._takes = look, takes
        self._actions: dict[str, QAction] = {}
        self._list = QListView()
        self._list.setModel(takes)
        self._list.setItemDelegate(TakeCards(look, self))
        self._list.setViewMode(QListView.ViewMode.IconMode)
        self._list.setResizeMode(QListView.ResizeMode.Adjust)
        self._list.setMovement(QListView.Movement.Static)
        self._list.setUniformItemSizes(True)
        self._list.setMouseTracking(True)
        self._list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._list.setAccessibleName("Takes")
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._show_menu)
        self._list.selectionModel().currentChanged.connect(self._choose)
        self._list.clicked.connect(self._choose)
        look.changed.connect(self._list.viewport().update)

        self._empty = label("Finished takes appear here, with everything needed to make them again.", "hint")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._list)
        self.body.addLayout(self._pages, 1)

        self._add("finish", "spark", "Finish this draft", "Ctrl+Shift+Return", self.finish_requested)
        self._add("again", "again", "Again with this recipe", "Ctrl+G", self.again_requested)
        self._add("vary", "vary", "Vary: the same with another seed", "Ctrl+Shift+G", self.vary_requested)
        self._add("retake", "scissors", "Retake a part of this take", "Ctrl+T", self.retake_requested)
        self._add("recipe", "info", "Show the recipe", "Ctrl+I", self.recipe_requested)
        self._add("join", "film", "Save the whole clip with this take in it…", "Ctrl+Shift+S", self.join_requested)
        self._add("save", "save", "Save a copy…", "Ctrl+S", self.save_requested)
        for signal in (takes.modelReset, takes.rowsInserted, takes.rowsRemoved):
            signal.connect(self._refresh)
        self._refresh()

    @property
    def actions_by_name(self) -> dict[str, QAction]:
        """For the menu bar."""
        return self._actions

    def choose(self, path: str) -> None:
        row = self._takes.row_of(path)
        if row >= 0:
            self._list.setCurrentIndex(self._takes.index(row))

    def current(self) -> Take | None:
        index = self._list.currentIndex()
        return index.data(VALUE) if index.isValid() else None

    def _add(self, name: str, icon: str, words: str, keys: str, signal: SignalInstance) -> None:
        button = IconButton(self._look, icon, words, keys)
        action = QAction(words, self)
        action.setShortcut(QKeySequence(keys))

        def ask() -> None:
            if (take := self.current()) is not None:
                signal.emit(take)

        action.triggered.connect(ask)
        button.clicked.connect(action.trigger)
        action.enabledChanged.connect(button.setEnabled)
        self.addAction(action)
        self._actions[name] = action
        self.head.addWidget(button)

    def _choose(self) -> None:
        self._refresh()
        if (take := self.current()) is not None:
            self.chosen.emit(take)

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        for action in self._actions.values():
            menu.addAction(action)
        menu.exec(self._list.viewport().mapToGlobal(at))
        menu.deleteLater()

    def _refresh(self) -> None:
        self._pages.setCurrentWidget(self._list if self._takes.rowCount() else self._empty)
        take = self.current()
        for name, action in self._actions.items():
            action.setEnabled(take is not None and _possible(name, take))


def _possible(action: str, take: Take) -> bool:
    """Whether an action makes sense for a take."""
    if action in {"save", "retake"}:
        return True
    if take.recipe is None:
        return False
    if action == "finish":
        return take.finishing() is not None
    return action != "join" or isinstance(take.recipe.work, Retake | Extend)
