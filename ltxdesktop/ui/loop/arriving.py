"""Shows a take that has arrived to a person who waits for it. Whoever does something else meanwhile isn't disturbed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from ltxdesktop.document.model import ItemId, Sequence
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.loop.audition import Audition


class Arriving(QObject):
    """Somebody waits from the asking on, until they play, go to another frame, edit, or write other words.

    Then the take plays in a loop, as Alt+Down would, where its preview has played; in a window that isn't looked at
    only the playhead goes there. The film of an edit is opened on a thread, so what is shown waits for it.
    """

    def __init__(
        self,
        program: EditMonitor,
        audition: Audition,
        go_to: Callable[[int], None],
        words: Callable[[], str],
        parent: QObject | None = None,
    ) -> None:
        """`go_to` moves the playhead; `words` is the prompt as it stands in the panel."""
        super().__init__(parent)
        self._program, self._audition, self._go_to, self._words = program, audition, go_to, words
        self.plays = True  # else it's only gone to
        self._asked: str | None = None  # the words, while somebody waits
        self._arrived: tuple[Sequence, ItemId] | None = None  # to be shown when the monitor has its film
        program.player.playing_changed.connect(self._take_playing)
        program.player.opened.connect(self._show)

    @property
    def waited_for(self) -> bool:
        """Whether somebody waits before this monitor, and has done nothing else since asking."""
        program = self._program
        return self._asked == self._words() and bool(program.property("active")) and not program.player.playing

    def wait(self) -> None:
        """A job was asked for."""
        self._asked = self._words()

    def go_on(self) -> None:
        """The person does something else."""
        self._asked = self._arrived = None

    def arrive(self, sequence: Sequence, clip_id: ItemId) -> None:
        """A take is in this clip now: show it as soon as the monitor can. Ask `waited_for` before it lands."""
        self._asked, self._arrived = None, (sequence, clip_id)

    def _take_playing(self, playing: bool) -> None:
        if playing:
            self.go_on()

    def _show(self) -> None:
        arrived, self._arrived = self._arrived, None
        if arrived is None:
            return
        sequence, clip_id = arrived
        clip, start = sequence.clip(clip_id), sequence.start_of(clip_id)
        if clip is None or start is None:
            return
        if not start <= self._program.frame < start + clip.duration:
            self._go_to(start)
        if self.plays and self._program.isVisible() and self._program.window().isActiveWindow():
            self._audition.play_around(sequence, clip_id)
