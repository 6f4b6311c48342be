"""Edits that ask something first, or end in the inspector: speed, names, the sequence's settings, titles."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, Gap, Title, TrackKind
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.dialogs import FilmDialog, SpeedDialog
from ltxdesktop.ui.editor.docks import Docks
from ltxdesktop.ui.editor.inspector import Inspector
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.timeline.selection import Selection

TITLE_S = Fraction(4)
NEW_TITLE = Title("Title", size=0.14, shadow=0.008)  # read at a glance over clouds too


class AskedEdits(QObject):
    """Each is one named step of the project's history."""

    said = Signal(str)  # for the status bar

    def __init__(
        self, project: OpenProject, selection: Selection, inspector: Inspector, docks: Docks,
        playhead_at: Callable[[], int], window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._project, self._selection, self._inspector = project, selection, inspector
        self._docks, self._playhead_at, self._window = docks, playhead_at, window

    def bind(self, actions: Actions) -> None:
        """Have the application's actions do all this."""
        actions.bind("clip.speed", self.ask_speed)
        actions.bind("clip.rename", self.rename_clip)
        actions.bind("sequence.settings", self.ask_sequence)
        actions.bind("sequence.title", self.add_title)

    def ask_speed(self) -> None:
        sequence = self._project.document.sequence
        clip = next((sequence.clip(each) for each in sorted(self._selection.clips)), None)
        if clip is None:
            self.said.emit("Select a clip first.")
            return
        rate = self._project.document.sequence.rate
        dialog = SpeedDialog(clip.speed, clip.keeps_pitch, self._window.window(), frames=clip.duration, rate=rate)
        if dialog.exec():
            speed, ripple, keep_pitch = dialog.speed, dialog.ripple.isChecked(), dialog.keep_pitch.isChecked()
            self._project.edit(
                f"Speed {float(speed) * 100:g} %",
                lambda document: edits.set_speed(document, clip.id, speed, ripple=ripple, keep_pitch=keep_pitch),
            )

    def rename_clip(self) -> None:
        self._docks.show_panel("inspector")
        self._inspector.edit_name()

    def ask_sequence(self) -> None:
        sequence = self._project.document.sequence
        dialog = FilmDialog("Sequence", sequence, self._window.window())
        if not dialog.exec() or dialog.chosen_rate is None:
            return
        name, size, rate, drop = dialog.name.text(), dialog.chosen_size, dialog.chosen_rate, dialog.drop.isChecked()
        self._project.edit(
            "Sequence settings",
            lambda document: edits.change_sequence(document, name=name, size=size, rate=rate, drop_frame=drop),
        )

    def add_title(self) -> None:
        """A title at the playhead, on the topmost video track, above what is there."""
        frame = self._playhead_at()

        def add(document: Document) -> Document:
            sequence = document.sequence
            duration = int(TITLE_S * sequence.rate)
            tracks = [track for track in sequence.of_kind(TrackKind.VIDEO) if not track.locked]
            if not tracks or any(not isinstance(item, Gap) for _, item in tracks[-1].placed(frame, frame + duration)):
                document = edits.add_track(document, TrackKind.VIDEO)
                tracks = list(document.sequence.of_kind(TrackKind.VIDEO))
            clip = edits.clip_from_content(NEW_TITLE, duration)
            return edits.overwrite_clips(document, [edits.Placement(tracks[-1].id, clip)], frame)

        before = {clip.id for track in self._project.document.sequence.tracks for clip in track.clips}
        if self._project.edit("Add title", add):
            after = self._project.document.sequence
            self._selection.choose([c.id for t in after.tracks for c in t.clips if c.id not in before])
            self._docks.show_panel("inspector")
            self._inspector.edit_title()
