"""Recipes: which stages make a clip, with which schedule, guidance and weights. Data, no computation.

Source: spec/transformer-and-pipelines.md 6. A recipe knows nothing of the mode; what is given and what is made is the
task's business (`task.py`), so one recipe serves all modes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, Protocol

from engine.pipelines.errors import NotPossible
from engine.pipelines.networks import ModelFacts, Weights
from engine.protocol.grid import snap_up
from engine.sampling import sigmas
from engine.sampling.guidance import HIGH_QUALITY, GuidancePlan, dev_defaults
from engine.sampling.pair import Pair
from engine.sampling.sigmas import Sigmas

Sampler = Literal["euler", "res_2s", "gradient_estimation", "euler_ancestral"]

# distilled LoRA strengths of the two res_2s stages, and of stage 2 of the guided two-stage run (6.2, 6.3)
HIGH_QUALITY_LORA = (0.25, 0.5)
REFINING_LORA = 1.0
NO_GUIDANCE: Pair[GuidancePlan] = Pair(None, None)
ALL_LORAS = Weights()


class Schedule(Protocol):
    """Sigmas of a stage; some depend on how many video tokens it has."""

    @property
    def steps(self) -> int: ...

    def at(self, tokens: int) -> Sigmas: ...


@dataclass(frozen=True)
class Fixed:
    """A list of sigmas."""

    sigmas: Sigmas

    @property
    def steps(self) -> int:
        return len(self.sigmas) - 1

    def at(self, tokens: int) -> Sigmas:
        return self.sigmas


@dataclass(frozen=True)
class Ltx2:
    """The dev model's schedule, shifted for the official 4096 tokens or for the real count."""

    steps: int
    real_tokens: bool = False

    def at(self, tokens: int) -> Sigmas:
        return sigmas.ltx2(self.steps, tokens) if self.real_tokens else sigmas.ltx2(self.steps)


@dataclass(frozen=True)
class Stage:
    """One walk from noise (or from the stage before) to clean.

    shrink      how many times smaller than the result this stage works, per side; falls to 1
    slow        how many times fewer frames per second than the result; 1 but for a doubled rate
    references  whether in-context references are shown in this stage
    keep_sound  the sound of the stage before is frozen and only listened to
    """

    schedule: Schedule
    shrink: Fraction = Fraction(1)
    slow: int = 1
    guidance: Pair[GuidancePlan] = NO_GUIDANCE
    weights: Weights = ALL_LORAS
    sampler: Sampler = "euler"
    references: bool = True
    keep_sound: bool = False


@dataclass(frozen=True)
class Recipe:
    """Stages from small to full size. `sound_of`: the stage whose sound is decoded (an index; -1 is the last)."""

    stages: tuple[Stage, ...]
    sound_of: int = -1

    def size_multiple(self, facts: ModelFacts, reference_downscale: int = 1) -> int:
        """Pixels: every side of the result has to be a multiple of this, for every stage and its references."""
        multiple = 1
        for stage in self.stages:
            divisor = stage.shrink * (reference_downscale if stage.references else 1)
            step = facts.scale.height * divisor
            while multiple % step:
                multiple = snap_up(multiple + 1, facts.scale.height)
        return multiple

    def draft(self) -> Recipe:
        """The first stage alone: what a draft shows."""
        return Recipe(self.stages[:1], sound_of=0)


def stage_count(facts: ModelFacts, width: int, height: int) -> int:
    """Two where the picture is large and there is a network that doubles latents, else one."""
    return 2 if width * height > facts.one_stage_pixels and Fraction(2) in facts.upsamplers else 1


def fast(facts: ModelFacts, stages: int, *, steps: int = 0) -> Recipe:
    """Few steps without guidance: 8, and 3 more in the second of two stages (6.1). Raises NotPossible.

    `steps` other than 8 takes the linear-quadratic schedule, of which 8 steps are the distilled ones.
    """
    if not facts.distilled and not facts.distilled_lora:
        raise NotPossible("fast sampling needs a distilled model, or the distilled LoRA beside the dev model")
    weights = Weights(distilled_lora=0.0 if facts.distilled else REFINING_LORA)
    first = sigmas.linear_quadratic(steps) if steps not in (0, 8) else sigmas.DISTILLED_STAGE_1
    if stages == 1:
        return Recipe((Stage(Fixed(first), weights=weights),))
    return Recipe((Stage(Fixed(first), shrink=Fraction(2), weights=weights), refining_stage(weights)))


