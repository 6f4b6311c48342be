"""What is selected in the timeline, shared with the inspector and the menus."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document.lookup import Placed, existing_clips, find_clips
from ltxdesktop.document.model import ItemId, Sequence
from ltxdesktop.ui.timeline.boxes import KeyPlace

TransitionKey = tuple[ItemId, bool]  # the clip that holds it, and whether it's the one at its tail


class Selected(NamedTuple):
    """What can be selected: clips (with one of their keys), or a gap, or a transition."""

    clips: frozenset[ItemId] = frozenset()
    gap: ItemId | None = None
    transition: TransitionKey | None = None
    primary: ItemId | None = None
    key: KeyPlace | None = None

    def existing(self, sequence: Sequence, *, all_here: bool = False) -> Selected:
        """What of it there is in a sequence; `all_here`: it's known that all of the clips are."""
        clips = self.clips if all_here else existing_clips(sequence, self.clips)
        gap = self.gap if self.gap is not None and sequence.track_of(self.gap) is not None else None
        key = self.key if self.key is not None and _has_key(sequence, self.key) else None
        transition = self.transition
        if transition is not None:
            clip = sequence.clip(transition[0])
            if clip is None or (clip.tail if transition[1] else clip.transition) is None:
                transition = None
        return Selected(clips, gap, transition, self.primary, key)


class Selection(QObject):
    """Clips, or one gap, or one transition. Everyone who shows it listens to `changed`."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = Selected()
        self._asked: tuple[Sequence, frozenset[ItemId]] | None = None
        self._placed: list[Placed] = []

    @property
    def now(self) -> Selected:
        """All of it, to be chosen again later."""
        return self._now

    @property
    def clips(self) -> frozenset[ItemId]:
        return self._now.clips

    def placed(self, sequence: Sequence) -> list[Placed]:
        """The selected clips that are in a sequence, track by track in the order of time.

        Found once for all who show the selection: it may have 10,000 clips.
        """
        asked = self._asked
        if asked is None or asked[0] is not sequence or asked[1] is not self.clips:
            self._asked = sequence, self.clips
            self._placed = find_clips(sequence, self.clips)
        return self._placed

    @property
    def gap(self) -> ItemId | None:
        return self._now.gap

    @property
    def transition(self) -> TransitionKey | None:
        return self._now.transition

    @property
    def primary(self) -> ItemId | None:
        """The clip that was pressed last: the one an inspector shows first."""
        return self._now.primary

    @property
    def key(self) -> KeyPlace | None:
        """The key of a clip's line that was pressed last."""
        return self._now.key

    def choose(
        self,
        clips: Collection[ItemId] = (),
        *,
        gap: ItemId | None = None,
        transition: TransitionKey | None = None,
        primary: ItemId | None = None,
        key: KeyPlace | None = None,
    ) -> None:
        """Select exactly this. `primary` None keeps the present one if it's still among the clips."""
        self.restore(Selected(frozenset(clips), gap, transition, primary, key))

    def restore(self, selected: Selected) -> None:
        """Select what was selected at another time."""
        chosen, primary = selected.clips, selected.primary
        if primary is None or primary not in chosen:
            primary = self.primary if self.primary in chosen else min(chosen, default=None)
        before, self._now = self._now, selected._replace(primary=primary)
        if before != self._now:
            self.changed.emit()

    def clear(self) -> None:
        self.choose()

    def keep_existing(self, sequence: Sequence) -> None:
        """Forget what an edit has removed."""
        asked = self._asked
        are_found = asked is not None and asked[0] is sequence and asked[1] is self.clips
        self.restore(self._now.existing(sequence, all_here=are_found and len(self._placed) == len(self.clips)))


def _has_key(sequence: Sequence, place: KeyPlace) -> bool:
    clip = sequence.clip(place.clip)
    parameter = clip.values.get(place.parameter) if clip is not None else None
    return parameter is not None and any(key.frame == place.frame for key in parameter.keys)
