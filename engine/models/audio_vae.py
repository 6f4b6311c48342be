"""The audio autoencoder of LTX-2.x: log-mel spectrograms to latents (25 per second) and back.

A 2-D network whose height axis is time, strictly causal. Waveforms become mels in `mel`, mels become waveforms in
`vocoder`. Formulas: the project's autoencoder specification, which states those of the official `ltx_core` networks.
"""

# Shapes: B batch, C channels, M mel frames (100 per second), F mel bands, L latent steps (M = 4 L - 3 when decoded),
# W latent bands (16 of 64 mel bands). Inside the networks t and f stand for time and bands at that depth.

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from engine.models.config_section import Section
from engine.models.latent_statistics import PerChannelStatistics
from engine.models.norms import pixel_norm

PIXEL_NORM_EPS = 1e-6  # the video autoencoder's is 1e-8

HISTORY_LATENTS = 34  # a mel frame of the published depth depends on no latent further back; measured


@dataclass(frozen=True)
class MelConfig:
    """The spectrogram that the networks were trained on. Rates in Hz, lengths in samples."""

    sample_rate: int = 16000
    fft_length: int = 1024
    window_length: int = 1024
    hop_length: int = 160
    bands: int = 64
    lowest_hz: float = 0.0
    highest_hz: float = 8000.0


@dataclass(frozen=True)
class AudioVaeConfig:
    channels: int
    width_multipliers: tuple[int, ...]
    blocks_per_level: int
    latent_channels: int
    in_channels: int
    out_channels: int
    mel: MelConfig

    @classmethod
    def from_metadata(cls, config: Mapping[str, Any]) -> "AudioVaeConfig":
        """Read the `audio_vae` dictionary of a checkpoint. Raises UnknownConfigValue on anything we cannot build."""
        root = Section(config, "audio_vae")
        params = root.section("model").section("params")
        network = params.section("ddconfig")
        network.require("norm_type", "pixel")
        network.require("causality_axis", "height")
        network.require("double_z", True)
        network.require("mid_block_add_attention", False)
        network.require("attn_resolutions", [], may_be_missing=True)
        network.require("downsample_time", False, may_be_missing=True)
        preprocessing = root.section("preprocessing")
        stft, mel, audio = (preprocessing.section(name) for name in ("stft", "mel", "audio"))
        audio.require("stereo", True, may_be_missing=True)
        mel_config = MelConfig(
            sample_rate=params.integer("sampling_rate"),
            fft_length=stft.integer("filter_length"),
            window_length=stft.integer("win_length"),
            hop_length=stft.integer("hop_length"),
            bands=mel.integer("n_mel_channels"),
            lowest_hz=mel.number("mel_fmin"),
            highest_hz=mel.number("mel_fmax"),
        )
        network.require("mel_bins", mel_config.bands)
        audio.require("sampling_rate", mel_config.sample_rate, may_be_missing=True)
        return cls(
            channels=network.integer("ch"),
            width_multipliers=network.integers("ch_mult"),
            blocks_per_level=network.integer("num_res_blocks"),
            latent_channels=network.integer("z_channels"),
            in_channels=network.integer("in_channels"),
            out_channels=network.integer("out_ch"),
            mel=mel_config,
        )

    @property
    def latent_bands(self) -> int:
        return self.mel.bands // 2 ** (len(self.width_multipliers) - 1)

    @property
    def time_factor(self) -> int:
        """Mel frames per latent step (4 in all published models)."""
        return int(2 ** (len(self.width_multipliers) - 1))


def _silu_of_norm(x: Tensor) -> Tensor:
    return F.silu(pixel_norm(x, PIXEL_NORM_EPS))


class CausalConv2d(nn.Module):
    """Square convolution, zero-padded: in time all in front, over bands on both sides."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3) -> None:
        super().__init__()
        self.front, self.side = kernel - 1, (kernel - 1) // 2
        self.conv = nn.Conv2d(channels_in, channels_out, kernel)

    def forward(self, x_BCtf: Tensor) -> Tensor:
        return self.conv(F.pad(x_BCtf, (self.side, self.side, self.front, 0)))


class ResidualBlock(nn.Module):
    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = CausalConv2d(channels_in, channels_out)
        self.conv2 = CausalConv2d(channels_out, channels_out)
        self.nin_shortcut = CausalConv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(_silu_of_norm(x))
        h = self.conv2(_silu_of_norm(h))
        return self.nin_shortcut(x) + h


class Downsample(nn.Module):
    """Stride 2 on both axes. t -> floor((t - 1) / 2) + 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x_BCtf: Tensor) -> Tensor:
        return self.conv(F.pad(x_BCtf, (0, 1, 2, 0)))


