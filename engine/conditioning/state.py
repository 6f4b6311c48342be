"""The latent state of one stream (video or audio): what is made, what is kept, and where the tokens stand.

Source: spec/transformer-and-pipelines.md 4.6 and 5.1.
"""

# Shapes: B batch, T tokens (the clip's own, then appended ones), D token width, A position axes, K mask levels

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.conditioning.errors import ShapeMismatch
from engine.conditioning.layout import Layout
from engine.models.rope import distinct


@dataclass(frozen=True)
class LatentState:
    """Immutable: items and noising return new states.

    latent, clean   (B, T, D); latent is what sampling starts from, clean what is kept where the mask is below 1
    mask            (B, T, 1) float32, the denoise mask: 1 = make it, 0 = keep it
    positions       (B, A, T, 2) float32, see layout.py
    attention       (B, T, T) in [0, 1] between tokens, or None where everything sees everything
    frozen          the stream is given, clean and only listened to: mask 0 everywhere, sigma 0 in every model call
    """

    layout: Layout
    latent: Tensor
    clean: Tensor
    mask: Tensor
    positions: Tensor
    attention: Tensor | None = None
    frozen: bool = False

    @property
    def tokens(self) -> int:
        """All tokens, appended ones included."""
        return self.latent.shape[1]

    @property
    def appended(self) -> int:
        return self.tokens - self.layout.tokens

    def with_latent(self, latent_BTD: Tensor) -> LatentState:
        return replace(self, latent=latent_BTD)

    def result(self) -> Tensor:
        """The clip's latent without appended tokens, unpatchified."""
        return self.layout.unpatchify(self.latent)

    def kept(self, denoised_BTD: Tensor) -> Tensor:
        """The denoised estimate with what is kept put back: x0 * mask + clean * (1 - mask), in x0's dtype (4.2)."""
        x0, clean = denoised_BTD.to(self.mask.dtype), self.clean.to(self.mask.dtype)
        return (x0 * self.mask + clean * (1 - self.mask)).to(denoised_BTD.dtype)

    def mask_levels(self) -> tuple[Tensor, Tensor]:
        """The distinct mask values (K,) and each token's index (B, T), for Timesteps. Waits for the device once."""
        values, index = distinct(self.mask.flatten())
        return values, index.reshape(self.mask.shape[:2])


def fresh(
    layout: Layout,
    *,
    initial: Tensor | None = None,
    batch: int = 1,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> LatentState:
    """A stream in which everything is to be made. latent = clean = zeros, or the given initial latent."""
    if initial is None:
        latent = torch.zeros(batch, layout.tokens, layout.width, device=device, dtype=dtype)
    else:
        latent = layout.patchify(initial.to(device=device, dtype=dtype))
        if latent.shape[1] != layout.tokens:
            raise ShapeMismatch("initial latent", initial.shape, f"{layout.steps} latent steps")
    batch = latent.shape[0]
    mask = torch.ones(batch, layout.tokens, 1, device=latent.device)
    positions = layout.positions(latent.device).expand(batch, -1, -1, -1)
    return LatentState(layout, latent, latent.clone(), mask, positions)


def frozen(layout: Layout, latent: Tensor, dtype: torch.dtype = torch.float32) -> LatentState:
    """A stream that is given and stays: clean, mask 0. It never receives noise (see `noised`)."""
    state = fresh(layout, initial=latent, dtype=dtype)
    return replace(state, mask=torch.zeros_like(state.mask), frozen=True)


def draw_noise(state: LatentState, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """Standard normal noise for all tokens, appended ones included, drawn on the generator's own device.

    A CPU generator makes the same noise for every device. Drawn for frozen streams too, so that freezing one
    stream does not change the other's noise. Documented order of a run: video then audio, stage by stage.
    """
    noise = torch.randn(state.latent.shape, generator=generator, device=generator.device, dtype=dtype)
    return noise.to(state.latent.device)


def noised(state: LatentState, noise_BTD: Tensor, noise_scale: float = 1.0) -> LatentState:
    """The state that sampling starts from: lerp(latent -> noise, scale), then lerp(clean -> that, mask).

    noise_scale is 1 for a fresh stage and the first sigma for a refining one. A frozen stream is returned as it
    is: it is told to the model as clean (sigma 0), so it must be clean.
    """
    if state.frozen:
        return state
    latent, clean, noise = state.latent.float(), state.clean.float(), noise_BTD.float()
    mixed = torch.lerp(latent, noise, noise_scale)
    return state.with_latent(torch.lerp(clean, mixed, state.mask).to(state.latent.dtype))
