"""Train the video VAE: from a latent space made by hand (latent_basis.py) to one that encoder and decoder share.

One loop. At first the decoder sees the hand-made latents and the encoder is drawn towards them; step by step the
decoder is given the encoder's own latents and the pixel error reaches the encoder too. A little noise on the latents
keeps the decoder calm about what the transformer will get slightly wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.video_vae import VideoDecoder, VideoEncoder, VideoVaeConfig
from engine.training.latent_basis import BlockBasis, cut_blocks
from engine.training.optim import MovingAverage, Optimisers
from engine.training.pocket import NATIVE_SIZES, vae_config
from engine.training.run import Budget, Run, mixed_precision, warm_cosine

# Draws clips (B, 3, frames, height, width) in [-1, 1] on the training device: count, frames, height, width, seed.
DrawClips = Callable[[int, int, int, int, int], Tensor]


BASIS_SEED, STATISTICS_SEED = 10_000_000, 20_000_000  # added to the run's seed: other clips than the training sees


@dataclass(frozen=True)
class VaeTraining:
    """What a run of the video VAE needs beyond the clips; the defaults are those of the shipped model."""

    frames: int = 25
    crop: int = 160  # pixels, of frames at their native size
    half_crop: int = 96  # pixels, of frames at half of it, as the first stage makes them
    batch: int = 16
    half_batch: int = 32
    learning_rate: float = 2e-3
    latent_noise: float = 0.08
    blocks_for_basis: int = 24_000
    seed: int = 0


class VideoVae(nn.Module):
    """Encoder and decoder as one network with common latent statistics, for training only."""

    def __init__(self, config: VideoVaeConfig):
        super().__init__()
        self.encoder = VideoEncoder(config)
        self.decoder = VideoDecoder(config)


def pixel_error(made: Tensor, wanted: Tensor) -> Tensor:
    """How far (B, 3, F, H, W) pixels are off, weighted towards detail and motion.

    Absolute error at three scales and on differences along x, y and time. A pixel counts more where the wanted clip
    differs from its surroundings: plain error would be won by the background.
    """
    flat = wanted.flatten(0, 1)
    blurred = F.avg_pool3d(flat[:, None], (1, 15, 15), stride=1, padding=(0, 7, 7), count_include_pad=False)[:, 0]
    detail = (flat - blurred).view_as(wanted).abs().amax(dim=1, keepdim=True)
    weight = 1 + 6 * (detail / 0.5).clamp(max=1.0)
    error = ((made - wanted).abs() * weight).mean()
    for axis in (2, 3, 4):
        if wanted.shape[axis] > 1:
            error = error + (made.diff(dim=axis) - wanted.diff(dim=axis)).abs().mean() * 2
    for factor in (4, 8):
        pooled = F.avg_pool3d(made - wanted, (1, factor, factor))
        error = error + pooled.abs().mean() * 2
    return error


def crops(clips: Tensor, size: int, random: Random) -> Tensor:
    """Cut the same random square of `size` pixels, on the latent grid, from every clip."""
    height, width = clips.shape[-2:]
    top = 32 * random.randint(0, max(0, height - size) // 32)
    left = 32 * random.randint(0, max(0, width - size) // 32)
    return clips[..., top : top + size, left : left + size]


def training_clips(draw: DrawClips, training: VaeTraining, first: int) -> Iterator[Tensor]:
    """Endless batches of crops, the n-th drawn from the seed first + n: half at native size, half at half size."""
    for seed in count(first):
        random = Random(seed)
        width, height = random.choice(NATIVE_SIZES)
        if random.random() < 0.5:
            clips = draw(training.batch, training.frames, height, width, seed)
            yield crops(clips, training.crop, random)
        else:
            clips = draw(training.half_batch, training.frames, height // 2, width // 2, seed)
            yield crops(clips, training.half_crop, random)


def fit_basis(draw: DrawClips, training: VaeTraining, channels: int) -> BlockBasis:
    """Principal components of blocks of both sizes of frame, every fourth block of a batch."""
    blocks: list[Tensor] = []
    clips = training_clips(draw, training, training.seed + BASIS_SEED)
    while sum(map(len, blocks)) < training.blocks_for_basis:
        blocks.append(cut_blocks(next(clips)).flatten(0, 3)[::4])
    return BlockBasis.fit(torch.cat(blocks)[: training.blocks_for_basis].float(), channels)


def train_video_vae(
    draw: DrawClips, folder: Path, budget: Budget, device: torch.device, training: VaeTraining | None = None
) -> VideoVae:
    """Train, average the weights, measure the latent statistics; returns the averaged network in float32."""
    training = training or VaeTraining()
    torch.manual_seed(training.seed)
    config = VideoVaeConfig.from_metadata(vae_config())
    vae = VideoVae(config).to(device, memory_format=torch.channels_last_3d)
    basis = fit_basis(draw, training, config.latent_channels)
    optimisers = Optimisers(vae.named_parameters(), training.learning_rate, betas=(0.9, 0.99))
    average = MovingAverage(vae, decay=0.998)
    run = Run(folder, budget, {"vae": vae, "optimisers": optimisers, "average": average})
    clips = training_clips(draw, training, training.seed + run.step)
    for step, fraction in run.steps():
        pixels = next(clips)
        hand_made = basis.encode(pixels)
        anchor = max(0.03, 1.0 - fraction / 0.4)
        own_latents = Random(training.seed + step).random() < fraction / 0.35
        with mixed_precision(device):
            mean = vae.encoder.moments(pixels).mean
            latent = mean.float() if own_latents else hand_made
            noisy = latent + training.latent_noise * torch.randn_like(latent)
            made = vae.decoder(noisy)  # its statistics are still 0 and 1
        distance = F.mse_loss(mean.float(), hand_made)
        pixel = pixel_error(made.float(), pixels)
        (pixel + anchor * distance).backward()
        run.log(pixel=pixel.detach(), anchor=distance.detach(), norm=optimisers.step(warm_cosine(fraction)))
        average.update()
    average.copy_to(vae)
    set_statistics(vae, training_clips(draw, training, training.seed + STATISTICS_SEED))
    return vae


@torch.no_grad()
def set_statistics(vae: VideoVae, clips: Iterator[Tensor], batches: int = 24, floor: float = 0.1) -> None:
    """Measure mean and deviation of each latent channel; a nearly silent channel counts as `floor` of the median."""
    latents = [vae.encoder.moments(next(clips)).mean.float().transpose(0, 1).flatten(1) for _ in range(batches)]
    values = torch.cat(latents, dim=1)
    std = values.std(dim=1)
    std = std.clamp(min=float(floor * std.median()))
    for network in (vae.encoder, vae.decoder):
        network.per_channel_statistics.set_to(values.mean(dim=1), std)
