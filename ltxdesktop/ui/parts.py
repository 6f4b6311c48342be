"""Small parts that several panels are made of: a framed panel, a labelled row, a segmented choice, a clickable icon."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.ui.theme import Look, figures

ICON_PX = 18
FORM_LEAST_PX = 48  # of a form's height: a field with its label
SPARE_PX = 4  # so that words which fit by a fraction of a pixel are whole


class Panel(QFrame):
    """A framed area with a heading; put things into `body`, and buttons beside the heading into `head`."""

    def __init__(self, heading: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName(heading)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 12, 14, 14)
        self.body.setSpacing(10)
        self.head = QHBoxLayout()
        self.head.setSpacing(4)
        self.heading = label(heading, "title")
        self.head.addWidget(self.heading)
        self.head.addStretch(1)
        self.body.addLayout(self.head)


class Segments(QWidget):
    """One choice out of a few, side by side. Each choice is a value and the words for it."""

    chosen = Signal(str)

    def __init__(self, name: str, choices: list[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._values = [value for value, _ in choices]
        self._tips: list[str] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for place, (_, words) in enumerate(choices):
            button = QToolButton(self)
            button.setObjectName("segment")
            button.setText(words)
            button.setCheckable(True)
            _place(button, place, len(choices))
            button.setAccessibleName(f"{name}: {words}")
            self._tips.append(f"{name}: {words}")
            button.setToolTip(self._tips[place])
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._group.addButton(button, place)
            row.addWidget(button)
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(self._choose)

    @property
    def value(self) -> str:
        return self._values[self._group.checkedId()]

    def set_value(self, value: str) -> None:
        self._group.button(self._values.index(value)).setChecked(True)

    def set_enabled(self, value: str, enabled: bool, why_not: str = "") -> None:
        place = self._values.index(value)
        button = self._group.button(place)
        button.setEnabled(enabled)
        button.setToolTip(why_not if why_not and not enabled else self._tips[place])

    def set_tip(self, value: str, tip: str) -> None:
        place = self._values.index(value)
        self._tips[place] = tip
        self._group.button(place).setToolTip(tip)

    def show_only(self, tips: Mapping[str, str]) -> None:
        """Offer these values, each with its tooltip; the others aren't seen."""
        offered = [value for value in self._values if value in tips]
        for value, button in zip(self._values, self._group.buttons(), strict=True):
            button.setVisible(value in tips)
            if value in tips:
                self.set_tip(value, tips[value])
                _place(button, offered.index(value), len(offered))

    def _choose(self, place: int) -> None:
        self.chosen.emit(self._values[place])


def _place(button: QAbstractButton, place: int, count: int) -> None:
    """Which corners of a segment are round."""
    button.setProperty("place", {0: "first", count - 1: "last"}.get(place, "middle"))
    button.style().unpolish(button)
    button.style().polish(button)


