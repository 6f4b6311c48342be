"""From a kept recipe back to the work that makes the same frames again (on the same device and program)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.protocol.messages import Recipe
from engine.protocol.work import AnyWork


class NotARecipe(ValueError):
    """What was given is no recipe of a job, or of one that this program doesn't know."""


def work_again(kept: Recipe | Mapping[str, Any]) -> AnyWork:
    """The work for exactly this result: a sidecar names one variation, which becomes a job of its own.

    A finished draft is made as a whole where the draft is gone: that gives the same frames. Raises NotARecipe.
    """
    try:
        recipe = kept if isinstance(kept, Recipe) else msgspec.convert(_known(kept), Recipe)
    except msgspec.ValidationError as exc:
        raise NotARecipe(f"this recipe can't be read: {exc}") from exc
    changes: dict[str, Any] = {}
    if not isinstance(kept, Recipe) and isinstance(kept.get("seed"), int):
        changes |= {"seed": kept["seed"], "variations": 1}
    if recipe.work.stage == "finish" and not Path(recipe.work.draft_latents).is_file():
        changes |= {"stage": "full", "draft_latents": ""}
    return msgspec.structs.replace(recipe.work, **changes)


def _known(kept: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in msgspec.structs.fields(Recipe)}
    return {name: value for name, value in kept.items() if name in names}
