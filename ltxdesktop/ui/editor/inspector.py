"""The inspector: what is selected, as controls. Every change is a named step of the history; a drag is one step."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import groupby
from typing import NamedTuple

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip, Document, ItemId, MediaKind, Solid, Title
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS, Declared
from ltxdesktop.document.time import timecode
from ltxdesktop.loop.joining import with_take
from ltxdesktop.ui.editor.effect_controls import EffectControls
from ltxdesktop.ui.editor.fold import Group
from ltxdesktop.ui.editor.inspected import SOUND_GROUPS, Inspected
from ltxdesktop.ui.editor.key_edits import KeyEdits
from ltxdesktop.ui.editor.key_lanes import KeyLanes
from ltxdesktop.ui.editor.lane_layout import LANE_PX, Number, lanes_of
from ltxdesktop.ui.editor.number_row import NumberRow
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.title_controls import SolidControls, TitleControls
from ltxdesktop.ui.editor.transition_controls import Chosen, TransitionControls, chosen_transition, facts_of
from ltxdesktop.ui.parts import ElidedLabel, label, narrow
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.selection import Selection, TransitionKey
from ltxdesktop.words import rate_name

LANES_SHOWN = 4  # more of them scroll
REST_PX = 12  # seen around what is scrolled into view


class _Shape(NamedTuple):
    """Which controls there are."""

    picture: ItemId | None = None
    sound: ItemId | None = None
    content: type | None = None
    effects: tuple[tuple[str, str], ...] = ()  # id and kind of each
    selected: int = 0
    takes: int = 0
    transition: TransitionKey | None = None

    def is_of(self, other: _Shape) -> bool:
        """Whether both are of the same clips."""
        return (self.picture, self.sound) == (other.picture, other.sound)


NO_SHAPE = _Shape(selected=-1)


class Inspector(QWidget):
    """Shows the selected clips; the first selected picture and the first selected sound lend their values.

    It says nothing itself: edits go to the project, and come back as a changed document.
    """

    place_asked = Signal(int)  # frame of the sequence: a key lane was pressed
    finished = Signal()  # typing has ended: the keys are the timeline's again

    def __init__(self, look: Look, project: OpenProject, selection: Selection) -> None:
        super().__init__()
        self._look, self._project, self._selection = look, project, selection
        self._inspected = Inspected(project, selection)
        self._shape = NO_SHAPE
        self._in_front = True
        self._rows: dict[tuple[str, str], NumberRow] = {}  # ("", name) of the clip, (effect id, name) of an effect
        self._spins: dict[str, QSpinBox] = {}
        self._facts = ElidedLabel("", "hint")
        self._name = QLineEdit()
        self._title: TitleControls | None = None
        self._effects: EffectControls | None = None
        self._transition: TransitionControls | None = None
        self._solid: SolidControls | None = None
        self._scroll = _column_of()
        self._lanes = KeyLanes(look)
        self._lanes_page = QFrame()
        self._lanes_page.setObjectName("lanes")
        self._lay_out()
        self._keys = KeyEdits(self._inspected)
        self._lanes.keys_moved.connect(self._keys.move)
        self._lanes.drag_ended.connect(project.commit)
        self._lanes.key_asked.connect(self._keys.add)
        self._lanes.bent.connect(self._keys.bend)
        self._lanes.easing_asked.connect(self._keys.ease)
        self._lanes.remove_asked.connect(self._keys.remove)
        self._lanes.place_asked.connect(self._go_to)
        selection.changed.connect(self.show_selection)
        project.changed.connect(self.show_selection)
        project.opened.connect(self.show_selection)
        self.setAccessibleName("Inspector")
        self.setMinimumWidth(290)
        self.setFocusProxy(self._scroll)
        self._catch_up()

    def sizeHint(self) -> QSize:
        return QSize(300, 500)

    # What is shown

    def set_playhead(self, frame: int) -> None:
        """Keyed values are those at the playhead."""
        self._inspected.playhead = frame
        seen = self._in_front and self.isVisible()
        if seen and any(_has_keys(clip) for clip in (self._inspected.picture, self._inspected.sound)):
            self._show_values()

    def show_selection(self) -> None:
        """Only while it's seen: making its controls takes 40 ms, and behind other tabs nobody waits for them."""
        if self._in_front and self.isVisible():
            self._catch_up()

    def set_in_front(self, in_front: bool) -> None:
        """Whether its tab is the one in front: docks behind it count as visible for Qt."""
        self._in_front = in_front
        self.show_selection()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.show_selection()

    def _catch_up(self) -> None:
        shape, before = self._shape_of(), self._shape
        if shape != before:
            self._shape = shape
            same = shape.is_of(before)
            place = self._scroll.verticalScrollBar().value() if same else 0
            known = dict(before.effects if same else shape.effects)
            self._build()
            fresh = [effect for effect, _ in shape.effects if effect not in known]
            QTimer.singleShot(0, self, partial(self._come_back, place, fresh))  # once the new controls are laid out
        self._show_values()

    def _come_back(self, place: int, fresh: list[str]) -> None:
        """To where it was scrolled to when the same clip has other controls now; what is new among them is in view."""
        self._scroll.verticalScrollBar().setValue(place)
        if self._effects is not None:
            for effect in fresh:
                if effect in self._effects.groups:
                    self._scroll.ensureWidgetVisible(self._effects.groups[effect], 0, REST_PX)

    def edit_name(self) -> None:
        """Let the name of what is selected be typed."""
        self._catch_up()
        self._name.setFocus()
        self._name.selectAll()

    def edit_title(self) -> None:
        """Let the words of the title that is selected be typed."""
        self._catch_up()
        if self._title is not None:
            self._title.text.setFocus()
            self._title.text.selectAll()

    def _shape_of(self) -> _Shape:
        """What decides which controls there are: when it's the same, only values are shown anew."""
        picture, sound = self._inspected.picture, self._inspected.sound
        return _Shape(
            picture.id if picture else None,
            sound.id if sound else None,
            type(picture.content) if picture else None,
            tuple((effect.id, effect.kind) for effect in picture.effects) if picture else (),
            len(self._selection.clips),
            len(picture.takes) if picture else 0,
            self._selection.transition,
        )

    # Building

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._scroll, 1)
        lanes = QVBoxLayout(self._lanes_page)
        lanes.setContentsMargins(10, 2, 4, 8)
        inner = _column_of()
        inner.setWidget(self._lanes)
        inner.setFixedHeight(LANE_PX)
        self._lanes_view = inner
        lanes.addWidget(inner)
        column.addWidget(self._lanes_page)

    def _build(self) -> None:
        self._rows, self._spins, self._title, self._effects, self._transition = {}, {}, None, None, None
        self._solid = None
        page = QWidget()
        page.setObjectName("form")
        column = QVBoxLayout(page)
        column.setContentsMargins(10, 8, 10, 10)
        column.setSpacing(0)
        picture, sound = self._inspected.picture, self._inspected.sound
        chosen = chosen_transition(self._project.document, self._selection)
        if chosen is not None and picture is None and sound is None:
            column.addWidget(self._transition_controls(chosen))
        elif picture is None and sound is None:
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
        before = self._scroll.takeWidget()  # it may be one of its own buttons that has asked for this
        self._scroll.setWidget(page)
        if before is not None:  # pyright: ignore[reportUnnecessaryComparison]  # none is there at first
            before.deleteLater()

    def _transition_controls(self, chosen: Chosen) -> QWidget:
        self._transition = TransitionControls(self._look, self._project, self._selection, chosen)
        self._facts = ElidedLabel("", "hint")
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._facts)
        column.addWidget(self._transition)
        return page

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
            self._title = TitleControls(self._look, self._inspected, clip.content)
            self._title.text.finished.connect(self.finished)
            column.addWidget(self._title)
        elif isinstance(clip.content, Solid):
            self._solid = SolidControls(self._look, self._inspected)
            column.addWidget(self._solid)
        if len(clip.takes) > 1:
            column.addWidget(self._take_controls(clip))
        declared = [each for each in PARAMETERS.values() if each.group not in SOUND_GROUPS]
        for words, rows in groupby(declared, key=lambda each: each.group):
            if words == "Colour" and clip.content is not None:
                continue
            column.addWidget(self._parameters(words, rows, open_at_first=words != "Crop"))
        if clip.content is None:
            column.addWidget(self._effect_controls(clip))

    def _effect_controls(self, clip: Clip) -> EffectControls:
        self._effects = controls = EffectControls(self._look, self._inspected, clip)
        for effect in clip.effects:
            for declared in EFFECTS[effect.kind].parameters.values():
                controls.add_row(effect.id, self._row(declared, effect.id))
            controls.add_texts(effect)
        return controls

    def _parameters(self, words: str, rows: Iterable[Declared], *, open_at_first: bool = True) -> Group:
        group = Group(self._look, words, open_at_first=open_at_first)
        for declared in rows:
            group.rows.addWidget(self._row(declared, ""))
        return group

    def _row(self, declared: Declared, effect: str) -> NumberRow:
        row, inspected = NumberRow(self._look, declared), self._inspected
        row.changed.connect(partial(inspected.change, effect))
        row.dragged.connect(partial(inspected.drag, effect))
        row.drag_ended.connect(self._project.commit)
        row.reset_asked.connect(partial(inspected.reset, effect))
        row.key_asked.connect(partial(inspected.toggle_key, effect))
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
        choice = narrow(QComboBox(), 14)  # names of takes are whole prompts
        choice.setAccessibleName("Take")
        choice.setToolTip("Which take is shown (Alt+Up and Alt+Down)")
        for number, take in enumerate(clip.takes):
            stars = "  " + "★" * take.rating if take.rating else ""
            choice.addItem((take.name or ("Original" if number == 0 else f"Take {number}")) + stars)
        choice.setCurrentIndex(clip.active)
        choice.activated.connect(self._choose_take)
        group.rows.addWidget(choice)
        return group

    def _go_to(self, number: Number, frame: int) -> None:
        start = self._project.document.sequence.start_of(number.clip)
        if start is not None:
            self.place_asked.emit(start + frame)

    # The rest

    def _rename(self) -> None:
        clip = self._inspected.picture or self._inspected.sound
        name = self._name.text().strip()
        if clip is not None and name and name != clip.name:
            self._project.edit("Rename", lambda document: edits.rename(document, clip.id, name))

    def _choose_take(self, place: int) -> None:
        self._inspected.on_picture("Choose take", lambda document, clip: with_take(document, clip, place))

    def _fade(self, end: str, frames: int) -> None:
        def fade(document: Document, clip: ItemId) -> Document:
            if end == "in":
                return edits.set_fades(document, clip, fade_in=frames)
            return edits.set_fades(document, clip, fade_out=frames)

        self._inspected.on_all(f"Fade {end}", fade, merge=f"fade {end}")

    # Values

    def _show_values(self) -> None:
        inspected, document = self._inspected, self._project.document
        for (effect, name), row in self._rows.items():
            clip = inspected.owner(effect, name)
            if clip is None:
                continue
            parameter, frame = (
                inspected.parameter(document, clip.id, effect, name),
                inspected.frame_in(document, clip.id),
            )
            on_key = any(key.frame == frame for key in parameter.keys)
            row.show_value(parameter.at(frame), keyed=bool(parameter.keys), on_key=on_key)
        picture, sound = inspected.picture, inspected.sound
        shown = picture or sound
        if shown is not None:
            self._show_clip(shown)
        chosen = chosen_transition(document, self._selection)
        if chosen is not None and self._transition is not None:
            self._transition.show_transition(chosen)
            self._facts.set_text(facts_of(chosen, document.sequence))
        if picture is not None and self._title is not None and isinstance(picture.content, Title):
            self._title.show_title(picture.content)
        if self._solid is not None:
            self._solid.show_solid()
        if picture is not None and self._effects is not None:
            self._effects.show_effects(picture)
        self._show_lanes()

    def _show_lanes(self) -> None:
        document, inspected = self._project.document, self._inspected
        clips = [clip for clip in (inspected.picture, inspected.sound) if clip is not None]
        lanes = [lane for clip in clips for lane in lanes_of(clip, inspected.frame_in(document, clip.id))]
        self._lanes.show_lanes(lanes)
        self._lanes_view.setFixedHeight(min(self._lanes.sizeHint().height(), LANE_PX * LANES_SHOWN + LANE_PX // 2))
        self._lanes_page.setVisible(bool(lanes))

    def _show_clip(self, clip: Clip) -> None:
        sequence = self._project.document.sequence
        if not self._name.hasFocus():
            self._name.setText(clip.name)
        start = sequence.start_of(clip.id) or 0
        at, length = (timecode(frame, sequence.rate) for frame in (sequence.first_frame + start, clip.duration))
        speed = "" if clip.speed == 1 else f" · {float(clip.speed) * 100:g} %"
        media = self._project.document.media.get(clip.media) if clip.media is not None else None
        source = f" · {media.width}×{media.height}" if media is not None and media.width else ""
        moves = media is not None and media.kind is not MediaKind.STILL and media.width
        rate = f" · {rate_name(media.rate)} fps" if media is not None and moves else ""
        several = f" · {len(self._selection.clips)} selected" if len(self._selection.clips) > 2 else ""
        self._facts.set_text(f"{at} · {length} long{several}{speed}{source}{rate}")
        for name, value in (("in", clip.fade_in), ("out", clip.fade_out)):
            spin = self._spins.get(name)
            if spin is not None and not spin.hasFocus():
                spin.blockSignals(True)
                spin.setMaximum(clip.duration)
                spin.setValue(value)
                spin.blockSignals(False)


def _column_of() -> QScrollArea:
    """An area that scrolls up and down only."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def _has_keys(clip: Clip | None) -> bool:
    if clip is None:
        return False
    effects = (value for effect in clip.effects for value in effect.values.values())
    return any(parameter.keys for parameter in (*clip.values.values(), *effects))
