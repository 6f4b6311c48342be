"""The video autoencoder of LTX-2.3 (and 2.0): pixels to latents and back, whole clips at once.

Compression is 32 x 32 x 8 for the published block lists; every width and block comes from the `vae` metadata. The
forward passes are plain and differentiable; without gradients they normalise and activate in place. As an exact stream
they are in `video_streaming`; spatial tiles, for when even one streamed slice does not fit, in `video_tiling`. Not
here: the 2.5 diffusion decoder.

Formulas: the project's autoencoder specification, which states those of the official `ltx_core` networks.
"""

# Shapes: B batch, C channels, F pixel frames, H W pixels, T latent frames (F = 8 (T - 1) + 1), h w latent grid.
# Inside the networks frames and grid change step by step: there t y x stand for whatever they are at that depth.

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from engine.models.config_section import Section
from engine.models.errors import UnknownConfigValue
from engine.models.latent_statistics import PerChannelStatistics
from engine.models.norms import inverse_rms, pixel_norm

PIXEL_NORM_EPS = 1e-8  # the audio autoencoder's is 1e-6

Factors: TypeAlias = tuple[int, int, int]  # how much a block shrinks or grows (time, height, width)

_RESIDUAL_BLOCKS = "res_x"
_FACTORS: Mapping[str, Factors] = {
    "compress_time": (2, 1, 1),
    "compress_space": (1, 2, 2),
    "compress_all": (2, 2, 2),
}


# --------------------------------------------------------------------------------------------------- configuration


@dataclass(frozen=True)
class BlockConfig:
    """One entry of `encoder_blocks` / `decoder_blocks`: residual blocks, or one change of resolution.

    `factors` is (1, 1, 1) for residual blocks. `multiplier` is how much wider (encoder) or narrower (decoder) the
    result is. `residual` (2.0 decoder only) adds the rearranged input to an upsampling.
    """

    factors: Factors = (1, 1, 1)
    layers: int = 1
    multiplier: int = 1
    residual: bool = False

    @property
    def resamples(self) -> bool:
        return self.factors != (1, 1, 1)


@dataclass(frozen=True)
class VideoVaeConfig:
    """Everything that shapes the two networks. Block lists are in metadata order: pixel side first, in both."""

    latent_channels: int
    encoder_blocks: tuple[BlockConfig, ...]
    decoder_blocks: tuple[BlockConfig, ...]
    encoder_base_channels: int = 128
    decoder_base_channels: int = 128
    in_channels: int = 3
    out_channels: int = 3
    patch_size: int = 4
    encoder_padding: str = "zeros"  # spatial borders: "zeros" or "reflect"
    decoder_padding: str = "zeros"

    @classmethod
    def from_metadata(cls, config: Mapping[str, Any]) -> "VideoVaeConfig":
        """Read the `vae` dictionary of a checkpoint. Raises UnknownConfigValue on anything we cannot build."""
        vae = Section(config, "vae")
        vae.require("_class_name", "CausalVideoAutoencoder")  # 2.5's CausalDiffusionVAE is another network
        vae.require("dims", 3, may_be_missing=True)
        vae.require("norm_layer", "pixel_norm")
        vae.require("latent_log_var", "uniform")
        vae.require("use_quant_conv", False)
        vae.require("timestep_conditioning", False)  # the official default is true, so absence is no answer
        vae.require("causal_decoder", False, may_be_missing=True)
        vae.require("normalize_latent_channels", False, may_be_missing=True)
        vae.require("scaling_factor", 1.0, may_be_missing=True)
        if "spatial_padding_mode" in vae:  # 2.3: one mode for both; 2.0 names them apart, with these defaults
            encoder_padding = decoder_padding = vae.choice("spatial_padding_mode", "zeros", "reflect")
        else:
            encoder_padding = vae.choice("encoder_spatial_padding_mode", "zeros", "reflect", default="zeros")
            decoder_padding = vae.choice("decoder_spatial_padding_mode", "zeros", "reflect", default="reflect")
        return cls(
            latent_channels=vae.integer("latent_channels"),
            encoder_blocks=_read_blocks(vae, "encoder_blocks", suffix="_res"),
            decoder_blocks=_read_blocks(vae, "decoder_blocks", suffix=""),
            encoder_base_channels=vae.integer("encoder_base_channels", 128),
            decoder_base_channels=vae.integer("decoder_base_channels", 128),
            in_channels=vae.integer("in_channels", 3),
            out_channels=vae.integer("out_channels", 3),
            patch_size=vae.integer("patch_size"),
            encoder_padding=encoder_padding,
            decoder_padding=decoder_padding,
        )

    @property
    def time_factor(self) -> int:
        """Pixel frames per latent frame (8 in all published models)."""
        return math.prod(block.factors[0] for block in self.decoder_blocks)

    @property
    def space_factor(self) -> int:
        """Pixels per latent position along height, and along width (32 in all published models)."""
        return self.patch_size * math.prod(block.factors[1] for block in self.decoder_blocks)

    def check_frames(self, frames: int) -> None:
        """Raise ValueError unless the encoder takes clips of this length."""
        if frames < 1 or (frames - 1) % self.time_factor:
            raise ValueError(f"the video encoder takes {self.time_factor}k + 1 frames, not {frames}")

    def check_sides(self, height: int, width: int) -> None:
        """Raise ValueError unless the encoder takes pictures of this size (pixels)."""
        if height < 1 or width < 1 or height % self.space_factor or width % self.space_factor:
            raise ValueError(f"the video encoder takes sides in multiples of {self.space_factor}, not {width}x{height}")


