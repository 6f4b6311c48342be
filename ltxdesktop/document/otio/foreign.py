"""What other tools leave out and we have to guess: a timeline's rate, the facts of media, what belongs together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, cast

from ltxdesktop.document.model import Clip, ItemId, LinkId, Media, MediaId, MediaKind, Sequence, TrackKind, new_id
from ltxdesktop.document.otio.names import (
    OURS,
    START_KEY,
    Ids,
    Tree,
    exact,
    kind_of_path,
    path_of_reference,
    rate_of,
)
from ltxdesktop.document.time import nearest

_HIGHEST_RATE: Final = 1000  # above it a rational time counts samples
_SAMPLE_RATE: Final = 48000  # assumed until somebody looks at the file


@dataclass(slots=True)
class _Found:
    """What clips have said so far about one file."""

    id: MediaId
    path: str
    name: str
    rate: Fraction
    available_s: Fraction | None
    start_s: Fraction
    metadata: Tree
    sequence: bool
    sound_only: bool = True
    sound: bool = False
    needed_s: Fraction = Fraction(0)

    def media(self) -> Media:
        """The file as far as it is known. Facts are guesses until the file is probed."""
        kind = MediaKind.IMAGE_SEQUENCE if self.sequence else kind_of_path(self.path, sound_only=self.sound_only)
        length_s = self.available_s if self.available_s is not None else self.needed_s
        sound = self.sound or kind is MediaKind.AUDIO
        metadata = self.metadata if not self.start_s else {**self.metadata, START_KEY: str(self.start_s)}
        return Media(
            self.id,
            self.name,
            self.path,
            kind,
            self.rate,
            frames=nearest(length_s * self.rate) if kind in (MediaKind.VIDEO, MediaKind.IMAGE_SEQUENCE) else 0,
            sample_rate=_SAMPLE_RATE if sound else 0,
            samples=nearest(length_s * _SAMPLE_RATE) if sound else 0,
            channels=2 if sound else 0,
            metadata=metadata,
        )


class ForeignMedia:
    """The files that clips of another tool refer to, each once."""

    def __init__(self, new_id: Ids | None = None) -> None:
        self.new_id = new_id or Ids()
        self._found: dict[str, _Found] = {}

    def of(self, reference: Tree, clip: Tree, start_s: Fraction, shown_s: Fraction, *, sound: bool) -> MediaId:
        """The media of a reference. `shown_s` is how much media time the clip runs through from `start_s` on."""
        path, name = _where(reference, clip)
        found = self._found.get(path or f"\0{name}")
        if found is None:
            found = self._found[path or f"\0{name}"] = _first_seen(reference, clip, path, name, MediaId(self.new_id()))
        for key, value in _others(reference).items():
            found.metadata.setdefault(key, value)
        found.sound |= sound
        found.sound_only &= sound
        found.needed_s = max(found.needed_s, start_s, start_s + shown_s)
        return found.id

    def media(self) -> dict[MediaId, Media]:
        return {found.id: found.media() for found in self._found.values()}

    def of_unknown_length(self) -> set[MediaId]:
        """The files of which nobody said how long they are."""
        return {found.id for found in self._found.values() if found.available_s is None}


def guessed_rate(timeline: Tree) -> Fraction:
    """The rate that a timeline was cut at: that of its start time, else the one that most of its ranges count in."""
    start: Tree | None = timeline.get("global_start_time")
    if start is not None and 1 < start["rate"] < _HIGHEST_RATE:
        return rate_of(start["rate"])
    rates = Counter(rate for rate in _rates(timeline["tracks"]) if 1 < rate < _HIGHEST_RATE)
    return rate_of(rates.most_common(1)[0][0]) if rates else Fraction(25)


def link_pairs(sequence: Sequence, new_id: Callable[[], str] = new_id) -> Sequence:
    """The sequence with picture and sound linked that begin and end together and show the same stretch of one file."""
    places: dict[tuple[object, ...], list[tuple[ItemId, TrackKind]]] = {}
    for track in sequence.tracks:
        for start, item in track.placed():
            if isinstance(item, Clip) and item.take is not None and item.link is None:
                place = (start, item.duration, item.media, item.take.start_s, item.speed)
                places.setdefault(place, []).append((item.id, track.kind))
    links: dict[ItemId, LinkId] = {}
    for clips in places.values():
        if {TrackKind.VIDEO, TrackKind.AUDIO} <= {kind for _, kind in clips}:
            links |= dict.fromkeys((clip for clip, _ in clips), LinkId(new_id()))
    if not links:
        return sequence
    tracks = tuple(
        replace(
            track,
            items=tuple(
                replace(item, link=links[item.id]) if isinstance(item, Clip) and item.id in links else item
                for item in track.items
            ),
        )
        for track in sequence.tracks
    )
    return replace(sequence, tracks=tracks)


def _rates(tree: Tree) -> Iterator[float]:
    source: Tree | None = tree.get("source_range")
    if source is not None:
        yield source["duration"]["rate"]
    for child in cast("list[Tree]", tree.get("children", [])):
        yield from _rates(child)


def _first_seen(reference: Tree, clip: Tree, path: str, name: str, media_id: MediaId) -> _Found:
    available: Tree | None = reference.get("available_range")
    source: Tree | None = available or clip.get("source_range")
    rate = (
        rate_of(source["duration"]["rate"]) if source and source["duration"]["rate"] < _HIGHEST_RATE else Fraction(25)
    )
    length = start = None
    if available is not None:
        length = exact(available["duration"]["value"], available["duration"]["rate"])
        start = exact(available["start_time"]["value"], available["start_time"]["rate"])
    sequence = "name_prefix" in reference
    return _Found(media_id, path, name, rate, length or None, start or Fraction(0), {}, sequence)


def _where(reference: Tree, clip: Tree) -> tuple[str, str]:
    """Path ("" = not said) and name of what a reference means."""
    path = path_of_reference(reference)
    name: Any = reference.get("name") or path.rpartition("/")[2] or clip.get("name") or "Unknown"
    return path, str(name)


def _others(reference: Tree) -> Tree:
    metadata: Tree = reference.get("metadata") or {}
    return {key: value for key, value in metadata.items() if key != OURS}
