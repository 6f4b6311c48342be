"""What breaks a rule is set right: everything that can be kept is kept, and what was done is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from broken_documents import BROKEN, PAIRS, with_clip
from document_strategies import documents
from helpers import film
from hypothesis import given, settings

from ltxdesktop.document.check import check
from ltxdesktop.document.errors import BrokenDocument
from ltxdesktop.document.mending import mended
from ltxdesktop.document.model import Clip, Document, ItemId, MediaId, Take


def clips(document: Document) -> list[tuple[str, int, int]]:
    """(name, first frame, duration) of all clips."""
    tracks = [track for sequence in document.sequences for track in sequence.tracks]
    return [(item.name, start, item.duration) for t in tracks for start, item in t.placed() if isinstance(item, Clip)]


@pytest.mark.parametrize(("words", "document"), BROKEN, ids=[words for words, _ in BROKEN])
def test_every_broken_rule_is_set_right(words: str, document: Document) -> None:
    changed, _ = mended(document)
    check(changed)
    assert mended(changed) == (changed, ())
    assert mended(document)[0] == changed  # the same each time: a journal over it fits


LOST = {"lasts 0 frames", "it has no sound", "takes or content, and not both"}


@pytest.mark.parametrize(("words", "document"), BROKEN, ids=[words for words, _ in BROKEN])
def test_clips_stay_where_they_are(words: str, document: Document) -> None:
    lost = set(clips(document)) - set(clips(mended(document)[0]))
    assert not lost or words in LOST


@settings(max_examples=60)
@given(documents())
def test_any_document_ends_sound(document: Document) -> None:
    changed, _ = mended(document)
    check(changed)


def test_a_sound_document_is_left_alone() -> None:
    document = film(PAIRS)
    assert mended(document)[0] is document
    assert mended(document)[1] == ()


def test_media_that_are_gone_are_missing_media_that_can_be_found() -> None:
    changed, notes = mended(with_clip("A", takes=(Take(MediaId("Z")),)))
    assert changed.media[MediaId("Z")].name == "A"
    shown = changed.sequence.clip(ItemId("A"))
    assert shown is not None
    assert shown.media == "Z"
    assert "look for the file" in notes[0]


def test_what_was_done_is_said_with_names() -> None:
    _, notes = mended(with_clip("A", fade_in=60))
    assert notes == ("Fades were longer than their clips and are shorter now.",)
    _, notes = mended(with_clip("A", takes=()))
    assert "“A” showed nothing" in notes[0]


def test_without_any_sequence_nothing_can_be_done() -> None:
    with pytest.raises(BrokenDocument):
        mended(replace(film(PAIRS), sequences=()))
