"""The player: a film's pictures in time with its sound, frames dropped rather than late. It shows nothing itself."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QImage

from ltxdesktop.ui.monitor.clock import SoundClock
from ltxdesktop.ui.monitor.film import Film, FilmReader


class Player(QObject):
    """One film at a time, looping. All methods but `close` return at once."""

    shown = Signal(QImage, int)  # the picture to show now, and its frame number
    opened = Signal(object)  # the Film
    failed = Signal(str)
    playing_changed = Signal(bool)

    _film_opened = Signal(object, object)  # reader, Film: from the reader's thread
    _frame_arrived = Signal(object, int)
    _film_failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.film: Film | None = None
        self.frame: int = 0
        self.dropped: int = 0  # frames that playback had to skip since it started
        self._muted = False
        self._reader: FilmReader | None = None
        self._leaving: list[FilmReader] = []
        self._play_when_open = False
        self._tick = QTimer(self)
        self._tick.setTimerType(Qt.TimerType.PreciseTimer)
        self._tick.timeout.connect(self._show_due)
        self._film_opened.connect(self._take_film)
        self._frame_arrived.connect(self._take_frame)
        self._film_failed.connect(self._take_failure)

    def open(self, path: str, *, sound: str = "", play: bool = False) -> None:
        """Show the film at `path`, with the sound of another file if one is named; `opened` or `failed` follows."""
        self.let_go()
        self._play_when_open = play
        self._reader = FilmReader(path, self._film_opened.emit, self._frame_arrived.emit, self._film_failed.emit, sound)
        self._reader.start()

    def let_go(self) -> None:
        """Stop, and show no film any more. Never waits."""
        self.pause()
        if self._reader is not None:
            self._reader.let_go()
            self._leaving = [each for each in self._leaving if each.is_alive()] + [self._reader]
        self._reader = None
        self.film = None
        self.frame = 0

    def close(self) -> None:
        """Let go and wait for the threads: when the window goes."""
        self.let_go()
        for reader in self._leaving:
            reader.join()

    @property
    def playing(self) -> bool:
        return self._tick.isActive()

    def play(self) -> None:
        if self.film is None or self._reader is None or self.playing:
            return
        self.dropped = 0
        loop = (0, self.film.frames)
        self._reader.want(self.frame, loop)
        if self._reader.clock is not None:
            self._reader.clock.start(self.frame, loop)
        self._tick.start(max(1, int(500 / self.film.rate)))
        self.playing_changed.emit(True)

    def pause(self) -> None:
        if self.playing:
            self._tick.stop()
            if self._reader is not None and self._reader.clock is not None:
                self._reader.clock.stop()
            self.playing_changed.emit(False)

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    def seek(self, frame: int) -> None:
        """Go to a frame; while playing, go on from there."""
        if self.film is None or self._reader is None:
            return
        was_playing = self.playing
        self.pause()
        self.frame = max(0, min(frame, self.film.frames - 1))
        self._reader.want(self.frame, (0, self.film.frames))
        self._show(self.frame)
        if was_playing:
            self.play()

    def step(self, frames: int) -> None:
        self.pause()
        self.seek(self.frame + frames)

    def set_muted(self, muted: bool) -> None:
        self._muted = muted
        self._apply_mute()

    @property
    def sounding(self) -> bool:
        """Whether the sound device is the clock."""
        return self._reader is not None and isinstance(self._reader.clock, SoundClock)

    def _apply_mute(self) -> None:
        if self._reader is not None and isinstance(self._reader.clock, SoundClock):
            self._reader.clock.muted = self._muted

    def _show_due(self) -> None:
        if self.film is None or self._reader is None or self._reader.clock is None:
            return
        due = self._reader.clock.frame()
        if due == self.frame:
            return
        self._reader.want(due, (0, self.film.frames))
        skipped = due - self.frame - 1
        if self._show(due):
            self.dropped += max(0, skipped)
            self.frame = due

    def _show(self, frame: int) -> bool:
        picture = self._reader.picture(frame) if self._reader is not None else None
        if picture is None:
            return False
        self.shown.emit(picture, frame)
        return True

    # From the reader's thread, through signals to this one. What comes from a film let go of is dropped.

    def _take_film(self, reader: FilmReader, film: Film) -> None:
        if reader is not self._reader:
            return
        self.film = film
        self._apply_mute()
        self.opened.emit(film)
        self._show(0)
        if self._play_when_open:
            self.play()

    def _take_frame(self, reader: FilmReader, frame: int) -> None:
        if reader is self._reader and not self.playing and frame == self.frame:
            self._show(frame)

    def _take_failure(self, reader: FilmReader, message: str) -> None:
        if reader is self._reader:
            self.let_go()
            self.failed.emit(message)
