"""What a job asks of the memory, smaller jobs of the same kind, and the sentence that refuses one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from engine.backends.local.catalogue import ModelDescription
from engine.backends.local.lending import LocalNetworks, UserLora
from engine.backends.local.memory import Demand, DoesNotFit
from engine.backends.local.tasks import Prepared
from engine.protocol.grid import snap_frames_up
from engine.protocol.work import AnyWork, AudioToVideo, Extend, FillGap, ImageToVideo, TextToVideo

_SIDE_STEP = 64  # pixels, as two stages need
_SHORTEST = 9  # frames: 8k + 1 with k = 1


def least_demand(description: ModelDescription) -> Demand:
    """Of the smallest job there is: if not even that fits, the model can't be used here."""
    return Demand(4, 1, description.prompt_tokens, 2, 2, _SHORTEST)


def demand_of(prepared: Prepared, networks: LocalNetworks, loras: Sequence[UserLora], *, prompts_known: bool) -> Demand:
    """The largest stage of the longest pass."""
    task, facts = prepared.task, networks.facts
    stages = task.recipe.stages[:1] if prepared.draft_only else task.recipe.stages
    smallest = min(stage.shrink for stage in stages)
    rows = int(task.height / smallest / facts.scale.height)
    columns = int(task.width / smallest / facts.scale.width)
    frames = max(plan.frames for plan in task.plans)
    steps = max(plan.audio_steps for plan in task.plans)
    tokens = rows * columns * ((frames - 1) // facts.scale.time + 1)
    tokens += rows * columns * len(task.images)
    masked = 0
    if task.reference is not None:
        first = stages[0].shrink
        share = (smallest / (first * task.reference.downscale)) ** 2
        reference = int(tokens * share / task.reference.time_factor)
        if len(stages) == 1 or stages[-1].references:
            tokens += reference
        if task.reference.attention < 1 or task.reference.attention_mask is not None:
            masked = int(tokens * (smallest / first) ** 2) + reference
    distilled_lora = networks.model.distilled_lora
    return Demand(
        video_tokens=0 if task.video == "absent" else tokens,
        audio_tokens=0 if task.audio == "absent" else steps * (2 if task.voice is not None else 1),
        text_tokens=networks.model.description.prompt_tokens,
        latent_rows=rows,
        latent_columns=columns,
        frames=snap_frames_up(frames),
        masked_tokens=masked,
        lora_bytes=sum(lora.file.size_bytes for lora in loras)
        + (0 if distilled_lora is None else distilled_lora.stat().st_size),
        variations=len(task.seeds),
        prompts_known=prompts_known,
    )


def smaller_works(work: AnyWork) -> Iterator[AnyWork]:
    """The same work with a smaller picture (same shape, multiples of 64), then with half its frames, then with 9.

    Works on given footage keep its size: of those only extensions can be shorter.
    """
    sized = isinstance(work, TextToVideo | ImageToVideo | AudioToVideo | FillGap)
    lengths = [work.frames] if sized or isinstance(work, Extend) else []
    lengths += [n for n in (lengths[0] // 2 // 8 * 8 + 1, _SHORTEST) if n < lengths[0]] if lengths else []
    for frames in lengths:
        if not sized:
            if frames != lengths[0]:
                yield msgspec.structs.replace(work, frames=frames)
            continue
        for tenths in range(10, 0, -1):
            width, height = (
                max(_SIDE_STEP, side * tenths // 10 // _SIDE_STEP * _SIDE_STEP) for side in (work.width, work.height)
            )
            if (width, height, frames) != (work.width, work.height, work.frames):
                yield msgspec.structs.replace(work, width=width, height=height, frames=frames)


def too_large(prepared: Prepared, model: str, exc: DoesNotFit, nearest: AnyWork | None) -> str:
    """Why a job can't be done here, with the numbers, and what can; `model` is the title of the model."""
    task = prepared.task
    sentence = f"{task.width} x {task.height}, {task.plans[0].frames} frames at once with {model}: {exc}."
    if isinstance(nearest, TextToVideo | ImageToVideo | AudioToVideo | FillGap):
        return f"{sentence} {nearest.width} x {nearest.height} with {nearest.frames} frames would fit."
    if isinstance(nearest, Extend):
        return f"{sentence} {nearest.frames} frames would fit."
    return f"{sentence} No size fits: end other programs that use memory, or choose a smaller model."