def _read_blocks(vae: Section, key: str, suffix: str) -> tuple[BlockConfig, ...]:
    factors = {name + suffix: value for name, value in _FACTORS.items()}
    known = ", ".join([_RESIDUAL_BLOCKS, *factors])
    blocks: list[BlockConfig] = []
    for index, entry in enumerate(vae.items(key)):
        where = f"{key}[{index}]"
        if not isinstance(entry, Sequence) or isinstance(entry, str) or len(cast("Sequence[Any]", entry)) != 2:
            raise UnknownConfigValue(vae.name(where), entry, "a pair of block name and settings")
        name, settings = cast("Sequence[Any]", entry)
        if name != _RESIDUAL_BLOCKS and name not in factors:
            raise UnknownConfigValue(vae.name(where), name, known)
        if isinstance(settings, int):  # old short form: the bare layer count
            settings = {"num_layers": settings}
        block = Section(cast("Mapping[str, Any]", settings), vae.name(where))
        if name == _RESIDUAL_BLOCKS:
            block.only("num_layers", "inject_noise")
            block.require("inject_noise", False, may_be_missing=True)
            blocks.append(BlockConfig(layers=block.integer("num_layers")))
        else:
            block.only("multiplier", "residual")
            residual = block.flag("residual", False)
            if residual and suffix:  # encoder blocks always carry their skip; the key belongs to the decoder
                raise UnknownConfigValue(block.name("residual"), residual, "false")
            default_multiplier = 2 if suffix else 1  # those of the official code
            blocks.append(
                BlockConfig(
                    factors[name], multiplier=block.integer("multiplier", default_multiplier), residual=residual
                )
            )
    return tuple(blocks)


# -------------------------------------------------------------------------------------------------- rearrangements


def space_to_depth(x: Tensor, factors: Factors) -> Tensor:
    """(B, C, a t, b y, c x) -> (B, C a b c, t, y, x); the width offset is the fastest new channel."""
    a, b, c = factors
    return rearrange(x, "n ch (t a) (y b) (x c) -> n (ch a b c) t y x", a=a, b=b, c=c)


def depth_to_space(x: Tensor, factors: Factors) -> Tensor:
    """Inverse of `space_to_depth`."""
    a, b, c = factors
    return rearrange(x, "n (ch a b c) t y x -> n ch (t a) (y b) (x c)", a=a, b=b, c=c)


