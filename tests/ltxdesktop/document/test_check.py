"""Every rule of `check` finds what breaks it, and names it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from broken_documents import BROKEN, PAIRS, take
from helpers import film, media

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.errors import BrokenDocument
from ltxdesktop.document.handles import UNLIMITED, frames_from, handles
from ltxdesktop.document.model import (
    Document,
    Effect,
    ItemId,
    Parameter,
    Transition,
)
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS, effect_value, problem_with, value_of


@pytest.mark.parametrize(("words", "document"), BROKEN, ids=[words for words, _ in BROKEN])
def test_a_broken_rule_is_named(words: str, document: Document) -> None:
    with pytest.raises(BrokenDocument) as broken:
        check(document)
    assert words in str(broken.value)


def test_a_sound_document_passes() -> None:
    check(film(PAIRS))
    check(edits.set_transition(film(PAIRS), ItemId("B"), Transition(before=10, after=10)))


@pytest.mark.parametrize(
    ("start", "speed", "expected"),
    [
        (100, 1, (100, 190)),
        (0, 1, (0, 290)),
        (290, 1, (290, 0)),
        (100, 2, (50, 90)),
        (101, 2, (50, 90)),
        (109, -1, (190, 100)),
        (100, Fraction(1, 2), (200, 390)),
        (100, 0, (UNLIMITED, UNLIMITED)),
    ],
)
def test_handles_reach_to_the_first_and_last_picture(start: int, speed: Fraction, expected: tuple[int, int]) -> None:
    document = film("V1: A:10")
    (shown,) = document.sequence.tracks[0].clips
    shown = replace(shown, takes=(take("A", start),), speed=Fraction(speed))
    assert handles(shown, document.media, document.sequence.rate) == expected


def test_a_last_frame_that_is_partly_covered_counts() -> None:
    assert frames_from(media("A", 10, Fraction(30)), Fraction(0), Fraction(25)) == 9
    assert frames_from(media("A", 10, Fraction(30)), Fraction(1), Fraction(25)) < 1


def test_the_table_of_parameters_is_sound() -> None:
    tables = [PARAMETERS, *(effect.parameters for effect in EFFECTS.values())]
    for table in tables:
        for name, declared in table.items():
            assert name == declared.name
            assert declared.label
            assert declared.step > 0
            assert problem_with(declared, Parameter(declared.default)) == ""
    (shown,) = film("V1: A:10").sequence.tracks[0].clips
    assert value_of(shown, "scale") == Parameter(1)
    assert effect_value(Effect("e", "vignette"), "size") == Parameter(0.75)
