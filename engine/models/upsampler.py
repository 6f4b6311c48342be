"""Latent upsamplers: video latents to twice (or 1.5 times) the grid, or twice the frames.

The networks work on un-normalised latents; `upsample` wraps them for the normalised ones that everything else uses.
Group norms span all frames and all of space, so there are no tiles and no chunks here; none are needed (32 KiB of
BF16 activations per input position). Formulas: the project's autoencoder specification, section 4.
"""

# Shapes: B batch, C latent channels, M middle channels, T latent frames, h w latent grid.

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from engine.models.config_section import Section
from engine.models.errors import UnknownConfigValue
from engine.models.latent_statistics import PerChannelStatistics

_NORM_GROUPS = 32

# spatial scale -> (shuffle up by, blur and stride down by), for the rational resampler
_RATIONAL = {0.75: (3, 4), 1.5: (3, 2), 2.0: (2, 1), 4.0: (4, 1)}


@dataclass(frozen=True)
class UpsamplerConfig:
    """`up` and `down`: the grid grows by up / down. `temporal`: the frame count grows instead, T -> 2T - 1."""

    in_channels: int
    mid_channels: int
    blocks_per_stage: int
    temporal: bool
    rational: bool
    up: int = 2
    down: int = 1

    @classmethod
    def from_metadata(cls, config: Mapping[str, Any]) -> "UpsamplerConfig":
        """Read the flat config of an upscaler file. Raises UnknownConfigValue on anything we cannot build."""
        flat = Section(config, "upsampler")
        flat.require("_class_name", "LatentUpsampler", may_be_missing=True)
        flat.require("dims", 3)
        spatial, temporal = flat.flag("spatial_upsample"), flat.flag("temporal_upsample")
        if spatial == temporal:
            raise UnknownConfigValue(flat.name("temporal_upsample"), temporal, f"{not spatial} beside {spatial=}")
        mid = flat.integer("mid_channels")
        if mid % _NORM_GROUPS:
            raise UnknownConfigValue(flat.name("mid_channels"), mid, f"a multiple of {_NORM_GROUPS}")
        rational = spatial and flat.flag("rational_resampler", False)
        up, down = 2, 1
        if rational:
            scale = flat.number("spatial_scale", 2.0)
            if scale not in _RATIONAL:
                raise UnknownConfigValue(flat.name("spatial_scale"), scale, ", ".join(map(str, _RATIONAL)))
            up, down = _RATIONAL[scale]
        elif spatial:
            flat.require("spatial_scale", 2.0, may_be_missing=True)
        return cls(
            in_channels=flat.integer("in_channels"),
            mid_channels=mid,
            blocks_per_stage=flat.integer("num_blocks_per_stage"),
            temporal=temporal,
            rational=rational,
            up=up,
            down=down,
        )


class ResidualBlock(nn.Module):
    """Convolution, norm, SiLU, convolution, norm; SiLU of the sum with the input. Zero-padded on all three axes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm1 = nn.GroupNorm(_NORM_GROUPS, channels)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(_NORM_GROUPS, channels)

    def forward(self, x: Tensor) -> Tensor:
        h = F.silu(self.norm1(self.conv1(x)))
        return F.silu(self.norm2(self.conv2(h)) + x)


class BlurDown(nn.Module):
    """Binomial 5x5 blur of each channel, then every `stride`-th pixel; nothing at all for stride 1."""

    kernel: Tensor

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride
        row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0])
        self.register_buffer("kernel", torch.outer(row, row)[None, None] / 256)

    def forward(self, x_BCyx: Tensor) -> Tensor:
        if self.stride == 1:
            return x_BCyx
        channels = x_BCyx.shape[1]
        kernel = self.kernel.to(x_BCyx.dtype).expand(channels, 1, 5, 5)
        return F.conv2d(x_BCyx, kernel, stride=self.stride, padding=2, groups=channels)


class RationalResampler(nn.Module):
    """Frame by frame: widen, shuffle pixels up, blur and stride down. The grid becomes ceil(up side / down)."""

    def __init__(self, channels: int, up: int, down: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels * up * up, 3, padding=1)
        self.shuffle = nn.PixelShuffle(up)
        self.blur_down = BlurDown(down)

    def forward(self, x_BCyx: Tensor) -> Tensor:
        return self.blur_down(self.shuffle(self.conv(x_BCyx)))


class FrameShuffle(nn.Module):
    """Channel pairs become consecutive frames, and the first frame is dropped: (B, 2C, T, …) -> (B, C, 2T - 1, …)."""

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(x, "b (c p) t y x -> b c (t p) y x", p=2)[:, :, 1:]


class LatentUpsampler(nn.Module):
    """Un-normalised latent (B, C, T, h, w) -> un-normalised latent on the finer grid (or with 2T - 1 frames)."""

    def __init__(self, config: UpsamplerConfig) -> None:
        super().__init__()
        self.config = config
        mid = config.mid_channels
        self.initial_conv = nn.Conv3d(config.in_channels, mid, 3, padding=1)
        self.initial_norm = nn.GroupNorm(_NORM_GROUPS, mid)
        self.res_blocks = nn.ModuleList(ResidualBlock(mid) for _ in range(config.blocks_per_stage))
        self.upsampler: nn.Module
        if config.temporal:
            self.upsampler = nn.Sequential(nn.Conv3d(mid, 2 * mid, 3, padding=1), FrameShuffle())
        elif config.rational:
            self.upsampler = RationalResampler(mid, config.up, config.down)
        else:
            self.upsampler = nn.Sequential(nn.Conv2d(mid, 4 * mid, 3, padding=1), nn.PixelShuffle(2))
        self.post_upsample_res_blocks = nn.ModuleList(ResidualBlock(mid) for _ in range(config.blocks_per_stage))
        self.final_conv = nn.Conv3d(mid, config.in_channels, 3, padding=1)

    def forward(self, latent_BCThw: Tensor) -> Tensor:
        x = F.silu(self.initial_norm(self.initial_conv(latent_BCThw)))
        for block in self.res_blocks:
            x = block(x)
        if self.config.temporal:
            x = self.upsampler(x)
        else:
            frames = self.upsampler(rearrange(x, "b c t y x -> (b t) c y x"))
            x = rearrange(frames, "(b t) c y x -> b c t y x", b=x.shape[0])
        for block in self.post_upsample_res_blocks:
            x = block(x)
        return self.final_conv(x)


def upsample(network: LatentUpsampler, statistics: PerChannelStatistics, latent_BCThw: Tensor) -> Tensor:
    """Normalised latent in and out; `statistics` are those of the video autoencoder."""
    return statistics.normalise(network(statistics.un_normalise(latent_BCThw)))
