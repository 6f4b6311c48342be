"""Jobs that were done before: made again from the recipe beside a result, or finished from the latents of a draft."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from engine.backends.base import BadMedia, BadRequest
from engine.generate.arguments import Options
from engine.media.errors import RecipeError, shown
from engine.media.recipe import read_recipe, recipe_path
from engine.protocol import work as asked
from engine.protocol.again import NotARecipe, work_again
from engine.protocol.work import AnyWork

_RECIPE_SUFFIX = recipe_path(Path("x")).name[1:]


def again(options: Options, file: str, output: asked.Output | None) -> AnyWork:
    """The work that a result's recipe tells, with what the command line changes of it. `output` None keeps the codec.

    Of several variations it's the very one that the file is. Raises BadMedia, BadRequest.
    """
    try:
        work = _work_in(read_recipe(Path(file.removesuffix(_RECIPE_SUFFIX))), file)
    except RecipeError as exc:
        raise BadMedia(str(exc)) from exc
    if work.stage == "finish" and options.seed is not None:  # the draft is bound to its own
        work = msgspec.structs.replace(work, stage="full", draft_latents="")
    return msgspec.structs.replace(work, **_said(options, work, output))


def finish(options: Options, latents: str, output: asked.Output | None) -> AnyWork:
    """The work of a draft, to be refined from its latents. Raises BadMedia, BadRequest."""
    from engine.loading.errors import LoadingError
    from engine.loading.safetensors_file import SafetensorsFile  # torch

    path = Path(latents)
    try:
        file = SafetensorsFile.open(path)
    except FileNotFoundError:
        raise BadMedia(f"There is no file {shown(path)}.") from None
    except (LoadingError, OSError) as exc:
        raise BadMedia(f"{shown(path)} is no draft: {exc}") from exc
    text = file.metadata.get("recipe")
    if text is None:
        raise BadMedia(f"{shown(path)} is no draft of this program: it tells nothing of what it was made for.")
    try:
        plain: object = json.loads(text)
    except ValueError as exc:
        raise BadMedia(f"{shown(path)} holds a recipe that can't be read: {exc}") from exc
    if not isinstance(plain, dict):
        raise BadMedia(f"{shown(path)} holds no recipe.")
    work = _work_in(cast("dict[str, Any]", plain), latents)
    changes: dict[str, Any] = {"stage": "finish", "draft_latents": str(path.absolute()), "variations": 1}
    return msgspec.structs.replace(work, **(changes | _said(options, work, output)))


def _work_in(plain: Mapping[str, Any], file: str) -> AnyWork:
    try:
        return work_again(plain)
    except NotARecipe as exc:
        raise BadRequest(f"{shown(Path(file))} can't be made again: {exc}.") from exc


def _said(options: Options, work: AnyWork, output: asked.Output | None) -> dict[str, Any]:
    """What the command line changes."""
    changes: dict[str, Any] = {"output": asked.Output(codec=work.output.codec) if output is None else output}
    if options.prompt is not None:
        changes["prompt"] = options.prompt
    if options.seed is not None:
        changes["seed"] = options.seed
    if options.variations is not None:
        changes["variations"] = options.variations
    return changes
