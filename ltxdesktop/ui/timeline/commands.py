"""What the commands of the Edit workspace do on the timeline: on the selection, the playhead and the range.

Names are those of `ui.commands`. Every one is a named step of the history, or says in a sentence why it can't be done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip, Document, Gap, ItemId, Sequence, TrackId, TrackKind
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.timeline.attributes import set_range, set_track, show_take
from ltxdesktop.ui.timeline.editing import EditDesk
from ltxdesktop.ui.timeline.partners import with_partners
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.ui.timeline.snapping import nearest_cut, targets

DISSOLVE_S = Fraction(1)
FADE_S = Fraction(1, 2)


class TimelineCommands(QObject):
    """Every command of the timeline as a method. `playhead_at` and `go_to` read and move the playhead."""

    refused = Signal(str)

    def __init__(
        self,
        desk: EditDesk,
        selection: Selection,
        playhead_at: Callable[[], int],
        go_to: Callable[[int], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._selection = desk, selection
        self._playhead_at, self._go_to = playhead_at, go_to
        self.clipboard = edits.Clipboard()

    def calls(self) -> Mapping[str, Callable[[], None]]:
        """Name of the command -> what it does here."""
        return {
            "edit.cut": self.cut,
            "edit.copy": self.copy,
            "edit.paste": self.paste,
            "edit.paste_insert": self.paste_insert,
            "edit.duplicate": self.duplicate,
            "edit.lift": self.lift,
            "edit.extract": self.extract,
            "edit.select_all": self.select_all,
            "edit.deselect": self._selection.clear,
            "clip.split": self.split,
            "clip.split_all": self.split_all,
            "clip.trim_start": self.trim_start,
            "clip.trim_end": self.trim_end,
            "clip.nudge_left": lambda: self.nudge(-1),
            "clip.nudge_right": lambda: self.nudge(1),
            "clip.nudge_left_5": lambda: self.nudge(-5),
            "clip.nudge_right_5": lambda: self.nudge(5),
            "clip.slip_left": lambda: self.slip(-1),
            "clip.slip_right": lambda: self.slip(1),
            "clip.close_gap": self.close_gap,
            "mark.in": self.mark_in,
            "mark.out": self.mark_out,
            "mark.clip": self.mark_clip,
            "mark.clear": lambda: self.mark(None, None),
            "mark.lift": self.lift_range,
            "mark.extract": self.extract_range,
        }

    def bind(self, actions: Actions) -> None:
        """Have the application's actions do all this."""
        for name, call in self.calls().items():
            actions.bind(name, call)

    @property
    def sequence(self) -> Sequence:
        return self._desk.document.sequence

    # ---- clipboard --------------------------------------------------------------------------------------------------

    def copy(self) -> None:
        if self._selection.clips:
            self.clipboard = edits.copy(self._desk.document, self._chosen(), linked=False)

    def cut(self) -> None:
        if self._selection.clips:
            self.copy()
            self.do("Cut", lambda document: edits.lift(document, self._chosen()))

    def paste(self) -> None:
        self._paste("Paste", edits.MoveMode.OVERWRITE)

    def paste_insert(self) -> None:
        self._paste("Paste, making room", edits.MoveMode.INSERT)

    def _paste(self, name: str, mode: edits.MoveMode) -> None:
        if not self.clipboard.clips:
            self.refused.emit("Nothing has been copied yet.")
            return
        frame, before = self._playhead_at(), self._desk.document
        if self.do(name, lambda document: edits.paste(document, self.clipboard, frame, mode=mode)):
            self._select_new(before)
            self._go_to(frame + self.clipboard.duration)

    def duplicate(self) -> None:
        before = self._desk.document
        if self._selection.clips and self.do("Duplicate", lambda document: edits.duplicate(document, self._chosen())):
            self._select_new(before)

    # ---- removing ---------------------------------------------------------------------------------------------------

    def lift(self) -> None:
        """Take the selected clips out and leave gaps; of a gap nothing is left to lift."""
        if self._selection.clips:
            self.do(f"Delete {self._counted()}", lambda document: edits.lift(document, self._chosen()))

    def extract(self) -> None:
        """Take the selected clips, or the selected gap, out; what follows closes up."""
        gap = self._selection.gap
        if gap is not None:
            self.do("Close gap", lambda document: edits.close_gap(document, gap))
        elif self._selection.clips:
            words = f"Ripple delete {self._counted()}"
            self.do(words, lambda document: edits.ripple_delete(document, self._chosen()))

    def close_gap(self) -> None:
        """The selected gap, else the first one under the playhead."""
        gap = self._selection.gap or self._gap_at(self._playhead_at())
        if gap is None:
            self.refused.emit("There is no gap at the playhead.")
            return
        self.do("Close gap", lambda document: edits.close_gap(document, gap))

    def lift_range(self) -> None:
        self._with_range("Lift range", edits.lift_range)

    def extract_range(self) -> None:
        self._with_range("Extract range", edits.extract_range)

    def _with_range(self, name: str, edit: Callable[[Document, int, int], Document]) -> None:
        first, last = self.sequence.in_frame, self.sequence.out_frame
        if first is None or last is None or last <= first:
            self.refused.emit("Mark a range first: I and O, or the Range tool.")
            return
        self.do(name, lambda document: edit(document, first, last))

    # ---- cutting and trimming ---------------------------------------------------------------------------------------

    def split(self) -> None:
        """Cut the selected clips at the playhead; with none of them there, all under it."""
        frame = self._playhead_at()
        there = self._under(frame, self._selection.clips)
        if not there:
            self.split_all()
            return
        done: set[ItemId] = set()

        def split_each(document: Document) -> Document:
            for clip in there:
                if clip not in done:
                    done.update(with_partners(document.sequence, {clip}))
                    document = edits.split_clip(document, clip, frame)
            return document

        self.do("Split", split_each)

    def split_all(self) -> None:
        frame = self._playhead_at()
        self.do("Split all tracks", lambda document: edits.split(document, frame))

    def trim_start(self) -> None:
        """Ripple away what the clip under the playhead shows before it."""
        self._trim_to_playhead(edits.Edge.HEAD)

    def trim_end(self) -> None:
        """Ripple away what the clip under the playhead shows from it on."""
        self._trim_to_playhead(edits.Edge.TAIL)

    def _trim_to_playhead(self, edge: edits.Edge) -> None:
        frame, sequence = self._playhead_at(), self.sequence
        under = self._under(frame, self._selection.clips) or self._under(frame)
        if not under:
            self.refused.emit("There is no clip at the playhead.")
            return
        clip_id = under[0]
        clip, start = sequence.clip(clip_id), sequence.start_of(clip_id)
        assert clip is not None
        assert start is not None
        frames = frame - start if edge is edits.Edge.HEAD else frame - start - clip.duration
        name = "Trim start to playhead" if edge is edits.Edge.HEAD else "Trim end to playhead"
        if self.do(name, lambda document: edits.ripple_trim(document, clip_id, edge, frames)):
            self._go_to(start if edge is edits.Edge.HEAD else frame)

    def nudge(self, frames: int) -> None:
        if self._selection.clips:
            self.do(f"Nudge {frames:+d}", lambda document: edits.nudge(document, self._chosen(), frames))

    def slip(self, frames: int) -> None:
        clips = self._selection.clips
        if not clips:
            return

        def slip_each(document: Document) -> Document:
            done: set[ItemId] = set()
            for clip in sorted(clips):
                if clip not in done:
                    done |= with_partners(document.sequence, {clip})
                    document = edits.slip(document, clip, frames)
            return document

        self.do(f"Slip {frames:+d}", slip_each)

    # ---- tracks, markers, range -------------------------------------------------------------------------------------

    def press_header(self, track_id: str, button: str) -> None:
        """One of a header's buttons: mute, solo or lock."""
        track = self.sequence.track(TrackId(track_id))
        if track is None:
            return
        name, field, value = {
            "mute": ("Mute", "muted", not track.muted),
            "solo": ("Solo", "soloed", not track.soloed),
            "lock": ("Lock", "locked", not track.locked),
        }[button]
        words = f"{name} {track.name}" if value else f"{name} {track.name} off"
        self.do(words, lambda document: set_track(document, track.id, **{field: value}))

    def set_height(self, track_id: str, height_px: int) -> None:
        self.do("Track height", lambda document: set_track(document, TrackId(track_id), height_px=height_px))

    def rename_track(self, track_id: TrackId, name: str) -> None:
        self.do(f"Rename track to {name}", lambda document: set_track(document, track_id, name=name))

    def choose_take(self, clip_id: ItemId, index: int) -> None:
        """Show another take of a clip."""
        self.do(f"Take {index + 1}", lambda document: show_take(document, clip_id, index))

    def mark_in(self) -> None:
        """The range begins at the playhead; an end that would lie before it is dropped."""
        frame, last = self._playhead_at(), self.sequence.out_frame
        self.mark(frame, last if last is None or last > frame else None)

    def mark_out(self) -> None:
        """The range ends behind the frame under the playhead."""
        frame, first = self._playhead_at() + 1, self.sequence.in_frame
        self.mark(first if first is None or first < frame else None, frame)

    def mark_clip(self) -> None:
        """The range around the selection, else around the topmost clip under the playhead."""
        chosen = sorted(self._selection.clips) or self._under(self._playhead_at())[:1]
        spans = [(start, start + clip.duration) for start, clip in self._placed(chosen)]
        if spans:
            self.mark(min(first for first, _ in spans), max(last for _, last in spans))

    def mark(self, first: int | None, last: int | None) -> None:
        self.do("Select range", lambda document: set_range(document, first, last))

    # ---- selecting and going ----------------------------------------------------------------------------------------

    def select_all(self) -> None:
        self._selection.choose([clip.id for track in self.sequence.tracks for clip in track.clips])

    def next_cut(self) -> None:
        self._to_cut(forward=True)

    def previous_cut(self) -> None:
        self._to_cut(forward=False)

    def _to_cut(self, *, forward: bool) -> None:
        cut = nearest_cut(targets(self.sequence, with_range=False), self._playhead_at(), forward=forward)
        if cut is not None:
            self._go_to(cut)

    # ---- shared -----------------------------------------------------------------------------------------------------

    def do(self, name: str, edit: Callable[[Document], Document]) -> bool:
        """Do an edit as one named step; says why where it's refused."""
        why = self._desk.edit(name, edit)
        if why:
            self.refused.emit(why)
        return not why

    def _chosen(self) -> list[ItemId]:
        return sorted(self._selection.clips)

    def _counted(self) -> str:
        count = len(self._selection.clips)
        return "clip" if count == 1 else f"{count} clips"

    def _under(self, frame: int, among: frozenset[ItemId] | None = None) -> list[ItemId]:
        """Clips that a cut at a frame would part, the topmost picture first."""
        video = [track for track in self.sequence.tracks if track.kind is not TrackKind.AUDIO]
        audio = self.sequence.of_kind(TrackKind.AUDIO)
        found: list[ItemId] = []
        for track in (*reversed(video), *audio):
            item = None if track.locked else track.at(frame)
            if isinstance(item, Clip) and (among is None or item.id in among):
                found.append(item.id)
        return found

    def _under_or_begins(self, frame: int) -> list[ItemId]:
        return self._under(frame)

    def _placed(self, clips: list[ItemId]) -> list[tuple[int, Clip]]:
        """Clips with where they begin."""
        found = [(self.sequence.start_of(each), self.sequence.clip(each)) for each in clips]
        return [(start, clip) for start, clip in found if start is not None and clip is not None]

    def _gap_at(self, frame: int) -> ItemId | None:
        items = [track.at(frame) for track in self.sequence.tracks if not track.locked]
        return next((item.id for item in items if isinstance(item, Gap)), None)

    def _select_new(self, before: Document) -> None:
        known = {clip.id for track in before.sequence.tracks for clip in track.clips}
        fresh = [clip.id for track in self.sequence.tracks for clip in track.clips if clip.id not in known]
        self._selection.choose(fresh)
