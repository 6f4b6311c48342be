"""Samplers: how one step moves the latents, given estimates of the clean ones.

A solver is made for one run and may remember things between its steps. Sigmas are Python floats. Latents keep the
dtype of the state: float32 as we run, BF16 to round as the official program does.
Source: spec/transformer-and-pipelines.md 4.3 and 4.5.
"""

# Shapes: every tensor is (B, T, D) tokens of one stream

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from engine.conditioning.state import LatentState
from engine.sampling.pair import Pair, map2, map3
from engine.sampling.sigmas import Sigmas

# (latents, sigma, step) -> x0 with what is kept put back (4.2), in the latents' dtype
Estimate = Callable[[Pair[Tensor], float, int], Pair[Tensor]]

ANCESTRAL_SEED_OFFSET = 10_000  # official: the noise of ancestral steps comes from seed + 10000
RES2S_LAST_SIGMA = 0.0011
RES2S_ETA = 0.5
REFERENCE_RES2S_SEEDS = (-1, 9999)  # step and substep noise of the official program, whatever the job's seed


class Solver(Protocol):
    """Moves both streams from sigma to sigma_next and tells the (masked) x0 it went by."""

    def schedule(self, sigmas: Sigmas) -> Sigmas:
        """The sigmas that the loop walks through."""
        ...

    def evaluations(self, sigmas: Sigmas) -> list[float]:
        """Every sigma at which the model will be asked, for a walked schedule, in order."""
        ...

    def step(
        self, states: Pair[LatentState], x: Pair[Tensor], sigma: float, sigma_next: float, estimate: Estimate, step: int
    ) -> tuple[Pair[Tensor], Pair[Tensor]]:
        """(latents at sigma_next, x0 estimate)."""
        ...


class _OneEvaluation:
    """What samplers with one model call per step share."""

    def schedule(self, sigmas: Sigmas) -> Sigmas:
        return sigmas

    def evaluations(self, sigmas: Sigmas) -> list[float]:
        return list(sigmas[:-1])


class Euler(_OneEvaluation):
    """Straight along the velocity."""

    def step(
        self, states: Pair[LatentState], x: Pair[Tensor], sigma: float, sigma_next: float, estimate: Estimate, step: int
    ) -> tuple[Pair[Tensor], Pair[Tensor]]:
        x0 = estimate(x, sigma, step)
        return map2(lambda a, b: euler_step(a, b, sigma, sigma_next), x, x0), x0


class GradientEstimation(_OneEvaluation):
    """Euler with the velocity's change extrapolated; the first and last steps are plain."""

    def __init__(self, gamma: float = 2.0) -> None:
        self.gamma = gamma
        self._previous: Pair[Tensor] | None = None

    def step(
        self, states: Pair[LatentState], x: Pair[Tensor], sigma: float, sigma_next: float, estimate: Estimate, step: int
    ) -> tuple[Pair[Tensor], Pair[Tensor]]:
        x0 = estimate(x, sigma, step)
        if sigma_next == 0:
            return x0, x0
        v = map2(lambda a, b: velocity(a, b, sigma), x, x0)
        total = v
        if self._previous is not None:
            total = map2(lambda now, before: before + self.gamma * (now - before), v, self._previous)
        self._previous = v
        extrapolated = map2(lambda a, b: (a.float() - b.float() * sigma).to(a.dtype), x, total)
        return map2(lambda a, b: euler_step(a, b, sigma, sigma_next), x, extrapolated), x0


class AncestralEuler(_OneEvaluation):
    """Euler to below the next sigma, then fresh noise up to it. `generator`: seed + ANCESTRAL_SEED_OFFSET."""

    def __init__(self, generator: torch.Generator, eta: float = 1.0) -> None:
        self.generator = generator
        self.eta = eta

    def step(
        self, states: Pair[LatentState], x: Pair[Tensor], sigma: float, sigma_next: float, estimate: Estimate, step: int
    ) -> tuple[Pair[Tensor], Pair[Tensor]]:
        x0 = estimate(x, sigma, step)
        if sigma_next == 0:
            return x0, x0

        def move(state: LatentState, a: Tensor, b: Tensor) -> Tensor:
            generator = self.generator
            noise = torch.randn(a.shape, generator=generator, device=generator.device, dtype=a.dtype).to(a.device)
            return state.kept(ancestral_step(a, b, sigma, sigma_next, noise, self.eta))

        return map3(move, states, x, x0), x0


