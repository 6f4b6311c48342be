"""The window in which keys are looked up and changed, with a warning where one key has two commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.ui.actions import Actions, native
from ltxdesktop.ui.commands import BY_NAME, COMMANDS, GROUP_NAMES
from ltxdesktop.ui.dialog_ends import ok_and_cancel
from ltxdesktop.ui.keymaps import BUILT_IN, OWN, NotAKeymap, from_text
from ltxdesktop.ui.palette import rank
from ltxdesktop.ui.parts import label
from ltxdesktop.ui.theme import Look

NAME_ROLE = Qt.ItemDataRole.UserRole


class KeymapsWindow(QDialog):
    """Shows a keymap; changes make one of the person's own, in force when the window is accepted."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.resize(680, 620)
        self._look, self._actions = look, actions
        self.keymap = actions.keymap
        self.choice = QComboBox()
        self.choice.setAccessibleName("Keymap")
        self.choice.setToolTip("Keys as in ltxdesktop, Premiere Pro or DaVinci Resolve, or your own")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a command or a key")
        self.search.setAccessibleName("Find")
        self.search.setToolTip("Words of a command, or a key such as Ctrl+K")
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Command", "Keys"])
        self.tree.setAccessibleName("Commands and keys")
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.setRootIsDecorated(False)
        self.keys = QKeySequenceEdit()
        self.keys.setMaximumSequenceLength(1)
        self.keys.setClearButtonEnabled(True)
        self.keys.setAccessibleName("New key")
        self.keys.setToolTip("Press the new key for the chosen command")
        self.add = QPushButton("Use this key")
        self.add.setToolTip("Give the chosen command this key, in place of its others")
        self.none = QPushButton("No key")
        self.none.setToolTip("Take the chosen command's keys away")
        self.warning = label("", "problem")
        self.warning.setWordWrap(True)
        self._lay_out()
        self.choice.activated.connect(self._choose)
        self.search.textChanged.connect(self._fill)
        self.tree.currentItemChanged.connect(self._show_chosen)
        self.keys.keySequenceChanged.connect(self._warn)
        self.add.clicked.connect(self._set_key)
        self.none.clicked.connect(self._clear_keys)
        self._offer()
        self._fill()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        top = QHBoxLayout()
        top.addWidget(self.choice)
        top.addWidget(self.search, 1)
        load, save = QPushButton("Load…"), QPushButton("Save…")
        load.setToolTip("Read a keymap from a file")
        save.setToolTip("Write this keymap into a file")
        load.clicked.connect(self._load)
        save.clicked.connect(self._save)
        top.addWidget(load)
        top.addWidget(save)
        column.addLayout(top)
        column.addWidget(self.tree, 1)
        row = QHBoxLayout()
        row.addWidget(self.keys, 1)
        row.addWidget(self.add)
        row.addWidget(self.none)
        column.addLayout(row)
        column.addWidget(self.warning)
        column.addWidget(ok_and_cancel(self, "Use these keys from now on"))

    def accept(self) -> None:
        self._actions.use(self.keymap)
        super().accept()

    def _offer(self) -> None:
        self.choice.clear()
        for keymap in BUILT_IN:
            self.choice.addItem(keymap.words, keymap.name)
        if self.keymap.name not in {each.name for each in BUILT_IN}:
            self.choice.addItem(self.keymap.words, self.keymap.name)
        self.choice.setCurrentIndex(self.choice.findData(self.keymap.name))

    def _choose(self, place: int) -> None:
        name = self.choice.itemData(place)
        chosen = next((each for each in BUILT_IN if each.name == name), None)
        if chosen is not None:
            self.keymap = chosen
            self._fill()

    def _fill(self) -> None:
        current = self.chosen
        self.tree.clear()
        query = self.search.text()
        conflicts = self.keymap.conflicts()
        for command in COMMANDS:
            keys = self.keymap.keys(command.name)
            shown = ", ".join(native(key) for key in keys)
            fits = rank(query, f"{command.words} {GROUP_NAMES[command.group]}")
            if query and (fits is None or fits[0] == 3) and query.casefold() not in shown.casefold():
                continue
            words = f"{GROUP_NAMES[command.group]}:  {command.words.removesuffix('…')}"
            item = QTreeWidgetItem([words, shown])
            item.setData(0, NAME_ROLE, command.name)
            item.setToolTip(0, command.tip)
            clash = [key for key in keys if key in conflicts]
            if clash:
                item.setForeground(1, QColor(self._look.theme.warn))
                item.setToolTip(1, self._clash_words(clash[0], command.name))
            self.tree.addTopLevelItem(item)
            if command.name == current:
                self.tree.setCurrentItem(item)
        first = self.tree.topLevelItem(0)
        if not self.chosen and first is not None:
            self.tree.setCurrentItem(first)
        self._show_chosen()

    @property
    def chosen(self) -> str:
        """The name of the command that is chosen; "" for none."""
        items = self.tree.selectedItems()
        return str(items[0].data(0, NAME_ROLE)) if items else ""

    def choose(self, name: str) -> None:
        for row in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(row)
            if item is not None and item.data(0, NAME_ROLE) == name:
                self.tree.setCurrentItem(item)

    def _show_chosen(self) -> None:
        name = self.chosen
        keys = self.keymap.keys(name) if name else ()
        self.keys.setKeySequence(QKeySequence(keys[0]) if keys else QKeySequence())
        for each in (self.keys, self.add, self.none):
            each.setEnabled(bool(name))
        self._warn()

    def _warn(self) -> None:
        key = self._typed()
        self.warning.setText(self._clash_words(key, self.chosen) if key else "")

    def _typed(self) -> str:
        return self.keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _clash_words(self, key: str, name: str) -> str:
        others = [BY_NAME[each].words.removesuffix("…") for each in self.keymap.owners(key) if each != name]
        return (
            f"{native(key)} also belongs to: {', '.join(others)}. It does neither until one gives way."
            if others
            else ""
        )

    def _set_key(self) -> None:
        key = self._typed()
        if key:
            self._change((key,))

    def _clear_keys(self) -> None:
        self._change(())

    def _change(self, keys: tuple[str, ...]) -> None:
        if not self.chosen:
            return
        changed = self.keymap.with_keys(self.chosen, keys)
        if changed.name != OWN:
            changed = replace(changed, name=OWN, words=f"My own (from {changed.words})")
        self.keymap = changed
        self._offer()
        self._fill()

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a keymap", "", "Keymaps (*.json)")
        if not path:
            return
        try:
            self.keymap = replace(from_text(Path(path).read_text(encoding="utf-8")), name=OWN)
        except (NotAKeymap, OSError, UnicodeDecodeError) as exc:
            self.warning.setText(str(exc))
            return
        self._offer()
        self._fill()

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save this keymap", "keys.json", "Keymaps (*.json)")
        if path:
            try:
                Path(path).write_text(self.keymap.to_text(), encoding="utf-8")
            except OSError as exc:
                self.warning.setText(f"It could not be written: {exc}")
