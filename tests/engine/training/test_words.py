"""Captions say what they mean: they are read back, completed and noted on."""

import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest

from engine.training.prompts import draw_attributes
from engine.training.words import (
    CAMERAS,
    COLOURS,
    LANGUAGES,
    MOTIONS,
    PHRASINGS,
    SHAPES,
    Attributes,
    caption,
    complete,
    note,
    parse_prompt,
    vocabulary,
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("phrasing", PHRASINGS)
def test_captions_are_read_back(language: str, phrasing: str) -> None:
    random = Random(f"{language}/{phrasing}")
    for _ in range(60):
        attributes = draw_attributes(random)
        text = caption(attributes, random=random, phrasing=phrasing, language=language)
        parsed = parse_prompt(text)
        told = {name: getattr(parsed, name) for name in ("shape", "colour", "motion", "background", "second")}
        assert told == {name: getattr(attributes, name) for name in told}, text
        for scale in ("size", "pace", "place", "camera"):  # may go unsaid, but never wrong
            assert getattr(parsed, scale) in (None, getattr(attributes, scale)), text


def test_a_full_caption_says_everything() -> None:
    attributes = Attributes("star", "pink", "spin", "large", "snow", "slow", "right", "fixed", "natural")
    parsed = parse_prompt(caption(attributes, phrasing="full"))
    assert replace(parsed, style="natural").filled(Random(0)) == attributes
    assert parsed.unknown == ()


@pytest.mark.parametrize(
    ("text", "motion", "place", "camera"),
    [
        ("a red ball moves left", "slide left", None, None),
        ("A blue cube jumps from left to right", "bounce right", None, None),
        ("red ball on the left, spinning", "spin", "left", None),
        ("a star. The camera pans to the left", None, None, "pan left"),
        ("ein roter Ball hüpft nach links", "bounce left", None, None),
        ("una pelota sube", "rise", None, None),
        ("a ball moves", None, None, None),
    ],
)
def test_directions_places_and_camera_moves_are_told_apart(
    text: str, motion: str | None, place: str | None, camera: str | None
) -> None:
    parsed = parse_prompt(text)
    assert (parsed.motion, parsed.place, parsed.camera) == (motion, place, camera)


def test_a_note_names_what_is_outside_the_world() -> None:
    assert "“cat”" in note("A cat rides a red ball at the beach")
    assert note("A red ball bounces on a beach.") == ""
    assert "ball" in note("something wonderful happens") or "wonderful" in note("something wonderful happens")
    assert "names none" in note("on a beach")


@pytest.mark.parametrize(
    "prefix", ["", "a red ba", "a red ball", "a blue star bounces", "a large", "On a beach", "A cat"]
)
def test_completions_are_whole_prompts_that_keep_the_prefix(prefix: str) -> None:
    suggestions = complete(prefix, 5)
    assert len(set(suggestions)) == len(suggestions) == 5
    asked = parse_prompt(prefix)
    for text in suggestions:
        parsed = parse_prompt(text)
        assert None not in (parsed.shape, parsed.colour, parsed.motion, parsed.background)
        assert parsed.unknown == ()
        for name in ("shape", "colour", "background", "size"):
            assert getattr(asked, name) in (None, getattr(parsed, name)), text
    assert complete(prefix, 5) == suggestions
    if prefix.startswith("a "):
        assert all(text.startswith(prefix) for text in suggestions)


def test_the_vocabulary_lists_what_the_base_model_draws() -> None:
    words = vocabulary()
    assert words["shapes"] == SHAPES
    assert words["colours"] == COLOURS
    assert words["motions"] == MOTIONS
    assert set(words["camera moves"]) == set(CAMERAS) - {"pull out"}


def test_words_need_no_torch() -> None:
    code = "import engine.training.words, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "torch" not in loaded.split()
