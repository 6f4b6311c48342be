"""A latent space made by hand: principal components of the video VAE's own blocks, to start the autoencoder from.

At 32 x 32 x 8 compression a small encoder gets hardly any gradient from pixels for a long time, and small objects are
the last thing it learns. Linear coefficients of each block carry position and colour at once, so that decoder (from
coefficients to pixels) and encoder (from pixels to coefficients) can be trained side by side from the first step.
Nothing of this is needed once the two networks have been tuned together.
"""

# safetensors leaves paths half annotated:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from pathlib import Path

import torch
from einops import rearrange
from safetensors.torch import load_file, save_file
from torch import Tensor

TIME, SPACE = 8, 32  # pixel frames and pixels that one latent position stands for


def cut_blocks(pixels_BCFHW: Tensor) -> Tensor:
    """Cut (B, 3, 8k+1, H, W) into blocks (B, k+1, H/32, W/32, 8*32*32*3).

    The first frame stands alone in the VAE; here it is repeated eight times, so that a still and a moving block are
    described by the same numbers.
    """
    first = pixels_BCFHW[:, :, :1].expand(-1, -1, TIME, -1, -1)
    whole = torch.cat([first, pixels_BCFHW[:, :, 1:]], dim=2)
    return rearrange(whole, "b c (t p) (h y) (w x) -> b t h w (p y x c)", p=TIME, y=SPACE, x=SPACE)


class BlockBasis:
    """Principal components of blocks, with the mean and the spread of each coefficient."""

    def __init__(self, centre: Tensor, components: Tensor, mean: Tensor, std: Tensor):
        self.centre = centre  # (block,)
        self.components = components  # (block, channels), orthonormal columns
        self.mean = mean  # (channels,)
        self.std = std

    @classmethod
    def fit(cls, blocks_NK: Tensor, channels: int, detail_share: float = 0.5, floor: float = 0.1) -> BlockBasis:
        """Fit to N blocks (float32). Half of the weight goes to blocks with much detail: a world is mostly background.

        `floor`: no coefficient's spread counts for less than this share of the largest after the tenth, so that
        nearly constant coefficients aren't blown up to unit noise.
        """
        detail = blocks_NK.var(dim=1)
        count = blocks_NK.shape[0]
        picked = torch.topk(detail, max(1, int(count * detail_share))).indices
        chosen = torch.cat([blocks_NK, blocks_NK[picked]])
        centre = blocks_NK.mean(dim=0)
        _, _, components = torch.svd_lowrank(chosen - centre, q=channels + 16, niter=4)
        components = components[:, :channels].contiguous()
        coefficients = (blocks_NK - centre) @ components
        std = coefficients.std(dim=0)
        std = std.clamp(min=float(floor * std.sort(descending=True).values[min(10, channels - 1)]))
        return cls(centre, components, coefficients.mean(dim=0), std)

    def spread(self, typical: float = 2.0) -> Tensor:
        """How widely each normalised latent channel (channels,) should vary, for the sake of the sampling schedule.

        With all channels at 1, the fine detail of the last coefficients weighs as much in the velocity's error as the
        picture's main tones, and at the distilled schedule's first six noise levels (0.91 and more) nothing of a clip
        of some hundred tokens is left to see. The square root keeps a good part of the coefficients' natural order;
        `typical` is given to the tenth.
        """
        reference = self.std.sort(descending=True).values[min(9, len(self.std) - 1)]
        return typical * (self.std / reference).sqrt()

    def normalised(self, pixels_BCFHW: Tensor) -> Tensor:
        """Latents (B, channels, T, h, w) as the trained encoder gives them, spread included."""
        return self.encode(pixels_BCFHW) * self.spread().view(-1, 1, 1, 1)

    def pixels(self, latents_BCTHW: Tensor) -> Tensor:
        """Clips in [-1, 1] from such latents: the way back of `normalised`, without what the basis can't hold."""
        return self.decode(latents_BCTHW / self.spread().view(-1, 1, 1, 1))

    @classmethod
    def load(cls, path: Path, device: torch.device) -> BlockBasis:
        """The basis that `save` wrote."""
        return cls(**{name: tensor.to(device) for name, tensor in load_file(path).items()})

    def save(self, path: Path) -> None:
        save_file({name: tensor.contiguous().cpu() for name, tensor in vars(self).items()}, path)

    def encode(self, pixels_BCFHW: Tensor) -> Tensor:
        """Normalised coefficients (B, channels, T, h, w) of clips in [-1, 1]."""
        return rearrange(self.of_blocks(cut_blocks(pixels_BCFHW.float())), "b t h w c -> b c t h w")

    def of_blocks(self, blocks: Tensor) -> Tensor:
        """Normalised coefficients (..., channels) of blocks (..., 8*32*32*3)."""
        return ((blocks - self.centre) @ self.components - self.mean) / self.std

    def decode(self, latent_BCTHW: Tensor) -> Tensor:
        """Blocks put together again: what the coefficients alone hold, block edges and all."""
        coefficients = rearrange(latent_BCTHW, "b c t h w -> b t h w c") * self.std + self.mean
        blocks = coefficients @ self.components.mT + self.centre
        whole = rearrange(blocks, "b t h w (p y x c) -> b c (t p) (h y) (w x)", p=TIME, y=SPACE, x=SPACE, c=3)
        return whole[:, :, TIME - 1 :]
