"""Deltas: any document follows from any other, and a small edit of a long film is a small line."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

from document_strategies import documents
from hypothesis import HealthCheck, given, settings

from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    ItemId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Take,
    new_document,
    new_sequence,
)
from ltxdesktop.document.otio.delta import apply_delta, delta_text


def film(clips: int) -> Document:
    """Two tracks of clips of one media."""
    media = Media(MediaId("m"), "shot.mp4", "shot.mp4", MediaKind.VIDEO, frames=100_000)
    sequence = new_sequence(video=1, audio=1)
    tracks = tuple(
        replace(
            track,
            items=tuple(
                Clip(ItemId(f"{track.name}-{n}"), f"shot {n}", 50, (Take(media.id, Fraction(n)),)) for n in range(clips)
            ),
        )
        for track in sequence.tracks
    )
    return new_document("Film", replace(sequence, tracks=tracks)).with_media(media)


def with_items(document: Document, track: int, change: dict[int, Clip | Gap | None]) -> Document:
    """The document with items of a track replaced, or removed where None is given."""
    sequence = document.sequence
    kept = [(change.get(place, item)) for place, item in enumerate(sequence.tracks[track].items)]
    items = tuple(item for item in kept if item is not None)
    tracks = (*sequence.tracks[:track], replace(sequence.tracks[track], items=items), *sequence.tracks[track + 1 :])
    return document.with_sequence(replace(sequence, tracks=tracks))


@given(documents(), documents())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_any_document_follows_from_any_other(before: Document, after: Document) -> None:
    assert apply_delta(before, delta_text(before, after)) == after


@given(documents())
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_no_change_is_no_delta(document: Document) -> None:
    assert delta_text(document, document) == "{}"


def test_one_changed_clip_among_many_is_a_small_line() -> None:
    before = film(1000)
    clip = before.sequence.tracks[0].items[500]
    assert isinstance(clip, Clip)
    after = with_items(before, 0, {500: replace(clip, values={"opacity": Parameter(0.5)})})
    text = delta_text(before, after)
    assert len(text) < 1500
    assert apply_delta(before, text) == after


def test_edits_in_several_places_write_only_those() -> None:
    before = film(1000)
    after = with_items(before, 0, {10: Gap(ItemId("g"), 50), 990: Gap(ItemId("h"), 5)})
    after = with_items(after, 1, {3: None})
    text = delta_text(before, after)
    assert len(text) < 2500
    assert apply_delta(before, text) == after
    tracks = json.loads(text)["sequences"][0]["tracks"]
    assert [splice[:2] for splice in tracks[0]["splices"]] == [[10, 1], [990, 1]]
    assert [splice[:2] for splice in tracks[1]["splices"]] == [[3, 1]]


def test_what_is_unchanged_is_shared_with_the_document_before() -> None:
    before = film(20)
    after = apply_delta(before, delta_text(before, with_items(before, 0, {5: None})))
    assert after.sequence.tracks[1] is before.sequence.tracks[1]
    assert after.sequence.tracks[0].items[0] is before.sequence.tracks[0].items[0]
