"""The vocoder: log-mel to sound at 48 kHz, by a BigVGAN-like generator at 16 kHz and a second one that adds the treble.

Also the plain HiFi-GAN of LTX-2.0 (24 kHz), where the metadata has no `bwe`. Everything runs in float32: in BF16 the
spectral error grows by 40-90 % (`ltx_core`'s own measurement). Fixed filters and bases are built here from their
definitions, so that training can start from nothing, and overwritten by what a checkpoint holds.

Formulas: the project's autoencoder specification, section 3, which states those of the official `ltx_core` networks.
"""

# Shapes: B batch, S sides (left, right), M mel frames, F mel bands, N samples, C channels, t whatever time is inside.

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from engine.models.audio_vae import MelConfig
from engine.models.config_section import Section
from engine.models.errors import ModelError
from engine.models.mel import SMALLEST_MAGNITUDE, mel_filters
from engine.models.norms import vector_norm

HALO_FRAMES = 44  # mel frames on each side that a chunk needs for exactness; measured on the published depths
MEL_FRAMES_PER_SECOND = 100
_SIDES = 2
_FILTER_TAPS = 12


class VocoderPrecisionError(ModelError, TypeError):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__(f"the vocoder runs in float32 only; its weights were cast to {dtype}")
        self.dtype = dtype


# --------------------------------------------------------------------------------------------------- configuration


@dataclass(frozen=True)
class GeneratorConfig:
    """One upsampling generator. `kind`: "AMP1" (anti-aliased snakes) or "1" (HiFi-GAN, leaky ReLU)."""

    kind: str
    in_channels: int
    initial_channels: int
    rates: tuple[int, ...]
    kernels: tuple[int, ...]
    block_kernels: tuple[int, ...]
    block_dilations: tuple[tuple[int, ...], ...]
    final_bias: bool
    final_activation: str  # "clamp", "tanh" or "none"

    @property
    def samples_per_frame(self) -> int:
        return math.prod(self.rates)


@dataclass(frozen=True)
class BandwidthConfig:
    """The second stage: its generator, and the spectrogram that it reads of the first stage's sound."""

    generator: GeneratorConfig
    input_rate: int
    output_rate: int
    hop_length: int
    fft_length: int
    window_length: int
    bands: int

    @property
    def ratio(self) -> int:
        return self.output_rate // self.input_rate


