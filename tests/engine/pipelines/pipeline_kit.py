"""The tiny networks of the golden checkpoint, small media, and a sink that collects: for all pipeline tests."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from engine.loading.checkpoint import Checkpoint
from engine.loading.networks import (
    load_audio_decoder,
    load_audio_encoder,
    load_upsampler,
    load_video_decoder,
    load_video_encoder,
    load_vocoder,
)
from engine.loading.transformer_loading import load_transformer
from engine.models.audio_vae import AudioDecoder, AudioEncoder
from engine.models.text import TextContext
from engine.models.upsampler import LatentUpsampler
from engine.models.video_vae import VideoDecoder, VideoEncoder
from engine.models.vocoder import PlainVocoder, Vocoder
from engine.pipelines.networks import ModelFacts, Weights, upsampling
from engine.pipelines.task import TensorPictures, TensorSound
from engine.sampling.denoiser import Network

GOLDEN = Path(__file__).parents[2] / "golden"


@dataclass
class Collected:
    """A sink and a listener in one: keeps everything that it is given, per variation."""

    frames: dict[int, list[Tensor]] = field(default_factory=dict)
    samples: dict[int, list[Tensor]] = field(default_factory=dict)
    phases: list[tuple[str, int | None, int]] = field(default_factory=list)
    steps: int = 0
    previews: list[tuple[int, int, int, str]] = field(default_factory=list)
    wants_preview: bool = True

    def pictures(self, frames: Tensor, variation: int) -> None:
        assert frames.dtype == torch.uint8
        self.frames.setdefault(variation, []).append(frames)

    def sound(self, samples: Tensor, variation: int) -> None:
        self.samples.setdefault(variation, []).append(samples)

    def film(self, variation: int = 0) -> Tensor:
        return torch.cat(self.frames[variation])

    def track(self, variation: int = 0) -> Tensor:
        return torch.cat(self.samples[variation], dim=1)

    def check(self) -> None: ...

    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None:
        self.phases.append((name, steps, variation))

    def step(self, done: int) -> None:
        self.steps += 1

    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None:
        assert len(pixels) == width * height * frames * 3
        self.previews.append((width, height, frames, rate))


@dataclass
class ResidentNetworks:
    """All networks in memory at once, lent as the backends lend theirs."""

    facts: ModelFacts
    device: torch.device
    transformer_network: Network
    video_encoder_network: VideoEncoder
    video_decoder_network: VideoDecoder
    audio_encoder_network: AudioEncoder
    audio_decoder_network: AudioDecoder
    vocoder_network: Vocoder | PlainVocoder
    upsamplers: dict[Fraction, LatentUpsampler] = field(default_factory=dict[Fraction, LatentUpsampler])
    rate_doubler: LatentUpsampler | None = None
    preview_function: Callable[[Tensor], Tensor] | None = None

    @contextmanager
    def transformer(self, weights: Weights) -> Generator[Network]:
        yield self.transformer_network

    @contextmanager
    def video_encoder(self) -> Generator[VideoEncoder]:
        yield self.video_encoder_network

    @contextmanager
    def video_decoder(self) -> Generator[VideoDecoder]:
        yield self.video_decoder_network

    @contextmanager
    def audio_encoder(self) -> Generator[AudioEncoder]:
        yield self.audio_encoder_network

    @contextmanager
    def audio_decoder(self) -> Generator[AudioDecoder]:
        yield self.audio_decoder_network

    @contextmanager
    def vocoder(self) -> Generator[Vocoder | PlainVocoder]:
        yield self.vocoder_network

    @contextmanager
    def upsampler(self, factor: Fraction, time: int = 1) -> Generator[Callable[[Tensor], Tensor]]:
        network = self.upsamplers[factor] if time == 1 else self.rate_doubler
        assert network is not None
        yield upsampling(network, self.video_decoder_network.per_channel_statistics)

    def preview(self, latent_BCFhw: Tensor) -> Tensor | None:
        return None if self.preview_function is None else self.preview_function(latent_BCFhw)


def tiny_networks(dtype: torch.dtype = torch.float32) -> ResidentNetworks:
    checkpoint = Checkpoint.open(GOLDEN / "tiny-checkpoint.safetensors")
    facts = ModelFacts(
        model_version=(2, 3, 0),
        layers=2,
        video_channels=4,
        audio_channels=2,
        one_stage_pixels=32 * 64,
        upsamplers=frozenset({Fraction(2), Fraction(3, 2)}),
    )
    return ResidentNetworks(
        facts,
        torch.device("cpu"),
        load_transformer(checkpoint, dtype=dtype),
        load_video_encoder(checkpoint, dtype=dtype),
        load_video_decoder(checkpoint, dtype=dtype),
        load_audio_encoder(checkpoint, dtype=dtype),
        load_audio_decoder(checkpoint, dtype=dtype),
        load_vocoder(checkpoint),
        {
            Fraction(2): load_upsampler(GOLDEN / "tiny-upscaler-x2.safetensors", dtype=dtype),
            Fraction(3, 2): load_upsampler(GOLDEN / "tiny-upscaler-x1.5.safetensors", dtype=dtype),
        },
        load_upsampler(GOLDEN / "tiny-upscaler-temporal-x2.safetensors", dtype=dtype),
        preview_function=lambda latent: latent[0, :3].permute(1, 2, 3, 0).mul(60).add(128).clamp(0, 255).byte(),
    )


def contexts(seed: int = 1) -> TextContext:
    generator = torch.Generator().manual_seed(seed)
    return TextContext(torch.randn(1, 9, 40, generator=generator), torch.randn(1, 9, 24, generator=generator))


def film(frames: int, height: int = 32, width: int = 64, seed: int = 0) -> TensorPictures:
    """Smooth moving colours, so that neighbouring frames resemble each other."""
    time = torch.arange(frames)[:, None, None, None] / 7 + seed
    rows = torch.arange(height)[None, :, None, None] / 20
    columns = torch.arange(width)[None, None, :, None] / 30
    colour = torch.tensor([0.0, 1.0, 2.0])
    return TensorPictures(((torch.sin(time + rows + columns * 0.5 + colour) + 1) * 127).to(torch.uint8))


def tone(frames: int, rate: Fraction, sample_rate: int = 48000, hertz: float = 440) -> TensorSound:
    count = round(frames / rate * sample_rate)
    wave = torch.sin(torch.arange(count) / sample_rate * hertz * 6.2832) * 0.3
    return TensorSound(wave.expand(2, -1).contiguous(), sample_rate)
