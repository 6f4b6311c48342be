"""Hears and sees takes in place: the program plays in a loop around their clip while one is turned to the next."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from ltxdesktop.document.model import ItemId, Sequence
from ltxdesktop.ui.editor.monitor import EditMonitor

ROLL_S = 1  # played before the range and behind it, so that the joins are seen


class Audition(QObject):
    """`loop` is the person's own switch for looping: what it says holds again when this has ended."""

    def __init__(self, program: EditMonitor, loop: QAction, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._program, self._loop = program, loop
        self._clip: ItemId | None = None  # while it plays
        program.player.playing_changed.connect(self._take_playing)

    @property
    def clip(self) -> ItemId | None:
        """Whose takes are played now."""
        return self._clip

    def play_around(self, sequence: Sequence, clip_id: ItemId) -> None:
        """Play the clip with a second on both sides, again and again. What plays already goes on where it is."""
        clip, start = sequence.clip(clip_id), sequence.start_of(clip_id)
        player = self._program.player
        if clip is None or start is None or player.film is None or (clip_id == self._clip and player.playing):
            return
        roll = round(ROLL_S * sequence.rate)
        first, last = max(0, start - roll), min(sequence.duration, start + clip.duration + roll)
        self._program.activated.emit()
        if not first <= player.frame < last:
            self._program.seek(first)
        self._clip = clip_id
        player.set_looping(True)
        player.play(within=(first, last))

    def end(self) -> None:
        """Stop, if it plays: a take was chosen."""
        if self._clip is not None:
            self._program.player.pause()

    def _take_playing(self, playing: bool) -> None:
        if not playing and self._clip is not None:
            self._clip = None
            self._program.player.set_looping(self._loop.isChecked())
