"""How large, how long and at which rate a new clip is to be, in the prompt panel."""

from __future__ import annotations

from fractions import Fraction

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from engine.protocol.messages import ModelCapability
from ltxdesktop.jobs.ask import Ask, capability, shapes_for
from ltxdesktop.ui.length_field import LengthField
from ltxdesktop.ui.parts import labelled, narrow, number_field, side_by_side
from ltxdesktop.words import rate_name

RATES = ("24", "25", "30", "30000/1001", "24000/1001", "48", "50", "60")


class SizeBox(QWidget):
    """Sizes that a model makes, and any other in numbers."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self._shape = narrow(QComboBox(), 14)
        self._shape.setToolTip("Sizes that the model makes well")
        self._shape.activated.connect(self._take_shape)
        self.across, self.down = number_field(16, 16384, 2), number_field(16, 16384, 2)
        for field, words in ((self.across, "Pixels across"), (self.down, "Pixels down")):
            field.setToolTip(words)
            field.valueChanged.connect(self.changed)
        column.addLayout(labelled("Si&ze", self._shape))
        column.addLayout(side_by_side(labelled("&Width", self.across), labelled("&Height", self.down)))

    def show_model(self, model: ModelCapability) -> None:
        """Offer the sizes of this model."""
        limits = capability(model, "text_to_video")
        with QSignalBlocker(self._shape):
            self._shape.clear()
            for shape in shapes_for(model, limits) if limits is not None else []:
                self._shape.addItem(f"{shape.words}   {shape.width} × {shape.height}", f"{shape.width}x{shape.height}")

    def show_values(self, ask: Ask) -> None:
        """Put the ask into the fields, without asking anything."""
        with QSignalBlocker(self.across), QSignalBlocker(self.down):
            self.across.setValue(ask.width)
            self.down.setValue(ask.height)

    def show_ask(self, ask: Ask) -> None:
        """Hidden for a clip, which has its size; else the size's own name, if it has one."""
        self.setVisible(ask.clip is None)
        with QSignalBlocker(self._shape):
            self._shape.setCurrentIndex(self._shape.findData(f"{ask.width}x{ask.height}"))
            self._shape.setPlaceholderText(f"Custom   {ask.width} × {ask.height}")

    def _take_shape(self, row: int) -> None:
        width, height = map(int, str(self._shape.itemData(row)).split("x"))
        with QSignalBlocker(self.across), QSignalBlocker(self.down):
            self.across.setValue(width)
            self.down.setValue(height)
        self.changed.emit()


class LengthBox(QWidget):
    """Frames of a new clip and their rate, or of an extension, which has the clip's."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.frames = LengthField()
        self.rates = QComboBox()
        self.rates.setToolTip("Pictures a second")
        for rate in RATES:
            self.rates.addItem(f"{rate_name(Fraction(rate))} fps", rate)
        row.addLayout(labelled("&Length", self.frames), 1)
        self._rate_box = QWidget()
        column = labelled("&Rate", self.rates)
        column.setContentsMargins(0, 0, 0, 0)
        self._rate_box.setLayout(column)
        row.addWidget(self._rate_box, 1)
        self.frames.valueChanged.connect(self.changed)
        self.rates.currentIndexChanged.connect(self.changed)

    @property
    def rate(self) -> Fraction:
        return Fraction(str(self.rates.currentData() or "24"))

    def show_values(self, ask: Ask) -> None:
        """Put the ask into the fields, without asking anything."""
        with QSignalBlocker(self.frames), QSignalBlocker(self.rates):
            self.frames.setValue(ask.frames)
            place = self.rates.findData(str(ask.rate))
            if place < 0:
                self.rates.addItem(f"{rate_name(ask.rate)} fps", str(ask.rate))
                place = self.rates.count() - 1
            self.rates.setCurrentIndex(place)

    def show_ask(self, ask: Ask) -> None:
        """Only what this ask leaves open."""
        self._rate_box.setVisible(ask.clip is None)
        self.setVisible(ask.clip is None or ask.clip_action != "retake")
        self.frames.set_rate(ask.clip.rate if ask.clip is not None else ask.rate)
