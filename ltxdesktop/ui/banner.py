"""A line across the window for what a person has to know: what happened, and one thing to do about it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ltxdesktop.ui.parts import IconButton, label
from ltxdesktop.ui.theme import Look

BELOW_PX = 8  # free between it and the panels


class Banner(QWidget):
    """Hidden until it has something to say; stays until it's closed or there is something newer."""

    acted = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        frame = QFrame()
        frame.setObjectName("banner")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, BELOW_PX)
        column.addWidget(frame)
        row = QHBoxLayout(frame)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(10)
        self._sign = QLabel()
        self._words = label("")
        self._words.setWordWrap(True)
        self._words.setAccessibleName("Message")
        self._action = QPushButton()
        self._action.clicked.connect(self.acted)
        close = IconButton(look, "cancel", "Close this message")
        close.clicked.connect(self.hide)
        row.addWidget(self._sign)
        row.addWidget(self._words, 1)
        row.addWidget(self._action)
        row.addWidget(close)
        self.hide()

    def say(self, words: str, action: str = "") -> None:
        """Show words and, when there is something to be done here and now, its button."""
        self._sign.setPixmap(
            self._look.icon("warning", self._look.theme.bad).pixmap(QSize(20, 20), self.devicePixelRatioF())
        )
        self._words.setText(words)
        self._words.setAccessibleDescription(words)
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self.show()

    @property
    def words(self) -> str:
        return self._words.text()
