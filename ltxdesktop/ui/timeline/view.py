"""The timeline itself: the surface, hands on it, and what is dropped on it.

It changes nothing: what it wants it asks for through `EditRequests`, and it learns of edits by `show_document` like
everybody else.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent

from ltxdesktop.document.model import Document, MediaId, TrackId
from ltxdesktop.document.time import timecode
from ltxdesktop.ui.timeline.boxes import Box
from ltxdesktop.ui.timeline.drags import Asked
from ltxdesktop.ui.timeline.drops import Dragged, dragged_of, files_of, parted
from ltxdesktop.ui.timeline.editing import Tried
from ltxdesktop.ui.timeline.hands import TimelineHands, keys_of
from ltxdesktop.ui.timeline.hits import lane_at
from ltxdesktop.ui.timeline.requests import Place
from ltxdesktop.ui.timeline.snapping import REACH_PX, snap, targets
from ltxdesktop.ui.timeline.viewport import HEADER_PX


class TimelineView(TimelineHands):
    """Shows what a drop would do while it hovers: media as the edited sequence, files as a box of a few seconds."""

    files_dropped = Signal(list, int, str, bool)  # paths, frame, track id ("" = any), insert

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dragged_of(event.mimeData()) is not None or files_of(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show what the drop would do: media as the edited sequence, files as a box of a few seconds."""
        self._mouse, self._keys = event.position(), keys_of(event.modifiers())
        frame, track, guide = self._drop_place()
        self._guide = guide
        dragged = dragged_of(event.mimeData())
        if dragged is not None:
            self._show_outcome(Asked(self._placing(dragged, frame, track), guide, self._drop_words(frame)))
            if self._tried is not None and self._tried.refused:
                event.ignore()
                return
        elif files := files_of(event.mimeData()):
            self._show_ghost(frame, files)
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._end_drag()

    def dropEvent(self, event: QDropEvent) -> None:
        self._mouse, self._keys = event.position(), keys_of(event.modifiers())
        frame, track, _ = self._drop_place()
        dragged = dragged_of(event.mimeData())
        if dragged is not None:
            self._show_outcome(Asked(self._placing(dragged, frame, track)))
            self._select_new(self._edits.document, self._tried)
            self._commit()
        elif files := files_of(event.mimeData()):
            self.files_dropped.emit(list(files), frame, track or "", self._keys.ctrl)
        self._end_drag()
        event.acceptProposedAction()
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def _placing(self, dragged: Dragged, frame: int, track: TrackId | None) -> Place:
        return Place(
            dragged.media, frame, track, insert=self._keys.ctrl, in_s=dragged.in_s, out_s=dragged.out_s,
            picture=dragged.picture, sound=dragged.sound,
        )  # fmt: skip

    def _drop_place(self) -> tuple[int, TrackId | None, int | None]:
        """The frame (caught at cuts and the playhead), the track under the mouse, the guide."""
        border = max(0, self._viewport.border_at(max(HEADER_PX, self._mouse.x())))
        lane = lane_at(self.placed(), self._mouse.y())
        track = lane.track.id if lane is not None else None
        if not self.snapping:
            return border, track, None
        catching = targets(self._edits.document.sequence, self._playhead)
        frames, guide = snap((border,), 0, catching, REACH_PX * self._viewport.frames_per_px)
        return border + frames, track, guide

    def _drop_words(self, frame: int, *, subtitles: bool = False) -> str:
        sequence = self.sequence
        at = timecode(sequence.first_frame + frame, sequence.rate, drop=sequence.drop_frame)
        if subtitles:
            return f"Subtitles, counted from {at}"
        return f"{'Insert' if self._keys.ctrl else 'Overwrite'} at {at}"

    def _show_ghost(self, frame: int, files: tuple[Path, ...]) -> None:
        lane = lane_at(self.placed(), self._mouse.y())
        left, width = self._viewport.x_of(frame), self._viewport.px(5 * float(self.sequence.rate))
        top, height = (lane.body.top, lane.body.height) if lane is not None else (self._mouse.y() - 20, 40.0)
        words = files[0].name if len(files) == 1 else f"{len(files)} files"
        self._ghost = (Box(left, top, max(40.0, width), height), words)
        subtitles, others = parted(files)
        self._bubble, self._bubble_is_bad = self._drop_words(frame, subtitles=bool(subtitles) and not others), False
        self.update()

    def _select_new(self, before: Document, tried: Tried | None) -> None:
        """What was dropped becomes the selection."""
        if tried is None or tried.refused:
            return
        known = {clip.id for track in before.sequence.tracks for clip in track.clips}
        fresh = [clip for track in tried.document.sequence.tracks for clip in track.clips if clip.id not in known]
        named = set(tried.request.media) if isinstance(tried.request, Place) else set[MediaId]()
        self.selection.choose([clip.id for clip in fresh if clip.media in named])
