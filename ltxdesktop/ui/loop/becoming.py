"""What a running job has so far, played over the program: pictures of a preview one after the other, in a loop."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from ltxdesktop.ui.editor.monitor import EditMonitor

BADGE = "Becoming"
SLOWEST_FPS, QUICKEST_FPS, USUAL_FPS = 2.0, 30.0, 8.0  # the last: where the engine doesn't say


class Becoming(QObject):
    """Stays silent while the film plays, and when there is no film; the film's own picture comes back at the `end`."""

    def __init__(self, program: EditMonitor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._program = program
        self._pictures: tuple[QImage, ...] = ()
        self._place = 0
        self._tick = QTimer(self)
        self._tick.timeout.connect(self._step)
        program.player.playing_changed.connect(self._give_way)
        program.moved.connect(self._give_way)

    @property
    def playing(self) -> bool:
        return self._tick.isActive()

    def show(self, pictures: Sequence[QImage], fps: float) -> None:
        """Newer pictures; the place in them stays, so that it's seen how they get clearer."""
        if self._program.player.playing or self._program.film is None or not pictures:
            return
        self._pictures = tuple(pictures)
        rate = min(QUICKEST_FPS, max(SLOWEST_FPS, fps)) if fps else USUAL_FPS
        self._tick.start(round(1000 / rate))
        self._show_picture()

    def end(self) -> None:
        """The job has ended: the film itself again."""
        if self._tick.isActive():
            self._tick.stop()
            self._program.seek(self._program.frame)

    def _give_way(self) -> None:
        """A person looks at the film itself: until the next preview comes."""
        self._tick.stop()

    def _step(self) -> None:
        self._place += 1
        self._show_picture()

    def _show_picture(self) -> None:
        self._program.view.show_picture(self._pictures[self._place % len(self._pictures)], BADGE)
