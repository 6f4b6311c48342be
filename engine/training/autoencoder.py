"""Train the video VAE: from a latent space made by hand (latent_basis.py) to one that encoder and decoder share.

First both networks are fitted block by block (block_start.py), then trained whole in one loop. At first the decoder
sees the hand-made latents and the encoder is drawn towards them; step by step the decoder is given the encoder's own
latents and the pixel error reaches the encoder too. A little noise on the latents keeps the decoder calm about what the
transformer will get slightly wrong.
"""

# torch and safetensors leave `backward`, seeds and paths half annotated:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.video_vae import VideoDecoder, VideoEncoder, VideoVaeConfig
from engine.training.block_start import fit_blocks
from engine.training.latent_basis import BlockBasis, cut_blocks
from engine.training.optim import MovingAverage, Optimisers
from engine.training.pocket import NATIVE_SIZES, vae_config
from engine.training.run import Budget, Randomness, Run, has_state, mixed_precision, warm_cosine

# Draws clips (B, 3, frames, height, width) in [-1, 1] on the training device: count, frames, height, width, seed.
DrawClips = Callable[[int, int, int, int, int], Tensor]


BASIS = "basis.safetensors"


@dataclass(frozen=True)
class VaeTraining:
    """What a run of the video VAE needs beyond the clips; the defaults suit two CPU cores.

    Rendering costs as much as a step, so batches come from `distinct` renderings, each cut at another place every time.
    """

    frames: int = 17
    crop: int = 96  # pixels, both of frames at native size and of frames at half of it, as the first stage makes them
    batch: int = 5
    distinct: int = 200
    learning_rate: float = 2e-3
    latent_noise: float = 0.08
    blocks_for_basis: int = 6_000
    block_steps: int = 1_500  # of the block-by-block fit; cheap beside the rest
    block_batch: int = 192
    statistics_batches: int = 24  # from which mean and deviation of the latents are measured
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
    coarse = F.avg_pool3d(wanted, (1, 8, 8)).repeat_interleave(8, dim=3).repeat_interleave(8, dim=4)
    detail = (wanted - coarse).abs().amax(dim=1, keepdim=True)
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


class Renderings:
    """The first `distinct` batches of clips, kept as bytes; half of them at native size, half at half of it."""

    def __init__(self, draw: DrawClips, training: VaeTraining):
        self._draw = draw
        self._training = training
        self._kept: dict[int, Tensor] = {}

    def batch(self, number: int) -> Tensor:
        """A batch of crops (B, 3, F, crop, crop) in [-1, 1]; equal numbers give equal crops."""
        training = self._training
        rendering = training.seed + number % training.distinct
        if rendering not in self._kept:
            random = Random(rendering)
            width, height = random.choice(NATIVE_SIZES)
            halves = random.choice((1, 2))
            clips = self._draw(training.batch, training.frames, height // halves, width // halves, rendering)
            self._kept[rendering] = (clips * 127.5 + 127.5).round().byte()
        cut = crops(self._kept[rendering], training.crop, Random(number))
        if number // training.distinct % 2:
            cut = cut.flip(-1)
        return cut.float() / 127.5 - 1


def some_blocks(renderings: Renderings, training: VaeTraining) -> Tensor:
    """Blocks (N, 8*32*32*3) of both sizes of frame, every second one of a batch."""
    blocks: list[Tensor] = []
    for number in count():
        if sum(map(len, blocks)) >= training.blocks_for_basis:
            break
        blocks.append(cut_blocks(renderings.batch(number)).flatten(0, 3)[::2])
    return torch.cat(blocks)[: training.blocks_for_basis].float()


def start(vae: VideoVae, renderings: Renderings, folder: Path, training: VaeTraining) -> BlockBasis:
    """The hand-made latents and, for a run that only begins, networks that know them block by block.

    The basis is kept in the folder: a resumed run has the same, and doesn't wait for it.
    """
    kept = folder / BASIS
    if has_state(folder) and kept.exists():
        return BlockBasis.load(kept, next(vae.parameters()).device)
    blocks = some_blocks(renderings, training)
    basis = BlockBasis.fit(blocks, vae.encoder.config.latent_channels)
    coefficients = basis.of_blocks(blocks)
    for step, found, rebuilt in fit_blocks(
        vae.encoder,
        vae.decoder,
        blocks,
        coefficients,
        steps=training.block_steps,
        batch=training.block_batch,
        seed=training.seed,
    ):
        print(f"blocks step {step}: encoder {found:.4f}, decoder {rebuilt:.5f}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    basis.save(kept)
    return basis


def train_video_vae(
    draw: DrawClips, folder: Path, budget: Budget, device: torch.device, training: VaeTraining | None = None
) -> VideoVae:
    """Train, average the weights, measure the latent statistics; returns the averaged network in float32.

    While it trains the latents are those that come out of the encoder's last convolution (`moments`), and the
    statistics in both networks are mean 0 and deviation 1. They are set once, at the end, on the averaged encoder:
    from then on `encoder(...)` and `decoder(...)` speak normalised latents, as in the released checkpoint.
    """
    training = training or VaeTraining()
    torch.manual_seed(training.seed)
    randomness = Randomness(training.seed, device)
    vae = VideoVae(VideoVaeConfig.from_metadata(vae_config())).to(device)
    renderings = Renderings(draw, training)
    basis = start(vae, renderings, folder, training)
    vae.to(memory_format=torch.channels_last_3d)  # pyright: ignore[reportCallIssue]  (torch's own overload says 4-D only)
    optimisers = Optimisers(vae.named_parameters(), training.learning_rate, betas=(0.9, 0.99))
    average = MovingAverage(vae, decay=0.998)
    run = Run(folder, budget, {"vae": vae, "optimisers": optimisers, "average": average, "randomness": randomness})
    for step, fraction in run.steps():
        pixels = renderings.batch(step)
        hand_made = basis.encode(pixels)
        anchor = max(0.03, 1.0 - fraction / 0.4)
        own_latents = Random(training.seed + step).random() < fraction / 0.35
        with mixed_precision(device):
            mean = vae.encoder.moments(pixels).mean
            latent = mean.float() if own_latents else hand_made
            noise = torch.randn(latent.shape, generator=randomness.generator, device=device)
            noisy = latent + training.latent_noise * noise
            made = vae.decoder(noisy)  # its statistics are still 0 and 1
        distance = F.mse_loss(mean.float(), hand_made)
        pixel = pixel_error(made.float(), pixels)
        (pixel + anchor * distance).backward()
        run.log(pixel=pixel.detach(), anchor=distance.detach(), norm=optimisers.step(warm_cosine(fraction)))
        average.update()
    average.copy_to(vae)
    set_statistics(vae, [renderings.batch(number) for number in range(training.statistics_batches)], basis.spread())
    return vae


@torch.no_grad()
def set_statistics(vae: VideoVae, clips: Iterable[Tensor], spread: Tensor, floor: float = 0.1) -> None:
    """Measure mean and deviation of each latent channel, and set the statistics so that channels get the `spread`.

    A nearly silent channel counts as `floor` of the median.
    """
    latents = [vae.encoder.moments(pixels).mean.float().transpose(0, 1).flatten(1) for pixels in clips]
    values = torch.cat(latents, dim=1)
    std = values.std(dim=1)
    std = std.clamp(min=float(floor * std.median()))
    for network in (vae.encoder, vae.decoder):
        network.per_channel_statistics.set_to(values.mean(dim=1), std / spread.to(std.device))
