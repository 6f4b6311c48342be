"""Distil the transformer to the few steps of the distilled schedule, as a LoRA on the model that is its own teacher.

For each segment [s_i, s_i+1] of the schedule the teacher walks from noised data in several small guided steps; the
student learns the straight line between the ends of that walk. So one Euler step of the student does what several
guided steps of the teacher do (progressive distillation, T. Salimans and J. Ho 2022, with the guidance folded in).

The second stage never sees the noised clip itself but noise over what the upsampler made of a smaller one. Where such
latents are there, the student begins that stage from them and learns the line to where the teacher got from the clip:
it mends what the upsampler left wrong.
"""

# torch leaves `backward` and `manual_seed` half annotated:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.models.transformer import StreamInput, Timesteps
from engine.sampling.sigmas import DISTILLED_STAGE_1, DISTILLED_STAGE_2
from engine.training.flow import BatchMaker, FlowModel, FlowTraining, Streams, is_full_size, velocity_error
from engine.training.latents import Bucket, LatentClips
from engine.training.lora import LoraAdapter, block_linears, freeze
from engine.training.optim import Optimisers
from engine.training.run import Budget, Randomness, Run, plain_attention, transformer_arithmetic, warm_cosine


@dataclass(frozen=True)
class DistilTraining:
    """Settings; the defaults are those of the shipped model. `guidance` is the CFG scale that is folded in."""

    rank: int = 16
    substeps: int = 4
    guidance: float = 2.5
    audio_guidance: float = 2.0
    tokens_per_batch: int = 48_000
    learning_rate: float = 1.5e-3
    seed: int = 0


# How often each segment of the schedule is trained. The first four steps hardly move: they share what one of the last
# four gets, twice over. The second stage runs the last three only.
_FIRST_STAGE = np.array([0.5, 0.5, 0.5, 0.5, 1.2, 1.2, 1.2, 1.2])
_SECOND_STAGE = np.array([0.1, 0.1, 0.1, 0.1, 0.2, 1.2, 1.2, 1.2])


@dataclass(frozen=True)
class _Step:
    """One moment of a walk: both streams at one sigma."""

    video: Tensor
    audio: Tensor


def at_sigma(stream: StreamInput, latent: Tensor, start: float, sigma: float) -> StreamInput:
    """The stream with another latent, its sigma and timesteps scaled from `start` to `sigma`."""
    factor = sigma / start
    values, index = stream.timesteps
    return stream._replace(
        latent_BTC=latent, sigma_B=stream.sigma_B * factor, timesteps=Timesteps(values * factor, index)
    )


@torch.no_grad()
def teacher_velocity(
    model: FlowModel, streams: Streams, empty: tuple[Tensor, Tensor], start: float, end: float, training: DistilTraining
) -> tuple[Tensor, Tensor]:
    """Mean velocity of a guided walk from `start` to `end`, per token, for both streams."""
    first = _Step(streams.video.latent_BTC, streams.audio.latent_BTC)
    video_time = streams.video.timesteps.per_token()[..., None] / start  # mask, 0 where the stream is frozen
    audio_time = streams.audio.timesteps.per_token()[..., None] / start
    now = first
    for index in range(training.substeps):
        sigma = start + (end - start) * index / training.substeps
        change = (end - start) / training.substeps
        video = at_sigma(streams.video, now.video, start, sigma)
        audio = at_sigma(streams.audio, now.audio, start, sigma)
        told = model.transformer(video, audio, rotary=streams.rotary)
        untold = model.transformer(
            video._replace(context_BND=empty[0]), audio._replace(context_BND=empty[1]), rotary=streams.rotary
        )
        video_velocity = untold.video + training.guidance * (told.video - untold.video)
        audio_velocity = untold.audio + training.audio_guidance * (told.audio - untold.audio)
        now = _Step(
            now.video + change * video_time * video_velocity.float(),
            now.audio + change * audio_time * audio_velocity.float(),
        )

    def mean(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
        return (after - before) / ((end - start) * mask).clamp(max=-1e-6)

    return mean(first.video, now.video, video_time), mean(first.audio, now.audio, audio_time)


def begun_upscaled(streams: Streams, wanted: Tensor, start: float, end: float) -> tuple[Streams, Tensor]:
    """The same step begun at noised upscaled latents, and the velocity that leads from there to the same end.

    `wanted` (B, T, C) is the mean velocity from the noised clip. Of the upsampler's error e, (1 - start) e is in the
    begin; a step of length start - end takes it away with (1 - start) / (start - end) e more velocity.
    """
    assert streams.upscaling_error_BTC is not None
    left = (1 - start) * streams.upscaling_error_BTC
    video = streams.video._replace(latent_BTC=streams.video.latent_BTC + left)
    return streams._replace(video=video), wanted + left / (start - end)


def distil(
    model: FlowModel,
    buckets: Sequence[LatentClips],
    folder: Path,
    budget: Budget,
    training: DistilTraining | None = None,
) -> LoraAdapter:
    """Train the distilled LoRA; `model` itself is frozen and unchanged."""
    training = training or DistilTraining()
    torch.manual_seed(training.seed)
    device = next(model.parameters()).device
    freeze(model)
    adapter = LoraAdapter(model.transformer, training.rank, block_linears)
    randomness = Randomness(training.seed, device)
    segments = list(pairwise(DISTILLED_STAGE_1))
    segment = segments[0]

    def segment_sigma(bucket: Bucket, count: int, generator: torch.Generator) -> Tensor:
        nonlocal segment
        shares = _SECOND_STAGE if is_full_size(bucket) else _FIRST_STAGE
        segment = segments[randomness.choices.choice(len(segments), p=shares / shares.sum())]
        return torch.full((count,), segment[0], device=generator.device)

    settings = FlowTraining(tokens_per_batch=training.tokens_per_batch, text_dropout=0.0, seed=training.seed)
    batches = BatchMaker(buckets, settings, randomness, model, segment_sigma)
    optimisers = Optimisers(adapter.named_parameters(), training.learning_rate)
    parts: dict[str, Any] = {"adapter": adapter, "optimisers": optimisers, "randomness": randomness}
    run = Run(folder, budget, parts)
    hidden, mask = buckets[0].empty_hidden_LDY, buckets[0].empty_mask_L
    empty = model.conditioner(hidden[None], mask[None])
    for _, fraction in run.steps():
        with transformer_arithmetic(device):
            streams = batches.next()
            sigma, end = segment
            count = len(streams.video.sigma_B)
            contexts = (empty.video_BND.expand(count, -1, -1), empty.audio_BND.expand(count, -1, -1))
            adapter.strength = 0.0
            video, audio = teacher_velocity(model, streams, contexts, sigma, end, training)
            if sigma == DISTILLED_STAGE_2[0] and streams.upscaling_error_BTC is not None:
                streams, video = begun_upscaled(streams, video, sigma, end)
            adapter.strength = 1.0
            velocities = model.transformer(streams.video, streams.audio, rotary=streams.rotary)
        assert velocities.video is not None
        assert velocities.audio is not None
        wanted = streams._replace(video_velocity_BTC=video, audio_velocity_BSC=audio)
        video_error, audio_error = velocity_error(wanted, velocities.video, velocities.audio)
        with plain_attention(device):
            (video_error + 0.5 * audio_error).backward()
        norm = optimisers.step(warm_cosine(fraction))
        run.log(sigma=sigma, video=video_error.detach(), audio=audio_error.detach(), norm=norm)
    return adapter
