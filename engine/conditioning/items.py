"""What a person gives the model to follow, each as a small value that applies to a latent state.

Items are applied in order. They never write `latent`: what they bring goes into `clean` and reaches the model
through noising. Items that bring more tokens append them behind the clip's own.
Source: spec/transformer-and-pipelines.md 5.2-5.7.
"""

# Shapes: B batch, T tokens before the item, M tokens that it appends, C channels, F, h, w latent grid

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

import torch
from torch import Tensor

from engine.conditioning.errors import OutOfRange, ShapeMismatch
from engine.conditioning.layout import AudioLayout, VideoLayout, audio_positions, video_positions, video_tokens
from engine.conditioning.state import LatentState
from engine.protocol.grid import LatentRange, LatentShape

# [N, N + 1) for one picture since April 2026; LoRAs trained before may expect 8 (spec differences 1.3)
KEYFRAME_FRAMES = 1
REFERENCE_AUDIO_GAP_SECONDS = 0.04  # one audio latent step between the end of the reference and time 0


class Item(Protocol):
    """Anything that changes what a state keeps or sees."""

    def apply(self, state: LatentState) -> LatentState: ...


def apply_items(state: LatentState, items: Iterable[Item]) -> LatentState:
    for item in items:
        state = item.apply(state)
    return state


# --- replacing ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Replace:
    """A known latent at latent step `at`: image at frame 0, prefix, suffix, or any whole latent steps between.

    latent is (B, C, F, h, w) or (B, C, S, bins). A suffix must come from the end of a longer encoded clip: a clip
    encoded alone starts with a latent that stands for one frame only (see ContextClip.drop).
    """

    latent: Tensor
    at: int = 0
    strength: float = 1.0

    def apply(self, state: LatentState) -> LatentState:
        tokens = state.layout.patchify(self.latent).to(state.clean)
        start = self.at * state.layout.tokens_per_step
        end = start + tokens.shape[1]
        if not 0 <= start < end <= state.layout.tokens:
            longest = state.layout.steps - tokens.shape[1] // state.layout.tokens_per_step
            raise OutOfRange("latent step", self.at, 0, longest)
        clean, mask = state.clean.clone(), state.mask.clone()
        clean[:, start:end] = tokens
        mask[:, start:end] = 1 - _strength(self.strength)
        return replace(state, clean=clean, mask=mask)


@dataclass(frozen=True)
class LatentRegion:
    """Only these latent steps are made, everything else of the clip is kept. Overwrites earlier masks.

    The official program states regions in seconds; a WindowPlan gives the steps that touch them, exactly.
    """

    steps: LatentRange

    def apply(self, state: LatentState) -> LatentState:
        per = state.layout.tokens_per_step
        mask = state.mask.clone()
        mask[:, : state.layout.tokens] = 0
        mask[:, self.steps.start * per : self.steps.end * per] = 1
        return replace(state, mask=mask)


# --- appending ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Keyframe:
    """A picture at frame `frame` of the clip, (B, C, 1, h, w); negative: a reference before the clip."""

    latent: Tensor
    frame: int
    strength: float = 1.0

    def apply(self, state: LatentState) -> LatentState:
        layout = _video(state)
        tokens = layout.patchify(self.latent)
        frames = self.latent.shape[2]
        shape = LatentShape(frames, layout.shape.height, layout.shape.width)
        device = state.positions.device
        # in frames (rate 1) first, so that whole numbers are added; then seconds
        positions = video_positions(shape, Fraction(1), layout.scale, causal=self.frame == 0, device=device)
        time = positions[0] + self.frame
        if frames == 1:
            time[:, 1] = time[:, 0] + KEYFRAME_FRAMES
        positions[0] = time / float(layout.rate)
        return _append(state, tokens, positions, self.strength, None)


@dataclass(frozen=True)
class ReferenceVideo:
    """A video that the clip follows (in-context LoRA): (B, C, F', h', w') on its own, possibly coarser, grid.

    downscale and time_factor are the LoRA's `reference_downscale_factor` and `reference_temporal_scale_factor`.
    attention: how strongly clip and reference see each other, a number or one weight per reference token (B, M);
    None (= 1) makes no mask, which keeps the fast attention kernels.
    """

    latent: Tensor
    downscale: int = 1
    time_factor: int = 1
    strength: float = 1.0
    attention: float | Tensor | None = None

    def apply(self, state: LatentState) -> LatentState:
        layout = _video(state)
        if self.latent.ndim != 5 or self.latent.shape[1] != layout.channels:
            raise ShapeMismatch("reference latent", self.latent.shape, f"(batch, {layout.channels}, frames, h, w)")
        shape = LatentShape(*self.latent.shape[2:])
        positions = video_positions(shape, Fraction(1), layout.scale, device=state.positions.device)
        rate = float(layout.rate)
        time = positions[0] / (rate / self.time_factor)
        if self.time_factor != 1:
            time = (time - (self.time_factor - 1) / rate).clamp(min=0)
        positions = torch.stack((time, positions[1] * self.downscale, positions[2] * self.downscale))
        return _append(state, video_tokens(self.latent), positions, self.strength, self.attention)


