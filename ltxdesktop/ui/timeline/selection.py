"""What is selected in the timeline, shared with the inspector and the menus."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document.model import ItemId, Sequence

TransitionKey = tuple[ItemId, bool]  # the clip that holds it, and whether it's the one at its tail


class Selection(QObject):
    """Clips, or one gap, or one transition. Everyone who shows it listens to `changed`."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clips: frozenset[ItemId] = frozenset()
        self._gap: ItemId | None = None
        self._transition: TransitionKey | None = None
        self._primary: ItemId | None = None

    @property
    def clips(self) -> frozenset[ItemId]:
        return self._clips

    @property
    def gap(self) -> ItemId | None:
        return self._gap

    @property
    def transition(self) -> TransitionKey | None:
        return self._transition

    @property
    def primary(self) -> ItemId | None:
        """The clip that was pressed last: the one an inspector shows first."""
        return self._primary

    def choose(
        self,
        clips: Collection[ItemId] = (),
        *,
        gap: ItemId | None = None,
        transition: TransitionKey | None = None,
        primary: ItemId | None = None,
    ) -> None:
        """Select exactly this. `primary` None keeps the present one if it's still among the clips."""
        chosen = frozenset(clips)
        if primary is None or primary not in chosen:
            primary = self._primary if self._primary in chosen else min(chosen, default=None)
        before = (self._clips, self._gap, self._transition, self._primary)
        self._clips, self._gap, self._transition, self._primary = chosen, gap, transition, primary
        if before != (self._clips, self._gap, self._transition, self._primary):
            self.changed.emit()

    def clear(self) -> None:
        self.choose()

    def keep_existing(self, sequence: Sequence) -> None:
        """Forget what an edit has removed."""
        clips = frozenset(each for each in self._clips if sequence.clip(each) is not None)
        gap = self._gap if self._gap is not None and sequence.track_of(self._gap) is not None else None
        transition = self._transition
        if transition is not None:
            clip = sequence.clip(transition[0])
            if clip is None or (clip.tail if transition[1] else clip.transition) is None:
                transition = None
        self.choose(clips, gap=gap, transition=transition)
