"""Whether a take that lands is selected: where a person waits for it, not where they work on something else by then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ltxdesktop.document.model import ItemId
from ltxdesktop.ui.timeline.selection import Selected, Selection


@dataclass
class _Asking:
    """Jobs that were asked for at once, one for each clip of a range."""

    selected: Selected  # when they were asked for, then what they selected
    clips: frozenset[ItemId] = frozenset()  # that have their takes


class Choosing:
    """Remembers what was selected when jobs were asked for."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._askings: dict[str, _Asking] = {}
        self.awaited: Callable[[], bool] = lambda: False  # whether somebody has done nothing else since asking

    def ask(self, jobs: Iterable[str]) -> None:
        """These jobs were asked for at once."""
        asking = _Asking(self._selection.now)
        self._askings.update(dict.fromkeys(jobs, asking))

    def may_choose(self, job: str) -> bool:
        """Whether a take of this job can be selected without taking something out of the person's hands. Ask before it
        lands: a gap that is filled is no longer there."""
        now, asking = self._selection.now, self._askings.get(job)
        is_free = not now.clips and now.gap is None and now.transition is None
        return is_free or (asking is not None and now == asking.selected) or self.awaited()

    def choose(self, job: str, clip: ItemId) -> None:
        """Select a take's clip, and with it those of the same asking that were here before it."""
        asking = self._askings.pop(job, None)
        before = asking.clips if asking is not None else frozenset[ItemId]()
        self._selection.choose({clip} | (before if before <= self._selection.clips else frozenset()))
        if asking is not None:
            asking.clips, asking.selected = self._selection.clips, self._selection.now
