"""Which LoRAs act, and how strongly: one row each, and an empty one below for another."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from engine.protocol.messages import Model
from engine.protocol.work import Lora
from ltxdesktop.ui.decimal_field import DecimalField
from ltxdesktop.ui.parts import label

MOST_ROWS = 4
STRENGTH_PX = 76


class LoraRows(QWidget):
    """Offers the installed LoRAs that it was shown; hidden while there are none."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known: tuple[Model, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(label("Look (LoRA)", "label"))
        self._rows: list[_Row] = []
        self.show_known(())

    @property
    def value(self) -> tuple[Lora, ...]:
        """The chosen ones, in their order."""
        return tuple(Lora(lora=row.model, strength=row.strength.value()) for row in self._rows if row.model)

    @property
    def rows(self) -> tuple[_Row, ...]:
        return tuple(self._rows)

    def show_known(self, known: tuple[Model, ...]) -> None:
        """Offer these; what is chosen stays if it's among them."""
        self._known = known
        names = {each.model for each in known}
        self._lay([each for each in self.value if each.lora in names])
        self.setVisible(bool(known))

    def choose(self, loras: tuple[Lora, ...]) -> None:
        """Choose these, as far as they are known."""
        names = {each.model for each in self._known}
        self._lay([each for each in loras if each.lora in names])
        self.changed.emit()

    def _lay(self, chosen: list[Lora]) -> None:
        """A row for each, and an empty one if there is something left to choose."""
        wanted = min(len(chosen) + 1, MOST_ROWS, max(1, len(self._known)))
        while len(self._rows) < wanted:
            row = _Row(self)
            row.lora.activated.connect(self._begin_with)
            row.strength.valueChanged.connect(self.changed)
            self._rows.append(row)
            self._column.addWidget(row)
        while len(self._rows) > wanted:
            row = self._rows.pop()
            self._column.removeWidget(row)
            row.deleteLater()
        taken = {each.lora for each in chosen}
        for place, row in enumerate(self._rows):
            own = chosen[place] if place < len(chosen) else None
            offered = [each for each in self._known if each.model not in taken or (own and each.model == own.lora)]
            row.show_offer(offered, own, place)

    def _begin_with(self) -> None:
        """A LoRA was chosen or given up: begin with the strength that is kept for it."""
        before = {each.lora: each.strength for each in self._shown}
        kept = {each.model: each.strength for each in self._known}
        names = [row.model for row in self._rows if row.model]
        self._lay([Lora(lora=name, strength=before.get(name, kept[name])) for name in names])
        self.changed.emit()

    @property
    def _shown(self) -> list[Lora]:
        """The chosen ones as they were when the rows were laid."""
        return [Lora(lora=row.laid, strength=row.strength.value()) for row in self._rows if row.laid]


class _Row(QWidget):
    """One LoRA, or none, and its strength."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.laid = ""  # the LoRA that it was laid for
        self.lora = QComboBox()
        self.lora.setMinimumContentsLength(8)
        self.lora.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.strength = DecimalField()
        self.strength.setRange(0.0, 2.0)
        self.strength.setSingleStep(0.05)
        self.strength.setValue(1.0)
        self.strength.lineEdit().setTextMargins(5, 0, 0, 0)
        self.strength.setFixedWidth(STRENGTH_PX)
        self.strength.setToolTip("How strongly the LoRA acts: 0 not at all, 1 as it was made")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.lora, 1)
        row.addWidget(self.strength)

    @property
    def model(self) -> str:
        return str(self.lora.currentData() or "")

    def show_offer(self, offered: list[Model], chosen: Lora | None, place: int) -> None:
        """Offer these, of which one may be chosen; its tooltip says its trigger words."""
        self.laid = chosen.lora if chosen is not None else ""
        with QSignalBlocker(self.lora), QSignalBlocker(self.strength):
            self.lora.clear()
            self.lora.addItem("None" if not place else "Another…", "")
            for each in offered:
                self.lora.addItem(each.title, each.model)
            self.lora.setCurrentIndex(max(0, self.lora.findData(self.laid)))
            if chosen is not None:
                self.strength.setValue(chosen.strength)
        self.strength.setVisible(chosen is not None)
        words = next((each.trigger_words for each in offered if each.model == self.laid), "")
        self.lora.setToolTip(
            f"It acts when the prompt says: {words}" if words else "A look or a subject it was trained on"
        )
        self.lora.setAccessibleName(f"LoRA {place + 1}")
        self.strength.setAccessibleName(f"Strength of LoRA {place + 1}")
