"""One setting in the settings window: its title, its control by what kind it is, its help, and the way back."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.settings.kinds import Choice, Folder, Number, Setting, Switch, Text, Whole
from ltxdesktop.ui.decimal_field import DecimalField
from ltxdesktop.ui.parts import IconButton, label, wrapped
from ltxdesktop.ui.theme import Look, figures

FIELD_PX = 250
Field = TypeVar("Field", QSpinBox, QDoubleSpinBox)


class SettingRow(QFrame):
    """Shows a value and asks for another. It sets nothing itself."""

    change_requested = Signal(object, object)  # Setting, the value
    reset_requested = Signal(object)  # Setting

    def __init__(self, look: Look, setting: Setting[Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self.setAccessibleName(setting.title)
        self.field = self._make_field(setting)
        self.field.setAccessibleName(setting.title)
        self.field.setAccessibleDescription(setting.help)
        self.field.setToolTip(setting.help)
        self.reset = IconButton(look, "retry", f"As delivered: {shown(setting, setting.default)}")
        self.reset.setAccessibleName(f"Reset: {setting.title}")
        self.reset.clicked.connect(lambda: self.reset_requested.emit(setting))
        self._problem = wrapped("problem")
        self._lay_out()

    @property
    def problem(self) -> str:
        return self._problem.text()

    def show_value(self, value: object, *, is_set: bool) -> None:
        """Show what holds now; the way back is there only if the person has said something."""
        with QSignalBlocker(self.field):
            match self.field:
                case QCheckBox():
                    self.field.setChecked(bool(value))
                case QComboBox():
                    self.field.setCurrentIndex(self.field.findData(value))
                case QSpinBox():
                    self.field.setValue(cast(int, value))
                case QDoubleSpinBox():
                    self.field.setValue(cast(float, value))
                case QLineEdit():
                    self.field.setText(str(value))
                case _:
                    raise TypeError(type(self.field).__name__)
        self.reset.setEnabled(is_set)
        self.say("")

    def say(self, problem: str) -> None:
        """Say under the control why a value wasn't taken; "" takes it away."""
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))

    # Parts

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 6)
        column.setSpacing(3)
        row = QHBoxLayout()
        row.setSpacing(6)
        title = QLabel(self.setting.title)
        title.setBuddy(self.field)
        row.addWidget(title, 1)
        row.addWidget(self.field)
        if isinstance(self.setting, Folder):
            row.addWidget(self._folder_button())
        row.addWidget(self.reset)
        column.addLayout(row)
        words = self.setting.help + (" Takes effect at the next start." if self.setting.restart else "")
        about = label(words, "note")
        about.setWordWrap(True)
        column.addWidget(about)
        column.addWidget(self._problem)

    def _make_field(self, setting: Setting[Any]) -> QWidget:
        match setting:
            case Switch():
                field: QWidget = self._make_switch()
            case Choice():
                field = self._make_choice(setting)
            case Whole():
                field = self._make_whole(setting)
            case Number():
                field = self._make_number(setting)
            case Text():
                field = self._make_text(setting)
            case _:
                raise TypeError(f"no control for {type(setting).__name__}")
        if not isinstance(setting, Switch):
            field.setFixedWidth(FIELD_PX)
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not by the wheel: that scrolls the window
        return field

    def _make_switch(self) -> QCheckBox:
        field = QCheckBox()
        field.toggled.connect(self._ask)
        return field

    def _make_choice(self, setting: Choice) -> QComboBox:
        field = _Combo()
        field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for value, words in setting.choices.items():
            field.addItem(words, value)
            field.setItemData(field.count() - 1, words, Qt.ItemDataRole.ToolTipRole)  # longer than the box, perhaps
        field.view().setMinimumWidth(field.view().sizeHintForColumn(0) + 24)
        field.activated.connect(self._ask_chosen)
        return field

    def _make_whole(self, setting: Whole) -> QSpinBox:
        field = _Whole()
        field.setRange(setting.minimum, setting.maximum)
        field.setSuffix(f" {setting.unit}" if setting.unit else "")
        field.valueChanged.connect(self._ask)
        return _counting(field)

    def _make_number(self, setting: Number) -> QDoubleSpinBox:
        field = _Number()
        field.setRange(setting.minimum, setting.maximum)
        field.setSuffix(f" {setting.unit}" if setting.unit else "")
        field.valueChanged.connect(self._ask)
        return _counting(field)

    def _make_text(self, setting: Text) -> QLineEdit:
        field = QLineEdit()
        field.setMaxLength(setting.longest)
        field.editingFinished.connect(lambda: self._ask(field.text().strip()))
        return field

    def _folder_button(self) -> QPushButton:
        button = QPushButton("Choose…")
        button.setToolTip("Choose a folder on this machine")
        button.setAccessibleName(f"Choose: {self.setting.title}")
        button.setAutoDefault(False)
        button.clicked.connect(self._choose_folder)
        return button

    def _choose_folder(self) -> None:
        assert isinstance(self.field, QLineEdit)
        if folder := QFileDialog.getExistingDirectory(self, self.setting.title, self.field.text()):
            self._ask(folder)

    def _ask_chosen(self, place: int) -> None:
        assert isinstance(self.field, QComboBox)
        self._ask(self.field.itemData(place))

    def _ask(self, value: object) -> None:
        self.change_requested.emit(self.setting, value)


def shown(setting: Setting[Any], value: object) -> str:
    """A value in words, as the control would show it."""
    match setting:
        case Switch():
            return "on" if value else "off"
        case Choice():
            return setting.choices[str(value)]
        case Whole() | Number():
            return f"{value:g} {setting.unit}".strip()
        case _:
            return str(value) or "empty"


class _Combo(QComboBox):
    """Leaves the wheel to the page under it, unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class _Whole(QSpinBox):
    """Leaves the wheel to the page under it, unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class _Number(DecimalField):
    """Leaves the wheel to the page under it, unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


def _counting(field: Field) -> Field:
    field.setKeyboardTracking(False)  # a number is taken when it's entered, not digit by digit
    field.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.UpDownArrows)
    field.setFont(figures(field.font()))
    field.lineEdit().setTextMargins(5, 0, 0, 0)  # the sheet's padding doesn't reach the text of a spin box
    return field
