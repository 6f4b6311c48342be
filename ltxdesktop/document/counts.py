"""What a track counts once and carries over to its edited selves: where its items are, and which of them are linked.

An edit among 10,000 clips adds a line instead of counting all of them anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import ClassVar, cast

from ltxdesktop.document.empty import EMPTY
from ltxdesktop.document.ids import ItemId, LinkId


class Places(Mapping[ItemId, int]):
    """Where each item of a track is, told from where items were and what was spliced since.

    A splice adds one line to a log instead of counting all items anew; after some lines the track counts again.
    """

    __slots__ = ("_added", "_base", "_log")
    LONGEST_LOG: ClassVar = 24  # a look-up reads all of it

    def __init__(
        self,
        base: Mapping[ItemId, int],
        log: tuple[tuple[int, int, int], ...] = (),
        added: Mapping[ItemId, tuple[int, int]] = EMPTY,
    ) -> None:
        self._base = base
        self._log = log  # places [first, last) were replaced, those from last on shifted by the third number
        self._added = added  # of an item that a splice put in: how many lines the log had then, and its place

    def spliced(self, first: int, last: int, new: tuple[ItemId, ...]) -> Places | None:
        """The places after items [first, last) gave way to new ones; None if counting anew is better."""
        lines = len(self._log) + 1
        if lines > self.LONGEST_LOG or len(new) > 100:
            return None
        added = {**self._added, **{item: (lines, first + offset) for offset, item in enumerate(new)}}
        return Places(self._base, (*self._log, (first, last, len(new) - (last - first))), added)

    def __getitem__(self, item: ItemId) -> int:
        place = self.find(item)
        if place is None:
            raise KeyError(item)
        return place

    def __contains__(self, item: object) -> bool:
        return self.find(cast(ItemId, item)) is not None if self._log else item in self._base

    def find(self, item: ItemId) -> int | None:
        """Where an item is; None if it isn't on the track."""
        if not self._log:
            return self._base.get(item)
        if item in self._added:
            line, place = self._added[item]
        elif item in self._base:
            line, place = 0, self._base[item]
        else:
            return None
        for first, last, shift in self._log[line:]:
            if place >= last:
                place += shift
            elif place >= first:
                return None
        return place

    def among(self, items: Set[ItemId]) -> Set[ItemId]:
        """Those of many items that are on the track."""
        if not self._log:
            return items & self._base.keys()
        return {item for item in items if self.find(item) is not None}

    def __iter__(self) -> Iterator[ItemId]:
        for item in {**self._base, **self._added}:
            if item in self:
                yield item

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Links(Mapping[LinkId, tuple[ItemId, ...]]):
    """The clips of each link on a track: those that were counted, with what was changed since laid over them."""

    __slots__ = ("_base", "_over")
    LARGEST: ClassVar = 100  # changed links, until they're put among the others

    def __init__(
        self,
        base: Mapping[LinkId, tuple[ItemId, ...]],
        over: Mapping[LinkId, tuple[ItemId, ...]] = EMPTY,
    ) -> None:
        self._base = base
        self._over = over  # no clips = the link is gone

    def spliced(self, gone: Mapping[ItemId, LinkId], come: Mapping[ItemId, LinkId]) -> Links:
        """The links after linked clips were replaced. The order of clips within a link isn't that of the track."""
        if gone == come:
            return self
        over = dict(self._over)
        for clip_id, link in gone.items():
            over[link] = tuple(other for other in over.get(link, self._base.get(link, ())) if other != clip_id)
        for clip_id, link in come.items():
            over[link] = (*over.get(link, self._base.get(link, ())), clip_id)
        if len(over) <= self.LARGEST:
            return Links(self._base, over)
        return Links({link: clips for link, clips in {**self._base, **over}.items() if clips})

    def __getitem__(self, link: LinkId) -> tuple[ItemId, ...]:
        clips = self.of(link)
        if not clips:
            raise KeyError(link)
        return clips

    def of(self, link: LinkId) -> tuple[ItemId, ...]:
        """The clips of a link; none if it isn't on the track."""
        if self._over is not EMPTY and link in self._over:
            return self._over[link]
        return self._base.get(link, ())

    def __iter__(self) -> Iterator[LinkId]:
        for link in {**self._base, **self._over}:
            if link in self:
                yield link

    def __len__(self) -> int:
        return sum(1 for _ in self)
