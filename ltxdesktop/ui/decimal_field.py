"""A field for a number with decimals, which is written with a point and understood with a comma too."""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QWidget


class DecimalField(QDoubleSpinBox):
    """A spin box without thousands, so that "0,5" and "0.5" are both a half, whatever the person's language.

    Qt's own takes the other sign for one between thousands, and makes 5 of it. Many number pads write a comma.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLocale(QLocale.c())

    def validate(self, input: str, pos: int, /) -> tuple[QValidator.State, str, int]:  # noqa: A002 (Qt's own name)
        """Each key as it's typed: a comma becomes a point."""
        return super().validate(input.replace(",", "."), pos)