class Res2s(_OneEvaluation):
    """The two-stage exponential integrator with injected noise (official "HQ"). State maths in float64.

    noise(kind, like) draws for kind "substep" or "step", video before audio; `seeded_res2s_noise` makes one.
    """

    def __init__(self, noise: Callable[[str, Tensor], Tensor], eta: float = RES2S_ETA) -> None:
        self.noise = noise
        self.eta = eta

    def schedule(self, sigmas: Sigmas) -> Sigmas:
        return (*sigmas[:-1], RES2S_LAST_SIGMA, 0.0)

    def evaluations(self, sigmas: Sigmas) -> list[float]:
        twice = [sigma for s, t in pairwise(sigmas[:-1]) for sigma in (s, math.sqrt(s * t))]
        return [*twice, sigmas[-2]]

    def step(
        self, states: Pair[LatentState], x: Pair[Tensor], sigma: float, sigma_next: float, estimate: Estimate, step: int
    ) -> tuple[Pair[Tensor], Pair[Tensor]]:
        x0 = estimate(x, sigma, step)
        if sigma_next == 0:
            return x0, x0
        h = math.log(sigma / sigma_next)
        middle = math.sqrt(sigma * sigma_next)
        a21 = 0.5 * _phi_1(-h / 2)
        b2 = 2 * _phi_2(-h)
        b1 = _phi_1(-h) - b2

        anchor = x.map(_exact)
        slope = map2(lambda a, b: _exact(b) - a, anchor, x0)

        def to_middle(state: LatentState, a: Tensor, e: Tensor) -> Tensor:
            moved = a + h * a21 * e
            return _kept(state, sde_step(a, moved, sigma, middle, self.eta, self.noise("substep", a)))

        x_middle = map3(to_middle, states, anchor, slope)
        if h < 0.5 and sigma > 0.03:
            # settle the anchor that the noised middle point would have come from
            settled = map3(lambda m, e, b: _settled(m, e, _exact(b), h * a21), x_middle, slope, x0)
            anchor = settled.map(lambda pair: pair[0])
            slope = settled.map(lambda pair: pair[1])

        handed = map2(lambda m, like: m.to(like.dtype), x_middle, x)
        second = map2(lambda b, a: _exact(b) - a, estimate(handed, middle, 0), anchor)

        def to_next(state: LatentState, a: Tensor, moved: Tensor) -> Tensor:
            return _kept(state, sde_step(a, moved, sigma, sigma_next, self.eta, self.noise("step", a)))

        moved = map3(lambda a, e1, e2: a + h * (b1 * e1 + b2 * e2), anchor, slope, second)
        return map2(lambda m, like: m.to(like.dtype), map3(to_next, states, anchor, moved), x), x0


def seeded_res2s_noise(step: torch.Generator, substep: torch.Generator) -> Callable[[str, Tensor], Tensor]:
    """Draws for Res2s: float64 normals, standardised over the tensor, then per sample over its last two axes."""
    generators = {"step": step, "substep": substep}

    def draw(kind: str, like: Tensor) -> Tensor:
        generator = generators[kind]
        noise = torch.randn(
            like.shape, generator=generator, device=generator.device, dtype=_precision(generator.device)
        )
        noise = (noise - noise.mean()) / noise.std()
        axes = (-2, -1)
        noise = (noise - noise.mean(dim=axes, keepdim=True)) / noise.std(dim=axes, keepdim=True)
        return noise.to(like.device, like.dtype)

    return draw


# --- the formulas -------------------------------------------------------------------------------------------------


def velocity(x: Tensor, x0: Tensor, sigma: float) -> Tensor:
    """(x - x0) / sigma in float32, rounded to the latents' dtype."""
    return ((x.float() - x0.float()) / sigma).to(x.dtype)


def euler_step(x: Tensor, x0: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """x + v (sigma_next - sigma) in float32, rounded to the latents' dtype."""
    return (x.float() + velocity(x, x0, sigma).float() * (sigma_next - sigma)).to(x.dtype)


def ancestral_step(x: Tensor, x0: Tensor, sigma: float, sigma_next: float, noise: Tensor, eta: float = 1.0) -> Tensor:
    """Down to sigma_down, then noise up to sigma_next; the mask is the caller's to apply again."""
    down = sigma_next * (1 + (sigma_next / sigma - 1) * eta)
    ratio = down / sigma
    moved = ratio * x.float() + (1 - ratio) * x0.float()
    scale = (1 - sigma_next) / (1 - down)
    added = math.sqrt(max(0.0, sigma_next**2 - (down * scale) ** 2))
    return (moved * scale + noise.float() * added).to(x.dtype)


def sde_step(y: Tensor, z: Tensor, s: float, t: float, eta: float, noise: Tensor) -> Tensor:
    """From y at sigma s, with z the noiseless arrival at t: the same arrival with a share of its noise fresh."""
    up = min(eta * t, 0.9999 * t)
    rest = math.sqrt(t * t - up * up)
    alpha = (1 - t) + rest
    down = rest / alpha
    epsilon = (y - z) / (s - t)
    clean = y - s * epsilon
    return alpha * (clean + down * epsilon) + up * noise


def _settled(x_middle: Tensor, slope: Tensor, x0: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """The anchor, and its slope towards x0, that lead exactly to x_middle: 100 rounds of the fixed point."""
    anchor = x_middle
    for _ in range(100):
        anchor = x_middle - reach * slope
        slope = x0 - anchor
    return anchor, slope


def _phi_1(z: float) -> float:
    return math.expm1(z) / z


def _phi_2(z: float) -> float:
    return (math.expm1(z) - z) / (z * z)


def _precision(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64


def _exact(x: Tensor) -> Tensor:
    return x.to(_precision(x.device))


def _kept(state: LatentState, x: Tensor) -> Tensor:
    """LatentState.kept in the precision of x."""
    mask = state.mask.to(x.dtype)
    return x * mask + state.clean.to(x.dtype) * (1 - mask)
