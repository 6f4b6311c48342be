"""Where what is new goes: the tracks that insert, overwrite, append and paste aim at, and what of a source is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document.model import Sequence, Track, TrackId, TrackKind


class Patch(NamedTuple):
    """What edits are told (`edits.placements`): tracks that were aimed at (None = the first free one), and halves."""

    video: TrackId | None = None
    audio: TrackId | None = None
    picture: bool = True
    sound: bool = True


class Patching(QObject):
    """One track of each kind can be aimed at; with none, sources go to the first free one and copies to their own."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._targets: dict[TrackKind, TrackId] = {}
        self._picture = self._sound = True

    @property
    def targets(self) -> Mapping[TrackKind, TrackId]:
        """The tracks that were aimed at."""
        return self._targets

    @property
    def patch(self) -> Patch:
        aimed = self._targets.get
        return Patch(aimed(TrackKind.VIDEO), aimed(TrackKind.AUDIO), self._picture, self._sound)

    def aim(self, track: Track) -> None:
        """Aim at a track, or no longer at it."""
        if track.kind is TrackKind.SUBTITLE:
            return
        if self._targets.get(track.kind) == track.id:
            del self._targets[track.kind]
        else:
            self._targets[track.kind] = track.id
        self.changed.emit()

    def take_picture(self, on: bool) -> None:
        """Whether the picture of a source is taken."""
        self._picture = on
        self.changed.emit()

    def take_sound(self, on: bool) -> None:
        """Whether the sound of a source is taken."""
        self._sound = on
        self.changed.emit()

    def keep_existing(self, sequence: Sequence) -> None:
        """Forget tracks that an edit has removed."""
        kept = {kind: track for kind, track in self._targets.items() if sequence.track(track) is not None}
        if kept != self._targets:
            self._targets = kept
            self.changed.emit()
