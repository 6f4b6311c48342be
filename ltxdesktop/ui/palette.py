"""The command palette: all commands in one list, found by a few letters of their words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from ltxdesktop.ui.actions import Actions, native
from ltxdesktop.ui.commands import COMMANDS, GROUP_NAMES, Command
from ltxdesktop.ui.parts import label

WIDTH_PX, HEIGHT_PX = 560, 420


class Match(NamedTuple):
    """How well a command fits what was typed: lower is better."""

    rank: tuple[int, int, int]
    command: Command


def rank(query: str, words: str) -> tuple[int, int, int] | None:
    """How well words fit a query: as a beginning, at word beginnings, inside, as scattered letters; None = not."""
    query, words = query.casefold().strip(), words.casefold()
    if not query:
        return (0, 0, 0)
    if words.startswith(query):
        return (0, 0, 0)
    if all(any(word.startswith(part) for word in words.split()) for part in query.split()):
        return (1, words.find(query.split()[0]), 0)
    if query in words:
        return (2, words.find(query), 0)
    place, gaps = -1, 0
    for letter in query.replace(" ", ""):
        found = words.find(letter, place + 1)
        if found < 0:
            return None
        gaps += found - place - 1
        place = found
    return (3, gaps, len(words))


def matching(query: str, commands: Iterable[Command] = COMMANDS) -> list[Command]:
    """The commands that fit, best first; their own words count more than group and explanation."""
    found: list[Match] = []
    for command in commands:
        own = rank(query, command.words)
        if own is not None and own[0] < 3:
            found.append(Match(own, command))
            continue
        whole = rank(query, f"{GROUP_NAMES[command.group]} {command.words} {command.tip}")
        if whole is not None and (whole[0] < 3 or own is not None):
            found.append(Match((whole[0] + 4, whole[1], whole[2]), command))
    return [match.command for match in sorted(found, key=lambda match: match.rank)]


class CommandPalette(QDialog):
    """Type, choose with the arrows, Enter does it, Esc doesn't."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("palette")
        self.setAccessibleName("All commands")
        self._actions = actions
        self.field = QLineEdit()
        self.field.setPlaceholderText("What do you want to do?")
        self.field.setAccessibleName("Find a command")
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.setAccessibleName("Commands")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        column.addWidget(label("↑ ↓ choose    Enter does it    Esc closes", "hint"))
        self.field.setToolTip("Words of a command, or a key; arrows choose, Enter does it, Esc closes")
        self.field.textChanged.connect(self._find)
        self.field.installEventFilter(self)
        self.list.itemClicked.connect(self._do)
        self.resize(WIDTH_PX, HEIGHT_PX)
        self._find("")

    def show_over(self, window: QWidget) -> None:
        """Appear in the upper middle of a window, with nothing typed."""
        self.field.clear()
        self._find("")
        corner = QPoint((window.width() - self.width()) // 2, max(40, window.height() // 8))
        self.move(window.mapToGlobal(corner))
        self.show()
        self.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows move in the list while the field keeps the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
            key = Qt.Key(event.key())
            if key in steps:
                self._choose(self._row + steps[key])
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._do(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)

    def _find(self, query: str) -> None:
        self.list.clear()
        for command in matching(query):
            keys = self._actions.keymap.keys(command.name)
            words = f"{GROUP_NAMES[command.group]}:  {command.words}"
            item = QTreeWidgetItem([words, native(keys[0]) if keys else ""])
            item.setToolTip(0, command.tip)
            item.setData(0, Qt.ItemDataRole.UserRole, command.name)
            if not self._actions[command.name].isEnabled():
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.list.addTopLevelItem(item)
        self._choose(0)

    @property
    def _row(self) -> int:
        return self.list.currentIndex().row()

    def _choose(self, row: int) -> None:
        item = self.list.topLevelItem(max(0, min(self.list.topLevelItemCount() - 1, row)))
        if item is not None:
            self.list.setCurrentItem(item)

    def _do(self, item: QTreeWidgetItem | None) -> None:
        if item is None or not item.flags() & Qt.ItemFlag.ItemIsEnabled:
            return
        self.hide()
        self._actions[item.data(0, Qt.ItemDataRole.UserRole)].trigger()
