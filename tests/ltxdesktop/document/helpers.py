"""Films written as text, and the one helper that checks all of an edit.

    film("V1: A:10 .5 B:10@120 | A1: a:10 .5 b:10@120")

Tracks are parted by "|". "A:10" is a clip A of 10 frames that shows media A from frame 100 on ("@120": from 120), ".5"
a gap of 5. Every clip's media have 300 frames. Clips whose names differ in case only, such as A and a, are picture and
sound of the same media, linked. A clip's id is its name (a second one of that name on a track has "A2", then "A3").
`said` writes a document the same way, without ids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

import pytest

from ltxdesktop.document.check import check, out_of_sync
from ltxdesktop.document.history import History
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    Item,
    ItemId,
    LinkId,
    Media,
    MediaId,
    MediaKind,
    Sequence,
    SequenceId,
    Take,
    Track,
    TrackId,
    TrackKind,
)
from ltxdesktop.document.otio.read import from_text
from ltxdesktop.document.otio.write import to_text

RATE = Fraction(25)
FRAMES = 300
KINDS = {"V": TrackKind.VIDEO, "A": TrackKind.AUDIO, "S": TrackKind.SUBTITLE}

Edit = Callable[[Document], Document]
E = TypeVar("E", bound=Exception)


def media(name: str, frames: int = FRAMES, rate: Fraction = RATE) -> Media:
    samples = int(frames * 48000 / rate)
    return Media(MediaId(name), name, f"{name}.mov", MediaKind.VIDEO, rate, frames, 1920, 1080, 48000, samples, 2)


def film(text: str, rate: Fraction = RATE) -> Document:
    tracks = [_track(part.strip(), rate) for part in text.split("|")]
    names = {item.name.upper() for track in tracks for item in track.clips}
    for name in names:
        partners = [item for track in tracks for item in track.clips if item.name.upper() == name]
        if len({item.name for item in partners}) > 1:
            tracks = [_linked(track, name) for track in tracks]
    sequence = Sequence(SequenceId("main"), "Main", rate=rate, tracks=tuple(tracks))
    return Document("film", (sequence,), sequence.id).with_media(*(media(name, rate=rate) for name in sorted(names)))


def _track(text: str, rate: Fraction) -> Track:
    name, _, words = text.partition(":")
    items: list[Item] = []
    for word in words.split():
        if word.startswith("."):
            items.append(Gap(ItemId(f"{name} gap {len(items)}"), int(word[1:])))
            continue
        label, _, numbers = word.partition(":")
        frames, _, start = numbers.partition("@")
        count = sum(isinstance(item, Clip) and item.name == label for item in items)
        clip_id = ItemId(label if not count else f"{label}{count + 1}")
        take = Take(MediaId(label.upper()), Fraction(int(start or 100)) / rate)
        items.append(Clip(clip_id, label, int(frames), takes=(take,)))
    return Track(TrackId(name), KINDS[name[0]], name, tuple(items))


def _linked(track: Track, name: str) -> Track:
    def one(item: Item) -> Item:
        return replace(item, link=LinkId(name)) if isinstance(item, Clip) and item.name.upper() == name else item

    return replace(track, items=tuple(one(item) for item in track.items))


def said(document: Document) -> str:
    """The open sequence as text; tracks without items are left out, "@100" too."""
    rate = document.sequence.rate
    return " | ".join(
        f"{track.name}: {' '.join(_said(item, rate) for item in track.items)}"
        for track in document.sequence.tracks
        if track.items
    )


def _said(item: Item, rate: Fraction) -> str:
    if isinstance(item, Gap):
        return f".{item.duration}"
    if item.take is None:
        return f"{item.name}:{item.duration}"
    start = item.take.start_s * rate
    return f"{item.name}:{item.duration}" + ("" if start == 100 else f"@{start}")


def clip(document: Document, name: str) -> Clip:
    """The first clip of that name."""
    return next(item for track in document.sequence.tracks for item in track.clips if item.name == name)


def clips(document: Document, name: str) -> list[Clip]:
    return [item for track in document.sequence.tracks for item in track.clips if item.name == name]


def saved_and_opened(document: Document) -> Document:
    """The document as it comes back from a project file's text."""
    return from_text(to_text(document)).document


def check_edit(before: Document, edit: Edit, after: str | None = None, *, in_sync: bool = True) -> Document:
    """Do an edit; check its result, that nothing else changed, undo, redo, the rules, sync, and the round trip.

    Returns the document after it. `after` is the text of `said`; None if the test looks at the result itself.
    """
    check(before)
    copy, words = replace(before), repr(before)
    history = History(before)
    result = edit(before)
    if after is not None:
        assert said(result) == after
    assert repr(before) == words
    assert before == copy
    check(result)
    check_caches(result)
    if in_sync:
        assert out_of_sync(result.sequence, result.media) == {}
    history.do("edit", result)
    if result is not before:
        assert history.undo()
        assert history.document == before
        assert history.redo()
    assert history.document == result
    assert saved_and_opened(result) == result
    return result


def check_caches(document: Document) -> None:
    """What tracks carried over from the tracks they were made of is what they would count themselves."""
    for sequence in document.sequences:
        for track in sequence.tracks:
            fresh = replace(track)
            assert track.starts == fresh.starts
            assert track.index == fresh.index
            assert track.item_links == fresh.item_links
            assert {link: sorted(ids) for link, ids in track.links.items()} == {
                link: sorted(ids) for link, ids in fresh.links.items()
            }


def refuses(before: Document, edit: Edit, error: type[E], match: str = "") -> E:
    """An edit that must be refused, with words, and change nothing. Returns the error."""
    words = repr(before)
    with pytest.raises(error) as refused:
        edit(before)
    assert match in str(refused.value)
    assert repr(before) == words
    return refused.value
