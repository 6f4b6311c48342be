"""Train the video decoder further on latents that stay as they are, so that small fast things come out sharp.

Transformer, upsampler and LoRAs stay valid. Five shapes on a curve are far fewer
clips than 64 numbers a block can tell apart: the decoder learns which of them was meant, and draws that one.
"""

# torch leaves `backward` and seeds half annotated:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from engine.models.video_vae import VideoDecoder
from engine.training.autoencoder import DrawClips, pixel_error
from engine.training.optim import MovingAverage, Optimisers
from engine.training.pocket import NATIVE_SIZES
from engine.training.run import Budget, Randomness, Run, mixed_precision, warm_cosine

# Normalised latents (B, C, T, h, w) of clips (B, 3, F, H, W) in [-1, 1].
Encode = Callable[[Tensor], Tensor]

CELL = 32  # pixels to a side of a latent's block


@dataclass(frozen=True)
class DecoderTraining:
    """Settings; the defaults suit two CPU cores."""

    frames: int = 17
    crop: int = 4  # blocks to a side
    batch: int = 4
    distinct: int = 200  # batches that are kept encoded: rendering and encoding cost more than a step
    native_share: float = 0.75  # of batches at native size; the others have half of it, as the first stage draws them
    latent_noise: float = 0.35  # at most: what a transformer draws is never quite what an encoder gives
    places: int = 4  # random crops, of which the one with most detail and motion is taken
    learning_rate: float = 3e-4
    seed: int = 0


class EncodedRenderings:
    """The first `distinct` batches of clips as bytes, each with the latents of its whole frame, by one of `encode`."""

    def __init__(self, draw: DrawClips, encode: Sequence[Encode], training: DecoderTraining):
        self._draw, self._encode, self._training = draw, encode, training
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def batch(self, number: int) -> tuple[Tensor, Tensor]:
        """Latents (B, C, F, crop, crop) and their pixels (B, 3, F', 32 crop, 32 crop); equal numbers, equal crops."""
        rendering = self._training.seed + number % self._training.distinct
        if rendering not in self._kept:
            self._kept[rendering] = self._rendered(rendering)
        latents, pixels = self._kept[rendering]
        return self._busiest(latents, pixels, Random(number))

    @torch.no_grad()
    def _rendered(self, rendering: int) -> tuple[Tensor, Tensor]:
        training, random = self._training, Random(rendering)
        width, height = random.choice(NATIVE_SIZES)
        halves = 1 if random.random() < training.native_share else 2
        clips = self._draw(training.batch, training.frames, height // halves, width // halves, rendering)
        with mixed_precision(clips.device):
            latents = random.choice(self._encode)(clips).float()
        return latents, (clips * 127.5 + 127.5).round().byte()

    def _busiest(self, latents: Tensor, pixels: Tensor, random: Random) -> tuple[Tensor, Tensor]:
        """Of some random places, for each clip the one where neighbouring frames and blocks differ most."""
        size = self._training.crop
        rows, columns = (max(0, extent - size) for extent in latents.shape[-2:])
        chosen: list[tuple[Tensor, Tensor]] = []
        for latent, clip in zip(latents, pixels, strict=True):
            places = [(random.randint(0, rows), random.randint(0, columns)) for _ in range(self._training.places)]
            crops = [latent[..., top : top + size, left : left + size] for top, left in places]
            best = max(range(len(places)), key=lambda at: float(crops[at].var(dim=(1, 2, 3)).sum()))
            top, left = (CELL * place for place in places[best])
            chosen.append((crops[best], clip[..., top : top + CELL * size, left : left + CELL * size]))
        return torch.stack([latent for latent, _ in chosen]), torch.stack(
            [clip for _, clip in chosen]
        ).float() / 127.5 - 1


def train_decoder(
    decoder: VideoDecoder,
    encode: Sequence[Encode],
    draw: DrawClips,
    folder: Path,
    budget: Budget,
    training: DecoderTraining | None = None,
) -> None:
    """Train `decoder` in place from where it is, and average its weights.

    Every way to encode that it will meet belongs in `encode`: it's trained on each as often.
    """
    training = training or DecoderTraining()
    device = next(decoder.parameters()).device
    torch.manual_seed(training.seed)
    randomness = Randomness(training.seed, device)
    renderings = EncodedRenderings(draw, encode, training)
    decoder.to(memory_format=torch.channels_last_3d)  # pyright: ignore[reportCallIssue]  (torch's own overload says 4-D only)
    optimisers = Optimisers(decoder.named_parameters(), training.learning_rate, betas=(0.9, 0.99))
    average = MovingAverage(decoder, decay=0.998)
    parts = {"decoder": decoder, "optimisers": optimisers, "average": average, "randomness": randomness}
    run = Run(folder, budget, parts)
    for step, fraction in run.steps():
        latents, pixels = renderings.batch(step)
        with torch.no_grad():
            shape = (len(latents), 1, 1, 1, 1)
            level = training.latent_noise * torch.rand(shape, generator=randomness.generator, device=device).square()
            latents = latents + level * torch.randn(latents.shape, generator=randomness.generator, device=device)
        with mixed_precision(device):
            made = decoder(latents)
        error = pixel_error(made.float(), pixels)
        error.backward()
        run.log(pixel=error.detach(), norm=optimisers.step(warm_cosine(fraction)))
        average.update()
    average.copy_to(decoder)
