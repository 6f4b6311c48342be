"""Conditioning items beyond the golden cases: exact regions, frozen streams, refusals."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.conditioning.errors import OutOfRange, ShapeMismatch
from engine.conditioning.items import (
    Item,
    Keyframe,
    LatentRegion,
    ReferenceAudio,
    ReferenceVideo,
    Replace,
    apply_items,
    attention_weights,
)
from engine.conditioning.layout import AudioLayout, VideoLayout
from engine.conditioning.state import LatentState, draw_noise, fresh, frozen, noised
from engine.protocol.grid import FrameRange, LatentShape, latents_touching
from engine.protocol.window import plan_retake

VIDEO = VideoLayout(LatentShape(4, 2, 3), channels=4, rate=Fraction(24))
AUDIO = AudioLayout(steps=26, channels=2)


def random_latent(frames: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 4, frames, 2, 3, generator=torch.Generator().manual_seed(seed))


def touching(state: LatentState, start: float, end: float) -> torch.Tensor:
    """The official program's region: the tokens whose positions touch [start, end) seconds (specification 5.6)."""
    times = state.positions[0, 0]
    return (times[:, 1] > start) & (times[:, 0] < end)


def test_a_frozen_stream_takes_no_noise() -> None:
    state = frozen(VIDEO, random_latent())
    noise = draw_noise(state, torch.Generator().manual_seed(1))
    assert noised(state, noise, 1.0) is state
    assert torch.equal(state.result(), random_latent())
    assert torch.equal(state.kept(noise), state.clean)


def test_kept_tokens_are_the_source_and_new_ones_are_noise() -> None:
    state = LatentRegion(latents_touching(FrameRange(5, 12))).apply(fresh(VIDEO, initial=random_latent()))
    noise = draw_noise(state, torch.Generator().manual_seed(1))
    start = noised(state, noise)
    new = state.mask[0, :, 0] == 1
    assert torch.equal(start.latent[0, new], noise[0, new])
    assert torch.equal(start.latent[0, ~new], VIDEO.patchify(random_latent())[0, ~new])


@given(st.integers(0, 24), st.integers(1, 25), st.sampled_from([Fraction(24), Fraction(30000, 1001), Fraction(25)]))
def test_regions_by_latents_and_by_time_agree(start: int, frames: int, rate: Fraction) -> None:
    layout = VIDEO._replace(rate=rate)
    asked = FrameRange(start, min(25, start + frames))
    exact = LatentRegion(latents_touching(asked)).apply(fresh(layout))
    # a hair inside, so that float32 seconds of touching borders cannot decide
    by_time = touching(fresh(layout), float(asked.start / rate) + 1e-4, float(asked.end / rate) - 1e-4)
    assert torch.equal(exact.mask[0, :, 0] == 1, by_time)


def test_the_audio_region_of_a_plan_is_the_one_by_time() -> None:
    (plan,) = plan_retake(200, FrameRange(90, 113), Fraction(24), 121)
    layout = AudioLayout(plan.audio_steps, channels=2)
    exact = LatentRegion(plan.new_audio).apply(fresh(layout))
    assert torch.equal(exact.mask[0, :, 0] == 1, touching(fresh(layout), *map(float, plan.new_seconds)))


def test_prefix_and_suffix_keep_both_ends_and_make_the_middle() -> None:
    state = apply_items(fresh(VIDEO), [Replace(random_latent(2)), Replace(random_latent(1), at=3)])
    assert state.mask[0, :, 0].reshape(4, -1).mean(dim=1).tolist() == [0, 0, 1, 0]


def test_appended_tokens_leave_with_the_result() -> None:
    state = apply_items(
        fresh(VIDEO, initial=random_latent()),
        [Keyframe(random_latent(1), 24), ReferenceVideo(random_latent(2)[..., :1, :1], 2)],
    )
    assert (state.tokens, state.appended) == (24 + 6 + 2, 8)
    assert torch.equal(state.result(), random_latent())


def test_weights_of_a_pixel_mask_are_means_over_cells_and_frames() -> None:
    mask = torch.zeros(1, 9, 4, 4)
    mask[:, 0, :2, :2] = 1
    mask[:, 1:5] = 1
    weights = attention_weights(mask, LatentShape(2, 2, 2), strength=0.8)
    torch.testing.assert_close(weights, torch.tensor([[0.8, 0, 0, 0, 0.4, 0.4, 0.4, 0.4]]))
    with pytest.raises(ShapeMismatch):
        attention_weights(mask, LatentShape(4, 2, 2))


@pytest.mark.parametrize(
    ("state", "item", "error"),
    [
        (fresh(VIDEO), Replace(random_latent(2), at=3), OutOfRange),
        (fresh(VIDEO), Replace(random_latent(1), strength=1.5), OutOfRange),
        (fresh(VIDEO), Replace(random_latent(1)[..., :2]), ShapeMismatch),
        (fresh(VIDEO), ReferenceVideo(random_latent(1), attention=-0.1), OutOfRange),
        (fresh(VIDEO), ReferenceVideo(random_latent(1), attention=torch.ones(1, 5)), ShapeMismatch),
        (fresh(VIDEO), ReferenceAudio(torch.zeros(1, 2, 5, 16)), ShapeMismatch),
        (fresh(AUDIO), Keyframe(random_latent(1), 0), ShapeMismatch),
        (fresh(AUDIO), Replace(torch.zeros(1, 3, 5, 16)), ShapeMismatch),
    ],
)
def test_what_does_not_fit_is_refused(state: LatentState, item: Item, error: type[Exception]) -> None:
    with pytest.raises(error):
        item.apply(state)


def test_a_seed_gives_the_same_noise() -> None:
    state = fresh(VIDEO)
    draws = [draw_noise(state, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
