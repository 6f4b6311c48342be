"""Small documents for the tests of this room: film number n can be told from every other."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ltxdesktop.document.model import (
    Clip,
    Document,
    ItemId,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    SequenceId,
    Take,
    Track,
    TrackId,
    TrackKind,
    new_sequence,
)

KITCHEN = Media(MediaId("kitchen"), "kitchen.mp4", "media/kitchen.mp4", MediaKind.VIDEO, frames=1000)


def film(number: int = 0, clips: int = 3) -> Document:
    """A film whose name, and one clip, say its number."""
    items = tuple(
        Clip(ItemId(f"c{n}"), f"clip {n}", 10 + n + (number if n == 1 else 0), (Take(KITCHEN.id, Fraction(n, 25)),))
        for n in range(clips)
    )
    track = Track(TrackId("v1"), TrackKind.VIDEO, "V1", items)
    sequence = replace(new_sequence("Film"), id=SequenceId("s"), tracks=(track,))
    return Document(f"film {number}", (sequence,), sequence.id, {KITCHEN.id: KITCHEN})


def edited(document: Document, number: int) -> Document:
    """The film with its name, its second clip and a marker changed to another number."""
    sequence = document.sequence
    track = sequence.tracks[0]
    clip = track.items[1]
    assert isinstance(clip, Clip)
    changed = track.spliced(1, 2, (replace(clip, duration=11 + number),))
    markers = (Marker(MarkerId("m"), number),)
    return replace(document.with_sequence(replace(sequence, tracks=(changed,), markers=markers)), name=f"film {number}")
