"""Train the spatial x2 latent upsampler: latents of half-size clips to latents of the same clips at full size.

And use it: `upscaled` makes of encoded clips what the second stage will be given in their place.
"""

# torch leaves `backward` and `manual_seed` half annotated:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.latent_statistics import PerChannelStatistics
from engine.models.upsampler import LatentUpsampler, UpsamplerConfig, upsample
from engine.models.video_vae import VideoEncoder
from engine.training.latents import LatentClips
from engine.training.optim import MovingAverage, Optimisers
from engine.training.pocket import NATIVE_SIZES, upsampler_config
from engine.training.run import Budget, Randomness, Run, mixed_precision, warm_cosine

# Draws clips of the same scenes at half and full size: count, frames, full height, full width, seed.
DrawPairs = Callable[[int, int, int, int, int], tuple[Tensor, Tensor]]


class LatentCodec(NamedTuple):
    """From normalised latents to pixels in [-1, 1] and back, and what leads to the latents that the upsampler reads."""

    decode: Callable[[Tensor], Tensor]
    encode: Callable[[Tensor], Tensor]
    statistics: PerChannelStatistics


@dataclass(frozen=True)
class UpscalerTraining:
    """Settings; the defaults are those of the shipped model."""

    frames: int = 25
    batch: int = 24
    learning_rate: float = 1.5e-3
    latent_noise: float = 0.1  # stage 1 leaves small errors; the upsampler should not enlarge them
    distinct: int = 400  # batches whose latents are kept: rendering and encoding cost more than a step
    seed: int = 0


def train_upscaler(
    draw: DrawPairs,
    encoder: VideoEncoder,
    folder: Path,
    budget: Budget,
    device: torch.device,
    training: UpscalerTraining | None = None,
) -> LatentUpsampler:
    """Train on un-normalised latents, as the network is used (autoencoder specification, section 4)."""
    training = training or UpscalerTraining()
    torch.manual_seed(training.seed)
    randomness = Randomness(training.seed, device)
    network = LatentUpsampler(UpsamplerConfig.from_metadata(upsampler_config())).to(device)
    statistics = encoder.per_channel_statistics
    optimisers = Optimisers(network.named_parameters(), training.learning_rate, betas=(0.9, 0.99))
    average = MovingAverage(network, decay=0.998)
    parts = {"network": network, "optimisers": optimisers, "average": average, "randomness": randomness}
    run = Run(folder, budget, parts)
    kept: dict[int, tuple[Tensor, Tensor]] = {}
    for step, fraction in run.steps():
        number = step % training.distinct
        if number not in kept:
            width, height = NATIVE_SIZES[number % len(NATIVE_SIZES)]
            with torch.no_grad(), mixed_precision(device):
                half, full = draw(training.batch, training.frames, height, width, training.seed + number)
                kept[number] = encoder(half).float(), encoder(full).float()
        low, wanted = kept[number]
        with torch.no_grad():
            noise = torch.randn(low.shape, generator=randomness.generator, device=device)
            low = low + training.latent_noise * noise
        with mixed_precision(device):
            made = network(statistics.un_normalise(low))
        error = (statistics.normalise(made.float()) - wanted).abs().mean()
        error.backward()
        run.log(latent=error.detach(), norm=optimisers.step(warm_cosine(fraction)))
        average.update()
    average.copy_to(network)
    return network


@torch.no_grad()
def upscaled(
    clips: LatentClips,
    network: LatentUpsampler,
    codec: LatentCodec,
    *,
    batch: int = 8,
    noise: float = 0.1,
    seed: int = 0,
) -> Tensor:
    """What the upsampler makes (N, C, F, h, w) of encoded clips at half their size, in bfloat16.

    The clips are decoded, halved (each pixel the mean of four) and encoded again. `noise` stands for what the first
    stage draws otherwise than an encoder would.
    """
    device = clips.video_NCFhw.device
    generator = torch.Generator(device).manual_seed(seed)
    made: list[Tensor] = []
    for start in range(0, len(clips), batch):
        latents = clips.video_NCFhw[start : start + batch].float()
        with mixed_precision(device):
            low = codec.encode(F.avg_pool3d(codec.decode(latents).float(), (1, 2, 2))).float()
            low = low + noise * torch.randn(low.shape, generator=generator, device=device)
            made.append(upsample(network, codec.statistics, low).bfloat16())
    return torch.cat(made)
