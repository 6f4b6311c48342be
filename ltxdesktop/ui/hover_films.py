"""Small films that play under the mouse: their pictures are made on a worker, and shown one after the other here."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from ltxdesktop.ui.background import Background
from ltxdesktop.ui.clip_pictures import Given, look_at

PICTURES = 48  # of one film at most: 2 s of 24 frames, or a longer film in bigger steps
HEIGHT_PX = 156
REST_MS = 150  # how long the mouse rests before anything is read
FILMS_KEPT = 12  # about 8 MB each at 16:9


@dataclass(frozen=True)
class SmallFilm:
    """Pictures along a film, each shown for `each_ms`."""

    pictures: tuple[QImage, ...]
    each_ms: int


class HoverFilms(QObject):
    """One film at a time, from its beginning, again and again until `end`."""

    shown = Signal(str)  # the file whose next picture is there

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._films: OrderedDict[str, SmallFilm | None] = OrderedDict()  # None: it's being made, or can't be
        self._path, self._place = "", 0
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._begin)
        self._tick = QTimer(self)
        self._tick.timeout.connect(self._step)

    def picture(self, path: str) -> QImage | None:
        """The picture to show of a film now; None while its own poster is right."""
        film = self._films.get(path) if path == self._path and self._tick.isActive() else None
        return film.pictures[self._place] if film is not None else None

    def begin(self, path: str) -> None:
        """The mouse came to a film."""
        if path != self._path:
            self.end()
            self._path = path
            self._rest.start()

    def end(self) -> None:
        """The mouse went away."""
        self._rest.stop()
        self._tick.stop()
        left, self._path = self._path, ""
        if left:
            self.shown.emit(left)

    def _begin(self) -> None:
        path = self._path
        film = self._films.get(path)
        if film is not None:
            self._films.move_to_end(path)
            self._place = 0
            self._tick.start(film.each_ms)
            self.shown.emit(path)
        elif path not in self._films:
            self._films[path] = None
            self._background.run(lambda: look_at(path, PICTURES, HEIGHT_PX), self._take, self._give_up)

    def _take(self, given: Given) -> None:
        clip = given.clip
        if clip is None or not given.pictures:
            return
        seconds = float(clip.frames / clip.rate)
        self._films[given.path] = SmallFilm(given.pictures, max(20, round(1000 * seconds / len(given.pictures))))
        while len(self._films) > FILMS_KEPT:
            self._films.popitem(last=False)
        if given.path == self._path:
            self._begin()

    def _give_up(self, problem: Exception) -> None:
        """A film whose file is gone keeps its poster; playing it says why."""

    def _step(self) -> None:
        film = self._films.get(self._path)
        if film is None:
            self._tick.stop()
            return
        self._place = (self._place + 1) % len(film.pictures)
        self.shown.emit(self._path)
