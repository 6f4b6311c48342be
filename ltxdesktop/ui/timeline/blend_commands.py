"""Blends over cuts: which cut a command means, and a dissolve that fits there. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip, Document, ItemId, Sequence, Track, TrackKind, Transition, TransitionKind
from ltxdesktop.document.time import nearest
from ltxdesktop.ui.timeline.editing import EditDesk
from ltxdesktop.ui.timeline.partners import with_partners
from ltxdesktop.ui.timeline.patching import Patching
from ltxdesktop.ui.timeline.selection import Selection

DISSOLVE_S = Fraction(1)
_NO_HANDLES = "Both clips are shown whole: trim them at this cut first. What is trimmed off is what a dissolve shows."
_NO_NEIGHBOURS = "No clip lies right beside what is selected. Fade in and out makes it come and go by itself."
Do = Callable[[str, Callable[[Document], Document]], bool]


class BlendCommands:
    """Each is one step of the history, done by `do`; `refuse` is told why there is nothing to do."""

    def __init__(
        self,
        desk: EditDesk,
        selection: Selection,
        patching: Patching,
        playhead_at: Callable[[], int],
        do: Do,
        refuse: Callable[[str], object],
    ) -> None:
        self._desk, self._selection, self._patching = desk, selection, patching
        self._playhead_at, self._do, self._refuse = playhead_at, do, refuse

    @property
    def _sequence(self) -> Sequence:
        return self._desk.document.sequence

    def dissolve(self) -> None:
        """A dissolve at the cuts between selected clips, else at the ends of the selected ones: at one only if the
        playhead stands on it. With none selected, at the cut that the playhead is nearest to. A blend that is there
        already stays as it is."""
        chosen = bool(self._selection.clips)
        cuts = (self._between_selected() or self._of_selected()) if chosen else self._nearest()
        if not cuts:
            self._refuse(_NO_NEIGHBOURS if chosen else "There is no cut to dissolve over.")
            return
        plain = [each for each in cuts if self._transition_at(each) is None]
        if not plain:
            self._refuse("This cut has a blend already. Click the blend to change it, Delete takes it away.")
            return

        document = self._desk.document
        wide = [each for each in plain if _fitting_dissolve(document, each).duration > 0]
        if not wide:
            self._refuse(_NO_HANDLES)
            return

        def dissolved(document: Document) -> Document:
            for clip_id in wide:
                made = _fitting_dissolve(document, clip_id)
                if made.duration > 0:  # a short clip may have room for one of two
                    document = edits.set_transition(document, clip_id, made)
            return document

        self._do("Dissolve" if len(wide) == 1 else f"Dissolve over {len(wide)} cuts", dissolved)

    def change(self, clip_id: ItemId, kind: TransitionKind, *, at_tail: bool) -> None:
        """Another kind of transition at the same place, as long as before."""
        clip = self._sequence.clip(clip_id)
        made = None if clip is None else (clip.tail if at_tail else clip.transition)
        edge = edits.Edge.TAIL if at_tail else edits.Edge.HEAD
        if made is not None:
            changed = replace(made, kind=kind)
            self._do(
                f"Transition: {kind.value}", lambda document: edits.set_transition(document, clip_id, changed, edge)
            )

    # Which cut: always named by the clip behind it

    def _between_selected(self) -> list[ItemId]:
        """Cuts whose both sides are selected. What is linked is named once: the edit takes the others along."""
        chosen, sequence = self._selection.clips, self._sequence
        heads: list[ItemId] = []
        named: set[ItemId] = set()
        for track in sequence.tracks:
            for left, item in pairwise(track.items):
                both = {left.id, item.id} <= chosen and isinstance(left, Clip) and isinstance(item, Clip)
                if both and item.id not in named:
                    heads.append(item.id)
                    named |= with_partners(sequence, {item.id})
        return heads

    def _of_selected(self) -> list[ItemId]:
        """The cuts at both ends of the selected clips, or of these the one that the playhead stands on."""
        chosen, sequence, playhead = self._selection.clips, self._sequence, self._playhead_at()
        found: list[tuple[int, ItemId]] = []
        named: set[ItemId] = set()
        for track in sequence.tracks:
            ends = {
                track.starts[place + more]
                for place, item in enumerate(track.items)
                if item.id in chosen
                for more in (0, 1)
            }
            for frame, clip in _cuts(track) if not track.locked else []:
                if frame in ends and clip not in named:
                    found.append((frame, clip))
                    named |= with_partners(sequence, {clip})
        here = [clip for frame, clip in found if frame == playhead]
        return here or [clip for _, clip in found]

    def _nearest(self) -> list[ItemId]:
        """The cut nearest to the playhead: of the video track that is aimed at, else of the lowest one with cuts."""
        frame, aimed = self._playhead_at(), self._patching.targets.get(TrackKind.VIDEO)
        tracks = sorted(self._sequence.of_kind(TrackKind.VIDEO), key=lambda track: track.id != aimed)
        for track in tracks:
            cuts = [(abs(cut - frame), clip) for cut, clip in _cuts(track)]
            if cuts and not track.locked:
                return [min(cuts)[1]]
        return []

    def _transition_at(self, clip_id: ItemId) -> Transition | None:
        clip = self._sequence.clip(clip_id)
        return clip.transition if clip is not None else None


def _cuts(track: Track) -> list[tuple[int, ItemId]]:
    """The cuts between clips of a track: the frame, and the clip behind it."""
    return [
        (track.starts[place], item.id)
        for place, item in enumerate(track.items)
        if place and isinstance(item, Clip) and isinstance(track.items[place - 1], Clip)
    ]


def _fitting_dissolve(document: Document, clip_id: ItemId) -> Transition:
    """A second, centred on the cut, or as much of it as there is material for."""
    wanted = edits.centred(TransitionKind.DISSOLVE, max(2, nearest(DISSOLVE_S * document.sequence.rate)))
    before, after = edits.transition_room(document, clip_id)
    if before == 0 or after == 0:  # all of it on the side that has material
        return replace(wanted, before=min(before, wanted.duration), after=min(after, wanted.duration))
    return replace(wanted, before=min(before, wanted.before), after=min(after, wanted.after))
