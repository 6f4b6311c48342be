"""The controls of the transition that is selected: what it is, how long it lasts, and where it lies over its cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSpinBox

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, ItemId, Sequence, TrackKind, Transition, TransitionKind
from ltxdesktop.document.time import timecode
from ltxdesktop.loop.joining import without_transition
from ltxdesktop.ui.editor.fold import Group
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.parts import label
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.selection import Selection

SPIN_PX = 140
_Change = Callable[["Chosen"], Transition]
SPINS = (
    ("length", "Length", "How long it lasts, as far as both clips have material"),
    ("before", "Before the cut", "From where on the coming clip is seen"),
    ("after", "After the cut", "Up to where the leaving clip is seen"),
)


class Chosen(NamedTuple):
    """The transition that is selected, and how many frames it may last before and after its cut."""

    clip: ItemId
    edge: edits.Edge
    now: Transition
    kind: TrackKind
    frame: int  # of the cut
    room: tuple[int, int]


def chosen_transition(document: Document, selection: Selection) -> Chosen | None:
    """None while something else is selected."""
    key, sequence = selection.transition, document.sequence
    if key is None:
        return None
    clip_id, at_tail = key
    clip, track, start = sequence.clip(clip_id), sequence.track_of(clip_id), sequence.start_of(clip_id)
    if clip is None or track is None or start is None:
        return None
    now = clip.tail if at_tail else clip.transition
    if now is None:
        return None
    edge = edits.Edge.TAIL if at_tail else edits.Edge.HEAD
    frame = start + clip.duration if at_tail else start
    return Chosen(clip_id, edge, now, track.kind, frame, edits.transition_room(document, clip_id, edge))


def resized(now: Transition, length: int, room: tuple[int, int]) -> Transition:
    """The transition so long, lying over its cut as before as far as there is room: (before, after) in frames."""
    before = min(room[0], round(length * now.before / max(1, now.duration)))
    after = min(room[1], length - before)
    return replace(now, before=min(room[0], length - after), after=after)


class TransitionControls(Group):
    """Every change is a step of the history."""

    def __init__(self, look: Look, project: OpenProject, selection: Selection, chosen: Chosen) -> None:
        super().__init__(look, "Transition")
        self._project, self._selection = project, selection
        self.kind = QComboBox()
        self.kind.setAccessibleName("Kind of transition")
        self.kind.setToolTip("How one picture becomes the next; sound always crosses with equal power")
        for kind in TransitionKind:
            self.kind.addItem(kind.value.capitalize(), kind)
        self.kind.activated.connect(self._set_kind)
        self.kind.setVisible(chosen.kind is not TrackKind.AUDIO)
        self.rows.addWidget(self.kind)
        self.spins = {name: self._spin(name, words, tip) for name, words, tip in SPINS}
        away = QPushButton("Remove")
        away.setToolTip("A plain cut again (Delete)")
        away.clicked.connect(self._remove)
        self.rows.addSpacing(6)
        self.rows.addWidget(away)

    def show_transition(self, chosen: Chosen) -> None:
        """Show what it is now."""
        self.kind.setCurrentIndex(self.kind.findData(chosen.now.kind))
        most = {"length": sum(chosen.room), "before": chosen.room[0], "after": chosen.room[1]}
        shown = {"length": chosen.now.duration, "before": chosen.now.before, "after": chosen.now.after}
        for name, spin in self.spins.items():
            spin.blockSignals(True)
            spin.setRange(1 if name == "length" else 0, max(most[name], shown[name]))
            spin.setValue(shown[name])
            spin.blockSignals(False)

    def _spin(self, name: str, words: str, tip: str) -> QSpinBox:
        row = QHBoxLayout()
        row.addWidget(label(words, "label"))
        row.addStretch(1)
        spin = QSpinBox()
        spin.setSuffix(" frames")
        spin.setFixedWidth(SPIN_PX)
        spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        spin.setKeyboardTracking(False)
        spin.setAccessibleName(words)
        spin.setToolTip(tip)
        spin.valueChanged.connect(partial(self._set_frames, name))
        row.addWidget(spin)
        self.rows.addLayout(row)
        return spin

    # Edits

    def _set_kind(self, place: int) -> None:
        kind: TransitionKind = self.kind.itemData(place)
        self._change(f"Transition: {kind.value}", lambda chosen: replace(chosen.now, kind=kind))

    def _set_frames(self, name: str, frames: int) -> None:
        def changed(chosen: Chosen) -> Transition:
            if name == "length":
                return resized(chosen.now, frames, chosen.room)
            return replace(chosen.now, **{name: frames})

        self._change("Change transition", changed, merge=f"transition {name}")

    def _remove(self) -> None:
        chosen = chosen_transition(self._project.document, self._selection)
        if chosen is not None:
            self._project.edit("Remove transition", lambda d: without_transition(d, chosen.clip, chosen.edge))

    def _change(self, name: str, change: _Change, *, merge: str = "") -> None:
        chosen = chosen_transition(self._project.document, self._selection)
        if chosen is None:
            return
        made = change(chosen)
        self._project.edit(
            name,
            lambda document: edits.set_transition(document, chosen.clip, made, chosen.edge),
            merge=f"{merge} {chosen.clip} {chosen.edge}" if merge else "",
        )


def facts_of(chosen: Chosen, sequence: Sequence) -> str:
    """Where its cut is and how long it lasts."""
    at = timecode(sequence.first_frame + chosen.frame, sequence.rate, drop=sequence.drop_frame)
    return f"Over the cut at {at}   {timecode(chosen.now.duration, sequence.rate)} long"
