"""The small questions of the Edit workspace: a new project's film, a clip's speed, and what to do with unsaved work."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QMessageBox,
    QWidget,
)

from ltxdesktop.document.model import Sequence, new_sequence
from ltxdesktop.document.time import can_drop, nearest, parse_rate, rate_text, timecode
from ltxdesktop.ui.decimal_field import DecimalField
from ltxdesktop.ui.dialog_ends import ok_and_cancel
from ltxdesktop.ui.parts import label
from ltxdesktop.words import rate_name

SIZES = (
    ("1920 × 1080   Full HD", (1920, 1080)),
    ("3840 × 2160   4K", (3840, 2160)),
    ("1280 × 720   HD", (1280, 720)),
    ("1080 × 1920   upright", (1080, 1920)),
    ("1080 × 1080   square", (1080, 1080)),
)
RATES = ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")
LEAST_PX, MOST_PX = 16, 16_384  # of a side
SIZE_HELP = f"Width × height of the picture; type others if you like, even ones from {LEAST_PX} to {MOST_PX}"
Choice = Literal["save", "discard", "cancel"]


class FilmDialog(QDialog):
    """Name, size and rate of a sequence. A new project's may be left to the first films that come into it."""

    def __init__(
        self,
        heading: str,
        sequence: Sequence,
        parent: QWidget | None = None,
        *,
        name: str = "",
        may_follow: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(heading)
        form = QFormLayout(self)
        form.setContentsMargins(20, 18, 20, 16)
        form.setSpacing(10)
        self.name = QLineEdit(name or sequence.name)
        self.name.setToolTip("What it's called")
        self.name.setAccessibleName("Name")
        self.name.selectAll()
        self.follows = QCheckBox("Picture and rate of the first footage")
        self.follows.setToolTip("The first films that are imported decide; the sequence's settings can change it later")
        self.follows.setChecked(may_follow)
        self.size_choice = self._sizes(sequence)
        self.rate = self._rates(sequence)
        self.drop = QCheckBox("Drop-frame timecode")
        self.drop.setToolTip("For 29.97 and 59.94: timecode keeps with the clock on the wall")
        self.drop.setChecked(sequence.drop_frame)
        form.addRow("Name", self.name)
        if may_follow:
            form.addRow("", self.follows)
        form.addRow("Picture", self.size_choice)
        form.addRow("Frames a second", self.rate)
        form.addRow("", self.drop)
        self._ends = ok_and_cancel(self, "Have it so")
        form.addRow(self._ends)
        self.follows.toggled.connect(self._check)
        self.size_choice.editTextChanged.connect(self._check)
        self.rate.editTextChanged.connect(self._check)
        self._check()

    def _sizes(self, sequence: Sequence) -> QComboBox:
        choice, now = QComboBox(), (sequence.width, sequence.height)
        self._own_size = now
        choice.setEditable(True)
        choice.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        choice.setAccessibleName("Picture")
        choice.setToolTip(SIZE_HELP)
        sizes = list(SIZES)
        if all(size != now for _, size in sizes):
            sizes.insert(0, (_size_words(now), now))
        for words, size in sizes:
            choice.addItem(words, size)
        choice.setCurrentIndex([size for _, size in sizes].index(now))
        return choice

    def _rates(self, sequence: Sequence) -> QComboBox:
        choice = QComboBox()
        choice.setAccessibleName("Frames a second")
        choice.setToolTip("Frames in a second; type another one if you like")
        choice.setEditable(True)
        for rate in map(parse_rate, RATES):
            choice.addItem(rate_name(rate), rate_text(rate))
        choice.setCurrentText(rate_name(sequence.rate))
        return choice

    @property
    def chosen_rate(self) -> Fraction | None:
        try:
            return parse_rate(self.rate.currentText())
        except ValueError:
            return None

    @property
    def chosen_size(self) -> tuple[int, int] | None:
        """(width, height) in pixels; None while what is typed is none. The size that it has is one, however odd."""
        words = self.size_choice.currentText()
        return self._own_size if words == _size_words(self._own_size) else size_of(words)

    def sequence(self) -> Sequence:
        """A new, empty one as it's chosen here."""
        rate, size = self.chosen_rate, self.chosen_size
        assert rate is not None
        assert size is not None
        return replace(
            new_sequence("Sequence 1", width=size[0], height=size[1], rate=rate),
            drop_frame=self.drop.isChecked() and can_drop(rate),
        )

    def _check(self) -> None:
        rate, open_to_choice = self.chosen_rate, not self.follows.isChecked()
        self._ends.button(QDialogButtonBox.StandardButton.Ok).setEnabled(
            rate is not None and self.chosen_size is not None
        )
        self.size_choice.setEnabled(open_to_choice)
        self.rate.setEnabled(open_to_choice)
        self.drop.setEnabled(open_to_choice and rate is not None and can_drop(rate))


def _size_words(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"


def size_of(words: str) -> tuple[int, int] | None:
    """(width, height) in "1920 × 1080   Full HD" or "1920x1080"; None where there is no size that films can have."""
    found = re.match(r"\s*(\d{1,6})\s*[x×*:]\s*(\d{1,6})(?!\d)", words, re.IGNORECASE)
    if found is None:
        return None
    width, height = int(found[1]), int(found[2])
    fits = all(LEAST_PX <= side <= MOST_PX and side % 2 == 0 for side in (width, height))
    return (width, height) if fits else None


class SpeedDialog(QDialog):
    """A clip's speed in per cent, how long it becomes by that, and what becomes of its sound.

    `keeps_pitch` is how it is now; a clip at its own speed is offered to keep it, since voices at another pitch are
    rarely wanted. `frames` is how long it is now, at `rate`.
    """

    def __init__(
        self, speed: Fraction, keeps_pitch: bool = False, parent: QWidget | None = None, *,
        frames: int = 0, rate: Fraction = Fraction(25),
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setWindowTitle("Speed")
        self._before, self._frames, self._rate = speed, frames, rate
        self._becomes = label("", "hint")
        self._becomes.setAccessibleName("Length at this speed")
        form = QFormLayout(self)
        form.setContentsMargins(20, 18, 20, 16)
        form.setSpacing(10)
        self.percent = DecimalField()
        self.percent.setRange(0, 10_000)
        self.percent.setDecimals(2)
        self.percent.setSuffix(" %")
        self.percent.setValue(abs(float(speed)) * 100)
        self.percent.setToolTip("100 % is as it was taken; 0 holds the first picture")
        self.percent.setAccessibleName("Speed")
        self.backwards = QCheckBox("Backwards")
        self.backwards.setToolTip("From its end to its start")
        self.backwards.setChecked(speed < 0)
        self.keep_pitch = QCheckBox("Keep the pitch of the sound")
        self.keep_pitch.setToolTip("Without it voices go up and down with the speed, as on tape (from 12.5 % to 800 %)")
        self.keep_pitch.setChecked(keeps_pitch or speed == 1)
        self.ripple = QCheckBox("Move what follows")
        self.ripple.setToolTip("What comes later makes room, or closes up")
        self.ripple.setChecked(True)
        form.addRow("Speed", self.percent)
        if frames:
            form.addRow("", self._becomes)
        form.addRow("", self.backwards)
        form.addRow("", self.keep_pitch)
        form.addRow("", self.ripple)
        form.addRow(ok_and_cancel(self, "Change the speed"))
        self.percent.selectAll()
        self.percent.valueChanged.connect(self._show_length)
        self._show_length()

    @property
    def becomes(self) -> int:
        """Frames that the clip will last; a held picture keeps its length, and so does one that was held."""
        if not self.speed or not self._before:
            return self._frames
        return max(1, nearest(self._frames * abs(self._before) / abs(self.speed)))

    def _show_length(self) -> None:
        self._becomes.setText(f"{timecode(self.becomes, self._rate)} long")

    @property
    def speed(self) -> Fraction:
        exact = Fraction(str(round(self.percent.value(), 2))) / 100
        return -exact if self.backwards.isChecked() else exact


def ask_unsaved(parent: QWidget, name: str) -> Choice:
    """What to do with changes that aren't saved."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Unsaved changes")
    box.setText(f"Save the changes to “{name}”?")
    box.setInformativeText("Without saving they are lost.")
    buttons = QMessageBox.StandardButton
    box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
    box.setDefaultButton(buttons.Save)
    answer = buttons(box.exec())
    return "save" if answer == buttons.Save else "discard" if answer == buttons.Discard else "cancel"


def ask(parent: QWidget, title: str, words: str, yes: str, no: str) -> bool:
    """A question with two answers that say what they do."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setText(words)
    agree = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.exec()
    return box.clickedButton() is agree
