"""The takes of the selected clip as a list: show one, rate it, name it, make it again, remove it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget

from ltxdesktop.document.model import Clip, Take
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.parts import wrapped
from ltxdesktop.ui.theme import Look

HIGHEST_RATING = 5
NO_TAKES = "Select a clip that was made again: its takes are listed here."


class TakesView(QWidget):
    """Says what was asked by number of the take; shows nothing for clips that have only one."""

    chosen = Signal(int)
    renamed = Signal(int, str)
    rated = Signal(int, int)
    removed = Signal(int)

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._list = QListWidget()
        self._list.setAccessibleName("Takes of the clip")
        self._list.setToolTip("A click shows a take (Alt+Down, Alt+Up); F2 or a double click names it")
        self._list.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.currentRowChanged.connect(self._choose)
        self._list.itemChanged.connect(self._rename)
        self._list.customContextMenuRequested.connect(self._show_menu)
        head = QHBoxLayout()
        head.setSpacing(2)
        for name, icon in (
            ("make.compare", "picture"),
            ("make.finish", "check"),
            ("make.again", "again"),
            ("make.vary", "vary"),
            ("make.recipe", "info"),
            ("make.remove_unused", "clear"),
        ):
            head.addWidget(actions.button(look, name, icon))
        head.addStretch(1)
        self._none = wrapped("hint")
        self._none.setText(NO_TAKES)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._none)
        column.addWidget(self._list, 1)
        self.show_clip(None)

    def show_clip(self, clip: Clip | None) -> None:
        """List the takes of a clip."""
        takes = clip.takes if clip is not None else ()
        self._none.setVisible(len(takes) < 2)
        self._list.setVisible(len(takes) > 1)
        with QSignalBlocker(self._list):
            self._list.clear()
            for number, take in enumerate(takes):
                item = QListWidgetItem(take_words(take, number))
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setData(Qt.ItemDataRole.UserRole, take)
                item.setToolTip(take.note or take_words(take, number))
                self._list.addItem(item)
            if clip is not None and takes:
                self._list.setCurrentRow(clip.active)

    def _choose(self, number: int) -> None:
        if number >= 0:
            self.chosen.emit(number)

    def _rename(self, item: QListWidgetItem) -> None:
        take = item.data(Qt.ItemDataRole.UserRole)
        words = item.text().rstrip("★ ").strip()
        if isinstance(take, Take) and words and words != take.name:
            self.renamed.emit(self._list.row(item), words)

    def _show_menu(self, at: QPoint) -> None:
        self._menu().exec(self._list.mapToGlobal(at))

    def _menu(self) -> QMenu:
        menu, number = QMenu(self), self._list.currentRow()
        stars = menu.addMenu("Rate")
        for rating in range(HIGHEST_RATING + 1):
            action = QAction("★" * rating or "Not rated", stars)
            action.triggered.connect(lambda _=False, rating=rating: self.rated.emit(number, rating))
            stars.addAction(action)
        for name in ("make.finish", "make.again", "make.vary", "make.recipe"):
            menu.addAction(self._actions[name])
        remove = menu.addAction("Remove this take")
        remove.setEnabled(number > 0)
        remove.triggered.connect(lambda: self.removed.emit(number))
        return menu


def take_words(take: Take, number: int) -> str:
    """What a take is called: its name, or what it is, with its rating."""
    words = take.name or ("Original" if number == 0 else f"Take {number}")
    return f"{words}  {'★' * take.rating}" if take.rating else words