def patchify(pixels_BCFHW: Tensor, patch: int) -> Tensor:
    """Pixels to channels. Unlike in `space_to_depth`, the row offset is the fastest new channel."""
    return rearrange(pixels_BCFHW, "n c f (y q) (x r) -> n (c r q) f y x", q=patch, r=patch)


def unpatchify(x: Tensor, patch: int) -> Tensor:
    """Inverse of `patchify`."""
    return rearrange(x, "n (c r q) f y x -> n c f (y q) (x r)", q=patch, r=patch)


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last_3d)


# -------------------------------------------------------------------------------------------------- building blocks


def _misses_onednn(x: Tensor) -> bool:
    """Whether torch would send a convolution of `x` to its own slow loop.

    WORKAROUND: torch 2.13 gives float32 convolutions of one clip with at most 20480 values of channels x frames x
    height to its own loop instead of oneDNN (`use_mkldnn` in ATen/native/Convolution.cpp). Measured on two Zen 5 cores,
    16 channels, 8 frames of 64x96: 17 GFLOP/s against 390. Goes when the heuristic counts the width, too.
    """
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.shape[0] == 1
        and x.shape[1:4].numel() <= 20480
        and torch.backends.mkldnn.is_available()
        and not torch.is_autocast_enabled("cpu")
    )


def _silu_of_norm(x: Tensor) -> Tensor:
    return F.silu(pixel_norm(x, PIXEL_NORM_EPS))


class TemporalConv(nn.Module):
    """3x3x3 convolution, stride 1, that never sees a zero beyond the first or last frame.

    Time is padded with copies: causal puts two of the first frame in front; otherwise one of the first in front and
    one of the last behind. Spatial borders are zeros or reflected.
    """

    def __init__(self, channels_in: int, channels_out: int, *, causal: bool, padding: str) -> None:
        super().__init__()
        self.copies_in_front, self.copies_behind = (2, 0) if causal else (1, 1)
        self.reflects = padding == "reflect"
        self.conv = nn.Conv3d(channels_in, channels_out, 3, padding=0 if self.reflects else (0, 1, 1))

    def forward(self, x: Tensor, activate: bool = False) -> Tensor:
        return self.convolve(self.padded(x, activate=activate))

    def padded(self, x: Tensor, *, activate: bool, before: Tensor | None = None, at_end: bool = True) -> Tensor:
        """The frames that `convolve` takes: `x`, with SiLU(PixelNorm(x)) if asked, between what stands around it.

        `before` are the (already activated) frames that precede `x` in a stream; at its start, None, copies are put
        there. `at_end` says that `x` ends the stream.
        """
        front = self.copies_in_front if before is None else before.shape[2]
        back = self.copies_behind if at_end else 0
        if torch.is_grad_enabled():
            body = _silu_of_norm(x) if activate else x
            head = [body[:, :, :1]] * front if before is None else [before]
            return torch.cat([*head, body, *[body[:, :, -1:]] * back], dim=2)
        batch, channels, t, height, width = x.shape
        frames = torch.empty(
            (batch, channels, front + t + back, height, width),
            dtype=x.dtype,
            device=x.device,
            memory_format=torch.channels_last_3d,
        )
        body = frames[:, :, front : front + t]
        if activate:
            torch.mul(x, inverse_rms(x, PIXEL_NORM_EPS), out=body)
            F.silu(body, inplace=True)
        else:
            body.copy_(x)
        frames[:, :, :front] = body[:, :, :1] if before is None else before
        if back:
            frames[:, :, front + t :] = body[:, :, -1:]
        return frames

    def convolve(self, frames: Tensor) -> Tensor:
        """Padded frames in, two fewer out."""
        if self.reflects:
            frames = F.pad(frames, (1, 1, 1, 1, 0, 0), mode="reflect")
        if _misses_onednn(frames):
            padding = [0, 0, 0] if self.reflects else [0, 1, 1]
            return torch.mkldnn_convolution(  # pyright: ignore[reportPrivateImportUsage]
                frames, self.conv.weight, self.conv.bias, padding, [1, 1, 1], [1, 1, 1], 1
            )
        return self.conv(frames)


