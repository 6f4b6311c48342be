"""The commands as QActions: one for each, shared by menus, buttons, keys and the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from ltxdesktop.ui.commands import COMMANDS, Command
from ltxdesktop.ui.focus_keys import FocusKeys
from ltxdesktop.ui.keymaps import OURS, Keymap
from ltxdesktop.ui.parts import IconButton
from ltxdesktop.ui.theme import Look


class Actions(QObject):
    """Holds an action for every command. `owner` is the widget whose window they work in, while it's visible.

    The keys are ours until somebody says otherwise; who keeps the person's choice listens to `keys_changed`.
    """

    keys_changed = Signal()

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._actions: dict[str, QAction] = {}
        self._calls: dict[str, list[Callable[[], object]]] = {}
        self._detours: dict[str, Callable[[], bool]] = {}
        self._barred: Callable[[str], bool] = lambda _name: False
        self.keymap = OURS
        for command in COMMANDS:
            action = QAction(command.words, self)
            action.setCheckable(command.checkable)
            action.setObjectName(command.name)
            action.triggered.connect(partial(self._do, command.name))
            owner.addAction(action)
            self._actions[command.name] = action
        self.focus_keys = FocusKeys(self)
        owner.installEventFilter(self.focus_keys)
        self.use(OURS)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def names(self) -> list[str]:
        return list(self._actions)

    def bind(self, name: str, call: Callable[[], object]) -> None:
        """Have a command do something."""
        self._calls.setdefault(name, []).append(call)

    def detour(self, name: str, call: Callable[[], bool]) -> None:
        """Ask first whether a command means something else now: when it says True, it was that."""
        self._detours[name] = call

    def bar(self, barred: Callable[[str], bool]) -> None:
        """Ask before each command whether it can't be done now; who is asked tells the person why."""
        self._barred = barred

    def bound(self, name: str) -> bool:
        """Whether a command does anything."""
        return name in self._calls

    def _do(self, name: str) -> None:
        if self._barred(name):
            return
        detour = self._detours.get(name)
        if detour is None or not detour():
            for call in self._calls.get(name, []):
                call()

    def bind_checked(self, name: str, call: Callable[[bool], object], *, on: bool = False) -> None:
        """Have a command switch something on and off."""
        self._actions[name].setChecked(on)
        self._actions[name].toggled.connect(call)

    def use(self, keymap: Keymap) -> None:
        """Give every command its keys from this keymap, and say them in tooltips."""
        self.keymap = keymap
        for command in COMMANDS:
            action = self._actions[command.name]
            keys = keymap.keys(command.name)
            action.setShortcuts([QKeySequence(key) for key in keys])
            action.setToolTip(tooltip(command, keys))
        self.keys_changed.emit()

    def menu(self, names: Iterable[str], parent: QWidget) -> QMenu:
        """A menu of commands, "" for a line between them; it's deleted when it's closed."""
        menu = QMenu(parent)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in names:
            if name:
                menu.addAction(self[name])
            else:
                menu.addSeparator()
        return menu

    def button(self, look: Look, name: str, icon: str) -> IconButton:
        """A button for a command, with its tooltip; follows its keys, and whether it can be used."""
        return ActionButton(look, icon, self, name)


def native(key: str) -> str:
    """A key as this system writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def tooltip(command: Command, keys: tuple[str, ...]) -> str:
    words = command.words.removesuffix("…")
    head = f"{words} ({native(keys[0])})" if keys else words
    return f"{head}\n{command.tip}" if command.tip else head


class ActionButton(IconButton):
    """An icon that triggers an action and shows its state."""

    def __init__(self, look: Look, icon: str, actions: Actions, name: str) -> None:
        self._actions, self._name = actions, name
        super().__init__(look, icon, actions[name].text().removesuffix("…"))
        action = actions[name]
        self.setCheckable(action.isCheckable())
        self.setChecked(action.isChecked())
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()

    def nextCheckState(self) -> None:
        """The action's state decides, not the click."""

    def _follow(self) -> None:
        action = self._actions[self._name]
        self.setEnabled(action.isEnabled())
        self.setToolTip(action.toolTip())
        self.setChecked(action.isChecked())
