"""Finding many clips of a sequence at once, as views of a selection do: one may be selected, or all 10,000."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ltxdesktop.document.ids import ItemId
from ltxdesktop.document.model import Clip, Sequence, Track

FEW = 8  # times as many items as ids: then each id is looked up, else the items are gone through


class Placed(NamedTuple):
    """A clip, its track, and the sequence frame at which it begins."""

    track: Track
    start: int
    clip: Clip


def find_clips(sequence: Sequence, ids: Collection[ItemId]) -> list[Placed]:
    """The clips with these ids that there are, track by track and there in the order of time."""
    wanted = frozenset(ids)
    return [
        Placed(track, track.starts[place], item)
        for track in sequence.tracks
        for place in _places(track, wanted)
        if isinstance(item := track.items[place], Clip)
    ]


def existing_clips(sequence: Sequence, ids: frozenset[ItemId]) -> frozenset[ItemId]:
    """Those of the ids that are clips of a sequence; the very same set if all are."""
    if len(ids) < FEW:
        found = frozenset(each for each in ids if sequence.clip(each) is not None)
    else:
        found = ids & {item.id for track in sequence.tracks for item in track.items if isinstance(item, Clip)}
    return ids if len(found) == len(ids) else found


def _places(track: Track, wanted: frozenset[ItemId]) -> list[int]:
    """Where on a track some items are, in order."""
    if not wanted:
        return []
    if len(wanted) * FEW < len(track.items):
        return sorted(place for each in wanted if (place := track.index.get(each)) is not None)
    return [place for place, item in enumerate(track.items) if item.id in wanted]
