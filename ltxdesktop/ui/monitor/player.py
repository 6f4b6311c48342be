"""Playback for widgets: the player's answers as signals on the GUI thread, polled in time. It shows nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from ltxdesktop.playback import player as playback
from ltxdesktop.playback.source import Size, Source
from ltxdesktop.ui.monitor.film import Film
from ltxdesktop.ui.monitor.planes import Shot

POLLS_PER_PICTURE = 3  # so that a picture is shown at most a third of its time late
QUICKEST_MS, SLOWEST_MS = 4, 20

Opener = Callable[[], Source[Shot]]


class Player(QObject):
    """One film at a time. All methods but `close` return at once."""

    shown = Signal(object, int)  # the picture to show now (a Shot), and its frame number
    opened = Signal(object)  # the film: a Source
    failed = Signal(str)  # it can't be opened
    stumbled = Signal(str)  # a picture or sound of it can't be made; playing goes on
    playing_changed = Signal(bool)
    polled = Signal()  # some times a picture while it plays: for meters

    _ready = Signal(object, int)
    _was_opened = Signal(object, object)
    _has_failed = Signal(object, object)

    def __init__(self, parent: QObject | None = None, *, loops: bool = True, open_end: bool = False) -> None:
        """`open_end`: places behind the film's end can be stood on."""
        super().__init__(parent)
        self.film: Source[Shot] | None = None
        self._loops, self._open_end = loops, open_end
        self._engine: playback.Player[Shot] | None = None
        self._leaving: list[playback.Player[Shot]] = []
        self._token: object = None
        self._play_when_open = False
        self._first = 0
        self._muted = False
        self._scrub_sound = False
        self._size: Size | None = None
        self._tick = QTimer(self)
        self._tick.setTimerType(Qt.TimerType.PreciseTimer)
        self._tick.timeout.connect(self._poll)
        self._ready.connect(self._take_ready)
        self._was_opened.connect(self._take_opened)
        self._has_failed.connect(self._take_failure)

    # What is played

    def open(self, path: str, *, sound: str = "", play: bool = False) -> None:
        """Show the film at `path`, with the sound of another file if one is named; `opened` or `failed` follows."""
        self.open_source(partial(Film, path, sound), play=play)

    def open_source(self, opener: Opener, *, play: bool = False, frame: int = 0) -> None:
        """Show another film, made on the player's thread."""
        self.let_go()
        self._play_when_open, self._first = play, frame
        token = object()  # what comes from a film let go of carries another
        self._token = token
        self._engine = playback.Player(
            ready=partial(self._ready.emit, token),
            opened=partial(self._was_opened.emit, token),
            failed=partial(self._has_failed.emit, token),
            open_end=self._open_end,
        )
        self._engine.set_looping(self._loops)
        self._engine.set_muted(self._muted)
        self._engine.set_size(self._size)
        self._engine.scrub_sound = self._scrub_sound
        self._engine.open(opener)

    def swap_source(self, opener: Opener) -> None:
        """The same film, changed by an edit: place and playing stay."""
        if self._engine is None:
            self.open_source(opener)
        else:
            self._engine.swap(opener)

    def let_go(self) -> None:
        """Stop, and show no film any more. Never waits."""
        self.pause()
        if self._engine is not None:
            self._engine.let_go()
            self._leaving = [each for each in self._leaving if each.alive] + [self._engine]
        self._engine, self._token, self.film = None, None, None

    def close(self) -> None:
        """Let go and wait for the threads: when the window goes."""
        self.let_go()
        for engine in self._leaving:
            engine.close()

    # Where it stands

    @property
    def frame(self) -> int:
        return self._engine.frame if self._engine is not None else 0

    @property
    def playing(self) -> bool:
        return self._tick.isActive()

    @property
    def speed(self) -> Fraction:
        return self._engine.speed if self._engine is not None else Fraction(0)

    @property
    def dropped(self) -> int:
        """Pictures that were due and not shown, since playing began."""
        return self._engine.dropped if self._engine is not None else 0

    @property
    def sounding(self) -> bool:
        """Whether the sound device is the clock."""
        return self._engine is not None and self._engine.sounding

    @property
    def looping(self) -> bool:
        return self._loops

    def levels(self) -> tuple[float, float]:
        """The peaks of left and right that are heard now, 0..1."""
        return self._engine.levels() if self._engine is not None else (0.0, 0.0)

    # Transport

    def play(self, speed: Fraction = Fraction(1), *, within: tuple[int, int] | None = None) -> None:
        if self.film is not None and self._engine is not None:
            self._engine.play(speed, within=within)
            self._follow()

    def push(self, direction: int, *, slow: bool = False) -> None:
        """L (1) or J (-1); `slow` is with Shift."""
        if self.film is not None and self._engine is not None:
            self._engine.push(direction, slow=slow)
            self._follow()

    def pause(self) -> None:
        if self._engine is not None:
            self._engine.pause()
        self._follow()

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    def seek(self, frame: int) -> None:
        """Go to a frame; while playing, go on from there. `shown` follows when its picture is there."""
        if self.film is None or self._engine is None:
            return
        self._engine.seek(frame)
        self._show_standing()

    def step(self, frames: int) -> None:
        self.pause()
        self.seek(self.frame + frames)

    def set_looping(self, looping: bool) -> None:
        self._loops = looping
        if self._engine is not None:
            self._engine.set_looping(looping)

    def set_muted(self, muted: bool) -> None:
        self._muted = muted
        if self._engine is not None:
            self._engine.set_muted(muted)

    def set_scrub_sound(self, on: bool) -> None:
        self._scrub_sound = on
        if self._engine is not None:
            self._engine.scrub_sound = on

    def set_size(self, size: Size | None) -> None:
        """How large a picture the screen can use."""
        self._size = size
        if self._engine is not None:
            self._engine.set_size(size)

    # From the clock and from the player's threads

    def _follow(self) -> None:
        """Poll while it plays, and only then."""
        engine = self._engine
        playing = engine is not None and engine.playing
        if playing:
            assert engine is not None
            wait = int(1000 * engine.interval_s / POLLS_PER_PICTURE)
            self._tick.setInterval(max(QUICKEST_MS, min(wait, SLOWEST_MS)))
        if playing and not self._tick.isActive():
            self._tick.start()
            self.playing_changed.emit(True)
        elif not playing and self._tick.isActive():
            self._tick.stop()
            self.playing_changed.emit(False)

    def _poll(self) -> None:
        if self._engine is None:
            return
        shown = self._engine.poll()
        if shown is not None:
            self.shown.emit(shown.picture, shown.frame)
        self.polled.emit()
        if not self._engine.playing:
            self._follow()

    def _show_standing(self) -> None:
        if self._engine is not None and not self.playing:
            picture = self._engine.picture(self._engine.frame)
            if picture is not None:
                self.shown.emit(picture, self._engine.frame)

    def _take_ready(self, token: object, frame: int) -> None:
        if token is self._token and self._engine is not None and frame == self._engine.frame:
            self._show_standing()

    def _take_opened(self, token: object, film: Source[Shot]) -> None:
        if token is not self._token:
            return
        new = self.film is None
        self.film = film
        self.opened.emit(film)
        if new and self._first:
            self.seek(self._first)
        else:
            self._show_standing()
        if new and self._play_when_open:
            self.play()

    def _take_failure(self, token: object, problem: Exception) -> None:
        if token is not self._token:
            return
        if self.film is None:
            self.let_go()
            self.failed.emit(str(problem))
        else:
            self.stumbled.emit(str(problem))
