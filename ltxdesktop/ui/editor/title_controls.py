"""The controls of what a clip draws itself: a title's words and style, or a plain colour.

Typing is one step of the history from the first key until the field is left or another title is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont, QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QFontComboBox,
    QHBoxLayout,
    QPlainTextEdit,
    QWidget,
)

from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip, Solid, Title
from ltxdesktop.document.parameters import Declared
from ltxdesktop.ui.editor.fold import Group
from ltxdesktop.ui.editor.inspected import Inspected
from ltxdesktop.ui.editor.number_row import NumberRow
from ltxdesktop.ui.editor.swatch import Swatch, colour_of
from ltxdesktop.ui.theme import Look

ALIGNMENTS = ("left", "centre", "right")
WEIGHTS = (("Light", 300), ("Regular", 400), ("Medium", 500), ("Semibold", 600), ("Bold", 700), ("Black", 900))
COLOURS = (("colour", "Text"), ("outline_colour", "Outline"), ("background", "Behind"))
NUMBERS = (
    Declared("size", "Size", "Title", 0.08, 0.005, 1, "%", 0.005, "Share of the frame's height"),
    Declared("x", "Across", "Title", 0.5, -1, 2, "%", 0.01, "Middle of the text; 50 % = centre"),
    Declared("y", "Down", "Title", 0.5, -1, 2, "%", 0.01, "Middle of the text; 50 % = centre"),
    Declared(
        "line_spacing", "Line height", "Title", 1.15, 0.5, 3, "%", 0.05, "From line to line; 100 % = the font's own"
    ),
    Declared("outline", "Outline", "Title", 0, 0, 0.1, "%", 0.001, "Share of the frame's height"),
    Declared("shadow", "Shadow", "Title", 0, 0, 0.1, "%", 0.001, "Share of the frame's height"),
)
TEXT_PX = 76


class TitleText(QPlainTextEdit):
    """The words. Says when somebody has stopped writing."""

    left = Signal()
    finished = Signal()  # Esc: the keys are the timeline's again

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.finished.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()


class TitleControls(Group):
    """Words and style of the title that is selected."""

    _sessions = count()  # of typing: each is one step

    def __init__(self, look: Look, inspected: Inspected, title: Title) -> None:
        super().__init__(look, "Title")
        self._inspected = inspected
        self._session = next(self._sessions)
        self.text = TitleText(title.text)
        self.text.setAccessibleName("Text")
        self.text.setToolTip("The words of the title; Esc goes back to the timeline")
        self.text.setFixedHeight(TEXT_PX)
        self.text.textChanged.connect(self._write)
        self.text.left.connect(self._end_typing)
        self.rows.addWidget(self.text)
        self._family = QFontComboBox()
        self._weight, self._italic, self._align = QComboBox(), QCheckBox("Italic"), QComboBox()
        self.rows.addWidget(self._family)
        self._build_letters()
        self.numbers = {declared.name: self._number(look, declared) for declared in NUMBERS}
        self.swatches: dict[str, Swatch] = {}
        row = QHBoxLayout()
        row.setSpacing(4)
        for name, words in COLOURS:
            button = self.swatches[name] = Swatch(look, words, f"Colour: {words.lower()}")
            button.clicked.connect(partial(self._ask_colour, name))
            row.addWidget(button)
        self.rows.addLayout(row)
        self.show_title(title)

    def show_title(self, title: Title) -> None:
        """Show what the title is now."""
        for name, row in self.numbers.items():
            row.show_value(float(getattr(title, name)), keyed=False, on_key=False)
        for name, swatch in self.swatches.items():
            swatch.show_colour(str(getattr(title, name)))
        if self.text.toPlainText() != title.text:
            self.text.blockSignals(True)
            self.text.setPlainText(title.text)
            self.text.blockSignals(False)
        nearest = min(range(len(WEIGHTS)), key=lambda place: abs(WEIGHTS[place][1] - title.weight))
        align = ALIGNMENTS.index(title.align) if title.align in ALIGNMENTS else 1
        self._family.blockSignals(True)
        self._family.setCurrentFont(QFont(title.family))
        self._family.blockSignals(False)
        self._italic.blockSignals(True)
        self._italic.setChecked(title.italic)
        self._italic.blockSignals(False)
        self._weight.setCurrentIndex(nearest)
        self._align.setCurrentIndex(align)

    def _build_letters(self) -> None:
        self._family.setAccessibleName("Typeface")
        self._family.setToolTip("Typeface; another machine needs it too")
        self._family.setEditable(False)
        self._family.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._family.currentFontChanged.connect(self._set_family)
        self._weight.setAccessibleName("Weight")
        self._weight.setToolTip("How heavy the letters are")
        self._weight.addItems([words for words, _ in WEIGHTS])
        self._weight.activated.connect(self._set_weight)
        self._italic.setToolTip("Slanted letters")
        self._italic.toggled.connect(self._set_italic)
        self._align.setAccessibleName("Alignment")
        self._align.setToolTip("How the lines lie")
        self._align.addItems([each.capitalize() for each in ALIGNMENTS])
        self._align.activated.connect(self._set_align)
        row = QHBoxLayout()
        for control in (self._weight, self._align, self._italic):
            row.addWidget(control)
        self.rows.addLayout(row)

    def _number(self, look: Look, declared: Declared) -> NumberRow:
        row = NumberRow(look, declared, keys=False)
        row.changed.connect(self._set_number)
        row.dragged.connect(self._drag_number)
        row.drag_ended.connect(self._inspected.project.commit)
        row.reset_asked.connect(partial(self._set_number, value=declared.default))
        self.rows.addWidget(row)
        return row

    # Edits

    def _write(self) -> None:
        words = self.text.toPlainText()
        self._change("Write title", lambda title: replace(title, text=words), merge=f"title text {self._session}")

    def _end_typing(self) -> None:
        self._session = next(self._sessions)

    def _set_number(self, name: str, value: float) -> None:
        self._change("Style title", lambda title: replace(title, **{name: value}), merge=f"title {name}")

    def _drag_number(self, name: str, value: float) -> None:
        clip, title = self._now()
        if clip is not None and title is not None:
            content = replace(title, **{name: value})
            self._inspected.project.preview(
                "Style title", lambda document: edits.set_content(document, clip.id, content)
            )

    def _set_family(self, font: QFont) -> None:
        self._change("Typeface of title", lambda title: replace(title, family=font.family()), merge="title family")

    def _set_weight(self, place: int) -> None:
        self._change("Weight of title", lambda title: replace(title, weight=WEIGHTS[place][1]))

    def _set_italic(self, on: bool) -> None:
        self._change("Slant title", lambda title: replace(title, italic=on))

    def _set_align(self, place: int) -> None:
        self._change("Align title", lambda title: replace(title, align=ALIGNMENTS[place]))

    def _ask_colour(self, name: str) -> None:
        _, title = self._now()
        chosen = ask_colour(self, str(getattr(title, name))) if title is not None else ""
        if chosen:
            self._change("Colour title", lambda title: replace(title, **{name: chosen}))

    def _now(self) -> tuple[Clip | None, Title | None]:
        clip = self._inspected.picture
        return clip, clip.content if clip is not None and isinstance(clip.content, Title) else None

    def _change(self, name: str, change: Callable[[Title], Title], merge: str = "") -> None:
        _, title = self._now()
        if title is None or (content := change(title)) == title:
            return
        self._inspected.on_picture(name, lambda document, clip: edits.set_content(document, clip, content), merge=merge)


class SolidControls(Group):
    """The colour that a clip fills the frame with."""

    def __init__(self, look: Look, inspected: Inspected) -> None:
        super().__init__(look, "Colour")
        self._inspected = inspected
        self.swatch = Swatch(look, "Colour", "The colour that fills the frame")
        self.swatch.clicked.connect(self._ask)
        self.rows.addWidget(self.swatch)
        self.show_solid()

    def show_solid(self) -> None:
        """Show the colour that it is now."""
        clip = self._inspected.picture
        if clip is not None and isinstance(clip.content, Solid):
            self.swatch.show_colour(clip.content.colour)

    def _ask(self) -> None:
        clip = self._inspected.picture
        if clip is not None and isinstance(clip.content, Solid):
            chosen = ask_colour(self, clip.content.colour)
            if chosen:
                self._inspected.on_picture("Colour", lambda d, each: edits.set_content(d, each, Solid(chosen)))


def ask_colour(parent: QWidget, now: str) -> str:
    """A colour as "#rrggbbaa"; "" when nothing was chosen."""
    option = QColorDialog.ColorDialogOption.ShowAlphaChannel
    chosen = QColorDialog.getColor(colour_of(now), parent, "Colour", option)
    return f"{chosen.name()}{chosen.alpha():02x}" if chosen.isValid() else ""