class Upsample(nn.Module):
    """Doubles both axes and drops the first row. t -> 2 t - 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = CausalConv2d(channels, channels)

    def forward(self, x_BCtf: Tensor) -> Tensor:
        return self.conv(F.interpolate(x_BCtf, scale_factor=2.0, mode="nearest"))[:, :, 1:]


class Level(nn.Module):
    """Residual blocks at one resolution, then (all but the last level in running order) a change of resolution."""

    def __init__(self, channels_in: int, channels_out: int, blocks: int) -> None:
        super().__init__()
        self.block = nn.ModuleList(
            ResidualBlock(channels_in if i == 0 else channels_out, channels_out) for i in range(blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        return x


class DownLevel(Level):
    def __init__(self, channels_in: int, channels_out: int, blocks: int, *, downsample: bool) -> None:
        super().__init__(channels_in, channels_out, blocks)
        self.downsample = Downsample(channels_out) if downsample else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.downsample(super().forward(x))


class UpLevel(Level):
    def __init__(self, channels_in: int, channels_out: int, blocks: int, *, upsample: bool) -> None:
        super().__init__(channels_in, channels_out, blocks)
        self.upsample = Upsample(channels_out) if upsample else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(super().forward(x))


class Middle(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(channels, channels)
        self.block_2 = ResidualBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.block_1(x))


class AudioMoments(NamedTuple):
    """What the encoder really computes, un-normalised, for training: both (B, C, L, W)."""

    mean: Tensor
    logvar: Tensor


def _pack(latent_BCLW: Tensor) -> Tensor:
    return rearrange(latent_BCLW, "b c l w -> b (c w) l")


def _unpack(features: Tensor, channels: int) -> Tensor:
    return rearrange(features, "b (c w) l -> b c l w", c=channels)


class AudioEncoder(nn.Module):
    """Log-mel (B, 2, M, F) -> normalised latent (B, C, L, W), L = 1 + floor((M - 1) / 4)."""

    def __init__(self, config: AudioVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.conv_in = CausalConv2d(config.in_channels, config.channels)
        self.down = nn.ModuleList()
        width = config.channels
        for level, multiplier in enumerate(config.width_multipliers):
            last = level == len(config.width_multipliers) - 1
            wider = config.channels * multiplier
            self.down.append(DownLevel(width, wider, config.blocks_per_level, downsample=not last))
            width = wider
        self.mid = Middle(width)
        self.conv_out = CausalConv2d(width, 2 * config.latent_channels)
        self.per_channel_statistics = PerChannelStatistics(config.latent_channels * config.latent_bands)

    def forward(self, mel_BCMF: Tensor) -> Tensor:
        mean = self.moments(mel_BCMF).mean
        return _unpack(self.per_channel_statistics.normalise(_pack(mean)), self.config.latent_channels)

    def moments(self, mel_BCMF: Tensor) -> AudioMoments:
        """Mean and log variance before normalisation. The pipelines never sample; training does."""
        x = self.conv_in(mel_BCMF)
        for level in self.down:
            x = level(x)
        x = self.conv_out(_silu_of_norm(self.mid(x)))
        mean, logvar = x.chunk(2, dim=1)
        return AudioMoments(mean, logvar)


class AudioDecoder(nn.Module):
    """Normalised latent (B, C, L, W) -> log-mel (B, 2, M, F), M = 4 L - 3. Causal: a prefix decodes alone."""

    def __init__(self, config: AudioVaeConfig) -> None:
        super().__init__()
        self.config = config
        width = config.channels * config.width_multipliers[-1]
        self.conv_in = CausalConv2d(config.latent_channels, width)
        self.mid = Middle(width)
        levels: list[UpLevel] = []  # in running order; the checkpoint numbers them by resolution, finest 0
        for level, multiplier in reversed(list(enumerate(config.width_multipliers))):
            narrower = config.channels * multiplier
            levels.append(UpLevel(width, narrower, config.blocks_per_level + 1, upsample=level != 0))
            width = narrower
        self.up = nn.ModuleList(reversed(levels))
        self.conv_out = CausalConv2d(width, config.out_channels)
        self.per_channel_statistics = PerChannelStatistics(config.latent_channels * config.latent_bands)

    def forward(self, latent_BCLW: Tensor) -> Tensor:
        raw = _unpack(self.per_channel_statistics.un_normalise(_pack(latent_BCLW)), self.config.latent_channels)
        x = self.mid(self.conv_in(raw))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(_silu_of_norm(x))


def decode_window(decoder: AudioDecoder, latent_BCLW: Tensor, start: int, end: int) -> Tensor:
    """The mel frames that decoding everything would give for latent steps [start, end), from a short history.

    Latent 0 makes one mel frame, every other one four: frames max(4 start - 3, 0) to 4 end - 3. Exact, because no
    frame depends on more than HISTORY_LATENTS steps before it (for the published depth), nor on any after it.
    """
    if not 0 <= start < end <= latent_BCLW.shape[2]:
        raise ValueError(f"latent steps {start} to {end} are not a part of {latent_BCLW.shape[2]}")
    first = max(start - HISTORY_LATENTS, 0)
    factor = decoder.config.time_factor
    mel = decoder(latent_BCLW[:, :, first:end])
    return mel[:, :, -(factor * (end - start) if start else factor * (end - 1) + 1) :]


def decode_in_windows(
    decoder: AudioDecoder,
    latent_BCLW: Tensor,
    window: int = 128,
    on_piece: Callable[[float], None] | None = None,
) -> Iterator[Tensor]:
    """The whole mel in pieces of `window` latent steps. `on_piece(fraction)` may raise to cancel."""
    total = latent_BCLW.shape[2]
    for start in range(0, total, window):
        end = min(start + window, total)
        with torch.no_grad():
            mel = decode_window(decoder, latent_BCLW, start, end)
        yield mel
        if on_piece is not None:
            on_piece(end / total)
