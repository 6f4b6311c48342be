"""Many clips of a sequence found at once: the same as one after the other, whichever way they're looked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ltxdesktop.document import edits
from ltxdesktop.document.edits.desk import MANY
from ltxdesktop.document.errors import NoSuchClip
from ltxdesktop.document.lookup import FEW, existing_clips, find_clips, with_links_of_many
from ltxdesktop.document.model import Clip, Document, Gap, ItemId, LinkId, Sequence, Solid, new_document, new_sequence

LONG = 40  # items of a track


@pytest.fixture
def sequence() -> Sequence:
    """Every track has clips of growing lengths with a gap behind each fourth."""
    made = new_sequence()
    tracks = [
        replace(track, items=tuple(_item(f"{track.name} {number}", number) for number in range(LONG)))
        for track in made.tracks
    ]
    return replace(made, tracks=tuple(tracks))


def _item(name: str, number: int) -> Clip | Gap:
    if number % 4 == 3:
        return Gap(ItemId(name), 5)
    return Clip(ItemId(name), name, 10 + number, (), content=Solid("#102030"))


def ids_of(sequence: Sequence) -> list[ItemId]:
    return [item.id for track in sequence.tracks for item in track.items]


@pytest.mark.parametrize("every", [1, 2, LONG // FEW, LONG])
def test_clips_come_track_by_track_in_the_order_of_time(sequence: Sequence, every: int):
    wanted = [*ids_of(sequence)[::-every], ItemId("gone")]
    expected = [
        (sequence.track_of(each), sequence.start_of(each), sequence.clip(each))
        for each in ids_of(sequence)
        if each in wanted and sequence.clip(each) is not None
    ]
    assert [tuple(each) for each in find_clips(sequence, wanted)] == expected


def test_nothing_is_found_for_no_ids(sequence: Sequence):
    assert find_clips(sequence, []) == []
    assert existing_clips(sequence, frozenset()) == frozenset()


@pytest.mark.parametrize("count", [1, FEW, LONG])
def test_what_is_no_clip_of_the_sequence_is_left_out(sequence: Sequence, count: int):
    clips = frozenset(each for each in ids_of(sequence) if sequence.clip(each) is not None)
    few = frozenset(sorted(clips)[:count])
    assert existing_clips(sequence, few) is few
    gaps = frozenset(each for each in ids_of(sequence) if each not in clips)
    assert existing_clips(sequence, few | gaps | {ItemId("gone")}) == few


def test_edits_of_many_clips_take_their_partners_along_as_edits_of_few_do(sequence: Sequence):
    """Clips are linked across tracks by their number; those with odd numbers alone are named."""
    tracks = [
        replace(track, items=tuple(_linked(item, number) for number, item in enumerate(track.items)))
        for track in sequence.tracks
    ]
    document = new_document("Linked", replace(sequence, tracks=tuple(tracks)))
    first, *others = document.sequence.tracks
    named = [*(clip.id for clip in first.clips), *(clip.id for track in others for clip in list(track.clips)[4:])]
    assert len(named) > MANY
    partners = {clip.id for track in document.sequence.tracks for clip in track.clips if clip.link is not None}
    assert set(with_links_of_many(document.sequence.tracks, named)) == partners
    few = edits.lift(edits.lift(document, named[:MANY]), [each for each in named[MANY:] if each not in partners])
    assert left(edits.lift(document, named)) == left(few)
    assert set(left(document)) - set(left(edits.lift(document, named, linked=False))) == set(named)
    for linked in (True, False):
        with pytest.raises(NoSuchClip):
            edits.lift(document, [*named, ItemId("gone")], linked=linked)


def _linked(item: Clip | Gap, number: int) -> Clip | Gap:
    return replace(item, link=LinkId(f"link {number}")) if isinstance(item, Clip) and number % 2 else item


def left(document: Document) -> dict[ItemId, int | None]:
    """The clips that there are, and where they begin."""
    sequence = document.sequence
    return {clip.id: sequence.start_of(clip.id) for track in sequence.tracks for clip in track.clips}
