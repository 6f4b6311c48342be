"""The effects of the selected picture: their switches, order, numbers, files and curves."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QCheckBox, QFileDialog, QMenu, QPushButton, QVBoxLayout, QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip, Document, Effect
from ltxdesktop.document.parameters import EFFECTS
from ltxdesktop.ui.editor.curves_graph import CurvesGraph
from ltxdesktop.ui.editor.fold import Group
from ltxdesktop.ui.editor.inspected import Inspected
from ltxdesktop.ui.editor.number_row import NumberRow
from ltxdesktop.ui.parts import IconButton
from ltxdesktop.ui.theme import Look


class EffectControls(QWidget):
    """One group for each effect, and a button for another. Number rows are made by whoever shows their values."""

    def __init__(self, look: Look, inspected: Inspected, clip: Clip) -> None:
        super().__init__()
        self._look, self._inspected = look, inspected
        self.graphs: dict[str, CurvesGraph] = {}
        self.switches: dict[str, QCheckBox] = {}
        self.groups = {effect.id: self._group(effect) for effect in clip.effects}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for effect in clip.effects:
            column.addWidget(self.groups[effect.id])
        add = QPushButton("Add an effect")
        add.setToolTip(", ".join(declared.label for declared in EFFECTS.values()))
        menu = QMenu(add)
        for kind, declared in EFFECTS.items():
            menu.addAction(declared.label).triggered.connect(partial(self._add, kind))
        add.setMenu(menu)
        column.addSpacing(6)
        column.addWidget(add)

    def add_row(self, effect: str, row: NumberRow) -> None:
        """A number of an effect, under its heading."""
        self.groups[effect].rows.addWidget(row)

    def add_texts(self, effect: Effect) -> None:
        """What an effect has besides numbers: a file, or curves."""
        rows = self.groups[effect.id].rows
        if effect.kind == "curves":
            graph = self.graphs[effect.id] = CurvesGraph(self._look, effect.texts)
            graph.changed.connect(partial(self._set_curve, effect.id))
            graph.dragged.connect(partial(self._drag_curve, effect.id))
            graph.drag_ended.connect(self._inspected.project.commit)
            rows.addWidget(graph)
        elif "file" in EFFECTS[effect.kind].texts:
            now = effect.texts.get("file", "")
            button = QPushButton(Path(now).name or "Choose a LUT…")
            button.setToolTip(EFFECTS[effect.kind].texts["file"])
            button.clicked.connect(partial(self._choose_file, effect.id))
            rows.addWidget(button)

    def show_effects(self, clip: Clip) -> None:
        """Show what the effects' curves and switches are now."""
        for effect in clip.effects:
            switch = self.switches[effect.id]
            switch.blockSignals(True)
            switch.setChecked(effect.enabled)
            switch.blockSignals(False)
            if effect.id in self.graphs:
                self.graphs[effect.id].show_texts(effect.texts)

    def _group(self, effect: Effect) -> Group:
        declared = EFFECTS[effect.kind]
        group = Group(self._look, declared.label)
        on = QCheckBox("")
        self.switches[effect.id] = on
        on.setChecked(effect.enabled)
        on.setAccessibleName(f"{declared.label} on")
        on.setToolTip("Whether the effect is done")
        on.toggled.connect(partial(self._switch, effect.id))
        up = IconButton(self._look, "up", f"{declared.label} earlier")
        up.clicked.connect(partial(self._move, effect.id))
        away = IconButton(self._look, "cancel", f"Remove {declared.label}")
        away.clicked.connect(partial(self._remove, effect.id))
        for button in (on, up, away):
            group.add_button(button)
        return group

    # Edits

    def _add(self, kind: str) -> None:
        words = f"Add {EFFECTS[kind].label}"
        self._inspected.on_pictures(words, lambda document, clip: edits.add_effect(document, clip, kind))

    def _switch(self, effect: str, on: bool) -> None:
        words = f"{self._words(effect)} {'on' if on else 'off'}"
        self._inspected.on_picture(words, lambda d, clip: edits.change_effect(d, clip, effect, enabled=on))

    def _move(self, effect: str) -> None:
        clip = self._inspected.picture
        if clip is not None:
            place = max(0, next(number for number, each in enumerate(clip.effects) if each.id == effect) - 1)
            words = f"{self._words(effect)} earlier"
            self._inspected.on_picture(words, lambda d, each: edits.move_effect(d, each, effect, place))

    def _remove(self, effect: str) -> None:
        words = f"Remove {self._words(effect)}"
        self._inspected.on_picture(words, lambda d, clip: edits.remove_effect(d, clip, effect))

    def _choose_file(self, effect: str) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a LUT", "", "3D LUTs (*.cube)")
        if path:
            texts = {"file": path}
            self._inspected.on_picture("Choose LUT", lambda d, clip: edits.change_effect(d, clip, effect, texts=texts))

    def _set_curve(self, effect: str, channel: str, text: str) -> None:
        self._inspected.on_picture(
            "Curve",
            lambda document, clip: edits.change_effect(document, clip, effect, texts={channel: text}),
            merge=f"curve {effect} {channel}",
        )

    def _drag_curve(self, effect: str, channel: str, text: str) -> None:
        clip = self._inspected.picture
        if clip is None:
            return

        def change(document: Document) -> Document:
            return edits.change_effect(document, clip.id, effect, texts={channel: text})

        self._inspected.project.preview("Curve", change)

    def _words(self, effect: str) -> str:
        found = self._inspected.effect(effect)
        return EFFECTS[found.kind].label if found is not None else "effect"
