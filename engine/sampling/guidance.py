"""Guidance: how the estimates of several passes become one, and which numbers each model version wants.

Source: spec/transformer-and-pipelines.md 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor


@dataclass(frozen=True)
class Guidance:
    """Guidance of one stream. The defaults are neutral: one pass per step.

    cfg         away from the negative prompt; 1 = off
    stg         away from the pass whose self-attention is skipped in `stg_blocks`; 0 = off
    modality    away from the pass in which picture and sound do not hear each other; 1 = off
    rescale     0..1, pulls the result's spread back to that of the plain pass
    skip_step   k > 0: only every (k + 1)th step is computed, the others reuse the last estimate
    """

    cfg: float = 1.0
    stg: float = 0.0
    stg_blocks: tuple[int, ...] = ()
    rescale: float = 0.0
    modality: float = 1.0
    skip_step: int = 0

    @property
    def wants_negative(self) -> bool:
        return self.cfg != 1

    @property
    def wants_perturbed(self) -> bool:
        return self.stg != 0 and bool(self.stg_blocks)

    @property
    def wants_isolated(self) -> bool:
        return self.modality != 1

    def at(self, sigma: float) -> Guidance:
        return self

    def skips(self, step: int) -> bool:
        return self.skip_step > 0 and step % (self.skip_step + 1) != 0

    def combine(
        self,
        positive: Tensor,
        negative: Tensor | None = None,
        perturbed: Tensor | None = None,
        isolated: Tensor | None = None,
    ) -> Tensor:
        """One x0 estimate from those of the passes, in float32. A pass that was not run counts as `positive`.

        The spread is taken over the whole tensor, appended tokens and all samples included, before the mask.
        """
        c = positive.float()
        result = c
        if negative is not None and self.cfg != 1:
            result = result + (self.cfg - 1) * (c - negative.float())
        if perturbed is not None and self.stg != 0:
            result = result + self.stg * (c - perturbed.float())
        if isolated is not None and self.modality != 1:
            result = result + (self.modality - 1) * (c - isolated.float())
        if self.rescale and result is not c:
            result = result * (self.rescale * c.std() / result.std() + (1 - self.rescale))
        return result


NEUTRAL = Guidance()


@dataclass(frozen=True)
class GuidanceBins:
    """Guidance that changes with the noise: the entry with the smallest sigma that is not below, else the largest."""

    bins: tuple[tuple[float, Guidance], ...]

    def at(self, sigma: float) -> Guidance:
        reached = [entry for entry in self.bins if entry[0] >= sigma]
        return min(reached, key=_first)[1] if reached else max(self.bins, key=_first)[1]


GuidancePlan = Guidance | GuidanceBins


def _first(entry: tuple[float, Guidance]) -> float:
    return entry[0]


class GuidanceDefaults(NamedTuple):
    """What a model version wants when it is guided: steps of the first stage, and both streams' guidance."""

    steps: int
    video: Guidance
    audio: Guidance


_DEV_VIDEO = Guidance(cfg=3.0, stg=1.0, rescale=0.7, modality=3.0)
_DEV_AUDIO = Guidance(cfg=7.0, stg=1.0, rescale=0.7, modality=3.0)
_LAYERS = 48  # what the block numbers below count in

# (lowest model_version, steps, block whose self-attention STG skips); a newer version takes the newest row
_DEV: Sequence[tuple[tuple[int, ...], int, int]] = (((), 40, 29), ((2, 3), 30, 28))

# res_2s with the distilled LoRA in both stages; the same for every version
HIGH_QUALITY = GuidanceDefaults(
    steps=15,
    video=Guidance(cfg=3.0, rescale=0.45, modality=3.0),
    audio=Guidance(cfg=7.0, rescale=1.0, modality=3.0),
)


def dev_defaults(model_version: tuple[int, ...], layers: int = _LAYERS) -> GuidanceDefaults:
    """Steps and guidance of the dev model. A model with other than 48 blocks skips the block at the same depth."""
    _, steps, block = max(row for row in _DEV if row[0] <= model_version)
    blocks = (block * layers // _LAYERS,)
    return GuidanceDefaults(steps, replace(_DEV_VIDEO, stg_blocks=blocks), replace(_DEV_AUDIO, stg_blocks=blocks))
