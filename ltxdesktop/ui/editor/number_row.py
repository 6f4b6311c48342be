"""One number of a clip: its name (drag it sideways), a field, and a key button."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from ltxdesktop.document.parameters import Declared
from ltxdesktop.ui.decimal_field import DecimalField
from ltxdesktop.ui.focus_keys import IN_HISTORY, is_of_film
from ltxdesktop.ui.parts import IconButton, label
from ltxdesktop.ui.theme import Look, figures

NAME_PX, FIELD_PX = 92, 96
PX_PER_STEP = 3


def shown_factor(declared: Declared) -> float:
    """What a value is multiplied with to be shown."""
    return 100.0 if declared.unit == "%" else 1.0


def decimals_of(declared: Declared) -> int:
    """As many as one step needs."""
    step = declared.step * shown_factor(declared)
    return next((places for places in range(4) if abs(step * 10**places - round(step * 10**places)) < 1e-6), 3)


class DragName(QLabel):
    """The name of a number. Dragging it changes the number; a double click puts it back."""

    drag_moved = Signal(int)  # pixels from where it began
    drag_ended = Signal()
    reset_asked = Signal()

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.setObjectName("label")
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self._from: float | None = None
        self._moved = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from, self._moved = event.globalPosition().x(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            pixels = round(event.globalPosition().x() - self._from)
            if pixels or self._moved:
                self._moved = True
                self.drag_moved.emit(pixels)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._from = None
        if self._moved:
            self.drag_ended.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset_asked.emit()


class Field(DecimalField):
    """A spin box that leaves the wheel to the list it lies in until it has the focus.

    Undo and redo are the film's, unless something is typed: what the arrows changed is an edit of it already.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setProperty(IN_HISTORY, True)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and is_of_film(self, event):
            event.ignore()
            return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class NumberRow(QWidget):
    """Shows one declared number. It says what a person wants; whoever listens performs it."""

    changed = Signal(str, float)  # name, value: one step
    dragged = Signal(str, float)  # while the mouse is down
    drag_ended = Signal()
    reset_asked = Signal(str)
    key_asked = Signal(str)

    def __init__(self, look: Look, declared: Declared, *, keys: bool = True) -> None:
        super().__init__()
        self.declared = declared
        self._factor = shown_factor(declared)
        self._value = declared.default
        self._drag_from: float | None = None
        tip = f"{declared.help}. " if declared.help else ""
        self._name = DragName(declared.label)
        self._name.setFixedWidth(NAME_PX)
        self._name.setToolTip(f"{tip}Drag to change, double click for {self._words(declared.default)}")
        self.field = Field()
        self.field.setKeyboardTracking(False)
        self.field.setDecimals(decimals_of(declared))
        self.field.setRange(declared.minimum * self._factor, declared.maximum * self._factor)
        self.field.setSingleStep(declared.step * self._factor)
        self.field.setSuffix(f" {declared.unit}" if declared.unit else "")
        self.field.setFont(figures(self.field.font()))
        self.field.setFixedWidth(FIELD_PX)
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setAccessibleName(f"{declared.group}: {declared.label}")
        self.field.setToolTip(f"{tip}{self._words(declared.minimum)} to {self._words(declared.maximum)}")
        self.field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.key = IconButton(look, "diamond", f"Key of {declared.label} at the playhead")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._name)
        row.addStretch(1)
        row.addWidget(self.field)
        if keys:
            row.addWidget(self.key)
        self.field.valueChanged.connect(self._change)
        self.key.clicked.connect(self._ask_key)
        self._name.drag_moved.connect(self._drag)
        self._name.drag_ended.connect(self._end_drag)
        self._name.reset_asked.connect(self._reset)

    @property
    def value(self) -> float:
        return self._value

    def show_value(self, value: float, *, keyed: bool, on_key: bool) -> None:
        """`keyed`: it has keys; `on_key`: one of them is at the playhead."""
        self._value = value
        shown = round(value * self._factor, self.field.decimals())
        if shown != self.field.value() and not (self.field.hasFocus() and self.field.lineEdit().isModified()):
            self.field.blockSignals(True)
            self.field.setValue(shown)
            self.field.blockSignals(False)
        self.key.set_icon("diamond-full" if on_key else "diamond")
        self.key.setProperty("keyed", keyed)
        self.key.setChecked(False)
        heavy = self._name.font()
        heavy.setBold(keyed or value != self.declared.default)
        self._name.setFont(heavy)

    def _words(self, value: float) -> str:
        unit = f" {self.declared.unit}" if self.declared.unit else ""
        return f"{value * self._factor:g}{unit}"

    def _change(self, shown: float) -> None:
        self.changed.emit(self.declared.name, shown / self._factor)

    def _drag(self, pixels: int) -> None:
        if self._drag_from is None:
            self._drag_from = self._value
        wanted = self._drag_from + pixels / PX_PER_STEP * self.declared.step
        wanted = min(self.declared.maximum, max(self.declared.minimum, wanted))
        self.dragged.emit(self.declared.name, round(wanted / self.declared.step) * self.declared.step)

    def _end_drag(self) -> None:
        self._drag_from = None
        self.drag_ended.emit()

    def _reset(self) -> None:
        self.reset_asked.emit(self.declared.name)

    def _ask_key(self) -> None:
        self.key_asked.emit(self.declared.name)


def section(words: str) -> QLabel:
    """A heading between groups of rows."""
    return label(words, "title")
