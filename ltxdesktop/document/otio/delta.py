"""What one edit changed, as a small tree for the journal: clips in the form of the project file, by place.

Documents share whatever an edit left alone, so what changed is found by identity first: among 10,000 clips in less than
a millisecond. A delta is only good for the very document that it was made from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Final, TypeVar, cast

from ltxdesktop.document.model import Document, Item, Media, MediaId, Sequence, SequenceId, Track
from ltxdesktop.document.otio.facts import bin_of, media_of, sequence_of, track_of
from ltxdesktop.document.otio.items import ItemReader
from ltxdesktop.document.otio.names import Tree
from ltxdesktop.document.otio.write import ItemWriter, bin_tree, media_tree, plain, sequence_facts, track_frame

_T = TypeVar("_T", Sequence, Track)
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), default=plain)
_TO_THE_ITEMS: Final = 8  # delta, sequences, sequence, tracks, track, splices, splice, items


def delta_text(before: Document, after: Document) -> str:
    """One line of ASCII that turns `before` into `after`; "{}" when nothing changed."""
    return _encoded(_delta(before, after), _TO_THE_ITEMS)


def _encoded(value: object, levels: int) -> str:
    """JSON, piece by piece down to so many levels: Python's lock is held for as long as the encoder is at one piece,
    and the window would wait 150 ms for it while 10,000 clips are told to the journal.
    """
    if levels and isinstance(value, dict):
        entries = cast(dict[str, object], value).items()
        return "{" + ",".join([f"{_ENCODER.encode(name)}:{_encoded(each, levels - 1)}" for name, each in entries]) + "}"
    if levels and isinstance(value, list):
        return "[" + ",".join([_encoded(each, levels - 1) for each in cast(list[object], value)]) + "]"
    return _ENCODER.encode(value)


def apply_delta(before: Document, text: str) -> Document:
    """The document after the edit. Raises ValueError, KeyError or IndexError if the delta is for another document."""
    tree: Tree = json.loads(text)
    media = before.media
    if "media" in tree:
        known: dict[str, Media] = {**before.media, **{t["id"]: media_of(t) for t in tree["media"]["set"]}}
        media = MappingProxyType({MediaId(media_id): known[media_id] for media_id in tree["media"]["order"]})
    sequences = before.sequences
    if "sequences" in tree:
        sequences = tuple(_sequence_after(entry, before.sequences, dict(media)) for entry in tree["sequences"])
    return Document(
        tree.get("name", before.name),
        sequences,
        SequenceId(tree.get("active", before.active)),
        media,
        tuple(bin_of(folder) for folder in tree["bins"]) if "bins" in tree else before.bins,
        MappingProxyType(tree["metadata"]) if "metadata" in tree else before.metadata,
    )


def _delta(before: Document, after: Document) -> Tree:
    tree: Tree = {}
    if after.name != before.name:
        tree["name"] = after.name
    if after.active != before.active:
        tree["active"] = after.active
    if not _same(before.metadata, after.metadata):
        tree["metadata"] = dict(after.metadata)
    if after.bins != before.bins:
        tree["bins"] = [bin_tree(folder) for folder in after.bins]
    if after.media is not before.media:
        changed = [media for key, media in after.media.items() if not _same(before.media.get(key), media)]
        if changed or list(before.media) != list(after.media):
            tree["media"] = {"set": [media_tree(media) for media in changed], "order": list(after.media)}
    if after.sequences is not before.sequences:
        tree["sequences"] = [
            _entry(sequence, before.sequences, lambda old, new: _sequence_delta(old, new, after))
            for sequence in after.sequences
        ]
    return tree


def _entry(new: _T, olds: tuple[_T, ...], delta: Callable[[_T | None, _T], Tree]) -> int | Tree:
    """The place of an old value that is unchanged, or how to make the new one from the old one of the same id."""
    place = next((place for place, old in enumerate(olds) if old is new), None)
    if place is not None:
        return place
    place = next((place for place, old in enumerate(olds) if old.id == new.id), None)
    return {"from": place, **delta(None if place is None else olds[place], new)}


# ---- a sequence ------------------------------------------------------------------------------------------------------


def _sequence_delta(old: Sequence | None, new: Sequence, document: Document) -> Tree:
    writer = ItemWriter(new.rate, document.media)
    tree: Tree = {}
    if old is None or _sequence_head(old) != _sequence_head(new):
        tree["head"] = _sequence_head(new)
    if old is None or old.markers != new.markers:
        tree["markers"] = list(writer.markers(new.markers, 0, {}))
    if old is None or old.tracks is not new.tracks:
        olds = old.tracks if old is not None else ()
        tree["tracks"] = [_entry(track, olds, lambda was, now: _track_delta(was, now, writer)) for track in new.tracks]
    return tree


def _sequence_head(sequence: Sequence) -> Tree:
    return {
        "facts": sequence_facts(sequence),
        "name": sequence.name,
        "first_frame": sequence.first_frame,
        "metadata": dict(sequence.metadata),
    }


def _sequence_after(entry: int | Tree, olds: tuple[Sequence, ...], media: dict[MediaId, Media]) -> Sequence:
    if isinstance(entry, int):
        return olds[entry]
    place: int | None = entry["from"]
    old = None if place is None else olds[place]
    sequence = _with_head(old, entry.get("head"))
    reader = ItemReader(sequence.rate, media)
    changed: Tree = {}
    if "markers" in entry:
        changed["markers"] = reader.markers(entry["markers"], 0)[0]
    if "tracks" in entry:
        olds_tracks = old.tracks if old is not None else ()
        changed["tracks"] = tuple(_track_after(track, olds_tracks, reader) for track in entry["tracks"])
    return replace(sequence, **changed)


def _with_head(old: Sequence | None, head: Tree | None) -> Sequence:
    if head is None:
        assert old is not None
        return old
    new = sequence_of(
        head["facts"],
        name=head["name"],
        first_frame=head["first_frame"],
        metadata=MappingProxyType(head["metadata"]),
    )
    return new if old is None else replace(new, tracks=old.tracks, markers=old.markers)


# ---- a track ---------------------------------------------------------------------------------------------------------

_ITEMS: Final = "items"


def _track_delta(old: Track | None, new: Track, writer: ItemWriter) -> Tree:
    tree: Tree = {}
    if old is None or not _same_head(old, new):
        tree["head"] = track_frame(new)
    olds = old.items if old is not None else ()
    splices = [
        [first, count, list(writer.children(new.items[begin:end]))]
        for first, count, begin, end in _splices(olds, new.items)
    ]
    if splices:
        tree["splices"] = splices
    return tree


def _track_after(entry: int | Tree, olds: tuple[Track, ...], reader: ItemReader) -> Track:
    if isinstance(entry, int):
        return olds[entry]
    place: int | None = entry["from"]
    old = None if place is None else olds[place]
    items = list(old.items) if old is not None else []
    for first, count, children in reversed(entry.get("splices", [])):
        items[first : first + count] = reader.children(children)
    if "head" in entry:
        return track_of(entry["head"], tuple(items))
    assert old is not None
    return replace(old, items=tuple(items))


def _same_head(old: Track, new: Track) -> bool:
    return all(getattr(old, f.name) == getattr(new, f.name) for f in fields(Track) if f.name != _ITEMS)


def _splices(old: tuple[Item, ...], new: tuple[Item, ...]) -> Iterator[tuple[int, int, int, int]]:
    """(first, count) of old items to be replaced by new items [begin, end), ascending and apart from each other."""
    if old is new:
        return
    head = _equal_run(zip(old, new, strict=False))
    tail = _equal_run(zip(reversed(old[head:]), reversed(new[head:]), strict=False))
    if len(old) != len(new):
        yield head, len(old) - tail - head, head, len(new) - tail
        return
    start: int | None = None
    for place in range(head, len(new) - tail):
        if _same(old[place], new[place]):
            if start is not None:
                yield start, place - start, start, place
            start = None
        elif start is None:
            start = place
    if start is not None:
        yield start, len(new) - tail - start, start, len(new) - tail


def _equal_run(pairs: Iterable[tuple[Item, Item]]) -> int:
    count = 0
    for one, other in pairs:
        if not _same(one, other):
            break
        count += 1
    return count


def _same(one: object, other: object) -> bool:
    return one is other or one == other
