"""A job with everything decided before something is loaded: files opened, LoRAs and drafts checked, memory counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from safetensors import SafetensorError

from engine.backends.base import BadMedia, BadRequest, PlannedPhase
from engine.backends.local.lending import LocalNetworks, UserLora
from engine.backends.local.media import MediaFiles
from engine.backends.local.memory import Demand
from engine.backends.local.opened import OpenedModels
from engine.backends.local.prompts import PromptReader
from engine.backends.local.sizing import demand_of
from engine.backends.local.tasks import Preparation, Prepared
from engine.pipelines.draft import Draft, load_draft
from engine.pipelines.networks import ModelFacts
from engine.pipelines.phases import planned_phases
from engine.pipelines.work import StageWork
from engine.protocol.work import AnyWork, mode_of

LOADING_STEPS = 100  # loading tells its progress in per cent


class Ready(NamedTuple):
    """A job that can be planned and run."""

    networks: LocalNetworks
    prepared: Prepared
    loras: tuple[UserLora, ...]
    demand: Demand
    drafts: tuple[Draft, ...]

    def phases(self) -> tuple[PlannedPhase, ...]:
        """What is to come; loading only where the transformer isn't there."""
        phases: list[PlannedPhase] = []
        missing = self.networks.sizes.transformer if "transformer" not in self.networks.loaded else 0
        if missing:
            phases.append(PlannedPhase("loading", missing / 1e9, LOADING_STEPS))
        phases.append(PlannedPhase("encoding prompt", 1.0))
        prepared = self.prepared
        planned = planned_phases(
            prepared.task, self.networks.facts, draft_only=prepared.draft_only, from_draft=bool(self.drafts)
        )
        phases += [PlannedPhase(phase.name, phase.work / 1e6, phase.steps) for phase in planned]
        phases.append(PlannedPhase("writing", prepared.task.result.frames))
        return tuple(phases)

    def decided(self, work: AnyWork, backend: str) -> AnyWork:
        """The work as it runs: the model by its id (or by its path, as given), a finished draft's own seed."""
        changes: dict[str, Any] = {"model": self.networks.model.description.id, "backend": backend}
        if work.model.endswith(".safetensors"):
            changes["model"] = work.model
        if self.drafts:
            changes |= {"seed": self.drafts[0].seed, "variations": 1}
        return msgspec.structs.replace(work, **changes)


def make_ready(work: AnyWork, models: OpenedModels, prompts: PromptReader, files: MediaFiles) -> Ready:
    """Raises the JobErrors of bad requests, media and weights, and what the rooms below raise."""
    model = models.get(work.model)
    networks = models.networks(model)
    follows = mode_of(work) in ("video_to_video", "revoice")
    loras = models.loras(work.loras, networks, follows_reference=follows)
    prepared = Preparation(work, model.description, networks.facts, files, loras).prepare()
    left_out = tuple(
        f"the LoRA {lora.file.path.stem} has layers for reading prompts, too ({lora.text_layers}): they don't act"
        for lora in loras
        if lora.text_layers
    )
    prepared = replace(prepared, adjusted=(*prepared.adjusted, *left_out))
    drafts: tuple[Draft, ...] = ()
    if work.stage == "finish":
        if not work.draft_latents:
            raise BadRequest("To finish a draft, name the latents that were kept with it.")
        draft = _draft(work.draft_latents, prepared, networks.facts)
        prepared = replace(prepared, task=replace(prepared.task, seeds=(draft.seed,)))
        drafts = (draft,)
    known = not work.enhance and prompts.known(networks, prepared)
    return Ready(networks, prepared, loras, demand_of(prepared, networks, loras, prompts_known=known), drafts)


def _draft(path: str, prepared: Prepared, facts: ModelFacts) -> Draft:
    """A kept draft that belongs to this very job. Raises BadMedia, BadRequest."""
    try:
        draft = load_draft(path)
    except (OSError, ValueError, KeyError, SafetensorError) as exc:
        raise BadMedia(f"The draft {Path(path).name} can't be read: {exc}") from exc
    task = prepared.task
    if len(draft.passes) == len(task.plans) and len(task.recipe.stages) > 1:
        for number, latents in enumerate(draft.passes):
            video = StageWork.of(task, facts, number, 0).video
            expected = (1, video.channels, *video.shape)
            found = None if latents.video is None else tuple(latents.video.shape)
            if task.video == "make" and found != expected:
                raise BadRequest(
                    f"The draft {Path(path).name} was made at another size or length, or by another model: "
                    "finish it with the settings that it was made with."
                )
    return draft
