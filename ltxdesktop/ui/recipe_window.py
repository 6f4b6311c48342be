"""A take's recipe in a window of its own: everything needed to make it again, to read and to copy."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.messages import Recipe
from ltxdesktop.jobs.recipe_words import recipe_lines
from ltxdesktop.ui.parts import Segments, label

WORDS, STORED = "words", "stored"


class RecipeWindow(QDialog):
    """Shows a recipe in words, and as it's stored beside the film."""

    def __init__(self, recipe: Recipe, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Recipe")
        self.resize(560, 480)
        self._text = msgspec.json.format(msgspec.json.encode(recipe), indent=2).decode()
        self._ways = Segments("Recipe", [(WORDS, "In words"), (STORED, "As it's stored")])
        self._ways.chosen.connect(self._show)
        self._pages = QStackedWidget()
        self._pages.addWidget(_in_words(recipe))
        self._pages.addWidget(_as_stored(self._text))
        copy = QPushButton("Copy")
        copy.setToolTip("The whole recipe, as it's stored")
        copy.clicked.connect(self._copy)
        close = QPushButton("Close")
        close.setToolTip("Esc")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addWidget(copy)
        row.addStretch(1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.addWidget(self._ways)
        column.addWidget(self._pages, 1)
        column.addLayout(row)

    def _show(self, way: str) -> None:
        self._pages.setCurrentIndex((WORDS, STORED).index(way))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)


def _in_words(recipe: Recipe) -> QWidget:
    area, page = QScrollArea(), QWidget()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    page.setObjectName("form")
    form = QFormLayout(page)
    form.setHorizontalSpacing(16)
    form.setVerticalSpacing(8)
    for name, words in recipe_lines(recipe):
        said = label(words)
        said.setWordWrap(True)
        said.setTextFormat(Qt.TextFormat.PlainText)
        said.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        said.setAccessibleName(f"{name}: {words}")
        form.addRow(label(name, "hint"), said)
    area.setWidget(page)
    return area


def _as_stored(text: str) -> QWidget:
    shown = QPlainTextEdit(text)
    shown.setReadOnly(True)
    shown.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    shown.setAccessibleName("Recipe as it's stored")
    return shown
