"""In and out, and markers: what commands and menus do with them on the timeline. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, Marker, MarkerId, Sequence, new_id
from ltxdesktop.ui.timeline.editing import EditDesk
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.ui.timeline.snapping import nearest_cut
from ltxdesktop.ui.timeline.under import clips_under, placed

Do = Callable[[str, Callable[[Document], Document]], bool]


class MarkCommands:
    """Each is one step of the history, done by `do`; `refuse` is told why there is nothing to do."""

    def __init__(
        self,
        desk: EditDesk,
        selection: Selection,
        playhead_at: Callable[[], int],
        go_to: Callable[[int], None],
        do: Do,
        refuse: Callable[[str], object],
    ) -> None:
        self._desk, self._selection = desk, selection
        self._playhead_at, self._go_to, self._do, self._refuse = playhead_at, go_to, do, refuse

    @property
    def _sequence(self) -> Sequence:
        return self._desk.document.sequence

    def clear(self) -> None:
        self.mark(None, None)

    def mark_in(self) -> None:
        """The range begins at the playhead; an end that would lie before it is dropped."""
        frame, last = self._playhead_at(), self._sequence.out_frame
        self.mark(frame, last if last is None or last > frame else None)

    def mark_out(self) -> None:
        """The range ends behind the frame under the playhead."""
        frame, first = self._playhead_at() + 1, self._sequence.in_frame
        self.mark(first if first is None or first < frame else None, frame)

    def mark_clip(self) -> None:
        """The range around the selection, else around the topmost clip under the playhead."""
        chosen = sorted(self._selection.clips) or clips_under(self._sequence, self._playhead_at())[:1]
        spans = [(start, start + clip.duration) for start, clip in placed(self._sequence, chosen)]
        if spans:
            self.mark(min(first for first, _ in spans), max(last for _, last in spans))

    def mark(self, first: int | None, last: int | None) -> None:
        self._do("Select range", lambda document: edits.set_range(document, first, last))

    def go_in(self) -> None:
        if self._sequence.in_frame is not None:
            self._go_to(self._sequence.in_frame)

    def go_out(self) -> None:
        """The last frame of the range."""
        if self._sequence.out_frame is not None:
            self._go_to(self._sequence.out_frame - 1)

    def add_marker(self) -> None:
        marker = Marker(MarkerId(new_id()), self._playhead_at())
        self._do("Add marker", lambda document: edits.add_marker(document, marker))

    def add_clip_marker(self) -> None:
        """On the selected clip under the playhead, else on the topmost one there: it moves along with the clip."""
        frame = self._playhead_at()
        there = clips_under(self._sequence, frame, self._selection.clips) or clips_under(self._sequence, frame)
        if not there:
            self._refuse("There is no clip at the playhead.")
            return
        marker = Marker(MarkerId(new_id()), frame - (self._sequence.start_of(there[0]) or 0))
        self._do("Add marker to clip", lambda document: edits.add_marker(document, marker, there[0]))

    def remove_marker(self, marker_id: MarkerId) -> None:
        self._do("Remove marker", lambda document: edits.remove_marker(document, marker_id))

    def colour_marker(self, marker: Marker, colour: str) -> None:
        self._do("Colour marker", lambda document: edits.change_marker(document, replace(marker, colour=colour)))

    def rename_marker(self, marker: Marker, name: str) -> None:
        self._do("Rename marker", lambda document: edits.change_marker(document, replace(marker, name=name)))

    def next_marker(self) -> None:
        self._to_marker(forward=True)

    def previous_marker(self) -> None:
        self._to_marker(forward=False)

    def _to_marker(self, *, forward: bool) -> None:
        frames = sorted(marker.frame for marker in self._sequence.markers)
        frame = nearest_cut(frames, self._playhead_at(), forward=forward)
        if frame is not None:
            self._go_to(frame)
