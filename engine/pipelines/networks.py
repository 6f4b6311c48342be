"""What the runner needs of the loaded model; who loads it, keeps it and lets it go is the backend's business."""

# Shapes: B batch, C channels, F latent frames, h, w latent rows and columns

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from engine.models.audio_vae import AudioDecoder, AudioEncoder
from engine.models.latent_statistics import PerChannelStatistics
from engine.models.upsampler import LatentUpsampler
from engine.models.video_vae import VideoDecoder, VideoEncoder
from engine.models.vocoder import PlainVocoder, Vocoder
from engine.pipelines.signals import dtype_of
from engine.protocol.grid import LTX_SCALE, ScaleFactors
from engine.sampling.denoiser import Network


@dataclass(frozen=True)
class ModelFacts:
    """What of a checkpoint's config and version the recipes and the runner go by."""

    model_version: tuple[int, ...] = (2, 3)
    distilled: bool = True  # made for few steps without guidance
    layers: int = 48
    video_channels: int = 128
    audio_channels: int = 8
    audio_bins: int = 16
    scale: ScaleFactors = LTX_SCALE
    upsamplers: frozenset[Fraction] = frozenset({Fraction(2)})  # spatial factors there are networks for
    doubles_rate: bool = False  # there is a network for twice the latent frames
    one_stage_pixels: int = 512 * 768  # up to here one stage is as good and as fast (official one-stage size)
    distilled_lora: bool = False  # a LoRA that makes the dev model (nearly) distilled is at hand


class Weights(NamedTuple):
    """Which LoRAs act on the transformer in a stage."""

    user_loras: bool = True  # style and camera, with the strengths that the job gives
    reference_loras: bool = True  # in-context LoRAs
    distilled_lora: float = 0.0  # strength of the LoRA that makes the dev model few-step


class Networks(Protocol):
    """The loaded networks. Each is lent for a `with` block, one at a time, so that they can take turns in memory.

    Lending may load (and raise what loading raises). `device` is where latents are computed.
    """

    @property
    def facts(self) -> ModelFacts: ...
    @property
    def device(self) -> torch.device: ...

    def transformer(self, weights: Weights) -> AbstractContextManager[Network]: ...
    def video_encoder(self) -> AbstractContextManager[VideoEncoder]: ...
    def video_decoder(self) -> AbstractContextManager[VideoDecoder]: ...
    def audio_encoder(self) -> AbstractContextManager[AudioEncoder]: ...
    def audio_decoder(self) -> AbstractContextManager[AudioDecoder]: ...
    def vocoder(self) -> AbstractContextManager[Vocoder | PlainVocoder]: ...

    def upsampler(self, factor: Fraction, time: int = 1) -> AbstractContextManager[Callable[[Tensor], Tensor]]:
        """A function from normalised latent (B, C, F, h, w) to the normalised latent `factor` as large.

        With `time` 2 (and factor 1): to 2F - 1 latent frames, for twice the rate.
        """
        ...

    def preview(self, latent_BCFhw: Tensor) -> Tensor | None:
        """A quick picture of a clean latent: uint8 (F, h', w', 3) on the CPU, or None if there is no table for it."""
        ...


def upsampling(network: LatentUpsampler, statistics: PerChannelStatistics) -> Callable[[Tensor], Tensor]:
    """What `Networks.upsampler` lends: float32 normalised latents in and out, the network in its own dtype between.

    `statistics` are those of the video autoencoder.
    """
    dtype = dtype_of(network)

    def larger(latent_BCFhw: Tensor) -> Tensor:
        return statistics.normalise(network(statistics.un_normalise(latent_BCFhw).to(dtype)).float())

    return larger
