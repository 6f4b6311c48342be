"""Where the tokens of a clip stand: latents to tokens and back, and the position of every token.

Positions are float32 intervals [start, end): seconds and pixels for video, seconds for audio.
Source of the formulas: spec/transformer-and-pipelines.md 2.1 and 2.2.
"""

# Shapes: B batch, C channels, F latent frames, h, w latent rows and columns, S audio latent steps, M mel bins,
# T tokens, D token width, A position axes

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from engine.conditioning.errors import ShapeMismatch
from engine.protocol.grid import AUDIO_TIME, LTX_SCALE, AudioTime, LatentShape, ScaleFactors


class VideoLayout(NamedTuple):
    """The video tokens of a clip: one per latent cell, in the order frame, row, column."""

    shape: LatentShape
    channels: int
    rate: Fraction
    scale: ScaleFactors = LTX_SCALE

    @property
    def tokens(self) -> int:
        return self.shape.tokens

    @property
    def steps(self) -> int:
        """Latent frames: what a range of latents counts."""
        return self.shape.frames

    @property
    def tokens_per_step(self) -> int:
        return self.shape.height * self.shape.width

    @property
    def width(self) -> int:
        return self.channels

    def patchify(self, latent_BCFhw: Tensor) -> Tensor:
        """(B, C, F, h, w) -> (B, F h w, C). Any number of frames, but this clip's rows and columns."""
        expected = (self.channels, self.shape.height, self.shape.width)
        if latent_BCFhw.ndim != 5 or (latent_BCFhw.shape[1], *latent_BCFhw.shape[3:]) != expected:
            raise ShapeMismatch("video latent", latent_BCFhw.shape, "(batch, {}, frames, {}, {})".format(*expected))
        return video_tokens(latent_BCFhw)

    def unpatchify(self, tokens_BTD: Tensor) -> Tensor:
        """The clip's own tokens (appended ones dropped) -> (B, C, F, h, w)."""
        _, h, w = self.shape
        return rearrange(tokens_BTD[:, : self.tokens], "b (f h w) c -> b c f h w", h=h, w=w)

    def positions(self, device: torch.device | None = None) -> Tensor:
        """(3, T, 2): seconds, pixel rows, pixel columns."""
        return video_positions(self.shape, self.rate, self.scale, device=device)


class AudioLayout(NamedTuple):
    """The audio tokens of a clip: one per latent step, feature index = channel * bins + bin."""

    steps: int
    channels: int
    bins: int = 16
    time: AudioTime = AUDIO_TIME

    @property
    def tokens(self) -> int:
        return self.steps

    @property
    def tokens_per_step(self) -> int:
        return 1

    @property
    def width(self) -> int:
        return self.channels * self.bins

    def patchify(self, latent_BCSM: Tensor) -> Tensor:
        """(B, C, S, M) -> (B, S, C M). Any number of steps."""
        if latent_BCSM.ndim != 4 or (latent_BCSM.shape[1], latent_BCSM.shape[3]) != (self.channels, self.bins):
            expected = f"(batch, {self.channels}, steps, {self.bins})"
            raise ShapeMismatch("audio latent", latent_BCSM.shape, expected)
        return rearrange(latent_BCSM, "b c s m -> b s (c m)")

    def unpatchify(self, tokens_BTD: Tensor) -> Tensor:
        """The clip's own tokens (appended ones dropped) -> (B, C, S, M)."""
        return rearrange(tokens_BTD[:, : self.tokens], "b s (c m) -> b c s m", c=self.channels)

    def positions(self, device: torch.device | None = None) -> Tensor:
        """(1, S, 2): seconds."""
        return audio_positions(self.steps, self.time, device=device)


Layout = VideoLayout | AudioLayout


def video_tokens(latent_BCFhw: Tensor) -> Tensor:
    """(B, C, F, h, w) -> (B, F h w, C), order frame, row, column."""
    return rearrange(latent_BCFhw, "b c f h w -> b (f h w) c")


def video_positions(
    shape: LatentShape,
    rate: Fraction,
    scale: ScaleFactors = LTX_SCALE,
    *,
    causal: bool = True,
    device: torch.device | None = None,
) -> Tensor:
    """(3, T, 2) float32. Causal: the first latent frame stands for one frame; else every one for eight."""
    frames = torch.arange(shape.frames, device=device)
    first, last = scale.time * frames, scale.time * (frames + 1)
    if causal:
        first, last = (first - scale.time + 1).clamp(min=0), (last - scale.time + 1).clamp(min=0)
    seconds = torch.stack((first, last), dim=-1).float() / float(rate)
    rows = _cells(shape.height, scale.height, device)
    columns = _cells(shape.width, scale.width, device)
    grid = (shape.frames, shape.height, shape.width, 2)
    axes = (seconds[:, None, None].expand(grid), rows[None, :, None].expand(grid), columns[None, None].expand(grid))
    return torch.stack([axis.reshape(-1, 2) for axis in axes])


def audio_positions(steps: int, time: AudioTime = AUDIO_TIME, *, device: torch.device | None = None) -> Tensor:
    """(1, S, 2) float32 seconds of the causal audio grid."""
    step = torch.arange(steps, device=device)
    mel = torch.stack((time.stride * (step - 1) + 1, time.stride * step + 1), dim=-1).clamp(min=0)
    # one division of whole numbers, hop by sampling rate, as the model was trained with (not times 0.01)
    return (mel.float() * time.mel_seconds.numerator / time.mel_seconds.denominator)[None]


def _cells(count: int, size: int, device: torch.device | None) -> Tensor:
    start = torch.arange(count, device=device) * size
    return torch.stack((start, start + size), dim=-1).float()
