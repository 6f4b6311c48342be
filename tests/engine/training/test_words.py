"""Captions say what they mean: they are read back, and what a prompt has beyond them is noted."""

import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest

from engine.training.captions import PHRASINGS, caption
from engine.training.prompts import draw_attributes
from engine.training.words import (
    LANGUAGES,
    Attributes,
    note,
    parse_prompt,
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


def test_words_need_no_torch() -> None:
    code = "import engine.training.captions, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "torch" not in loaded.split()
