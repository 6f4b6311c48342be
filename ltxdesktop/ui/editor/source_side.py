"""The source monitor's business: which media is open in it, its in and out, and putting that range into the film."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Literal

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document import edits
from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.model import Clip, Document, Media, MediaId, Sequence
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.sources import Footage, SequenceSource, sequence_of_media

Way = Literal["insert", "overwrite", "append"]


class SourceSide(QObject):
    """Connects a monitor with the media of the project."""

    placed = Signal(int)  # where the playhead goes after an edit

    def __init__(self, monitor: EditMonitor, project: OpenProject, materials: Materials) -> None:
        super().__init__(monitor)
        self._monitor, self._project, self._materials = monitor, project, materials
        self._media: Media | None = None
        self._film: Sequence | None = None
        self._marks: dict[MediaId, tuple[int | None, int | None]] = {}
        project.opened.connect(self.close)
        project.changed.connect(self._follow)
        self.close()

    @property
    def media(self) -> Media | None:
        return self._media

    def open(self, media_id: str, frame: int | None = None) -> None:
        """Show a media of the project."""
        media = self._project.document.media.get(MediaId(media_id))
        if media is None:
            return
        if self._materials.is_missing(media.id):
            self._monitor.show_nothing("This file is missing", "File → Find missing media… looks for it.")
            return
        try:
            film = sequence_of_media(media)
        except DocumentError as error:
            self._monitor.show_nothing("This can't be shown", str(error))
            return
        self._media = media
        first, last = self._marks.get(media.id, (None, None))
        self._film = replace(film, in_frame=first, out_frame=last)
        self._monitor.title.set_text(media.name)
        self._monitor.set_sequence(self._film)
        footage = Footage(self._project.document.media, self._materials.locate, self._materials.decoders)
        self._monitor.show_film(partial(SequenceSource, film, footage), frame=first or 0 if frame is None else frame)

    def close(self) -> None:
        self._media, self._film = None, None
        self._marks.clear()
        self._monitor.title.set_text("Source")
        self._monitor.show_nothing("Source", "Double click a clip in the media panel to look at it here.")

    def mark(self, first: int | None, last: int | None) -> None:
        """Set in and out (exclusive), in frames of the media's own film."""
        if self._media is None or self._film is None:
            return
        if first is not None and last is not None and first >= last:
            first, last = (first, None) if first != self._film.in_frame else (None, last)
        self._marks[self._media.id] = (first, last)
        self._film = replace(self._film, in_frame=first, out_frame=last)
        self._monitor.set_sequence(self._film)

    def mark_in(self) -> None:
        if self._film is not None:
            self.mark(self._monitor.frame, self._film.out_frame)

    def mark_out(self) -> None:
        if self._film is not None:
            self.mark(self._film.in_frame, min(self._monitor.frame + 1, self._film.duration))

    def clear_marks(self) -> None:
        self.mark(None, None)

    def go_in(self) -> None:
        if self._film is not None:
            self._monitor.seek(self._film.in_frame or 0)

    def go_out(self) -> None:
        if self._film is not None:
            end = self._film.out_frame if self._film.out_frame is not None else self._film.duration
            self._monitor.seek(max(0, end - 1))

    @property
    def range(self) -> tuple[int, int] | None:
        """In to out (exclusive) as frames; None without a film."""
        if self._film is None:
            return None
        end = self._film.duration if self._film.out_frame is None else self._film.out_frame
        return self._film.in_frame or 0, end

    def place(self, way: Way, playhead: int) -> None:
        """A three-point edit with the source's range: to the film's own range if it has one, else to the playhead."""
        media, film = self._media, self._film
        if media is None or film is None:
            self._project.refused.emit("Open a clip in the source monitor first: double click it in the media panel.")
            return
        in_s = Fraction(film.in_frame) / film.rate if film.in_frame is not None else None
        out_s = Fraction(film.out_frame) / film.rate if film.out_frame is not None else None
        before = self._project.document.sequence

        def edit(document: Document) -> Document:
            if way == "append":
                return edits.append_clips(document, edits.placements(document, media.id, in_s=in_s, out_s=out_s))
            laying = edits.Laying.INSERT if way == "insert" else edits.Laying.OVERWRITE
            sequence = document.sequence
            first = sequence.in_frame if sequence.in_frame is not None else playhead
            last = sequence.out_frame if sequence.in_frame is not None else None
            return edits.three_point(
                document, media.id, in_s=in_s, out_s=out_s, in_frame=first, out_frame=last, laying=laying
            )

        if self._project.edit(f"{way.capitalize()} {media.name}", edit):
            self.placed.emit(_end_of_new(before, self._project.document.sequence, media.id, playhead))

    def _follow(self, before: Document, after: Document, name: str) -> None:
        if self._media is not None and self._media.id not in after.media:
            self.close()


def _end_of_new(before: Sequence, after: Sequence, media: MediaId, otherwise: int) -> int:
    """The frame behind the clips that an edit has put into a sequence."""
    known = {item.id for track in before.tracks for item in track.items}
    ends = [
        track.starts[place] + item.duration
        for track in after.tracks
        for place, item in enumerate(track.items)
        if item.id not in known and isinstance(item, Clip) and item.media == media
    ]
    return max(ends, default=otherwise)
