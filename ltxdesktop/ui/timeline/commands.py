"""What the commands of the Edit workspace do on the timeline: on the selection, the playhead and the range.

Names are those of `ui.commands`. Every one is a named step of the history, or says in a sentence why it can't be done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document import edits
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    ItemId,
    Sequence,
    TrackKind,
)
from ltxdesktop.document.time import nearest
from ltxdesktop.loop import joining
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.timeline.blend_commands import BlendCommands
from ltxdesktop.ui.timeline.editing import EditDesk
from ltxdesktop.ui.timeline.key_commands import KeyCommands
from ltxdesktop.ui.timeline.mark_commands import MarkCommands
from ltxdesktop.ui.timeline.partners import with_partners
from ltxdesktop.ui.timeline.patching import Patching
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.ui.timeline.sequence_commands import SequenceCommands
from ltxdesktop.ui.timeline.snapping import nearest_cut, targets
from ltxdesktop.ui.timeline.track_commands import TrackCommands
from ltxdesktop.ui.timeline.under import clips_under, placed

FADE_S = Fraction(1, 2)
HOLD_S = Fraction(2)


class TimelineCommands(QObject):
    """Every command of the timeline as a method. `playhead_at` and `go_to` read and move the playhead."""

    refused = Signal(str)

    def __init__(
        self,
        desk: EditDesk,
        selection: Selection,
        patching: Patching,
        playhead_at: Callable[[], int],
        go_to: Callable[[int], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._selection = desk, selection
        self._playhead_at, self._go_to = playhead_at, go_to
        self.clipboard = edits.Clipboard()
        self.patching = patching
        self.tracks = TrackCommands(desk, patching, self.do)
        self.sequences = SequenceCommands(desk, self.do)
        self.marks = MarkCommands(desk, selection, playhead_at, go_to, self.do, self.refused.emit)
        self.keys = KeyCommands(desk, playhead_at, self.do)
        self.blends = BlendCommands(desk, selection, patching, playhead_at, self.do, self.refused.emit)

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
            "edit.select_here": self.select_here,
            "edit.select_forward": self.select_forward,
            "edit.select_backward": self.select_backward,
            "edit.paste_attributes": self.paste_attributes,
            "clip.hold": self.hold_frame,
            "clip.marker": self.marks.add_clip_marker,
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
            "mark.in": self.marks.mark_in,
            "mark.out": self.marks.mark_out,
            "mark.clip": self.marks.mark_clip,
            "mark.go_in": self.marks.go_in,
            "mark.go_out": self.marks.go_out,
            "clip.enabled": self.enable,
            "clip.link": self.link,
            "clip.unlink": self.unlink,
            "clip.group": self.group,
            "clip.ungroup": self.ungroup,
            "clip.detach_audio": self.detach_audio,
            "clip.fade": self.fade,
            "clip.transition": self.blends.dissolve,
            "clip.next_take": self.next_take,
            "clip.previous_take": self.previous_take,
            "sequence.add_video": self.tracks.add_video,
            "sequence.add_audio": self.tracks.add_audio,
            "sequence.marker": self.marks.add_marker,
            "sequence.next_marker": self.marks.next_marker,
            "sequence.previous_marker": self.marks.previous_marker,
            "mark.clear": self.marks.clear,
            "mark.lift": self.lift_range,
            "mark.extract": self.extract_range,
            **self.sequences.calls(),
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
        aimed = self.patching.targets
        if self.do(name, lambda document: edits.paste(document, self.clipboard, frame, tracks=aimed, mode=mode)):
            self._select_new(before)
            self._go_to(frame + self.clipboard.duration)

    def paste_attributes(self) -> None:
        """What the copied clips look and sound like, given to the selected ones: the picture's to pictures, the sound's
        to sounds."""
        clips, document = self._chosen(), self._desk.document
        models: dict[TrackKind, Clip] = {}
        for copied in self.clipboard.clips:
            models.setdefault(copied.kind, copied.clip)
        tracks = {clip: track for clip in clips if (track := document.sequence.track_of(clip)) is not None}
        pairs = [(clip, models[track.kind]) for clip, track in tracks.items() if track.kind in models]
        if not pairs:
            self.refused.emit("Copy a clip first, then select those that shall look and sound like it.")
            return

        def dress(document: Document) -> Document:
            for clip, model in pairs:
                document = edits.dress(document, [clip], model)
            return document

        self.do("Paste attributes", dress)

    def duplicate(self) -> None:
        before = self._desk.document
        if self._selection.clips and self.do("Duplicate", lambda document: edits.duplicate(document, self._chosen())):
            self._select_new(before)

    # ---- removing ---------------------------------------------------------------------------------------------------

    def lift(self) -> None:
        """Take the selected clips out and leave gaps, or the selected key or transition away."""
        if self._selection.key is not None:
            self.keys.remove(self._selection.key)
        elif self._selection.transition is not None:
            clip_id, at_tail = self._selection.transition
            edge = edits.Edge.TAIL if at_tail else edits.Edge.HEAD
            self.do("Remove transition", lambda document: joining.without_transition(document, clip_id, edge))
        elif self._selection.clips:
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
        there = clips_under(self.sequence, frame, self._selection.clips)
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
        under = clips_under(self.sequence, frame, self._selection.clips) or clips_under(self.sequence, frame)
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

    def hold_frame(self) -> None:
        """Let the picture under the playhead stand for two seconds; everything behind it shifts."""
        frame = self._playhead_at()
        there = [each for each in clips_under(self.sequence, frame) if self._is_picture(each)]
        if not there:
            self.refused.emit("There is no picture at the playhead.")
            return
        clip, frames = there[0], nearest(HOLD_S * self.sequence.rate)
        self.do("Hold the frame", lambda document: edits.hold_frame(document, clip, frame, frames))

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

    # ---- clips ------------------------------------------------------------------------------------------------------

    def choose_take(self, clip_id: ItemId, index: int) -> None:
        """Show another take of a clip, with its own joins."""
        self.do(f"Take {index + 1}", lambda document: joining.with_take(document, clip_id, index))

    def enable(self) -> None:
        """Show the selected clips, or hide them if all are shown."""
        clips = placed(self.sequence, self._chosen())
        on = not all(clip.enabled for _, clip in clips)
        if clips:
            name = f"{'Show' if on else 'Hide'} {self._counted()}"
            self.do(name, lambda document: edits.set_enabled(document, self._chosen(), on))

    def link(self) -> None:
        self.do("Link", lambda document: edits.link(document, self._chosen()))

    def unlink(self) -> None:
        self._on_clips("Unlink", edits.unlink)

    def group(self) -> None:
        self.do("Group", lambda document: edits.group(document, self._chosen()))

    def ungroup(self) -> None:
        self._on_clips("Ungroup", edits.ungroup)

    def _on_clips(self, name: str, edit: Callable[[Document, list[ItemId]], Document]) -> None:
        if self._selection.clips:
            self.do(name, lambda document: edit(document, self._chosen()))

    def detach_audio(self) -> None:
        clip_id = self._selection.primary
        if clip_id is not None:
            self.do("Detach sound", lambda document: edits.detach_audio(document, clip_id))

    def fade(self) -> None:
        """Half a second in and out on every selected clip, or nothing where it fades already."""
        frames = nearest(FADE_S * self.sequence.rate)
        clips = placed(self.sequence, self._chosen())
        on = not all(clip.fade_in and clip.fade_out for _, clip in clips)

        def faded(document: Document) -> Document:
            for _, clip in clips:
                length = min(frames, clip.duration // 2) if on else 0
                document = edits.set_fades(document, clip.id, length, length)
            return document

        if clips:
            self.do("Fade in and out" if on else "No fades", faded)

    def next_take(self) -> None:
        self._turn_take(1)

    def previous_take(self) -> None:
        self._turn_take(-1)

    def _turn_take(self, by: int) -> None:
        """Another take of the selected clip, else of the topmost under the playhead; from the last on to the first."""
        primary = self._selection.primary
        chosen = [primary] if primary else clips_under(self.sequence, self._playhead_at())
        clip = next((clip for _, clip in placed(self.sequence, chosen) if len(clip.takes) > 1), None)
        if clip is None:
            self.refused.emit("This clip has no other takes yet.")
            return
        self.choose_take(clip.id, (clip.active + by) % len(clip.takes))

    # ---- selecting and going ----------------------------------------------------------------------------------------

    def select_all(self) -> None:
        self._selection.choose([clip.id for track in self.sequence.tracks for clip in track.clips])

    def select_here(self) -> None:
        """The topmost clip under the playhead with its partners; asked again, the next one below it."""
        there = clips_under(self.sequence, self._playhead_at())
        if not there:
            self.refused.emit("There is no clip at the playhead.")
            return
        before = self._selection.primary
        chosen = there[0] if before is None or before not in there else there[(there.index(before) + 1) % len(there)]
        self._selection.choose(with_partners(self.sequence, [chosen]), primary=chosen)

    def select_forward(self) -> None:
        """Everything that ends behind the playhead, on the tracks that aren't locked."""
        frame = self._playhead_at()
        self._select_where(lambda first, last: last > frame)

    def select_backward(self) -> None:
        """Everything that begins before the playhead."""
        frame = self._playhead_at()
        self._select_where(lambda first, last: first < frame)

    def _select_where(self, wanted: Callable[[int, int], bool]) -> None:
        found = [
            item.id
            for track in self.sequence.tracks
            if not track.locked
            for start, item in track.placed()
            if isinstance(item, Clip) and wanted(start, start + item.duration)
        ]
        self._selection.choose(found)

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

    def _is_picture(self, clip_id: ItemId) -> bool:
        track = self.sequence.track_of(clip_id)
        return track is not None and track.kind is TrackKind.VIDEO

    def _gap_at(self, frame: int) -> ItemId | None:
        items = [track.at(frame) for track in self.sequence.tracks if not track.locked]
        return next((item.id for item in items if isinstance(item, Gap)), None)

    def _select_new(self, before: Document) -> None:
        known = {clip.id for track in before.sequence.tracks for clip in track.clips}
        fresh = [clip.id for track in self.sequence.tracks for clip in track.clips if clip.id not in known]
        self._selection.choose(fresh)
