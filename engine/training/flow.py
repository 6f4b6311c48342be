"""Train the transformer and the text connectors by flow matching, with every task of the editor mixed in.

x = (1 - t) x0 + t eps per token, t = mask * sigma; the network learns v = eps - x0 on the tokens that are to be made.
One sigma per clip serves both streams, except that a frozen stream has sigma 0. Noise model and streams: transformer
specification, sections 2, 4.6 and 5.
"""

# torch leaves `backward`, `manual_seed` and `from_numpy` half annotated:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from engine.models.transformer import Rotary, StreamInput, Timesteps, Transformer
from engine.sampling.sigmas import DISTILLED_STAGE_2
from engine.training.latents import Bucket, LatentClips
from engine.training.masks import audio_step_times, draw_masks, latent_frame_times
from engine.training.optim import MovingAverage, Optimisers
from engine.training.pocket import NATIVE_SIZES
from engine.training.run import Budget, Randomness, Run, plain_attention, transformer_arithmetic, warm_stable_decay

# Shapes: B batch, T video tokens (appended ones at the end), S audio tokens, C channels

# Draws the noise levels of a batch of so many clips of a bucket.
SigmaDraw = Callable[[Bucket, int, torch.Generator], Tensor]


class Streams(NamedTuple):
    """One training batch: what the transformer is given and the velocity that it should answer."""

    video: StreamInput
    audio: StreamInput
    video_velocity_BTC: Tensor
    audio_velocity_BSC: Tensor
    video_weight_BT: Tensor  # 0 on kept and appended tokens; mean about 1 on the others
    audio_weight_BS: Tensor
    rotary: Rotary
    upscaling_error_BTC: Tensor | None = None  # upscaled less true latents, 0 on kept and appended tokens


@dataclass(frozen=True)
class FlowTraining:
    """Settings of a run; the defaults are those of the shipped model."""

    tokens_per_batch: int = 90_000
    learning_rate: float = 2.5e-3
    average_decay: float = 0.9993
    text_dropout: float = 0.1
    keyframe_share: float = 0.12
    reference_share: float = 0.08
    detail_strength: float = 3.0  # how much more a token counts that differs from its clip's background
    full_size_share: float = 6.0  # how much oftener a clip at native size is drawn than one of the first stage
    seed: int = 0


def is_full_size(bucket: Bucket) -> bool:
    """Whether clips of this bucket have the size of the second stage."""
    return (bucket.width, bucket.height) in NATIVE_SIZES


def stage_sigmas(bucket: Bucket, count: int, generator: torch.Generator) -> Tensor:
    """Noise levels (count,) in (0, 1]: a shifted logit-normal, a tenth uniform, a seventh near pure noise.

    Both schedules of LTX-2.3 spend most of their steps above 0.7 (specification 4.1); the shift follows them. Clips of
    native size are what the second stage refines from its first sigma on: 85 in 100 have no more noise than that, half
    of them nearly as much, where what is drawn gets its outline.
    """
    device = generator.device
    normal = torch.randn(count, generator=generator, device=device)
    kind = torch.rand(count, generator=generator, device=device)
    uniform = torch.rand(count, generator=generator, device=device)
    sigma = torch.sigmoid(1.3 + 1.4 * normal)
    sigma = torch.where(kind < 0.1, uniform, sigma)
    sigma = torch.where(kind > 0.85, 1 - 0.04 * uniform, sigma)
    if is_full_size(bucket):
        start = DISTILLED_STAGE_2[0] + 0.015
        share = torch.rand(count, generator=generator, device=device)
        refining = torch.where(share < 0.45, 0.7 + (start - 0.7) * uniform, 0.05 + (start - 0.05) * uniform.sqrt())
        sigma = torch.where(share < 0.85, refining, sigma)
    return sigma.clamp(min=1e-3, max=1.0)


def detail_weight(tokens_BTC: Tensor, strength: float) -> Tensor:
    """Weight (B, T) with mean 1 that favours tokens unlike the clip's median token: objects rather than background."""
    distance = (tokens_BTC - tokens_BTC.median(dim=1, keepdim=True).values).square().mean(dim=-1)
    relative = distance / (distance.mean(dim=1, keepdim=True) + 1e-6)
    weight = 1 + strength * relative.clamp(max=4.0) / 4
    return weight / weight.mean(dim=1, keepdim=True)