def quality(facts: ModelFacts, stages: int, *, steps: int = 0, high: bool = False) -> Recipe:
    """The dev model, guided (6.2, 6.4), or "high": res_2s with the distilled LoRA in both stages (6.3).

    The sound of the guided two-stage run is stage 1's, as the official pipeline does since July 2026.
    Raises NotPossible for a distilled model: guidance spoils what distillation has already folded in.
    """
    if facts.distilled:
        raise NotPossible("this model is distilled: guided sampling needs the dev model")
    if high and not facts.distilled_lora:
        raise NotPossible("res_2s sampling needs the distilled LoRA beside the dev model")
    defaults = HIGH_QUALITY if high else dev_defaults(facts.model_version, facts.layers)
    first = Stage(
        Ltx2(steps or defaults.steps, real_tokens=high),
        guidance=Pair(defaults.video, defaults.audio),
        weights=Weights(distilled_lora=HIGH_QUALITY_LORA[0] if high else 0.0),
        sampler="res_2s" if high else "euler",
    )
    if stages == 1:
        return Recipe((first,))
    if not facts.distilled_lora:
        raise NotPossible("the second stage of a guided run needs the distilled LoRA beside the dev model")
    second = refining_stage(Weights(distilled_lora=HIGH_QUALITY_LORA[1] if high else REFINING_LORA))
    return Recipe((replace(first, shrink=Fraction(2)), replace(second, sampler=first.sampler)), sound_of=0)


def refining_stage(weights: Weights = ALL_LORAS, *, steps: int = 3) -> Stage:
    """The second stage: from the upsampled latents, noised to the last `steps` of the distilled schedule."""
    return Stage(Fixed(sigmas.refining(sigmas.DISTILLED_STAGE_1, steps)), weights=weights)


def enlarging(factor: Fraction, weights: Weights = ALL_LORAS, *, smoother: bool = False, steps: int = 3) -> Recipe:
    """Upscaling: the first stage stands for the medium itself (Task.from_known), the second refines it larger.

    `smoother`: at twice the rate; plans then count in frames of the result (`plan_following(..., slow=2)`).
    """
    taken = Stage(Fixed(sigmas.DISTILLED_STAGE_1), shrink=factor, slow=2 if smoother else 1, weights=weights)
    return Recipe((taken, refining_stage(weights, steps=steps)))


def in_context(recipe: Recipe, *, refine: bool = True) -> Recipe:
    """Video-to-video (6.9): references and their LoRA in the first stage only; without `refine` no second stage."""
    first, *later = recipe.stages
    if not refine:
        return Recipe((first,), sound_of=0)
    without = [
        replace(stage, references=False, weights=stage.weights._replace(reference_loras=False)) for stage in later
    ]
    return replace(recipe, stages=(first, *without))


def dubbing(recipe: Recipe) -> Recipe:
    """Re-voice (6.10): the LoRA and the references stay in both stages, the words of stage 1 are frozen in stage 2."""
    first, *later = recipe.stages
    return Recipe((first, *(replace(stage, keep_sound=True) for stage in later)), sound_of=0)


def sound_alone(recipe: Recipe) -> Recipe:
    """New sound under a kept picture: one stage, looking at the picture at the first stage's size."""
    return recipe.draft()


def with_guidance(recipe: Recipe, video: GuidancePlan | None, audio: GuidancePlan | None) -> Recipe:
    """The person's own guidance in the first stage; None keeps the recipe's."""
    first, *later = recipe.stages
    own = Pair(
        first.guidance.video if video is None else video,
        first.guidance.audio if audio is None else audio,
    )
    return replace(recipe, stages=(replace(first, guidance=own), *later))


def with_sampler(recipe: Recipe, sampler: Sampler) -> Recipe:
    """Another sampler in the first stage."""
    first, *later = recipe.stages
    return replace(recipe, stages=(replace(first, sampler=sampler), *later))


def entering(schedule: Sigmas, strength: float) -> Sigmas:
    """The part of a schedule that begins at or below `strength`: how a retake stays near to what was there.

    Strength 1 is the whole schedule; there is always at least the last step.
    """
    later = [index for index, sigma in enumerate(schedule[:-1]) if sigma <= strength]
    return schedule[later[0] :] if later else schedule[-2:]
