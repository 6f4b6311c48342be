"""A length that is typed in frames or in seconds: "48", "48 frames", "2 s", "1.5s"."""

from __future__ import annotations

import re
from fractions import Fraction

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QSpinBox, QWidget

from ltxdesktop.ui.theme import figures
from ltxdesktop.words import seconds_of

MOST_FRAMES = 100_000
_TYPED = re.compile(r"\s*(?P<number>\d+([.,]\d*)?)\s*(?P<unit>s|f)?", re.IGNORECASE)


class LengthField(QSpinBox):
    """Its value is in frames, at least one; what is shown says the seconds too."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rate = Fraction(24)
        self.setRange(1, MOST_FRAMES)
        self.setFont(figures(self.font()))
        self.lineEdit().setTextMargins(5, 0, 0, 0)  # as in other number fields
        self.setMinimumWidth(60)
        self.setToolTip("How long: in frames, or in seconds as “2 s”")

    def set_rate(self, rate: Fraction) -> None:
        """Frames a second. The frames stay; what is being typed is left alone."""
        if rate != self._rate:
            self._rate = rate
            with QSignalBlocker(self):
                self.setSpecialValueText("")  # has the text made anew

    def textFromValue(self, val: int) -> str:
        return f"{val} frames   {seconds_of(val, self._rate)}"

    def valueFromText(self, text: str) -> int:
        return self._frames(text) or self.value()

    def validate(self, input: str, pos: int) -> tuple[QValidator.State, str, int]:  # noqa: A002  # Qt's name
        fits = self._frames(input) is not None
        return (QValidator.State.Acceptable if fits else QValidator.State.Intermediate), input, pos

    def _frames(self, text: str) -> int | None:
        """What a text says; None for one that says no length that there can be."""
        typed = _TYPED.match(text)
        if typed is None:
            return None
        number, unit = Fraction(typed["number"].replace(",", ".")), (typed["unit"] or "f").lower()
        frames = round(number * self._rate) if unit == "s" else int(number)
        return frames if self.minimum() <= frames <= self.maximum() else None