class ResidualBlock(nn.Module):
    """Twice norm, SiLU, convolution; plus the input. Width stays."""

    def __init__(self, channels: int, *, causal: bool, padding: str) -> None:
        super().__init__()
        self.conv1 = TemporalConv(channels, channels, causal=causal, padding=padding)
        self.conv2 = TemporalConv(channels, channels, causal=causal, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(x, activate=True)
        frames = self.conv2.padded(h, activate=True)
        del h  # without gradients this frees a third of the peak
        h = self.conv2.convolve(frames)
        return x + h if torch.is_grad_enabled() else h.add_(x)


class ResidualBlocks(nn.Module):
    def __init__(self, channels: int, layers: int, *, causal: bool, padding: str) -> None:
        super().__init__()
        self.res_blocks = nn.ModuleList(ResidualBlock(channels, causal=causal, padding=padding) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.res_blocks:
            x = block(x)
        return x


class Downsample(nn.Module):
    """Encoder: fold (time, height, width) by `factors` into channels, plus the same of the input, group-averaged.

    Where time shrinks, the caller has put one more copy of the very first frame in front (odd counts become even).
    """

    def __init__(self, channels_in: int, multiplier: int, factors: Factors, *, padding: str) -> None:
        super().__init__()
        volume = math.prod(factors)
        channels_out = channels_in * multiplier
        if channels_out % volume or (channels_in * volume) % channels_out:
            raise ValueError(f"cannot fold {channels_in} channels by {factors} into {channels_out}")
        self.factors = factors
        self.group = channels_in * volume // channels_out
        self.conv = TemporalConv(channels_in, channels_out // volume, causal=True, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        if self.factors[0] == 2:
            x = torch.cat([x[:, :, :1], x], dim=2)
        return self.fold(self.conv(x), x)

    def fold(self, h: Tensor, x: Tensor) -> Tensor:
        """Convolved and plain frames (even counts of both) to the result."""
        skip = rearrange(space_to_depth(x, self.factors), "n (c g) t y x -> n c g t y x", g=self.group).mean(dim=2)
        return channels_last(space_to_depth(h, self.factors) + skip)


class Upsample(nn.Module):
    """Decoder: widen by a convolution, then unfold channels into (time, height, width) by `factors`.

    Where time grows, the first frame of the result is dropped, once per clip: T -> 2T - 1. With `residual` (2.0) the
    unfolded input, its channels repeated as a whole, is added.
    """

    def __init__(self, channels_in: int, divisor: int, factors: Factors, *, residual: bool, padding: str) -> None:
        super().__init__()
        volume = math.prod(factors)
        if channels_in % divisor or (residual and (channels_in % volume or volume % divisor)):
            raise ValueError(f"cannot unfold {channels_in} channels by {factors} into {channels_in}/{divisor}")
        self.factors = factors
        self.repeats = volume // divisor if residual else 0
        self.conv = TemporalConv(channels_in, channels_in * volume // divisor, causal=False, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        y = self.unfold(self.conv(x), x)
        return y[:, :, self.frames_dropped :]

    @property
    def frames_dropped(self) -> int:
        return self.factors[0] - 1

    def unfold(self, h: Tensor, x: Tensor | None) -> Tensor:
        """Convolved frames, and for the residual kind the plain ones, to the result with nothing dropped yet."""
        y = channels_last(depth_to_space(h, self.factors))
        if not self.repeats:
            return y
        assert x is not None
        return y + depth_to_space(x, self.factors).repeat(1, self.repeats, 1, 1, 1)


# ------------------------------------------------------------------------------------------------------------- networks


class Moments(NamedTuple):
    """What the encoder really computes, un-normalised, for training: mean (B, C, T, h, w), log variance broadcast."""

    mean: Tensor
    logvar: Tensor


class VideoEncoder(nn.Module):
    """Pixels (B, 3, F, H, W) in -1..1 -> normalised latent (B, C, T, h, w). Causal in time.

    F must be `time_factor` k + 1, H and W multiples of `space_factor`; else ValueError.
    """

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__()
        self.config = config
        width = config.encoder_base_channels
        padding = config.encoder_padding
        self.conv_in = TemporalConv(config.in_channels * config.patch_size**2, width, causal=True, padding=padding)
        self.down_blocks = nn.ModuleList()
        for block in config.encoder_blocks:
            if block.resamples:
                self.down_blocks.append(Downsample(width, block.multiplier, block.factors, padding=padding))
                width *= block.multiplier
            else:
                self.down_blocks.append(ResidualBlocks(width, block.layers, causal=True, padding=padding))
        # one log-variance shared by all channels ("uniform")
        self.conv_out = TemporalConv(width, config.latent_channels + 1, causal=True, padding=padding)
        self.per_channel_statistics = PerChannelStatistics(config.latent_channels)

    def forward(self, pixels_BCFHW: Tensor) -> Tensor:
        return self.per_channel_statistics.normalise(self.moments(pixels_BCFHW).mean)

    def moments(self, pixels_BCFHW: Tensor) -> Moments:
        """Mean and log variance before normalisation. The pipelines never sample; training does."""
        self.config.check_frames(pixels_BCFHW.shape[2])
        self.config.check_sides(*pixels_BCFHW.shape[3:])
        x = self.conv_in(channels_last(patchify(pixels_BCFHW, self.config.patch_size)))
        for block in self.down_blocks:
            x = block(x)
        x = self.conv_out(x, activate=True)
        mean, logvar = x[:, :-1], x[:, -1:]
        return Moments(mean, logvar.expand_as(mean))

    def layers(self) -> list["Layer"]:
        """Everything between patchify and the latent, flat, in running order."""
        return _flat(self.conv_in, self.down_blocks, self.conv_out)


class VideoDecoder(nn.Module):
    """Normalised latent (B, C, T, h, w) -> pixels (B, 3, F, H, W), nominally -1..1, not clamped. Not causal."""

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__()
        self.config = config
        padding = config.decoder_padding
        width = config.decoder_base_channels * math.prod(block.multiplier for block in config.decoder_blocks)
        self.conv_in = TemporalConv(config.latent_channels, width, causal=False, padding=padding)
        self.up_blocks = nn.ModuleList()
        for block in reversed(config.decoder_blocks):
            if block.resamples:
                self.up_blocks.append(
                    Upsample(width, block.multiplier, block.factors, residual=block.residual, padding=padding)
                )
                width //= block.multiplier
            else:
                self.up_blocks.append(ResidualBlocks(width, block.layers, causal=False, padding=padding))
        self.conv_out = TemporalConv(width, config.out_channels * config.patch_size**2, causal=False, padding=padding)
        self.per_channel_statistics = PerChannelStatistics(config.latent_channels)

    def forward(self, latent_BCThw: Tensor) -> Tensor:
        x = self.conv_in(channels_last(self.per_channel_statistics.un_normalise(latent_BCThw)))
        for block in self.up_blocks:
            x = block(x)
        return unpatchify(self.conv_out(x, activate=True), self.config.patch_size)

    def layers(self) -> list["Layer"]:
        """Everything between un-normalising and unpatchify, flat, in running order."""
        return _flat(self.conv_in, self.up_blocks, self.conv_out)


Layer: TypeAlias = TemporalConv | ResidualBlock | Downsample | Upsample


def _flat(first: TemporalConv, blocks: nn.ModuleList, last: TemporalConv) -> list[Layer]:
    layers: list[Layer] = [first]
    for block in blocks:
        if isinstance(block, ResidualBlocks):
            layers.extend(cast("Iterator[ResidualBlock]", iter(block.res_blocks)))
        else:
            layers.append(cast("Downsample | Upsample", block))
    return [*layers, last]
