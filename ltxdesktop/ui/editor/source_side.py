"""The source monitor's business: which media is open in it, its in and out, and putting that range into the film."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Literal, TypedDict

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QDrag

from ltxdesktop.document import edits
from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.model import Clip, Document, ItemId, Media, MediaId, Sequence, TrackId
from ltxdesktop.ui.editor.drag_picture import hang_on
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.sources import Footage, SequenceSource, sequence_of_media
from ltxdesktop.ui.timeline.drops import Dragged, mime_of
from ltxdesktop.ui.timeline.patching import Patch

WHOLE = Patch()
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
        monitor.dragged.connect(self._drag)
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
        for grip in self._monitor.grips:
            grip.setVisible(media.has_picture and media.has_sound)
        self._monitor.set_sequence(self._film)
        footage = Footage(self._project.document.media, self._materials.locate, self._materials.decoders)
        self._monitor.show_film(partial(SequenceSource, film, footage), frame=first or 0 if frame is None else frame)

    def close(self) -> None:
        self._media, self._film = None, None
        self._marks.clear()
        self._monitor.title.set_text("Source")
        for grip in self._monitor.grips:
            grip.hide()
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

    def place(self, way: Way, playhead: int, patch: Patch = WHOLE) -> None:
        """A three-point edit with the source's range: to the film's own range if it has one, else to the playhead."""
        media = self._media
        if media is None:
            self._project.refused.emit("Open a clip in the source monitor first: double click it in the media panel.")
            return
        in_s, out_s = self._range_s
        before, aimed = self._project.document.sequence, halves_of(media, patch)

        def edit(document: Document) -> Document:
            if way == "append":
                return edits.append_clips(
                    document, edits.placements(document, media.id, in_s=in_s, out_s=out_s, **aimed)
                )
            laying = edits.Laying.INSERT if way == "insert" else edits.Laying.OVERWRITE
            sequence = document.sequence
            first = sequence.in_frame if sequence.in_frame is not None else playhead
            last = sequence.out_frame if sequence.in_frame is not None else None
            return edits.three_point(
                document, media.id, in_s=in_s, out_s=out_s, in_frame=first, out_frame=last, laying=laying, **aimed
            )

        if self._project.edit(f"{way.capitalize()} {media.name}", edit):
            self.placed.emit(_end_of_new(before, self._project.document.sequence, media.id, playhead))

    def replace_clip(self, clip: ItemId | None) -> None:
        """A clip of the timeline shows the source from its in point on; place, length and effects stay."""
        media = self._media
        if media is None or clip is None:
            self._project.refused.emit("Select a clip, and open what shall take its place in the source monitor.")
            return
        in_s = self._range_s[0] or Fraction(0)
        self._project.edit(
            f"Replace by {media.name}", lambda document: edits.replace_media(document, clip, media.id, in_s)
        )

    @property
    def _range_s(self) -> tuple[Fraction | None, Fraction | None]:
        """In and out in the media's own time, where they are marked."""
        film = self._film
        if film is None:
            return None, None
        first, last = film.in_frame, film.out_frame
        return None if first is None else first / film.rate, None if last is None else last / film.rate

    def dragged(self, part: str) -> Dragged | None:
        """What a drag carries: the range of what is open, "both" of it or "picture" or "sound" alone."""
        if self._media is None:
            return None
        in_s, out_s = self._range_s
        return Dragged((self._media.id,), in_s, out_s, picture=part != "sound", sound=part != "picture")

    def _drag(self, part: str) -> None:
        dragged = self.dragged(part)
        if dragged is None:
            return
        drag = QDrag(self._monitor)
        drag.setMimeData(mime_of(dragged))
        hang_on(drag, self._monitor.view.picture, self._monitor.devicePixelRatioF())
        drag.exec(Qt.DropAction.CopyAction)

    def _follow(self, before: Document, after: Document, name: str) -> None:
        if self._media is not None and self._media.id not in after.media:
            self.close()


class Halves(TypedDict):
    """What of a media goes where, as `edits.placements` and `edits.three_point` want it."""

    video: TrackId | None
    audio: TrackId | None
    picture: bool
    sound: bool


def halves_of(media: Media, patch: Patch) -> Halves:
    """A patch for one media: what has no picture, or no sound, gives the half that it has."""
    both = media.has_picture and media.has_sound and (patch.picture or patch.sound)
    return Halves(
        video=patch.video,
        audio=patch.audio,
        picture=patch.picture or not both,
        sound=patch.sound or not both,
    )


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