class IconButton(QToolButton):
    """A button with one of our icons, its name for tooltips and screen readers, and its shortcut."""

    def __init__(self, look: Look, icon: str, name: str, shortcut: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._icon = look, icon
        self.setObjectName("flat")
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self.set_words(name, shortcut)
        look.changed.connect(self._redraw)
        self._redraw()

    def set_words(self, name: str, shortcut: str = "") -> None:
        self.setAccessibleName(name)
        self.setToolTip(with_key(name, shortcut))

    def set_icon(self, icon: str) -> None:
        if icon != self._icon:
            self._icon = icon
            self._redraw()

    def _redraw(self) -> None:
        self.setIcon(self._look.icon(self._icon))


class ThinBar(QProgressBar):
    """How far something is, as a line without words."""

    HEIGHT_PX = 6
    STEPS = 1000

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setRange(0, self.STEPS)
        self.setTextVisible(False)
        self.setFixedHeight(self.HEIGHT_PX)
        self.setAccessibleName(name)

    def show_share(self, share: float | None) -> None:
        """`share`: how much is done, 0..1; None where nobody knows.

        It's painted when everything is: Qt's own `setValue` has the whole window painted before it returns, which took
        15-18 ms after a project was opened.
        """
        self.setUpdatesEnabled(False)
        self.setRange(0, 0 if share is None else self.STEPS)
        self.setValue(round((share or 0) * self.STEPS))
        self.setUpdatesEnabled(True)


class ElidedLabel(QWidget):
    """One line of text that ends in … when there is no room for it, so that it never widens its panel."""

    def __init__(self, text: str = "", kind: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self._label = label("", kind)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._label)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        self._text = text
        self._label.setToolTip(text)
        self._label.setAccessibleName(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def minimumSizeHint(self) -> QSize:
        return QSize(20, self._label.sizeHint().height())

    def _elide(self) -> None:
        metrics = self._label.fontMetrics()
        self._label.setText(metrics.elidedText(self._text, Qt.TextElideMode.ElideMiddle, max(20, self.width())))


class ElidedButton(QPushButton):
    """A button whose words end in … where there is no room for them, so that they never widen its window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self._mode = Qt.TextElideMode.ElideRight
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def set_words(self, words: str, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        """`mode` says where words are left out."""
        if (words, mode) != (self._whole, self._mode):
            self._whole, self._mode = words, mode
            self.updateGeometry()
            self._elide()

    def sizeHint(self) -> QSize:
        shown = self.fontMetrics().horizontalAdvance(self.text())
        more = self.fontMetrics().horizontalAdvance(self._whole) - shown + SPARE_PX
        return super().sizeHint() + QSize(more, 0)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(60, self.sizeHint().width()), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        around = super().sizeHint().width() - self.fontMetrics().horizontalAdvance(self.text())
        self.setText(self.fontMetrics().elidedText(self._whole, self._mode, self.width() - around))


def with_key(words: str, key: str) -> str:
    """A tooltip's words with a key, which is written as Qt does ("" for none), as this system shows it."""
    shown = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{words} ({shown})" if shown else words


def label(text: str, kind: str = "") -> QLabel:
    """A line of text in one of the sheet's kinds: title, label, hint, note, problem, mode."""
    made = QLabel(text)
    if kind:
        made.setObjectName(kind)
    return made


def labelled(words: str, field: QWidget, *more: QWidget) -> QVBoxLayout:
    """A field under its label; the label is the field's accessible name and jumps to it."""
    column = QVBoxLayout()
    column.setSpacing(4)
    head = label(words.replace("&", ""), "label")
    head.setBuddy(field)
    if not field.accessibleName():
        field.setAccessibleName(words.replace("&", ""))
    column.addWidget(head)
    row = QHBoxLayout()
    row.setSpacing(4)
    row.addWidget(field, 1)
    for each in more:
        row.addWidget(each)
    column.addLayout(row)
    return column


def side_by_side(*columns: QVBoxLayout | QHBoxLayout) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(10)
    for column in columns:
        row.addLayout(column, 1)
    return row


class FormArea(QScrollArea):
    """Never narrower than its form, of which nothing is cut off at the right. Its fields have the focus, not itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def minimumSizeHint(self) -> QSize:
        form, bar = self.widget(), self.verticalScrollBar().sizeHint().width()
        return QSize(form.minimumSizeHint().width() + bar if form is not None else bar, FORM_LEAST_PX)


def scrolled_form(spacing: int) -> tuple[QScrollArea, QVBoxLayout]:
    """An area that scrolls up and down on its panel's own ground, and the column that the form's rows go into."""
    form = QWidget()
    form.setObjectName("form")
    form.setAutoFillBackground(False)
    rows = QVBoxLayout(form)
    rows.setContentsMargins(0, 0, 6, 0)
    rows.setSpacing(spacing)
    area = FormArea()
    area.setWidget(form)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.viewport().setAutoFillBackground(False)
    return area, rows


def wrapped(kind: str) -> QLabel:
    """A text of as many lines as it needs, hidden until there are words for it."""
    made = label("", kind)
    made.setWordWrap(True)
    made.hide()
    return made


def narrow(box: QComboBox, letters: int) -> QComboBox:
    """The same choice, but not as wide as its longest words: so many letters at least."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(letters)
    return box


def number_field(low: int, high: int, step: int = 1) -> QSpinBox:
    """A whole number in figures of one width."""
    field = QSpinBox()
    field.setRange(low, high)
    field.setSingleStep(step)
    field.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.UpDownArrows)
    field.setFont(figures(field.font()))
    field.lineEdit().setTextMargins(5, 0, 0, 0)  # the sheet's padding doesn't reach the text of a spin box
    field.setMinimumWidth(60)
    return field
