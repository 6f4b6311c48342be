"""Small conversions of pictures and sound between media and networks."""

# Shapes: n frames or samples, H, W pixels

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FADE_SECONDS = 0.005  # where a sound ends before it should


def network_pixels(frames_nHWC: Tensor, height: int, width: int) -> Tensor:
    """uint8 (n, H, W, 3) -> (1, 3, n, height, width) in -1..1, scaled with an antialiasing filter where needed."""
    pixels = frames_nHWC.permute(0, 3, 1, 2).float()
    if pixels.shape[2:] != (height, width):
        pixels = F.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
    return (pixels / 127.5 - 1).permute(1, 0, 2, 3)[None]


def rgb8(pixels_BCFHW: Tensor) -> Tensor:
    """(1, 3, n, H, W) in -1..1 -> uint8 (n, H, W, 3) on the CPU, clipped and rounded."""
    pixels = pixels_BCFHW[0].to(torch.float32, copy=True)  # one copy, whatever the piece's size
    scaled = pixels.add_(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return scaled.permute(1, 2, 3, 0).contiguous().cpu()


def dissolve(old: Tensor, new: Tensor, place: int, total: int) -> Tensor:
    """uint8 frames of which the first ones fade from `old` to `new`; the first pair is number `place` of `total`."""
    count = min(len(old), len(new))
    if count <= 0:
        return new
    weight = (torch.arange(place, place + count) + 1).float()[:, None, None, None] / (total + 1)
    mixed = old[:count].float() * (1 - weight) + new[:count].float() * weight
    return torch.cat((mixed.round().to(torch.uint8), new[count:]))


def exactly(waveform: Tensor, samples: int, rate: int) -> Tensor:
    """(2, samples): cut, or faded out and filled with silence where the sound is shorter. Always a copy."""
    missing = samples - waveform.shape[1]
    waveform = waveform[:, :samples].clone()
    if missing <= 0:
        return waveform
    fade = min(round(_FADE_SECONDS * rate), waveform.shape[1])
    if fade:
        waveform[:, -fade:] *= 1 - ramp(fade)
    return F.pad(waveform, (0, missing))


def ramp(samples: int) -> Tensor:
    """From near 0 to near 1 as half a cosine."""
    place = (torch.arange(samples) + 0.5) / max(1, samples)
    return 0.5 - 0.5 * torch.cos(place * math.pi)


def dtype_of(network: nn.Module) -> torch.dtype:
    """The dtype that a network's weights, and so its inputs, have."""
    return next(network.parameters()).dtype
