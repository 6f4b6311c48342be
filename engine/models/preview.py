"""Tiny pictures straight from latents: a linear map from latent channels to RGB, fitted by us, no network.

One pixel per latent position (24x16 for 768x512): colour and layout, nothing more, but free, so that every step of a
running job can be shown. Use the denoised estimate, not the noisy state.
"""

# Shapes: B batch, C latent channels, T latent frames, h w latent grid, P pixel frames, H W pixels.

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor


@dataclass(frozen=True)
class LatentToRgb:
    """RGB in -1..1 = latent · `weights` + `bias`; weights (C, 3), bias (3). Stored as `preview` data with a model."""

    weights: Tensor
    bias: Tensor

    def __call__(self, latent_BCThw: Tensor) -> Tensor:
        """Normalised latent -> uint8 pictures (B, T, h, w, 3)."""
        latent = rearrange(latent_BCThw, "b c t h w -> b t h w c").float()
        rgb = latent @ self.weights.to(latent) + self.bias.to(latent)
        return ((rgb + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)

    def tensors(self) -> dict[str, Tensor]:
        """For a safetensors file."""
        return {"preview.weights": self.weights, "preview.bias": self.bias}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "LatentToRgb":
        """Raises KeyError if `tensors` holds no preview."""
        return cls(tensors["preview.weights"].float(), tensors["preview.bias"].float())


def targets(pixels_BCPHW: Tensor, grid_Thw: tuple[int, int, int]) -> Tensor:
    """What a preview of these pixels should show: (B, 3, T, h, w), means over the pixels of each latent position.

    In time a latent frame covers frame 0 alone, or the last of its frames before it: a mean over those.
    """
    frames, rows, columns = grid_Thw
    space = F.adaptive_avg_pool3d(pixels_BCPHW.float(), (pixels_BCPHW.shape[2], rows, columns))
    first, rest = space[:, :, :1], space[:, :, 1:]
    if frames == 1:
        return first
    return torch.cat([first, rearrange(rest, "b c (t f) h w -> b c t f h w", t=frames - 1).mean(3)], dim=2)


def fit(pairs: Iterable[tuple[Tensor, Tensor]], ridge: float = 1e-4) -> tuple[LatentToRgb, float]:
    """Least squares over (normalised latent (B, C, T, h, w), pixels (B, 3, P, H, W) in -1..1) pairs.

    Returns the map and its root-mean-square error on the -1..1 scale. Sums are kept in float64, so any number of
    clips may stream through. `ridge` (relative to the mean square of a channel) keeps channels without variance quiet.
    Raises ValueError if there are no pairs.
    """
    gram: Tensor | None = None
    cross: Tensor | None = None
    squares, count = 0.0, 0
    for latent, pixels in pairs:
        x = rearrange(latent, "b c t h w -> (b t h w) c").double()
        x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
        y = rearrange(targets(pixels, (latent.shape[2], latent.shape[3], latent.shape[4])), "b c t h w -> (b t h w) c")
        y = y.double()
        gram = x.T @ x if gram is None else gram + x.T @ x
        cross = x.T @ y if cross is None else cross + x.T @ y
        squares += y.square().sum().item()
        count += y.numel()
    if gram is None or cross is None:
        raise ValueError("a preview cannot be fitted to no clips at all")
    penalty = ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    penalty[-1, -1] = 0  # the constant is free
    solution = cast("Tensor", torch.linalg.solve(gram + penalty, cross))  # pyright: ignore[reportUnknownMemberType]  # torch.linalg is untyped
    residual = squares - 2 * (solution * cross).sum() + (solution * (gram @ solution)).sum()
    error = (residual.clamp(min=0) / count).sqrt().item()
    return LatentToRgb(solution[:-1].float().cpu(), solution[-1].float().cpu()), error
