"""The field that prompts are written in: a few lines high where there is little room, more where there is."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

LEAST_LINES, MOST_LINES = 3, 8
MARGINS_PX = 18


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