@dataclass(frozen=True)
class ReferenceAudio:
    """Sound before the clip that gives the voice (dubbing): (B, C, S', bins), ends at -0.04 s."""

    latent: Tensor
    strength: float = 1.0

    def apply(self, state: LatentState) -> LatentState:
        layout = state.layout
        if not isinstance(layout, AudioLayout):
            raise ShapeMismatch("reference audio", self.latent.shape, "an audio stream to apply to")
        tokens = layout.patchify(self.latent)
        positions = audio_positions(tokens.shape[1], layout.time, device=state.positions.device)
        positions = positions - positions[0, -1, 1] - REFERENCE_AUDIO_GAP_SECONDS
        return _append(state, tokens, positions, self.strength, None)


def attention_weights(pixel_mask: Tensor, shape: LatentShape, strength: float = 1.0) -> Tensor:
    """Per-token weights (B, M) for a reference from a per-pixel mask (B, frames, H, W) in [0, 1] (5.5).

    Area average to the latent rows and columns per frame; then the first frame alone, the others averaged in
    groups of (frames - 1) / (latent frames - 1); times the scalar strength.
    """
    batch, frames = pixel_mask.shape[:2]
    groups = shape.frames - 1
    if frames < 1 or (frames - 1) % max(groups, 1) or (groups == 0) != (frames == 1):
        raise ShapeMismatch("attention mask", pixel_mask.shape, f"1 + a multiple of {groups} frames")
    small = torch.nn.functional.adaptive_avg_pool2d(pixel_mask.float(), (shape.height, shape.width))
    later = small[:, 1:].reshape(batch, groups, -1, shape.height, shape.width).mean(dim=2) if groups else small[:, 1:]
    return torch.cat((small[:, :1], later), dim=1).reshape(batch, -1) * strength


def _append(
    state: LatentState, tokens_BMD: Tensor, positions_AM2: Tensor, strength: float, attention: float | Tensor | None
) -> LatentState:
    batch, new = state.latent.shape[0], tokens_BMD.shape[1]
    tokens = tokens_BMD.to(state.clean).expand(batch, -1, -1)
    mask = torch.full((batch, new, 1), 1 - _strength(strength), device=state.mask.device)
    positions = positions_AM2.expand(batch, -1, -1, -1)
    return replace(
        state,
        latent=torch.cat((state.latent, torch.zeros_like(tokens)), dim=1),
        clean=torch.cat((state.clean, tokens), dim=1),
        mask=torch.cat((state.mask, mask), dim=1),
        positions=torch.cat((state.positions, positions), dim=2),
        attention=_grown_attention(state, new, attention),
    )


def _grown_attention(state: LatentState, new: int, attention: float | Tensor | None) -> Tensor | None:
    """The mask with `new` tokens appended: `attention` towards the clip, 1 among themselves, 0 to earlier groups."""
    if isinstance(attention, float | int):
        weights = None if attention == 1 else torch.full((1, new), _strength(attention), device=state.mask.device)
    else:
        weights = attention
    if weights is None and state.attention is None:
        return None
    batch, old, target = state.latent.shape[0], state.tokens, state.layout.tokens
    if weights is None:
        weights = torch.ones(1, new, device=state.mask.device)
    if weights.shape[-1] != new:
        raise ShapeMismatch("attention weights", weights.shape, f"(batch, {new})")
    grown = torch.zeros(batch, old + new, old + new, device=state.mask.device)
    grown[:, :old, :old] = 1 if state.attention is None else state.attention
    grown[:, old:, old:] = 1
    weights = weights.to(grown).expand(batch, new)
    grown[:, :target, old:] = weights[:, None, :]
    grown[:, old:, :target] = weights[:, :, None]
    return grown


def _video(state: LatentState) -> VideoLayout:
    if not isinstance(state.layout, VideoLayout):
        raise ShapeMismatch("the stream", state.latent.shape, "a video stream")
    return state.layout


def _strength(value: float) -> float:
    if not 0 <= value <= 1:
        raise OutOfRange("strength", value, 0, 1)
    return value
