"""What is written beside a result so that it can be made again: the work as it ran, the files, and the settings."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import msgspec
import torch

from engine.backends.local.memory import MemoryPlan
from engine.backends.local.readying import Ready
from engine.backends.local.tasks import Prepared
from engine.backends.naming import program_version
from engine.pipelines.recipe import Recipe as PipelineRecipe
from engine.protocol.messages import Identity, Recipe
from engine.protocol.work import AnyWork

_HASHED_BYTES = 1 << 20  # of each end of a file


def recipe_of(work: AnyWork, ready: Ready, prepared: Prepared, plan: MemoryPlan, backend: str, device: str) -> Recipe:
    """The recipe of a job. `prepared` is as it ran: with the prompt that was written out, where one was."""
    model = ready.networks.model
    checkpoint, _ = model.require()
    if work.enhance:  # made again, it shall not be written out anew
        work = msgspec.structs.replace(work, prompt=prepared.prompts[0], enhance=False, camera="")
    return Recipe(
        work=work,
        engine=program_version(),
        backend=backend,
        device=device,
        model=Identity(id=model.description.id, file=str(checkpoint), sha256=quick_hash(checkpoint)),
        loras=tuple(
            Identity(
                id=lora.file.path.stem,
                file=str(lora.file.path),
                sha256=quick_hash(lora.file.path),
                strength=lora.strength,
            )
            for lora in ready.loras
        ),
        seeds=prepared.task.seeds,
        settings={
            "precision": ready.networks.precision.name,
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "fp8": plan.fp8,
            "piece_bytes": plan.piece,
            "tile": plan.tile or 0,
            "feed_forward_chunk": plan.chunk or 0,
            "made_width": prepared.task.width,
            "made_height": prepared.task.height,
            "stages": _stage_words(prepared.task.recipe),
        },
        parents=work.parents,
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def quick_hash(path: Path) -> str:
    """Tells two files apart without reading 46 GB: size, and the first and the last MiB. Marked as such."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_HASHED_BYTES))
        file.seek(max(0, size - _HASHED_BYTES))
        digest.update(file.read(_HASHED_BYTES))
    return f"quick:{digest.hexdigest()}"


def _stage_words(recipe: PipelineRecipe) -> str:
    words = [f"{stage.schedule.steps} {stage.sampler} at 1/{float(stage.shrink):g}" for stage in recipe.stages]
    return ", ".join(words)
