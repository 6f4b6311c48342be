"""A take's recipe turned into work again: the same once more, with another seed, or a draft made in full size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from engine.protocol.again import NotARecipe, work_again
from engine.protocol.work import AnyWork
from ltxdesktop.document.model import Media
from ltxdesktop.loop.errors import LoopError


class NoRecipe(LoopError):
    def __init__(self, name: str, why: str = "it wasn't made by this program") -> None:
        super().__init__(f"{name!r} can't be made again: {why}.")
        self.name = name


class NotADraft(LoopError):
    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name!r} can't be finished: {why}.")
        self.name = name


def again(media: Media) -> AnyWork:
    """The work that gives the same frames. Raises NoRecipe."""
    if not media.recipe:
        raise NoRecipe(media.name)
    try:
        return work_again(dict(media.recipe))
    except NotARecipe as error:
        raise NoRecipe(media.name, str(error)) from error


def varied(media: Media, seed: int) -> AnyWork:
    """The same with another seed. Raises NoRecipe."""
    work = again(media)
    return msgspec.structs.replace(work, seed=seed, stage="full" if work.stage == "finish" else work.stage)


def prompt_of(media: Media) -> str:
    """What was asked for when it was made; "" for footage."""
    return str(_asked(media).get("prompt", ""))


def was_draft(media: Media) -> bool:
    """Whether it was made as a draft, at half the size."""
    return _asked(media).get("stage") == "draft"


def _asked(media: Media) -> Mapping[str, Any]:
    """The work as it was kept, unchecked: for lists, which read it with every change and may not ask the disk."""
    work = media.recipe.get("work")
    return cast("Mapping[str, Any]", work) if isinstance(work, Mapping) else {}


def is_draft(media: Media) -> bool:
    """Whether a take can be finished: what it goes on from is there."""
    return bool(media.recipe.get("draft_latents"))


def finished(media: Media) -> AnyWork:
    """The work that makes this very draft in full size. Raises NoRecipe, NotADraft."""
    work = again(media)
    latents = media.recipe.get("draft_latents", "")
    if work.stage != "draft":
        raise NotADraft(media.name, "it is made in full already")
    if not latents:
        raise NotADraft(media.name, "what it goes on from is gone; make it again")
    return msgspec.structs.replace(work, stage="finish", draft_latents=str(latents), variations=1)
