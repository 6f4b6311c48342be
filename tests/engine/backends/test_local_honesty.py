"""A prompt outside a small model's world is noted, never refused."""

import sys

import msgspec
import pytest

from engine.backends.local.catalogue import ModelDescription
from engine.backends.local.honesty import prompt_note

POCKET = ModelDescription(
    id="pocket", title="Pocket", checkpoints=("p.safetensors",), vocabulary="engine.training.words"
)


def test_a_word_outside_the_world_is_named() -> None:
    note = prompt_note(POCKET, "a red ball beside a dragon")
    assert "dragon" in note
    assert "demonstration model" in note


@pytest.mark.parametrize("prompt", ["a red ball bounces on a meadow", "", "  "])
def test_nothing_is_said_of_what_it_can_draw(prompt: str) -> None:
    assert prompt_note(POCKET, prompt) == ""


def test_models_without_a_vocabulary_are_left_alone() -> None:
    assert prompt_note(msgspec.structs.replace(POCKET, vocabulary=""), "a dragon") == ""
    assert prompt_note(msgspec.structs.replace(POCKET, vocabulary="engine.training.gone"), "a dragon") == ""


def test_a_description_cannot_have_any_module_imported() -> None:
    sys.modules.pop("this", None)
    assert prompt_note(msgspec.structs.replace(POCKET, vocabulary="this"), "a dragon") == ""
    assert "this" not in sys.modules
