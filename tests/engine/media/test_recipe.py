"""The recipe beside a result: everything comes back, whole or not at all, under any name."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.errors import NotWritable, RecipeError
from engine.media.recipe import read_recipe, recipe_path, write_recipe

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes")


@given(recipe=st.dictionaries(st.text().filter(lambda k: k != "ltxdesktop_recipe"), JSON, max_size=4))
def test_a_recipe_comes_back_as_it_was(folder: Path, recipe: dict):
    media = folder / "take.mp4"
    write_recipe(media, recipe)
    assert read_recipe(media) == recipe


def test_exact_values_are_text(tmp_path: Path):
    media = tmp_path / "take.mp4"
    write_recipe(media, {"rate": Fraction(30000, 1001), "source": Path("a") / "b.mp4", "prompt": "ein Fluß 🎬"})
    assert read_recipe(media) == {"rate": "30000/1001", "source": str(Path("a") / "b.mp4"), "prompt": "ein Fluß 🎬"}


@pytest.mark.parametrize("name", ["a\nb.mp4", "100%.mp4", "x" * 251 + ".mp4", "é" * 125 + ".mp4"], ids=ascii)
def test_any_name_can_have_a_recipe(tmp_path: Path, name: str):
    media = tmp_path / name
    media.touch()
    path = write_recipe(media, {"seed": 7})
    assert path == recipe_path(media)
    assert len(path.name.encode()) <= 255
    assert read_recipe(media) == {"seed": 7}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([name, path.name])


def test_two_long_names_with_the_same_start_have_two_recipes(tmp_path: Path):
    one, other = (tmp_path / ("x" * 250 + end) for end in ("1.mp4", "2.mp4"))
    assert recipe_path(one) != recipe_path(other)


def test_a_failed_write_keeps_the_old_recipe(tmp_path: Path):
    media = tmp_path / "take.mp4"
    write_recipe(media, {"seed": 1})
    with pytest.raises(TypeError, match="can't hold"):
        write_recipe(media, {"seed": object()})
    assert read_recipe(media) == {"seed": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == [recipe_path(media).name]
    with pytest.raises(NotWritable):
        write_recipe(tmp_path / "gone" / "take.mp4", {"seed": 1})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "has no recipe"),
        ("{", "can't be read"),
        ("[1]", "is not a recipe"),
        ("{}", "is not a recipe"),
        (json.dumps({"ltxdesktop_recipe": 99}), "version 99"),
        ("[" * 100_000, "can't be read"),
    ],
)
def test_what_is_no_recipe_is_said(tmp_path: Path, content: str | None, words: str):
    media = tmp_path / "take.mp4"
    if content is not None:
        recipe_path(media).write_text(content)
    with pytest.raises(RecipeError, match=words):
        read_recipe(media)
