"""The fields of prompts: what is wanted, a few lines high or more where there is room, and what should not be there."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from ltxdesktop.ui.parts import label, labelled

LEAST_LINES, MOST_LINES = 3, 8
MARGINS_PX = 18
NEGATIVE_PX = 44


class PromptField(QPlainTextEdit):
    """Tab leaves it, since nobody needs tabs in a prompt."""

    def __init__(self, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName("Prompt")
        self.setToolTip("What is seen and heard, in your own words")
        self.setTabChangesFocus(True)
        line_px = self.fontMetrics().lineSpacing()
        self.setMinimumHeight(LEAST_LINES * line_px + MARGINS_PX)
        self.setMaximumHeight(MOST_LINES * line_px + MARGINS_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """As little as will do: forms that scroll are as high as their fields want to be."""
        return QSize(super().sizeHint().width(), self.minimumHeight())


class NegativeField(QWidget):
    """What should not be there, with its label: hidden as a whole for models that don't listen to it."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = QPlainTextEdit()
        self._field.setPlaceholderText("What should not be there")
        self._field.setToolTip("What must not be seen or heard, in your own words")
        self._field.setTabChangesFocus(True)
        self._field.setFixedHeight(NEGATIVE_PX)
        self._field.textChanged.connect(self.changed)
        column = labelled("&Negative", self._field)
        column.setContentsMargins(0, 0, 0, 0)
        self.setLayout(column)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    @property
    def text(self) -> str:
        return self._field.toPlainText()

    def write(self, text: str) -> None:
        """Have these words in it; where they stand already, the cursor stays."""
        if self._field.toPlainText() != text:
            self._field.setPlainText(text)


def with_helpers(prompt: PromptField, *helpers: QWidget) -> QVBoxLayout:
    """The field under its label, with the buttons that help to write it at the label's right."""
    words = label("Prompt", "label")
    words.setBuddy(prompt)
    head, column = QHBoxLayout(), QVBoxLayout()
    head.addWidget(words)
    head.addStretch(1)
    for each in helpers:
        head.addWidget(each)
    column.setSpacing(2)
    column.addLayout(head)
    column.addWidget(prompt, 1)
    return column
