"""Recipes are read as sentences: of every kind of work, and without what is empty."""

from __future__ import annotations

import pytest

from engine.protocol.messages import Identity, Recipe
from engine.protocol.work import (
    AnyWork,
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    Neighbour,
    Retake,
    Revoice,
    Sound,
    TextToVideo,
    Upscale,
    VideoToVideo,
)
from ltxdesktop.jobs.recipe_words import recipe_lines

NEW = {"width": 1280, "height": 720, "frames": 49, "rate": "24"}


def lines(work: AnyWork, **others: object) -> dict[str, str]:
    return dict(recipe_lines(Recipe(work=work, engine="1.0", backend="local", device="CPU", **others)))


def test_a_retake_is_read_without_what_is_empty() -> None:
    work = Retake(source="/films/kitchen.mov", start=24, end=72, what="picture", prompt="a blue ball", stage="draft")
    looks = (Identity(id="clay", strength=0.8),)
    said = lines(work, seeds=(7,), model=Identity(id="pocket"), loras=looks, made_at="2026-11-21T22:19:03+00:00")
    assert said == {
        "Made": "Retake, a draft",
        "Prompt": "a blue ball",
        "Of": "the picture alone of frames 24 to 72 of kitchen.mov",
        "Seed": "7",
        "Model": "pocket",
        "Look": "clay at 80%",
        "Quality": "Fast",
        "By": "local, CPU, engine 1.0",
        "On": "2026-11-21 22:19:03 UTC",
    }


@pytest.mark.parametrize(
    ("work", "name", "words"),
    [
        (TextToVideo(**NEW, steps=8), "Size", "1280 × 720, 49 frames at 24"),
        (TextToVideo(**NEW, steps=8), "Quality", "Fast, 8 steps"),
        (ImageToVideo(**NEW), "Made", "Image to video"),
        (AudioToVideo(**NEW, audio=Sound(file="/a.wav")), "Made", "Audio to video"),
        (Extend(source="/a.mp4", at=10, frames=1, direction="backward"), "Of", "1 frame before frame 10 of a.mp4"),
        (FillGap(**NEW, before=Neighbour(source="/a.mp4", at=1), after=Neighbour(source="/b.mp4", at=0)), "Of",
         "between a.mp4 and b.mp4"),
        (VideoToVideo(source="/a.mp4", start=0, end=9), "Of", "frames 0 to 9 of a.mp4"),
        (Revoice(source="/a.mp4", start=0, end=9, words="hello"), "New words", "hello"),
        (Upscale(source="/a.mp4", start=0, end=9), "Made", "Upscale"),
    ],
)  # fmt: skip
def test_each_kind_of_work_is_read(work: AnyWork, name: str, words: str) -> None:
    assert lines(work)[name] == words
