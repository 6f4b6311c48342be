"""Reframing in Deliver: goes through the film and shows what of each clip a vertical or square file keeps.

It asks for another place of a clip (`kept_asked`); somebody above edits, and it's shown the film anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, ItemId
from ltxdesktop.document.parameters import KEPT_PART, PARAMETERS, value_of
from ltxdesktop.document.time import timecode
from ltxdesktop.export.reframing import Reframing
from ltxdesktop.playback.source import Size
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.deliver.kept_picture import KeptPicture
from ltxdesktop.ui.editor.shaping import valued
from ltxdesktop.ui.parts import ElidedLabel, IconButton
from ltxdesktop.ui.scrubber import Scrubber
from ltxdesktop.ui.theme import Look


def with_kept_part(document: Document, clip_id: ItemId, frame: int, place: float | None) -> Document:
    """A clip with another kept part: for all of it, or with keys at a frame of it; None as the whole film's.

    Raises NoSuchClip, LockedTrack.
    """
    clip = document.sequence.clip(clip_id)
    if clip is None or place is None:
        return edits.set_value(document, clip_id, KEPT_PART, None)
    if place == PARAMETERS[KEPT_PART].default:  # which isn't kept, and would be wherever the whole film's lies
        place += NEXT_TO_IT
    return edits.set_value(document, clip_id, KEPT_PART, valued(value_of(clip, KEPT_PART), frame, place))


class FilmSource(Protocol):
    """What gives pictures of the film."""

    def picture(self, frame: int, size: Size | None) -> QImage: ...


NEXT_TO_IT = 0.0005  # less than a pixel of most pictures
OpenFilm = Callable[[], FilmSource]  # called on a worker


class ReframeView(QWidget):
    """Shows one frame of the film at a time. `close_all` before it goes."""

    kept_asked = Signal(str, int, object)  # id of a clip, a frame of it, the place (0..1); None: as the whole film's

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._reframing: Reframing | None = None
        self._open: OpenFilm | None = None
        self._source: FilmSource | None = None
        self._general, self._wanted = 0.5, (9, 16)
        self._asked: int | None = None  # the newest frame whose picture is wanted
        self._busy = False
        self._background = Background(threads=1, parent=self)
        self.picture = KeptPicture(look)
        self.place = Scrubber(look)
        self.place.setAccessibleName("Place in the film")
        self.words = ElidedLabel("", "hint")
        self.back = IconButton(look, "step-back", "The clip before")
        self.on = IconButton(look, "step-forward", "The next clip")
        self.reset = IconButton(look, "retry", "As the whole film's")
        self._build()
        self.picture.placed.connect(self._ask)
        self.place.valueChanged.connect(self._go)
        self.back.clicked.connect(self._go_back)
        self.on.clicked.connect(self._go_on)
        self.reset.clicked.connect(self._ask_reset)

    @property
    def frame(self) -> int:
        """Of the sequence."""
        return self.place.value()

    def show_film(self, document: Document | None, open_film: OpenFilm | None, frame: int) -> None:
        """The film as it is now, and the frame to begin with; while it's the same film, its place stays."""
        before = self._document
        same = document is not None and before is not None and document.active == before.active
        self._document, self._open, self._source = document, open_film, None
        last = max(0, document.sequence.duration - 1) if document is not None else 0
        with QSignalBlocker(self.place):
            self.place.setRange(0, last)
            if not same:
                self.place.setValue(frame)
        self._look_again()

    def show_shape(self, wanted: tuple[int, int], general: float) -> None:
        """Size of the file, and where clips lie that say nothing."""
        if (wanted, general) != (self._wanted, self._general):
            self._wanted, self._general = wanted, general
            self._look_again()

    def close_all(self) -> None:
        """Stop the worker."""
        self._asked = None
        self._background.close()

    def showEvent(self, event: QShowEvent) -> None:
        self._look_again()

    # Within

    def _build(self) -> None:
        row, below = QHBoxLayout(), QHBoxLayout()
        for each, stretch in ((self.back, 0), (self.place, 1), (self.on, 0)):
            row.addWidget(each, stretch)
        below.addWidget(self.words, 1)
        below.addWidget(self.reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.picture)
        column.addLayout(row)
        column.addLayout(below)

    def _look_again(self) -> None:
        document = self._document
        self.setEnabled(document is not None and document.sequence.duration > 0)
        if document is None:
            self._reframing = None
            self.picture.show_picture(QImage())
            self.words.set_text("")
            return
        sequence = document.sequence
        self._reframing = Reframing(sequence, document.media, self._general)
        self.picture.show_shape((sequence.width, sequence.height), self._wanted)
        self._go(self.frame)

    def _go(self, frame: int) -> None:
        """Show a frame of the film."""
        document, reframing = self._document, self._reframing
        if document is None or reframing is None:
            return
        place, layer = reframing.at(frame), reframing.deciding(frame)
        self.picture.show_place(place)
        self.picture.setEnabled(layer is not None)
        own = layer is not None and KEPT_PART in layer.clip.values
        self.reset.setEnabled(own)
        sequence = document.sequence
        where = timecode(frame + sequence.first_frame, sequence.rate, drop=sequence.drop_frame)
        name = layer.clip.name if layer is not None else "nothing to cut"
        how = f"{round(place * 100)} %" + ("" if own else ", as the whole film")
        self.words.set_text(f"{where}  ·  {name}" + (f"  ·  {how}" if layer is not None else ""))
        if self.isVisible():
            self._asked = frame
            self._next()

    def _next(self) -> None:
        if self._busy or self._asked is None or self._open is None:
            return
        frame, self._asked = self._asked, None
        room = self.picture.room
        open_film, source = self._open, self._source
        self._busy = True

        def work() -> tuple[OpenFilm, FilmSource, QImage]:
            film = source or open_film()
            return open_film, film, film.picture(frame, Size(max(1, room.width()), max(1, room.height())))

        self._background.run(work, self._take, self._give_up)

    def _take(self, made: tuple[OpenFilm, FilmSource, QImage]) -> None:
        open_film, source, picture = made
        self._busy = False
        if open_film is self._open:
            self._source = source
            self.picture.show_picture(picture)
        self._next()

    def _give_up(self, problem: Exception) -> None:
        self._busy = False
        self.words.set_text(f"This can't be shown: {problem}")

    # What the person does

    def _ask(self, place: float) -> None:
        layer = self._reframing.deciding(self.frame) if self._reframing is not None else None
        if layer is not None:
            self.kept_asked.emit(layer.clip.id, layer.frame(self.frame), place)

    def _ask_reset(self) -> None:
        layer = self._reframing.deciding(self.frame) if self._reframing is not None else None
        if layer is not None:
            self.kept_asked.emit(layer.clip.id, layer.frame(self.frame), None)

    def _go_back(self) -> None:
        if self._reframing is not None:
            self.place.setValue(self._reframing.cut(self.frame, back=True))

    def _go_on(self) -> None:
        if self._reframing is not None:
            self.place.setValue(self._reframing.cut(self.frame, back=False))
