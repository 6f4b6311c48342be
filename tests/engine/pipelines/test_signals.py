"""Conversions at the border between media and networks, and how passes are joined."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.pipelines.recipe import entering
from engine.pipelines.signals import dissolve, exactly, network_pixels, ramp, rgb8
from engine.sampling.sigmas import DISTILLED_STAGE_1


def test_pictures_come_back_bit_for_bit() -> None:
    frames = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(2, 16, 16, 3)
    assert torch.equal(rgb8(network_pixels(frames, 16, 16)), frames)
    assert network_pixels(frames, 8, 4).shape == (1, 3, 2, 8, 4)


def test_what_the_model_overshoots_is_clipped() -> None:
    pixels = torch.tensor([-3.0, 3.0]).reshape(1, 1, 1, 1, 2).expand(1, 3, 1, 1, 2)
    assert rgb8(pixels)[0, 0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_a_dissolve_goes_from_the_old_to_the_new_in_pieces_too() -> None:
    old = torch.zeros(4, 1, 1, 3, dtype=torch.uint8)
    new = torch.full((6, 1, 1, 3), 250, dtype=torch.uint8)
    whole = dissolve(old, new, 0, 4)
    assert whole[:, 0, 0, 0].tolist() == [50, 100, 150, 200, 250, 250]
    assert torch.equal(torch.cat((dissolve(old, new[:3], 0, 4), dissolve(old[3:], new[3:], 3, 4))), whole)


@given(st.integers(0, 600), st.integers(0, 600))
def test_sound_has_exactly_the_samples_asked_for(made: int, wanted: int) -> None:
    sound = exactly(torch.ones(2, made), wanted, 48000)
    assert sound.shape == (2, wanted)
    if made < wanted:
        assert sound[:, made:].abs().sum() == 0
        assert made < 20 or sound[0, made - 1] < 0.01


def test_a_ramp_and_its_reverse_add_up() -> None:
    torch.testing.assert_close(ramp(9) + ramp(9).flip(0), torch.ones(9))


@pytest.mark.parametrize(("strength", "steps"), [(1.0, 8), (0.975, 4), (0.95, 3), (0.5, 1), (0.0, 1)])
def test_a_mild_retake_enters_the_schedule_later(strength: float, steps: int) -> None:
    entered = entering(DISTILLED_STAGE_1, strength)
    assert len(entered) == steps + 1
    assert entered[-1] == 0
