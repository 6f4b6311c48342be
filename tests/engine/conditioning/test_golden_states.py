"""Latent states and token layout against the golden values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from engine.conditioning.items import (
    Item,
    Keyframe,
    LatentRegion,
    ReferenceAudio,
    ReferenceVideo,
    Replace,
    apply_items,
)
from engine.conditioning.layout import AudioLayout, Layout, VideoLayout
from engine.conditioning.state import LatentState, fresh, noised
from engine.protocol.grid import AUDIO_TIME, FrameRange, LatentShape, latents_touching

CASES = Path(__file__).parents[2] / "golden" / "cases"
VIDEO = VideoLayout(LatentShape(4, 2, 3), channels=4, rate=Fraction(24))
AUDIO = AudioLayout(steps=26, channels=2)

Tensors = dict[str, Tensor]
Params = dict[str, Any]


def golden(name: str) -> tuple[Tensors, Params]:
    with safe_open(CASES / f"{name}.safetensors", framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["params"])  # noqa: SIM118


def frames_between(start_seconds: float, end_seconds: float) -> FrameRange:
    """The frames that a golden region, which is stated in seconds, touches."""
    return FrameRange(math.floor(start_seconds * 24), math.ceil(end_seconds * 24))


@dataclass(frozen=True)
class SoftMask:
    """A known latent kept by shares (B, F, h, w): no mode of ours asks for it, but any mask has to be noised right."""

    latent: Tensor
    keep: Tensor
    strength: float

    def apply(self, state: LatentState) -> LatentState:
        keep = self.keep.reshape(1, -1, 1)
        clean = state.clean * (1 - keep) + VIDEO.patchify(self.latent) * keep
        return replace(state, clean=clean, mask=state.mask * (1 - keep) + (1 - self.strength) * keep)


STATES: dict[str, tuple[Layout, Callable[[Tensors, Params], Sequence[Item]]]] = {
    "fresh-video": (VIDEO, lambda t, p: []),
    "fresh-audio": (AUDIO, lambda t, p: []),
    "refine-video": (VIDEO, lambda t, p: []),
    "image-frame0": (VIDEO, lambda t, p: [Replace(t["image_latent"])]),
    "image-frame0-strength": (VIDEO, lambda t, p: [Replace(t["image_latent"], strength=p["strength"])]),
    "prefix": (VIDEO, lambda t, p: [Replace(t["clip_latent"])]),
    "suffix": (VIDEO, lambda t, p: [Replace(t["clip_latent"], at=2, strength=p["strength"])]),
    **{
        f"keyframe-{place}": (VIDEO, lambda t, p: [Keyframe(t["image_latent"], p["pixel_frame"], p["strength"])])
        for place in ("last", "middle", "negative", "zero")
    },
    "reference": (VIDEO, lambda t, p: [ReferenceVideo(t["reference_latent"])]),
    "reference-scaled": (
        VIDEO,
        lambda t, p: [ReferenceVideo(t["reference_latent"], p["space_factor"], p["time_factor"], p["strength"])],
    ),
    "reference-audio": (AUDIO, lambda t, p: [ReferenceAudio(t["reference_latent"])]),
    "region-video": (VIDEO, lambda t, p: [LatentRegion(latents_touching(frames_between(p["t0"], p["t1"])))]),
    "region-audio": (AUDIO, lambda t, p: [LatentRegion(AUDIO_TIME.touching(p["t0"], p["t1"], AUDIO.steps))]),
    "spatial-mask": (VIDEO, lambda t, p: [SoftMask(t["keep_latent"], t["keep_mask"], p["strength"])]),
    "attention-scalar": (
        VIDEO,
        lambda t, p: [
            Keyframe(t["keyframe_latent"], 8),
            ReferenceVideo(t["reference_latent"], 2, 4, attention=p["attention_strength"]),
        ],
    ),
    "attention-tokens-then-keyframe": (
        VIDEO,
        lambda t, p: [
            ReferenceVideo(t["reference_latent"], 2, 1, attention=t["weights"]),
            Keyframe(t["keyframe_latent"], 16),
        ],
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_state_equals_golden(name: str) -> None:
    tensors, params = golden(f"state-{name}")
    layout, items = STATES[name]
    state = apply_items(fresh(layout, initial=tensors.get("initial_latent")), items(tensors, params))
    check(tensors, params, state)


def test_two_keyframes_after_an_image_equal_golden() -> None:
    tensors, params = golden("state-keyframes-two")
    # the first image is replaced at 0.9; which appended picture stands where is only in the expected positions
    layout = VIDEO
    image, keyframe = tensors["image_latent"], tensors["keyframe_latent"]
    masks = tensors["expected_mask"][0, :, 0]
    starts = (tensors["expected_positions"][0, 0, :, 0] * 24).round().int()
    items: list[Item] = [Replace(image, strength=0.9)]
    for first in (24, 30):
        latent = (
            image
            if torch.equal(layout.patchify(image)[0], tensors["expected_clean"][0, first : first + 6])
            else keyframe
        )
        items.append(Keyframe(latent, int(starts[first]), round(float(1 - masks[first]), 3)))
    check(tensors, params, apply_items(fresh(layout), items))


def check(tensors: Tensors, params: Params, state: Any) -> None:
    for field in ("latent", "clean", "mask", "positions"):
        torch.testing.assert_close(getattr(state, field), tensors[f"expected_{field}"], rtol=0, atol=0, msg=field)
    if "expected_attention" in tensors:
        torch.testing.assert_close(state.attention, tensors["expected_attention"], rtol=0, atol=0)
    else:
        assert state.attention is None
    start = noised(state, tensors["noise"], params["noise_scale"])
    torch.testing.assert_close(start.latent, tensors["expected_noised"], rtol=0, atol=1e-6)
    torch.testing.assert_close(state.mask * params["sigma"], tensors["expected_timesteps"], rtol=0, atol=1e-7)
    values, index = state.mask_levels()
    assert torch.equal(values[index], state.mask[..., 0])


def test_token_layout_equals_golden() -> None:
    tensors, _ = golden("patchify")
    assert torch.equal(VIDEO.patchify(tensors["video_latent"]), tensors["expected_video_tokens"])
    assert torch.equal(AUDIO.patchify(tensors["audio_latent"]), tensors["expected_audio_tokens"])
    assert torch.equal(VIDEO.unpatchify(tensors["expected_video_tokens"]), tensors["video_latent"])
    assert torch.equal(AUDIO.unpatchify(tensors["expected_audio_tokens"]), tensors["audio_latent"])
