"""What a model leaves to choose besides words and numbers: quality, camera move, LoRAs. Shown only where it can."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from engine.protocol.messages import Model, ModelCapability
from engine.protocol.work import Lora
from ltxdesktop.ui.lora_rows import LoraRows
from ltxdesktop.ui.parts import Segments, labelled, narrow
from ltxdesktop.words import counted


class StyleChoices(QWidget):
    """The same in Generate and in Edit."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model: ModelCapability | None = None
        self._loras: tuple[Model, ...] = ()
        self._quality = Segments("Quality", [("fast", "Fast"), ("quality", "Best")])
        self._quality.setToolTip("Fewer steps and sooner there, or more steps and finer")
        self._quality.chosen.connect(self.changed)
        self._camera = narrow(QComboBox(), 14)
        self._camera.setToolTip("How the camera moves")
        self._camera.currentIndexChanged.connect(self.changed)
        self._camera_box = QWidget()
        camera = labelled("&Camera", self._camera)
        camera.setContentsMargins(0, 0, 0, 0)
        self._camera_box.setLayout(camera)
        self.lora_rows = LoraRows()
        self.lora_rows.changed.connect(self.changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for part in (self._quality, self._camera_box, self.lora_rows):
            column.addWidget(part)
        self._show()

    @property
    def quality(self) -> Literal["fast", "quality"]:
        return "quality" if self._quality.value == "quality" and not self._quality.isHidden() else "fast"

    @property
    def camera(self) -> str:
        """A camera move of the model; "": as the prompt says."""
        return str(self._camera.currentData() or "")

    @property
    def loras(self) -> tuple[Lora, ...]:
        return self.lora_rows.value

    def show_model(self, model: ModelCapability | None) -> None:
        """Offer what this model can, and nothing else."""
        if model != self._model:
            self._model = model
            self._show()

    def show_loras(self, models: tuple[Model, ...]) -> None:
        """Offer the LoRAs that are installed."""
        self._loras = tuple(each for each in models if each.kind == "lora" and each.installed and not each.why_not)
        self._show()

    def choose(self, quality: str, camera: str, loras: tuple[Lora, ...]) -> None:
        """What a recipe says, as far as it's offered."""
        self._quality.set_value("quality" if quality == "quality" else "fast")
        with QSignalBlocker(self._camera):
            self._camera.setCurrentIndex(max(0, self._camera.findData(camera)))
        self.lora_rows.choose(loras)

    def _show(self) -> None:
        model = self._model
        self._quality.setVisible(model is not None and len(model.qualities) > 1)
        for quality, words in (("fast", "Fast"), ("quality", "Best")):
            steps = model.default_steps.get(quality, 0) if model is not None else 0
            self._quality.set_tip(quality, f"{words}: {counted(steps, 'step')}" if steps else f"Quality: {words}")
        moves = model.camera_moves if model is not None else ()
        before = self.camera
        with QSignalBlocker(self._camera):
            self._camera.clear()
            self._camera.addItem("As the prompt says", "")
            for move in moves:
                self._camera.addItem(move.replace("-", " ").replace("_", " "), move)
            self._camera.setCurrentIndex(max(0, self._camera.findData(before)))
        self._camera_box.setVisible(bool(moves))
        self.lora_rows.show_known(self._loras if model is not None and model.loras else ())
        self.setVisible(any(not part.isHidden() for part in (self._quality, self._camera_box, self.lora_rows)))
