"""Finding many clips of a sequence at once, as views of a selection do: one may be selected, or all 10,000."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ltxdesktop.document.errors import NoSuchClip
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
        found = frozenset[ItemId]().union(*(track.index.among(ids) - _gaps(track) for track in sequence.tracks))
    return ids if len(found) == len(ids) else found


def _gaps(track: Track) -> set[ItemId]:
    return {item.id for item in track.items if not isinstance(item, Clip)}


def with_links_of_many(tracks: Iterable[Track], ids: Collection[ItemId]) -> list[ItemId]:
    """The clips that are linked with many clips, these included if they have links. Raises NoSuchClip."""
    clips = [item for track in tracks for item in track.items if isinstance(item, Clip)]
    named = [clip for clip in clips if clip.id in ids]
    if len(named) < len(ids):
        here = {clip.id for clip in named}
        raise NoSuchClip(next(each for each in ids if each not in here))
    links = {clip.link for clip in named} - {None}
    return [clip.id for clip in clips if clip.link in links]


def _places(track: Track, wanted: frozenset[ItemId]) -> list[int]:
    """Where on a track some items are, in order."""
    if not wanted:
        return []
    if len(wanted) * FEW < len(track.items):
        return sorted(place for each in wanted if (place := track.index.get(each)) is not None)
    return [place for place, item in enumerate(track.items) if item.id in wanted]
