"""What is remembered beside the project: prompts of clips, used prompts, ratings of results."""

from __future__ import annotations

from pathlib import Path

import pytest

from ltxdesktop.document.model import Clip, ItemId, Media, MediaId, MediaKind, Take
from ltxdesktop.loop.prompts import PROMPTS_KEPT, ClipPrompts, PromptHistory
from ltxdesktop.loop.ratings import Ratings

FOOTAGE = Media(MediaId("film"), "film.mp4", "film.mp4", MediaKind.VIDEO)


def clip(name: str) -> Clip:
    return Clip(ItemId(name), name, 10, takes=(Take(FOOTAGE.id),))


def test_each_clip_gets_its_own_words_back() -> None:
    prompts, media = ClipPrompts(), {FOOTAGE.id: FOOTAGE}
    assert prompts.turn_to(clip("a"), media, "") == ""
    assert prompts.turn_to(clip("b"), media, "words of a") == ""  # they stay in the field, as a beginning
    assert prompts.turn_to(clip("a"), media, "words of b") == "words of a"
    assert prompts.turn_to(clip("a"), media, "other words") == ""  # it's still the subject
    assert prompts.turn_to(None, media, "other words") == ""
    assert prompts.turn_to(clip("b"), media, "other words") == "words of b"
    assert prompts.turn_to(clip("a"), media, "words of b") == "other words"


def test_used_prompts_are_there_at_the_next_start(tmp_path: Path) -> None:
    kept = PromptHistory(tmp_path / "state" / "prompts.json")
    for words in ("one", "two", " ", "one"):
        kept.add(words)
    assert list(PromptHistory(tmp_path / "state" / "prompts.json")) == ["one", "two"]
    for number in range(PROMPTS_KEPT + 5):
        kept.add(str(number))
    assert len(PromptHistory(tmp_path / "state" / "prompts.json")) == PROMPTS_KEPT


def test_ratings_are_there_at_the_next_start(tmp_path: Path) -> None:
    kept = Ratings(tmp_path / "ratings.json")
    kept.rate("/a.mp4", 4)
    kept.rate("/b.mp4", 2)
    kept.rate("/b.mp4", 0)
    again = Ratings(tmp_path / "ratings.json")
    assert (again.of("/a.mp4"), again.of("/b.mp4")) == (4, 0)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"a": 9, "b": "five"}', "\udcff"])
def test_a_broken_file_is_taken_as_empty(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kept.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert list(PromptHistory(file)) == []
    assert Ratings(file).of("a") == 0
    Ratings(file).rate("a", 3)
    assert Ratings(file).of("a") == 3
