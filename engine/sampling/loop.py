"""The one sampling loop: both streams from noise to clean, a callback after every step that may stop it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from engine.conditioning.state import LatentState
from engine.sampling.pair import Pair, map2
from engine.sampling.sigmas import Sigmas, checked
from engine.sampling.solvers import Euler, Solver


class Denoiser(Protocol):
    """The model with its guidance: x0 estimates, (B, T, D) per stream, before what is kept is put back."""

    def prepare(self, sigmas: list[float]) -> None:
        """Tells every sigma that will be asked for, so that what depends on it alone is computed once."""
        ...

    def __call__(self, latents: Pair[Tensor], sigma: float, step: int) -> Pair[Tensor]: ...


class StepReport(NamedTuple):
    """What `on_step` hears after a step. `denoised` are the tokens of the clean estimate (for previews)."""

    step: int  # 1 after the first
    steps: int
    sigma: float  # where the latents now are
    denoised: Pair[Tensor]


def sample(
    states: Pair[LatentState],
    sigmas: Sigmas,
    denoiser: Denoiser,
    solver: Solver | None = None,
    on_step: Callable[[StepReport], None] | None = None,
) -> Pair[LatentState]:
    """Walk noised states down the schedule; returns them with their final latents.

    `on_step` may raise Cancelled (or anything): it passes through. A frozen stream comes out as it went in.
    Raises BadSchedule.
    """
    solver = Euler() if solver is None else solver
    walked = solver.schedule(checked(sigmas))
    with torch.no_grad():
        denoiser.prepare(solver.evaluations(walked))

    def estimate(x: Pair[Tensor], sigma: float, step: int) -> Pair[Tensor]:
        return map2(lambda state, x0: state.kept(x0), states, denoiser(x, sigma, step))

    x = states.map(lambda state: state.latent)
    steps = len(walked) - 1
    for step, (sigma, sigma_next) in enumerate(pairwise(walked)):
        with torch.no_grad():
            x, denoised = solver.step(states, x, sigma, sigma_next, estimate, step)
        if on_step is not None:
            on_step(StepReport(step + 1, steps, sigma_next, denoised))
    return map2(lambda state, latent: state.with_latent(latent), states, x)
