"""What a stage's networks make, as contact sheets to look at: rebuilt clips, and small samples from fixed prompts.

Samples are taken at the first stage's size, by plain Euler steps: the quickest look at what a transformer has learnt.
`benchmarks/pocket_quality.py` is what measures, through the real engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from engine.conditioning.layout import audio_positions, video_positions
from engine.models.gemma import Gemma
from engine.models.text import TextConditioner, TextContext
from engine.models.transformer import Rotary, StreamInput, Timesteps
from engine.models.video_vae import VideoDecoder
from engine.protocol.grid import LatentShape, audio_latents
from engine.sampling.sigmas import DISTILLED_STAGE_1, ltx2
from engine.training.autoencoder import VideoVae
from engine.training.contact_sheet import write_contact_sheet
from engine.training.flow import FlowModel
from engine.training.pocket import AUDIO_LATENT_CHANNELS, LATENT_CHANNELS, MEL_BINS, TEXT_TOKENS
from engine.training.run import mixed_precision, transformer_arithmetic
from engine.training.world import captions, sample_scenes

SHEET = "sheet.png"  # in the folder of its stage
SEED = 90_000
_SIZE = LatentShape(4, 3, 5)  # 25 frames of 160 x 96
_RATE = Fraction(24)
_GUIDED_STEPS, _GUIDANCE = 12, 3.0


@torch.no_grad()
def sheet_of_rebuilt(path: Path, vae: VideoVae, clips_BCFHW: Tensor) -> None:
    """Clips in [-1, 1], each above what the autoencoder makes of it."""
    with mixed_precision(clips_BCFHW.device):
        rebuilt = vae.decoder(vae.encoder(clips_BCFHW)).float()
    rows = [video for pair in zip(clips_BCFHW, rebuilt, strict=True) for video in pair]
    write_contact_sheet(path, rows, ["given", "rebuilt"] * len(clips_BCFHW))


def prompts_of(count: int, look: Mapping[str, Any] | None = None) -> list[str]:
    """Captions of scenes that no training clip was made of; `look` as in `encode_bucket`."""
    scenes = sample_scenes(count, SEED, duration_s=1.0, aspect=5 / 3, **(look or {}))
    return captions(scenes, seed=SEED)


def sheet_of_samples(
    path: Path, model: FlowModel, text: Gemma, decoder: VideoDecoder, prompts: Sequence[str], *, distilled: bool
) -> None:
    """A row for each prompt: in the eight steps of the distilled schedule, or in twelve guided ones."""
    videos = decoded(decoder, sampled(model, text, prompts, distilled=distilled))
    write_contact_sheet(path, videos, prompts)


@torch.no_grad()
def sampled(model: FlowModel, text: Gemma, prompts: Sequence[str], *, distilled: bool) -> Tensor:
    """Normalised latents (B, C, F, h, w) of clips that the transformer draws, with sound that isn't given back."""
    device = next(model.parameters()).device
    seen_at = video_positions(_SIZE, _RATE, device=device)[None]
    heard_at = audio_positions(audio_latents(8 * (_SIZE.frames - 1) + 1, _RATE), device=device)[None]
    places = _Places(seen_at, heard_at, model.transformer.rotary(seen_at, heard_at))
    generator = torch.Generator().manual_seed(SEED)
    count = len(prompts)
    video = torch.randn(count, seen_at.shape[2], LATENT_CHANNELS, generator=generator).to(device)
    audio = torch.randn(count, heard_at.shape[2], AUDIO_LATENT_CHANNELS * MEL_BINS // 4, generator=generator).to(device)
    conditioner = model.conditioner
    assert isinstance(conditioner, TextConditioner)
    with transformer_arithmetic(device):
        told = conditioner.of_prompts(text.encode(prompts), TEXT_TOKENS)
        untold = conditioner.of_prompts(text.encode([""] * count), TEXT_TOKENS)
        for now, then in pairwise(DISTILLED_STAGE_1 if distilled else ltx2(_GUIDED_STEPS)):
            seen, heard = _velocities(model, video, audio, now, told, places)
            if not distilled:
                plain_seen, plain_heard = _velocities(model, video, audio, now, untold, places)
                seen = plain_seen + _GUIDANCE * (seen - plain_seen)
                heard = plain_heard + _GUIDANCE * (heard - plain_heard)
            video, audio = video + (then - now) * seen, audio + (then - now) * heard
    return rearrange(video, "b (f h w) c -> b c f h w", f=_SIZE.frames, h=_SIZE.height, w=_SIZE.width)


class _Places(NamedTuple):
    """Where the tokens of both streams are."""

    video: Tensor
    audio: Tensor
    rotary: Rotary


def _velocities(
    model: FlowModel, video: Tensor, audio: Tensor, sigma: float, text: TextContext, places: _Places
) -> tuple[Tensor, Tensor]:
    level = torch.full((len(video),), sigma, device=video.device)
    made = model.transformer(
        StreamInput(video, level, Timesteps.uniform(level, video.shape[1]), places.video, text.video_BND),
        StreamInput(audio, level, Timesteps.uniform(level, audio.shape[1]), places.audio, text.audio_BND),
        rotary=places.rotary,
    )
    assert made.video is not None
    assert made.audio is not None
    return made.video.float(), made.audio.float()


@torch.no_grad()
def decoded(decoder: VideoDecoder, latents_BCFhw: Tensor, *, batch: int = 4) -> Tensor:
    """Pixels (B, 3, F, H, W) in [-1, 1]."""
    with mixed_precision(latents_BCFhw.device):
        return torch.cat([decoder(each).float() for each in torch.split(latents_BCFhw, batch)])
