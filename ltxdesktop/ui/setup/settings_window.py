"""The window of settings: one row for each declaration, in groups, found by words. What is changed holds at once."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.settings.declared import GROUPS, OWN_KEYS, SETTINGS
from ltxdesktop.settings.errors import BadValue, NotSaved
from ltxdesktop.settings.kinds import Setting
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.parts import Panel, label, wrapped
from ltxdesktop.ui.setup.setting_row import SettingRow
from ltxdesktop.ui.theme import Look

NO_ROW: Final = (OWN_KEYS,)  # it's set in the window of shortcuts


class SettingsWindow(QDialog):
    """Shows `Settings` and changes it; whoever else changes it is shown too."""

    def __init__(self, look: Look, settings: Settings, parent: QWidget | None = None, *, search: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 720)
        self._look, self._settings = look, settings
        self.rows: dict[str, SettingRow] = {}
        self._panels: dict[str, Panel] = {}
        self._build()
        self._stop_listening = settings.listen(self._show_change)
        for row in self.rows.values():
            self._show(row)
        self.search.setText(search)
        self.search.setFocus()

    @property
    def shown(self) -> list[str]:
        """The keys of the rows that the words in the search field leave."""
        return [key for key, row in self.rows.items() if row.isVisibleTo(self)]

    def add_line(self, group: str, line: QWidget) -> None:
        """Something more to see and do at the end of a group."""
        self._panels[group].body.addWidget(line)

    # Parts

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(10)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a setting")
        self.search.setAccessibleName("Find")
        self.search.setToolTip("Words of a setting, such as “disk” or “autosave” (Ctrl+F)")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._find)
        column.addWidget(self.search)
        self._problems = wrapped("problem")
        self._problems.setAccessibleName("Problems with the file of settings")
        self._say_problems(*self._settings.problems)
        column.addWidget(self._problems)
        self._build_rows(column)
        column.addLayout(self._build_foot())

    def _build_rows(self, column: QVBoxLayout) -> None:
        """From the outside in: what is put into something else with all that it holds is polished anew each time."""
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(scroll, 1)
        page = QWidget()
        scroll.setWidget(page)
        page.setObjectName("form")
        rows = QVBoxLayout(page)
        rows.setContentsMargins(0, 0, 8, 0)
        rows.setSpacing(10)
        for group, title in GROUPS.items():
            offered = [each for each in SETTINGS if each.group == group and each not in NO_ROW]
            if offered:
                self._panels[group] = panel = Panel(title)
                rows.addWidget(panel)
                self._fill(panel, offered)
        self._nothing = label("No setting is described by these words.", "hint")
        self._nothing.hide()
        rows.addWidget(self._nothing)
        rows.addStretch(1)

    def _fill(self, panel: Panel, offered: list[Setting[Any]]) -> None:
        for setting in offered:
            row = self.rows[setting.key] = SettingRow(self._look, setting, panel)
            row.change_requested.connect(self._set)
            row.reset_requested.connect(self._reset)
            panel.body.addWidget(row)

    def _build_foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        where = "" if self._settings.path is None else f"Kept in {self._settings.path}"
        path = label(where, "hint")
        path.setWordWrap(True)
        path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        ends = QDialogButtonBox()
        close = ends.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.setToolTip("What was changed holds already (Esc)")
        close.setAutoDefault(False)
        ends.rejected.connect(self.close)
        foot.addWidget(path, 1)
        foot.addWidget(ends)
        return foot

    # Slots

    def _find(self, words: str) -> None:
        for row in self.rows.values():
            row.setVisible(row.setting.found_by(words))
        for group, panel in self._panels.items():
            panel.setVisible(
                any(row.setting.found_by(words) for row in self.rows.values() if row.setting.group == group)
            )
        self._nothing.setVisible(not self.shown)

    def _set(self, setting: Setting[Any], value: object) -> None:
        try:
            self._settings.set(setting, value)
        except BadValue as exc:
            self.rows[setting.key].say(f"This isn't taken: {exc.why}.")
        except NotSaved as exc:
            self._say_problems(str(exc))

    def _reset(self, setting: Setting[Any]) -> None:
        try:
            self._settings.reset(setting)
        except NotSaved as exc:
            self._say_problems(str(exc))

    def _show_change(self, setting: Setting[Any]) -> None:
        if (row := self.rows.get(setting.key)) is not None:
            self._show(row)

    def _show(self, row: SettingRow) -> None:
        row.show_value(self._settings.get(row.setting), is_set=self._settings.is_set(row.setting))

    def _say_problems(self, *problems: str) -> None:
        self._problems.setText("\n".join(problems))
        self._problems.setVisible(bool(problems))

    def done(self, result: int) -> None:
        self._stop_listening()
        super().done(result)
