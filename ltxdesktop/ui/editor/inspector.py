"""The inspector: what is selected, as controls. Every change is a named step of the history; a drag is one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.document import edits
from ltxdesktop.document.model import (
    Clip,
    Document,
    Easing,
    Effect,
    ItemId,
    Parameter,
    Solid,
    Title,
    TrackKind,
)
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS, Declared, effect_value, value_of
from ltxdesktop.document.time import timecode
from ltxdesktop.ui.editor.key_lanes import KeyLanes
from ltxdesktop.ui.editor.number_row import NumberRow
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.shaping import eased, toggled, valued
from ltxdesktop.ui.parts import ElidedLabel, IconButton, label
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.words import rate_name

SOUND_GROUPS = frozenset({"Sound"})
ClipEdit = Callable[[Document, ItemId], Document]
ALIGNMENTS = ("left", "centre", "right")


class Group(QWidget):
    """Some rows under a heading that folds them away."""

    def __init__(self, look: Look, words: str, *, open_at_first: bool = True) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 4)
        column.setSpacing(4)
        self._head = QHBoxLayout()
        self._fold = IconButton(look, "fold-open" if open_at_first else "fold-closed", f"Show or hide {words}")
        self._head.addWidget(self._fold)
        self.title = label(words, "title")
        self._head.addWidget(self.title)
        self._head.addStretch(1)
        column.addLayout(self._head)
        self._page = QWidget()
        self.rows = QVBoxLayout(self._page)
        self.rows.setContentsMargins(8, 0, 0, 0)
        self.rows.setSpacing(3)
        self._page.setVisible(open_at_first)
        column.addWidget(self._page)
        self._fold.clicked.connect(self._toggle)

    def add_button(self, button: QWidget) -> None:
        """A button at the right of the heading."""
        self._head.addWidget(button)

    def _toggle(self) -> None:
        shown = self._page.isHidden()
        self._page.setVisible(shown)
        self._fold.set_icon("fold-open" if shown else "fold-closed")


class Inspector(QWidget):
    """Shows the selected clips; the first selected picture and the first selected sound lend their values.

    It says nothing itself: edits go to the project, and come back as a changed document.
    """

    place_asked = Signal(int)  # frame of the sequence: a key lane was pressed

    def __init__(self, look: Look, project: OpenProject, selection: Selection) -> None:
        super().__init__()
        self._look, self._project, self._selection = look, project, selection
        self._playhead = 0
        self._shape: tuple[object, ...] = ()
        self._rows: dict[tuple[str, str], NumberRow] = {}  # ("", name) of the clip, (effect id, name) of an effect
        self._spins: dict[str, QSpinBox] = {}
        self._lanes = KeyLanes(look)
        self._facts = ElidedLabel("", "hint")
        self._name = QLineEdit()
        self._text: QPlainTextEdit | None = None
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._scroll, 1)
        self._lanes_page = QFrame()
        lanes = QVBoxLayout(self._lanes_page)
        lanes.setContentsMargins(10, 4, 10, 8)
        lanes.addWidget(self._lanes)
        column.addWidget(self._lanes_page)
        self._lanes.key_moved.connect(self._move_key)
        self._lanes.drag_ended.connect(project.commit)
        self._lanes.easing_asked.connect(self._ease_key)
        self._lanes.remove_asked.connect(self._toggle_key_at)
        self._lanes.place_asked.connect(self._go_to)
        selection.changed.connect(self.show_selection)
        project.changed.connect(self.show_selection)
        project.opened.connect(self.show_selection)
        self.setAccessibleName("Inspector")
        self.setMinimumWidth(290)
        self.show_selection()

    def sizeHint(self) -> QSize:
        return QSize(300, 500)

    # What is shown

    def set_playhead(self, frame: int) -> None:
        """Keyed values are those at the playhead."""
        self._playhead = frame
        clip = self._picture or self._sound
        if clip is not None and (self._has_keys(self._picture) or self._has_keys(self._sound)):
            self._show_values()

    def show_selection(self) -> None:
        shape = self._shape_of()
        if shape != self._shape:
            self._shape = shape
            self._build()
        self._show_values()

    def edit_name(self) -> None:
        """Let the name of what is selected be typed."""
        self._name.setFocus()
        self._name.selectAll()

    @property
    def _picture(self) -> Clip | None:
        """The clip whose picture is shown: the one pressed last, else the first of a video track."""
        return self._first(TrackKind.VIDEO, TrackKind.SUBTITLE)

    @property
    def _sound(self) -> Clip | None:
        return self._first(TrackKind.AUDIO)

    def _first(self, *kinds: TrackKind) -> Clip | None:
        sequence = self._project.document.sequence
        found = [each for each in self._chosen() if (track := sequence.track_of(each)) and track.kind in kinds]
        primary = self._selection.primary
        wanted = primary if primary in found else found[0] if found else None
        return sequence.clip(wanted) if wanted is not None else None

    def _chosen(self) -> list[ItemId]:
        sequence = self._project.document.sequence
        placed = [(sequence.start_of(each) or 0, each) for each in self._selection.clips if sequence.clip(each)]
        return [each for _, each in sorted(placed)]

    def _of_kind(self, *, sound: bool) -> list[ItemId]:
        """The selected clips that a picture's or a sound's number goes to."""
        sequence = self._project.document.sequence
        found: list[ItemId] = []
        for each in self._chosen():
            track = sequence.track_of(each)
            if track is not None and (track.kind is TrackKind.AUDIO) is sound:
                found.append(each)
        return found

    def _shape_of(self) -> tuple[object, ...]:
        """What decides which controls there are: when it's the same, only values are shown anew."""
        picture, sound = self._picture, self._sound
        return (
            picture.id if picture else None,
            sound.id if sound else None,
            type(picture.content) if picture else None,
            tuple((effect.id, effect.kind) for effect in picture.effects) if picture else (),
            len(self._selection.clips),
            len(picture.takes) if picture else 0,
        )

    # Building

    def _build(self) -> None:
        self._rows, self._spins, self._text = {}, {}, None
        page = QWidget()
        page.setObjectName("form")
        column = QVBoxLayout(page)
        column.setContentsMargins(10, 8, 10, 10)
        column.setSpacing(0)
        picture, sound = self._picture, self._sound
        if picture is None and sound is None:
            hint = label("Select a clip to see what can be changed about it.", "hint")
            hint.setWordWrap(True)
            column.addWidget(hint)
        else:
            column.addWidget(self._head())
        if picture is not None:
            self._build_picture(column, picture)
        if sound is not None:
            column.addWidget(self._parameters("Sound", [d for d in PARAMETERS.values() if d.group in SOUND_GROUPS]))
        if picture is not None or sound is not None:
            column.addWidget(self._fades())
        column.addStretch(1)
        self._scroll.setWidget(page)

    def _head(self) -> QWidget:
        head = QWidget()
        column = QVBoxLayout(head)
        column.setContentsMargins(0, 0, 0, 4)
        self._name = QLineEdit()
        self._name.setAccessibleName("Name of the clip")
        self._name.setToolTip("Name of the clip")
        self._name.editingFinished.connect(self._rename)
        self._facts = ElidedLabel("", "hint")
        column.addWidget(self._name)
        column.addWidget(self._facts)
        return head

    def _build_picture(self, column: QVBoxLayout, clip: Clip) -> None:
        if isinstance(clip.content, Title):
            column.addWidget(self._title_controls(clip.content))
        elif isinstance(clip.content, Solid):
            column.addWidget(self._solid_controls())
        if len(clip.takes) > 1:
            column.addWidget(self._take_controls(clip))
        declared = [each for each in PARAMETERS.values() if each.group not in SOUND_GROUPS]
        for words, rows in groupby(declared, key=lambda each: each.group):
            if words == "Colour" and clip.content is not None:
                continue
            column.addWidget(self._parameters(words, rows, open_at_first=words != "Crop"))
        if clip.content is None:
            column.addWidget(self._effects(clip))

    def _parameters(self, words: str, rows: Iterable[Declared], *, open_at_first: bool = True) -> Group:
        group = Group(self._look, words, open_at_first=open_at_first)
        for declared in rows:
            group.rows.addWidget(self._row(declared, ""))
        return group

    def _row(self, declared: Declared, effect: str) -> NumberRow:
        row = NumberRow(self._look, declared)
        row.changed.connect(partial(self._change, effect))
        row.dragged.connect(partial(self._drag, effect))
        row.drag_ended.connect(self._project.commit)
        row.reset_asked.connect(partial(self._reset, effect))
        row.key_asked.connect(partial(self._toggle_key, effect))
        self._rows[effect, declared.name] = row
        return row

    def _fades(self) -> Group:
        group = Group(self._look, "Fades")
        for name, words in (("in", "Fade in"), ("out", "Fade out")):
            row = QHBoxLayout()
            row.addWidget(label(words, "label"))
            row.addStretch(1)
            spin = QSpinBox()
            spin.setRange(0, 100_000)
            spin.setSuffix(" frames")
            spin.setAlignment(Qt.AlignmentFlag.AlignRight)
            spin.setKeyboardTracking(False)
            spin.setAccessibleName(words)
            spin.setToolTip("Sound fades with equal power, picture from and to nothing")
            spin.valueChanged.connect(partial(self._fade, name))
            self._spins[name] = spin
            row.addWidget(spin)
            group.rows.addLayout(row)
        return group

    def _take_controls(self, clip: Clip) -> Group:
        group = Group(self._look, "Takes")
        choice = QComboBox()
        choice.setAccessibleName("Take")
        choice.setToolTip("Which take is shown (Alt+Up and Alt+Down)")
        for number, take in enumerate(clip.takes):
            stars = "  " + "★" * take.rating if take.rating else ""
            choice.addItem((take.name or ("Original" if number == 0 else f"Take {number}")) + stars)
        choice.setCurrentIndex(clip.active)
        choice.activated.connect(self._choose_take)
        group.rows.addWidget(choice)
        return group

    # Titles and colours

    def _title_controls(self, title: Title) -> Group:
        group = Group(self._look, "Title")
        self._text = QPlainTextEdit(title.text)
        self._text.setAccessibleName("Text")
        self._text.setToolTip("The words of the title")
        self._text.setFixedHeight(76)
        self._text.textChanged.connect(self._write)
        group.rows.addWidget(self._text)
        numbers = (
            Declared("size", "Size", "Title", 0.08, 0.005, 1, "%", 0.005, "Share of the frame's height"),
            Declared("x", "Across", "Title", 0.5, -1, 2, "%", 0.01, "Middle of the text; 50 % = centre"),
            Declared("y", "Down", "Title", 0.5, -1, 2, "%", 0.01, "Middle of the text; 50 % = centre"),
            Declared("outline", "Outline", "Title", 0, 0, 0.1, "%", 0.001, "Share of the frame's height"),
            Declared("shadow", "Shadow", "Title", 0, 0, 0.1, "%", 0.001, "Share of the frame's height"),
        )
        for declared in numbers:
            row = NumberRow(self._look, declared, keys=False)
            row.changed.connect(partial(self._style_number, False))
            row.dragged.connect(partial(self._style_number, True))
            row.drag_ended.connect(self._project.commit)
            row.reset_asked.connect(partial(self._style_reset, declared.default))
            self._rows["title", declared.name] = row
            group.rows.addWidget(row)
        row = QHBoxLayout()
        for name, words in (("colour", "Text…"), ("outline_colour", "Outline…"), ("background", "Behind…")):
            button = QPushButton(words)
            button.setToolTip(f"Colour: {words.removesuffix('…').lower()}")
            button.clicked.connect(partial(self._style_colour, name))
            row.addWidget(button)
        group.rows.addLayout(row)
        align = QComboBox()
        align.setAccessibleName("Alignment")
        align.setToolTip("How the lines lie")
        align.addItems([each.capitalize() for each in ALIGNMENTS])
        align.setCurrentIndex(ALIGNMENTS.index(title.align) if title.align in ALIGNMENTS else 1)
        align.activated.connect(self._style_align)
        group.rows.addWidget(align)
        return group

    def _solid_controls(self) -> Group:
        group = Group(self._look, "Colour")
        button = QPushButton("Colour…")
        button.setToolTip("The colour that fills the frame")
        button.clicked.connect(self._solid_colour)
        group.rows.addWidget(button)
        return group

    def _write(self) -> None:
        if self._text is not None:
            words = self._text.toPlainText()
            self._content("Write title", lambda title: replace(title, text=words), merge="title text")

    def _style_number(self, dragging: bool, name: str, value: float) -> None:
        def change(title: Title) -> Title:
            return replace(title, **{name: value})

        clip = self._picture
        if dragging and clip is not None and isinstance(clip.content, Title):
            content = change(clip.content)
            self._project.preview("Style title", lambda document: edits.set_content(document, clip.id, content))
        else:
            self._content("Style title", change, merge=f"title {name}")

    def _style_reset(self, default: float, name: str) -> None:
        self._style_number(False, name, default)

    def _style_colour(self, name: str) -> None:
        clip = self._picture
        if clip is None or not isinstance(clip.content, Title):
            return
        chosen = self._ask_colour(str(getattr(clip.content, name)))
        if chosen:
            self._content("Colour title", lambda title: replace(title, **{name: chosen}))

    def _style_align(self, place: int) -> None:
        self._content("Align title", lambda title: replace(title, align=ALIGNMENTS[place]))

    def _content(self, name: str, change: Callable[[Title], Title], merge: str = "") -> None:
        clip = self._picture
        if clip is None or not isinstance(clip.content, Title):
            return
        content = change(clip.content)
        if content != clip.content:
            merge = f"{merge} {clip.id}" if merge else ""
            self._project.edit(name, lambda document: edits.set_content(document, clip.id, content), merge=merge)

    def _solid_colour(self) -> None:
        clip = self._picture
        if clip is not None and isinstance(clip.content, Solid):
            chosen = self._ask_colour(clip.content.colour)
            if chosen:
                self._project.edit("Colour", lambda document: edits.set_content(document, clip.id, Solid(chosen)))

    def _ask_colour(self, now: str) -> str:
        """A colour as "#rrggbbaa"; "" when nothing was chosen."""
        before = QColor(now[:7])
        before.setAlpha(int(now[7:9] or "ff", 16))
        option = QColorDialog.ColorDialogOption.ShowAlphaChannel
        chosen = QColorDialog.getColor(before, self, "Colour", option)
        return f"{chosen.name()}{chosen.alpha():02x}" if chosen.isValid() else ""

    # Effects

    def _effects(self, clip: Clip) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for effect in clip.effects:
            column.addWidget(self._effect(effect))
        add = QPushButton("Add an effect")
        add.setToolTip("Blur, sharpen, vignette, LUT, curves")
        menu = QMenu(add)
        for kind, declared in EFFECTS.items():
            menu.addAction(declared.label).triggered.connect(partial(self._add_effect, kind))
        add.setMenu(menu)
        column.addSpacing(6)
        column.addWidget(add)
        return page

    def _effect(self, effect: Effect) -> Group:
        declared = EFFECTS[effect.kind]
        group = Group(self._look, declared.label)
        on = QCheckBox("")
        on.setChecked(effect.enabled)
        on.setAccessibleName(f"{declared.label} on")
        on.setToolTip("Whether the effect is done")
        on.toggled.connect(partial(self._switch_effect, effect.id))
        up = IconButton(self._look, "up", f"{declared.label} earlier")
        up.clicked.connect(partial(self._move_effect, effect.id))
        away = IconButton(self._look, "cancel", f"Remove {declared.label}")
        away.clicked.connect(partial(self._remove_effect, effect.id))
        for button in (on, up, away):
            group.add_button(button)
        for each in declared.parameters.values():
            group.rows.addWidget(self._row(each, effect.id))
        for name, words in declared.texts.items():
            group.rows.addWidget(self._effect_text(effect, name, words))
        return group

    def _effect_text(self, effect: Effect, name: str, words: str) -> QWidget:
        now = effect.texts.get(name, "")
        if name == "file":
            button = QPushButton(Path(now).name or "Choose a LUT…")
            button.setToolTip(words)
            button.clicked.connect(partial(self._choose_lut, effect.id))
            return button
        field = QLineEdit(now)
        field.setPlaceholderText(f"{name}: 0,0 0.5,0.6 1,1")
        field.setAccessibleName(f"{effect.kind}: {name}")
        field.setToolTip(words)
        field.editingFinished.connect(partial(self._take_text, effect.id, name, field))
        return field

    def _add_effect(self, kind: str) -> None:
        self._on_pictures(f"Add {EFFECTS[kind].label}", lambda document, clip: edits.add_effect(document, clip, kind))

    def _switch_effect(self, effect: str, on: bool) -> None:
        self._on_first("Switch effect", lambda document, clip: edits.change_effect(document, clip, effect, enabled=on))

    def _move_effect(self, effect: str) -> None:
        clip = self._picture
        if clip is not None:
            place = next(number for number, each in enumerate(clip.effects) if each.id == effect)
            self._on_first("Move effect", lambda document, c: edits.move_effect(document, c, effect, max(0, place - 1)))

    def _remove_effect(self, effect: str) -> None:
        self._on_first("Remove effect", lambda document, clip: edits.remove_effect(document, clip, effect))

    def _choose_lut(self, effect: str) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a LUT", "", "3D LUTs (*.cube)")
        if path:
            texts = {"file": path}
            self._on_first("Choose LUT", lambda d, clip: edits.change_effect(d, clip, effect, texts=texts))

    def _take_text(self, effect: str, name: str, field: QLineEdit) -> None:
        texts = {name: field.text().strip()}
        self._on_first("Change effect", lambda d, clip: edits.change_effect(d, clip, effect, texts=texts))

    def _on_pictures(self, name: str, edit: ClipEdit) -> None:
        clips = self._of_kind(sound=False)

        def on_all(document: Document) -> Document:
            for clip in clips:
                document = edit(document, clip)
            return document

        self._project.edit(name, on_all)

    def _on_first(self, name: str, edit: ClipEdit) -> None:
        clip = self._picture
        if clip is not None:
            self._project.edit(name, lambda document: edit(document, clip.id))

    # Numbers

    def _change(self, effect: str, name: str, value: float) -> None:
        self._project.edit(
            self._words(effect, name),
            lambda document: self._with_value(document, effect, name, value),
            merge=f"{effect} {name} {sorted(self._selection.clips)} {self._playhead}",
        )

    def _drag(self, effect: str, name: str, value: float) -> None:
        self._project.preview(
            self._words(effect, name), lambda document: self._with_value(document, effect, name, value)
        )

    def _reset(self, effect: str, name: str) -> None:
        def reset(document: Document) -> Document:
            for clip in self._targets(effect, name):
                document = edits.set_value(document, clip, name, None, effect=effect or None)
            return document

        self._project.edit(f"Reset {self._words(effect, name)}", reset)

    def _toggle_key(self, effect: str, name: str) -> None:
        def toggle(document: Document) -> Document:
            for clip in self._targets(effect, name):
                frame = self._frame_in(document, clip)
                changed = toggled(self._parameter(document, clip, effect, name), frame)
                document = edits.set_value(document, clip, name, changed, effect=effect or None)
            return document

        self._project.edit(f"Key of {self._words(effect, name)}", toggle)

    def _with_value(self, document: Document, effect: str, name: str, value: float) -> Document:
        for clip in self._targets(effect, name):
            frame = self._frame_in(document, clip)
            changed = valued(self._parameter(document, clip, effect, name), frame, value)
            document = edits.set_value(document, clip, name, changed, effect=effect or None)
        return document

    def _targets(self, effect: str, name: str) -> list[ItemId]:
        """Clips that a number goes to: an effect's is its own clip's, others go to all that are selected."""
        if effect:
            return [self._picture.id] if self._picture is not None else []
        return self._of_kind(sound=PARAMETERS[name].group in SOUND_GROUPS)

    def _parameter(self, document: Document, clip_id: ItemId, effect: str, name: str) -> Parameter:
        clip = document.sequence.clip(clip_id)
        assert clip is not None
        if not effect:
            return value_of(clip, name)
        return effect_value(next(each for each in clip.effects if each.id == effect), name)

    def _frame_in(self, document: Document, clip: ItemId) -> int:
        return self._playhead - (document.sequence.start_of(clip) or 0)

    def _words(self, effect: str, name: str) -> str:
        if not effect:
            return PARAMETERS[name].label
        clip = self._picture
        kind = next((each.kind for each in clip.effects if each.id == effect), "") if clip is not None else ""
        return f"{EFFECTS[kind].label}: {EFFECTS[kind].parameters[name].label}" if kind else name

    # Keys

    def _lane_clip(self) -> Clip | None:
        return self._picture if self._has_keys(self._picture) else self._sound

    def _has_keys(self, clip: Clip | None) -> bool:
        if clip is None:
            return False
        effects = (value for effect in clip.effects for value in effect.values.values())
        return any(parameter.keys for parameter in (*clip.values.values(), *effects))

    def _move_key(self, name: str, frame: int, to: int) -> None:
        clip = self._lane_clip()
        if clip is not None:
            self._project.preview("Move key", lambda document: edits.move_key(document, clip.id, name, frame, to))

    def _ease_key(self, name: str, frame: int, easing: Easing) -> None:
        clip = self._lane_clip()
        if clip is not None:
            changed = eased(value_of(clip, name), frame, easing)
            self._project.edit("Ease key", lambda document: edits.set_value(document, clip.id, name, changed))

    def _toggle_key_at(self, name: str, frame: int) -> None:
        clip = self._lane_clip()
        if clip is not None:
            self._project.edit("Remove key", lambda document: edits.remove_key(document, clip.id, name, frame))

    def _go_to(self, frame: int) -> None:
        clip = self._lane_clip()
        start = self._project.document.sequence.start_of(clip.id) if clip is not None else None
        if start is not None:
            self.place_asked.emit(start + frame)

    # The rest

    def _rename(self) -> None:
        clip = self._picture or self._sound
        name = self._name.text().strip()
        if clip is not None and name and name != clip.name:
            self._project.edit("Rename", lambda document: edits.rename(document, clip.id, name))

    def _choose_take(self, place: int) -> None:
        self._on_first("Choose take", lambda document, clip: edits.set_take(document, clip, place))

    def _fade(self, end: str, frames: int) -> None:
        clips = self._chosen()

        def fade(document: Document) -> Document:
            for clip in clips:
                if end == "in":
                    document = edits.set_fades(document, clip, fade_in=frames)
                else:
                    document = edits.set_fades(document, clip, fade_out=frames)
            return document

        self._project.edit(f"Fade {end}", fade, merge=f"fade {end} {clips}")

    # Values

    def _show_values(self) -> None:
        picture, sound = self._picture, self._sound
        for (effect, name), row in self._rows.items():
            if effect == "title":
                if picture is not None and isinstance(picture.content, Title):
                    row.show_value(float(getattr(picture.content, name)), keyed=False, on_key=False)
                continue
            clip = sound if not effect and PARAMETERS[name].group in SOUND_GROUPS else picture
            if clip is None or (effect and all(each.id != effect for each in clip.effects)):
                continue
            parameter = self._parameter(self._project.document, clip.id, effect, name)
            frame = self._frame_in(self._project.document, clip.id)
            on_key = any(key.frame == frame for key in parameter.keys)
            row.show_value(parameter.at(frame), keyed=bool(parameter.keys), on_key=on_key)
        clip = picture or sound
        if clip is not None:
            self._show_clip(clip)
        lane_clip = self._lane_clip()
        frame = self._frame_in(self._project.document, lane_clip.id) if lane_clip is not None else 0
        self._lanes.show_clip(lane_clip, frame)
        self._lanes_page.setVisible(self._lanes.keys() != [])

    def _show_clip(self, clip: Clip) -> None:
        sequence = self._project.document.sequence
        if not self._name.hasFocus():
            self._name.setText(clip.name)
        start = sequence.start_of(clip.id) or 0
        at, length = (timecode(frame, sequence.rate) for frame in (sequence.first_frame + start, clip.duration))
        speed = "" if clip.speed == 1 else f"   {float(clip.speed) * 100:g} %"
        media = self._project.document.media.get(clip.media) if clip.media is not None else None
        source = f"   {media.width}×{media.height} {rate_name(media.rate)}" if media is not None and media.width else ""
        several = f"   ({len(self._selection.clips)} selected)" if len(self._selection.clips) > 2 else ""
        self._facts.set_text(f"{at}  +{length}{speed}{source}{several}")
        for name, value in (("in", clip.fade_in), ("out", clip.fade_out)):
            spin = self._spins.get(name)
            if spin is not None and not spin.hasFocus():
                spin.blockSignals(True)
                spin.setMaximum(clip.duration)
                spin.setValue(value)
                spin.blockSignals(False)
        if self._text is not None and isinstance(clip.content, Title) and self._text.toPlainText() != clip.content.text:
            self._text.blockSignals(True)
            self._text.setPlainText(clip.content.text)
            self._text.blockSignals(False)