@dataclass(frozen=True)
class VocoderConfig:
    generator: GeneratorConfig
    bandwidth: BandwidthConfig | None  # None: LTX-2.0

    @classmethod
    def from_metadata(cls, config: Mapping[str, Any], mel_bands: int = 64) -> "VocoderConfig":
        """Read the `vocoder` dictionary of a checkpoint. Raises UnknownConfigValue on anything we cannot build."""
        root = Section(config, "vocoder")
        if "bwe" not in root:
            return cls(_read_generator(root.section("vocoder") if "vocoder" in root else root, mel_bands), None)
        bwe = root.section("bwe")
        bandwidth = BandwidthConfig(
            generator=_read_generator(bwe, bwe.integer("num_mels")),
            input_rate=bwe.integer("input_sampling_rate"),
            output_rate=bwe.integer("output_sampling_rate"),
            hop_length=bwe.integer("hop_length"),
            fft_length=bwe.integer("n_fft"),
            window_length=bwe.integer("win_size"),
            bands=bwe.integer("num_mels"),
        )
        bwe.require("win_size", bandwidth.fft_length)
        bwe.require("output_sampling_rate", bandwidth.input_rate * bandwidth.ratio)  # whole ratios only
        if bandwidth.generator.samples_per_frame != bandwidth.hop_length * bandwidth.ratio:
            bwe.require("hop_length", bandwidth.generator.samples_per_frame // bandwidth.ratio)
        return cls(_read_generator(root.section("vocoder"), mel_bands), bandwidth)


def _read_generator(section: Section, mel_bands: int) -> GeneratorConfig:
    kind = section.choice("resblock", "AMP1", "1", default="1")
    if kind == "AMP1":
        section.require("activation", "snakebeta")
    section.require("stereo", True, may_be_missing=True)
    rates, kernels = section.integers("upsample_rates"), section.integers("upsample_kernel_sizes")
    if len(rates) != len(kernels) or any((k - r) % 2 or k < r for r, k in zip(rates, kernels, strict=True)):
        section.require("upsample_kernel_sizes", f"one for each rate of {rates}, larger by an even number")
    block_kernels = section.integers("resblock_kernel_sizes")
    dilations = tuple(tuple(int(d) for d in group) for group in section.items("resblock_dilation_sizes"))
    if len(dilations) != len(block_kernels):
        section.require("resblock_dilation_sizes", f"{len(block_kernels)} lists")
    final_activation = "tanh" if section.flag("use_tanh_at_final", True) else "clamp"
    if not section.flag("apply_final_activation", True):
        final_activation = "none"
    return GeneratorConfig(
        kind=kind,
        in_channels=_SIDES * mel_bands,
        initial_channels=section.integer("upsample_initial_channel"),
        rates=rates,
        kernels=kernels,
        block_kernels=block_kernels,
        block_dilations=dilations,
        final_bias=section.flag("use_bias_at_final", True),
        final_activation=final_activation,
    )


# ----------------------------------------------------------------------------------------- anti-aliased activation


def half_band_filter() -> Tensor:
    """The 12-tap low pass around every snake: Kaiser-windowed sinc, cutoff 1/4, half-width 0.3, sum 1; (1, 1, 12).

    Kaiser's rule: attenuation A = 2.285 (taps / 2 - 1) π 4 width + 7.95, beta = 0.1102 (A - 8.7).
    """
    cutoff, half_width = 0.25, 0.3
    attenuation = 2.285 * (_FILTER_TAPS // 2 - 1) * math.pi * 4 * half_width + 7.95
    beta = 0.1102 * (attenuation - 8.7)
    window = torch.kaiser_window(_FILTER_TAPS, periodic=False, beta=beta, dtype=torch.float64)
    t = torch.arange(_FILTER_TAPS, dtype=torch.float64) - (_FILTER_TAPS - 1) / 2
    taps = 2 * cutoff * torch.sinc(2 * cutoff * t) * window
    return (taps / taps.sum()).float()[None, None]


class SnakeBeta(nn.Module):
    """x + sin²(α x) / β, with α and β per channel, kept as logarithms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x_BCt: Tensor) -> Tensor:
        alpha, inverse_beta = self.alpha.exp()[:, None], 1 / (self.beta.exp() + 1e-9)[:, None]
        wave = torch.sin(x_BCt * alpha)
        if torch.is_grad_enabled():
            return x_BCt + wave.square() * inverse_beta
        return wave.square_().mul_(inverse_beta).add_(x_BCt)


class Doubler(nn.Module):
    """Twice the samples: zeros between, ends replicated, low pass with 2 f.

    Computed in two phases of six taps each: output 2n and 2n + 1 read inputs n - 3 … n + 3, so the zeros are never
    made. One channel at a time (depthwise).
    """

    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", half_band_filter())

    def forward(self, x_BCt: Tensor) -> Tensor:
        batch, channels, length = x_BCt.shape
        f = 2 * self.filter[0, 0].flip(0)
        phases = torch.stack([F.pad(f[0::2], (0, 1)), F.pad(f[1::2], (1, 0))])[:, None]
        flat = F.pad(x_BCt.reshape(batch * channels, 1, length), (3, 3), mode="replicate")
        return F.conv1d(flat, phases).transpose(1, 2).reshape(batch, channels, 2 * length)


class LowPass(nn.Module):
    """Low pass with f and every second sample; ends replicated."""

    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", half_band_filter())

    def forward(self, x_BCt: Tensor) -> Tensor:
        batch, channels, length = x_BCt.shape
        flat = F.pad(x_BCt.reshape(batch * channels, 1, length), (5, 6), mode="replicate")
        return F.conv1d(flat, self.filter, stride=2).view(batch, channels, -1)


class Halver(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lowpass = LowPass()

    def forward(self, x_BCt: Tensor) -> Tensor:
        return self.lowpass(x_BCt)


class AntiAliasedSnake(nn.Module):
    """The snake at twice the rate, so that the overtones it makes do not fold back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = SnakeBeta(channels)
        self.upsample = Doubler()
        self.downsample = Halver()

    def forward(self, x_BCt: Tensor) -> Tensor:
        return self.downsample(self.act(self.upsample(x_BCt)))


# ------------------------------------------------------------------------------------------------------- generator


def _same_conv(channels: int, kernel: int, dilation: int) -> nn.Conv1d:
    return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2)


class SnakeBlock(nn.Module):
    """ "AMP1": h + convs2(acts2(convs1(acts1(h)))) for each dilation."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_same_conv(channels, kernel, d) for d in dilations)
        self.convs2 = nn.ModuleList(_same_conv(channels, kernel, 1) for _ in dilations)
        self.acts1 = nn.ModuleList(AntiAliasedSnake(channels) for _ in dilations)
        self.acts2 = nn.ModuleList(AntiAliasedSnake(channels) for _ in dilations)

    def forward(self, h: Tensor) -> Tensor:
        for act1, conv1, act2, conv2 in zip(self.acts1, self.convs1, self.acts2, self.convs2, strict=True):
            h = h + conv2(act2(conv1(act1(h))))
        return h


class LeakyBlock(nn.Module):
    """ "1": the same with leaky ReLUs (LTX-2.0)."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_same_conv(channels, kernel, d) for d in dilations)
        self.convs2 = nn.ModuleList(_same_conv(channels, kernel, 1) for _ in dilations)

    def forward(self, h: Tensor) -> Tensor:
        for conv1, conv2 in zip(self.convs1, self.convs2, strict=True):
            h = h + conv2(F.leaky_relu(conv1(F.leaky_relu(h, 0.1)), 0.1))
        return h


class Generator(nn.Module):
    """Features (B, C, M) -> (B, 2, M samples_per_frame). Each stage: transposed convolution, mean of three blocks."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.snakes = config.kind == "AMP1"
        width = config.initial_channels
        self.conv_pre = nn.Conv1d(config.in_channels, width, 7, padding=3)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(config.rates, config.kernels, strict=True):
            if width % 2:
                raise ValueError(f"{config.initial_channels} channels cannot be halved {len(config.rates)} times")
            self.ups.append(nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2))
            width //= 2
            for block_kernel, dilations in zip(config.block_kernels, config.block_dilations, strict=True):
                block = SnakeBlock if self.snakes else LeakyBlock
                self.resblocks.append(block(width, block_kernel, dilations))
        self.act_post = AntiAliasedSnake(width) if self.snakes else nn.LeakyReLU(0.01)
        self.conv_post = nn.Conv1d(width, _SIDES, 7, padding=3, bias=config.final_bias)

    def forward(self, features: Tensor) -> Tensor:
        x = self.conv_pre(features)
        per_stage = len(self.config.block_kernels)
        for stage, up in enumerate(self.ups):
            x = up(x if self.snakes else F.leaky_relu(x, 0.1))
            total = torch.zeros_like(x)
            for block in self.resblocks[per_stage * stage : per_stage * (stage + 1)]:
                total = total + block(x)
            x = total / per_stage
        x = self.conv_post(self.act_post(x))
        if self.config.final_activation == "tanh":
            return torch.tanh(x)
        return x.clamp(-1, 1) if self.config.final_activation == "clamp" else x


# ---------------------------------------------------------------------------------------------- bandwidth extension


class DftBases(nn.Module):
    """Hann-windowed cosine rows, then minus-sine rows: (fft + 2, 1, fft). The inverse is in the file but never used."""

    forward_basis: Tensor

    def __init__(self, fft_length: int) -> None:
        super().__init__()
        n = torch.arange(fft_length, dtype=torch.float64)
        angle = 2 * math.pi * torch.arange(fft_length // 2 + 1, dtype=torch.float64)[:, None] * n / fft_length
        rows = torch.cat([angle.cos(), -angle.sin()]) * torch.hann_window(fft_length, dtype=torch.float64)
        self.register_buffer("forward_basis", rows.float()[:, None])
        self.register_buffer("inverse_basis", torch.zeros(fft_length + 2, 1, fft_length))


class CausalLogMel(nn.Module):
    """Waveform (B, 2, N) -> log-mel (B, 2, N / hop, F), zero-padded on the left only. N is a multiple of the hop."""

    mel_basis: Tensor

    def __init__(self, config: BandwidthConfig) -> None:
        super().__init__()
        self.hop_length = config.hop_length
        self.left_padding = config.fft_length - config.hop_length
        self.stft_fn = DftBases(config.fft_length)
        filters_RF = mel_filters(
            MelConfig(
                sample_rate=config.input_rate,
                fft_length=config.fft_length,
                bands=config.bands,
                highest_hz=config.input_rate / 2,
            )
        )
        self.register_buffer("mel_basis", filters_RF.T.contiguous())

    def forward(self, waveform_BSN: Tensor) -> Tensor:
        batch, _, length = waveform_BSN.shape
        flat = F.pad(waveform_BSN.reshape(-1, 1, length), (self.left_padding, 0))
        spectrum = F.conv1d(flat, self.stft_fn.forward_basis, stride=self.hop_length)
        parts = rearrange(spectrum, "n (part r) m -> n part r m", part=2)
        magnitude = vector_norm(parts, dim=1)  # its gradient at digital silence is 0, not NaN
        mel = torch.matmul(self.mel_basis, magnitude).clamp(min=SMALLEST_MAGNITUDE).log()
        return rearrange(mel, "(b s) f m -> b s m f", b=batch)


def sinc_upsample(waveform_BSN: Tensor, ratio: int) -> Tensor:
    """(B, S, N) -> (B, S, ratio N) by a Hann-windowed sinc over 7 samples to each side; ends replicated."""
    reach, rolloff, zeros = 7, 0.99, 6
    taps = torch.arange(2 * reach * ratio + 1, dtype=torch.float64, device=waveform_BSN.device)
    t = ((taps / ratio - reach) * rolloff).clamp(-zeros, zeros)
    kernel = torch.sinc(t) * torch.cos(t * math.pi / zeros / 2).square() * rolloff  # times ratio / ratio
    batch, sides, length = waveform_BSN.shape
    flat = F.pad(waveform_BSN.reshape(-1, 1, length), (reach, reach), mode="replicate")
    y = F.conv_transpose1d(flat, kernel.to(waveform_BSN)[None, None], stride=ratio)
    left = 2 * reach * ratio
    return y[..., left : left + ratio * length].reshape(batch, sides, -1)


# -------------------------------------------------------------------------------------------------------- vocoders


def _weights_dtype(network: nn.Module) -> torch.dtype:
    """float32 (or a test's float64); raises VocoderPrecisionError on anything shorter."""
    dtype = next(network.parameters()).dtype
    if dtype not in (torch.float32, torch.float64):
        raise VocoderPrecisionError(dtype)
    return dtype


def _stack_sides(mel_BSMF: Tensor) -> Tensor:
    return rearrange(mel_BSMF, "b s m f -> b (s f) m")


class Vocoder(nn.Module):
    """LTX-2.3: log-mel (B, 2, M, F) -> waveform (B, 2, 480 M) at 48 kHz, in -1..1. Autocast is switched off inside.

    Raises VocoderPrecisionError if somebody cast the weights to half precision.
    """

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        if config.bandwidth is None:
            raise ValueError("this configuration has no bandwidth extension; build it with build_vocoder")
        self.bandwidth = config.bandwidth
        self.vocoder = Generator(config.generator)
        self.bwe_generator = Generator(config.bandwidth.generator)
        self.mel_stft = CausalLogMel(config.bandwidth)
        self.sample_rate = config.bandwidth.output_rate
        self.samples_per_frame = config.generator.samples_per_frame * config.bandwidth.ratio

    def forward(self, mel_BSMF: Tensor) -> Tensor:
        return self.extend(self.low_band(mel_BSMF))

    def low_band(self, mel_BSMF: Tensor) -> Tensor:
        """The first stage alone: (B, 2, 160 M) at 16 kHz, clamped to -1..1."""
        dtype = _weights_dtype(self)
        with torch.autocast(mel_BSMF.device.type, enabled=False):
            return self.vocoder(_stack_sides(mel_BSMF).to(dtype))

    def extend(self, waveform_BSN: Tensor) -> Tensor:
        """The second stage alone: 16 kHz to 48 kHz. With a zeroed `bwe_generator.conv_post` pure sinc upsampling."""
        dtype = _weights_dtype(self)
        ratio = self.bandwidth.ratio
        with torch.autocast(waveform_BSN.device.type, enabled=False):
            length = waveform_BSN.shape[-1]
            low = F.pad(waveform_BSN.to(dtype), (0, -length % self.bandwidth.hop_length))
            treble = self.bwe_generator(_stack_sides(self.mel_stft(low)))
            return (treble + sinc_upsample(low, ratio)).clamp(-1, 1)[..., : length * ratio]


class PlainVocoder(Generator):
    """LTX-2.0: log-mel (B, 2, M, F) -> waveform (B, 2, 240 M) at 24 kHz. Its keys have no inner prefix."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__(config.generator)
        self.samples_per_frame = config.generator.samples_per_frame
        self.sample_rate = self.samples_per_frame * MEL_FRAMES_PER_SECOND

    def forward(self, features: Tensor) -> Tensor:
        """`features` is the mel, (B, 2, M, F)."""
        dtype = _weights_dtype(self)
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(_stack_sides(features).to(dtype))


def build_vocoder(config: VocoderConfig) -> Vocoder | PlainVocoder:
    """The vocoder that the metadata describes, fixed filters and bases in place, weights freshly drawn."""
    return PlainVocoder(config) if config.bandwidth is None else Vocoder(config)


def synthesise(
    vocoder: Vocoder | PlainVocoder,
    mel_BSMF: Tensor,
    chunk_frames: int = 200,
    halo_frames: int = HALO_FRAMES,
    on_piece: Callable[[float], None] | None = None,
) -> Iterator[Tensor]:
    """The waveform in pieces of `chunk_frames` mel frames, equal to one call with everything.

    Each chunk is computed with `halo_frames` of context on both sides. `on_piece(fraction)` runs after every chunk and
    may raise to cancel.
    """
    total = mel_BSMF.shape[2]
    for start in range(0, total, chunk_frames):
        end = min(start + chunk_frames, total)
        first, last = max(start - halo_frames, 0), min(end + halo_frames, total)
        with torch.no_grad():
            waveform = vocoder(mel_BSMF[:, :, first:last])
        samples = vocoder.samples_per_frame
        yield waveform[..., (start - first) * samples : (end - first) * samples]
        if on_piece is not None:
            on_piece(end / total)
