"""A take can be made again, varied and finished from its recipe, also after its project was saved and opened."""

from __future__ import annotations

import pytest

from engine.protocol.messages import Recipe, ResultFile
from engine.protocol.work import Retake
from ltxdesktop.document.model import Document, Media, new_document
from ltxdesktop.document.otio.read import from_text
from ltxdesktop.document.otio.write import to_text
from ltxdesktop.loop import remaking
from ltxdesktop.loop.landing import made_of

WORK = Retake(prompt="a blue ball", source="/a.mp4", start=10, end=30, seed=7, variations=2, stage="draft")
FILES = [
    ResultFile(path=f"/take-{n}.mp4", role="video", size_bytes=9, variation=n, rate="24", frames=28) for n in (0, 1)
] + [ResultFile(path="/take-1.latents", role="latents", size_bytes=9, variation=1)]


def takes() -> list[Media]:
    recipe = Recipe(work=WORK, engine="1", backend="local", device="cpu", seeds=(7, 8))
    return [each.media for each in made_of(FILES, recipe, "Take")]


def reopened(media: Media) -> Media:
    """The same media after its project went through a file."""
    document: Document = from_text(to_text(new_document().with_media(media))).document
    return document.media[media.id]


@pytest.mark.parametrize("saved", [False, True])
def test_each_variation_is_made_again_from_its_own_seed(saved: bool) -> None:
    first, second = (reopened(each) if saved else each for each in takes())
    assert (remaking.again(first).seed, remaking.again(second).seed) == (7, 8)
    assert remaking.again(second).variations == 1
    assert remaking.prompt_of(first) == "a blue ball"
    varied = remaking.varied(second, 99)
    assert (varied.seed, varied.prompt) == (99, "a blue ball")


@pytest.mark.parametrize("saved", [False, True])
def test_only_a_draft_whose_latents_are_there_is_finished(saved: bool) -> None:
    first, second = (reopened(each) if saved else each for each in takes())
    assert (remaking.is_draft(first), remaking.is_draft(second)) == (False, True)
    work = remaking.finished(second)
    assert (work.stage, work.draft_latents, work.seed) == ("finish", "/take-1.latents", 8)
    with pytest.raises(remaking.NotADraft, match="gone"):
        remaking.finished(first)


def test_footage_has_no_recipe_and_says_so() -> None:
    footage = takes()[0]
    bare = Media(footage.id, "film.mp4", "film.mp4", footage.kind)
    with pytest.raises(remaking.NoRecipe, match="wasn't made by this program"):
        remaking.again(bare)
    assert remaking.prompt_of(bare) == ""