class FlowModel(nn.Module):
    """Transformer and text conditioner as one network, for training only."""

    def __init__(self, transformer: Transformer, conditioner: nn.Module):
        """`conditioner` takes hidden states and mask and gives a TextContext; as a rule a TextConditioner."""
        super().__init__()
        self.transformer = transformer
        self.conditioner = conditioner


class BatchMaker:
    """Makes Streams from encoded clips: picks a bucket, tasks, noise levels and, at times, keyframes or a reference."""

    def __init__(
        self,
        buckets: Sequence[LatentClips],
        training: FlowTraining,
        randomness: Randomness,
        model: FlowModel,
        sigmas: SigmaDraw = stage_sigmas,
    ):
        self.buckets = list(buckets)
        self.training = training
        self.generator = randomness.generator
        self.model = model
        self.sigmas = sigmas
        self._random = randomness.choices
        often = [training.full_size_share if is_full_size(clips.bucket) else 1.0 for clips in self.buckets]
        shares = np.array([len(clips) for clips in self.buckets]) * np.array(often)
        self._shares = shares / shares.sum()
        self._plain_rotary = [
            model.transformer.rotary(bucket.video_positions, bucket.audio_positions) for bucket in self.buckets
        ]

    def next(self) -> Streams:
        """A batch of one bucket, about `tokens_per_batch` tokens in all."""
        number = int(self._random.choice(len(self.buckets), p=self._shares))
        bucket = self.buckets[number]
        per_clip = bucket.video_tokens + bucket.audio_tokens + bucket.text_tokens
        count = max(1, min(len(bucket), self.training.tokens_per_batch // per_clip))
        picked = torch.randint(len(bucket), (count,), generator=self.generator, device=self.generator.device)
        extra = self._random.random()
        keyframes = extra < self.training.keyframe_share
        reference = not keyframes and bucket.has_reference and extra > 1 - self.training.reference_share
        return self.streams(number, picked, keyframes=keyframes, reference=reference)

    def streams(self, number: int, picked: Tensor, *, keyframes: bool, reference: bool) -> Streams:
        """Noise the picked clips of a bucket for random tasks, and append stills of their own or their reference."""
        bucket = self.buckets[number]
        device = self.generator.device
        clips = bucket.take(picked, self._random)
        masks = draw_masks(
            self._random,
            clips.changes_B2.cpu().numpy(),
            latent_frame_times(bucket.frames, bucket.rate),
            audio_step_times(bucket.audio_tokens),
        )
        cells = bucket.video_tokens // masks.video_BF.shape[1]
        video_mask = torch.from_numpy(masks.video_BF).to(device).repeat_interleave(cells, dim=1)
        audio_mask = torch.from_numpy(masks.audio_BS).to(device)
        video_made = torch.from_numpy(~masks.video_frozen_B).to(device)
        audio_made = torch.from_numpy(~masks.audio_frozen_B).to(device)
        sigma = self.sigmas(bucket.bucket, len(picked), self.generator).to(device)
        video_tokens, audio_tokens = clips.video_BTC, clips.audio_BSC
        strength = self.training.detail_strength
        video_weight = detail_weight(video_tokens, strength) * (video_mask > 0.5)
        audio_weight = detail_weight(audio_tokens, strength) * (audio_mask > 0.5)
        if clips.audible_B is not None:
            audio_weight = audio_weight * clips.audible_B[:, None]
        positions = bucket.video_positions
        if keyframes:
            still, at = clips.a_still(self._random)
            positions = torch.cat([positions.expand(len(picked), -1, -1, -1), at], dim=2)
            video_tokens = torch.cat([video_tokens, still], dim=1)
        elif reference:
            positions = torch.cat([positions, bucket.video_positions], dim=2)
            video_tokens = torch.cat([video_tokens, clips.reference_BTC], dim=1)
        appended = video_tokens.shape[1] - video_mask.shape[1]
        rotary = self._plain_rotary[number]
        error = None
        if clips.upscaled_BTC is not None:
            error = (clips.upscaled_BTC - clips.video_BTC) * ((video_mask > 0.5) & video_made[:, None])[..., None]
            error = nn.functional.pad(error, (0, 0, 0, appended))
        if appended:
            rotary = self.model.transformer.rotary(positions, bucket.audio_positions)
            video_mask = nn.functional.pad(video_mask, (0, appended))
            video_weight = nn.functional.pad(video_weight, (0, appended))
        video_sigma, audio_sigma = sigma * video_made, sigma * audio_made
        dropped = torch.rand(len(picked), generator=self.generator, device=device) < self.training.text_dropout
        text = self.model.conditioner(*clips.hidden_states(dropped, self._random))
        video, video_velocity = self._noised(video_tokens, video_mask, video_sigma, positions, text.video_BND)
        audio, audio_velocity = self._noised(
            audio_tokens, audio_mask, audio_sigma, bucket.audio_positions, text.audio_BND
        )
        return Streams(video, audio, video_velocity, audio_velocity, video_weight, audio_weight, rotary, error)

    def _noised(
        self, clean: Tensor, mask: Tensor, sigma: Tensor, positions: Tensor, context: Tensor
    ) -> tuple[StreamInput, Tensor]:
        noise = torch.randn(clean.shape, generator=self.generator, device=clean.device)
        timestep = mask * sigma[:, None]
        noisy = clean + timestep[..., None] * (noise - clean)
        lowest = mask.amin(dim=1)
        values = torch.stack([lowest * sigma, sigma], dim=1)
        index = (mask > 0.5).long()
        stream = StreamInput(
            latent_BTC=noisy,
            sigma_B=sigma,
            timesteps=Timesteps(values, index),
            positions_BAT2=positions,
            context_BND=context,
        )
        return stream, noise - clean


def velocity_error(streams: Streams, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean squared error of both velocities over the tokens that are made."""

    def weighted(made: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
        error = (made.float() - wanted).square().mean(dim=-1)
        return (error * weight).sum() / weight.sum().clamp(min=1.0)

    return (
        weighted(video, streams.video_velocity_BTC, streams.video_weight_BT),
        weighted(audio, streams.audio_velocity_BSC, streams.audio_weight_BS),
    )


def learn_from(batches: BatchMaker, model: FlowModel, device: torch.device) -> tuple[Tensor, Tensor]:
    """The gradients of the next batch, added to those that are there. Its errors of picture and of sound."""
    with transformer_arithmetic(device):
        streams = batches.next()
        velocities = model.transformer(streams.video, streams.audio, rotary=streams.rotary)
    assert velocities.video is not None
    assert velocities.audio is not None
    video, audio = velocity_error(streams, velocities.video, velocities.audio)
    with plain_attention(device):
        (video + 0.5 * audio).backward()
    return video.detach(), audio.detach()


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Muon suits the matrices inside the blocks; tables, registers and the in- and output layers are AdamW's."""
    return "blocks." in name and name.endswith(".weight") and "gate_logits" not in name and min(parameter.shape) > 8


def train_flow(
    model: FlowModel, buckets: Sequence[LatentClips], folder: Path, budget: Budget, training: FlowTraining | None = None
) -> None:
    """Train `model` in place; at the end it holds the moving average of its weights."""
    training = training or FlowTraining()
    device = next(model.parameters()).device
    randomness = Randomness(training.seed, device)
    batches = BatchMaker(buckets, training, randomness, model)
    optimisers = Optimisers(model.named_parameters(), training.learning_rate, muon=is_hidden_matrix, weight_decay=0.01)
    average = MovingAverage(model, training.average_decay)
    run = Run(folder, budget, {"model": model, "optimisers": optimisers, "average": average, "randomness": randomness})
    for _, fraction in run.steps():
        video, audio = learn_from(batches, model, device)
        run.log(video=video, audio=audio, norm=optimisers.step(warm_stable_decay(fraction)))
        average.update()
    average.copy_to(model)
