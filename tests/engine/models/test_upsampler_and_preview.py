"""Upsampler configs and statistics, and the linear preview: what reference values do not show."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from autoencoder_samples import randomise, upsampler_config
from torch import Tensor

from engine.models.errors import UnknownConfigValue
from engine.models.latent_statistics import PerChannelStatistics
from engine.models.preview import LatentToRgb, fit, targets
from engine.models.upsampler import LatentUpsampler, UpsamplerConfig, upsample


def noise(*shape: int, seed: int = 7) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("kind", "grid"), [("x2", (3, 10, 12)), ("x1.5", (3, 8, 9)), ("temporal", (5, 5, 6))])
def test_upsamplers_train_and_give_the_right_grid(kind: str, grid: tuple[int, ...]) -> None:
    network = LatentUpsampler(UpsamplerConfig.from_metadata(upsampler_config(kind, 4, 32, 1)))
    y = network(noise(2, 4, 3, 5, 6))
    assert tuple(y.shape[2:]) == grid
    y.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(("scale", "grid"), [(0.75, (4, 5)), (4.0, (20, 24))])
def test_other_rational_scales(scale: float, grid: tuple[int, int]) -> None:
    metadata = upsampler_config("x1.5", 4, 32, 1) | {"spatial_scale": scale}
    network = LatentUpsampler(UpsamplerConfig.from_metadata(metadata))
    assert tuple(network(noise(1, 4, 2, 5, 6)).shape[3:]) == grid


def test_the_network_sees_raw_latents() -> None:
    network = LatentUpsampler(UpsamplerConfig.from_metadata(upsampler_config("x2", 4, 32, 1)))
    randomise(network)
    statistics = PerChannelStatistics(4)
    statistics.set_to(torch.arange(4.0), torch.arange(1.0, 5.0))
    raw = noise(1, 4, 2, 3, 3)
    result = upsample(network, statistics, statistics.normalise(raw))
    assert torch.allclose(statistics.un_normalise(result), network(raw), atol=1e-4)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"dims": 2}, "dims"),
        ({"temporal_upsample": True}, "temporal_upsample"),
        ({"spatial_upsample": False}, "temporal_upsample"),
        ({"mid_channels": 48}, "mid_channels"),
        ({"spatial_scale": 3.0}, "spatial_scale"),
        ({"spatial_scale": 3.0, "rational_resampler": True}, "spatial_scale"),
        ({"num_blocks_per_stage": 0}, "num_blocks_per_stage"),
    ],
)
def test_upsamplers_we_cannot_build_are_refused_by_name(change: dict[str, Any], key: str) -> None:
    with pytest.raises(UnknownConfigValue) as caught:
        UpsamplerConfig.from_metadata(upsampler_config("x2") | change)
    assert caught.value.key == f"upsampler.{key}"


# Preview --------------------------------------------------------------------------------------------------------------


def test_preview_targets_average_each_latents_own_pixels() -> None:
    pixels = torch.zeros(1, 3, 17, 64, 32)
    pixels[:, 0, 0] = 1  # frame 0 belongs to latent 0 alone
    pixels[:, 1, 1:9, 32:] = 0.5  # frames 1-8 to latent 1
    pixels[:, 2, 16] = 0.8  # the last of latent 2's eight
    rgb = targets(pixels, (3, 2, 1))
    assert rgb.shape == (1, 3, 3, 2, 1)
    assert rgb[0, 0].flatten().tolist() == [1, 1, 0, 0, 0, 0]
    assert rgb[0, 1].flatten().tolist() == [0, 0, 0, 0.5, 0, 0]
    assert rgb[0, 2].flatten().tolist() == pytest.approx([0, 0, 0, 0, 0.1, 0.1], abs=1e-5)


def clips(weights: Tensor, bias: Tensor, count: int, spread: float = 0.0) -> list[tuple[Tensor, Tensor]]:
    """Latents, and pixels that are exactly that linear map of them (plus noise), each spread over 8 frames of 32x32."""
    made: list[tuple[Tensor, Tensor]] = []
    for seed in range(count):
        latent = noise(1, len(weights), 3, 2, 2, seed=seed)
        rgb = torch.einsum("bcthw,cr->brthw", latent, weights) + bias.view(1, 3, 1, 1, 1)
        rgb = rgb + spread * noise(*rgb.shape, seed=100 + seed)
        grown = rgb.repeat_interleave(32, 3).repeat_interleave(32, 4)
        made.append((latent, torch.cat([grown[:, :, :1], grown[:, :, 1:].repeat_interleave(8, 2)], dim=2)))
    return made


def test_fit_finds_a_linear_map_and_its_error() -> None:
    weights, bias = 0.1 * noise(6, 3, seed=1), torch.tensor([-0.2, 0.1, 0.3])
    table, error = fit(clips(weights, bias, 8), ridge=0)
    assert torch.allclose(table.weights, weights, atol=1e-5)
    assert torch.allclose(table.bias, bias, atol=1e-5)
    assert error < 1e-4
    _, noisy_error = fit(clips(weights, bias, 30, spread=0.1))
    assert noisy_error == pytest.approx(0.1, rel=0.1)


def test_fit_survives_a_dead_channel_and_refuses_nothing_at_all() -> None:
    pairs = [
        (latent.clone().index_fill_(1, torch.tensor([2]), 0), pixels)
        for latent, pixels in clips(0.1 * noise(6, 3), torch.zeros(3), 4)
    ]
    table, _ = fit(pairs)
    assert table.weights.isfinite().all()
    with pytest.raises(ValueError, match="no clips"):
        fit([])


def test_preview_pictures_are_bytes_and_the_table_survives_its_file_form() -> None:
    table = LatentToRgb(torch.eye(4)[:, :3], torch.tensor([0.0, 0.0, 0.5]))
    latent = torch.tensor([-2.0, 0.0, 0.5, 9.0]).view(1, 4, 1, 1, 1).expand(1, 4, 2, 3, 5)
    pictures = table(latent.bfloat16())
    assert pictures.dtype == torch.uint8
    assert pictures.shape == (1, 2, 3, 5, 3)
    assert pictures[0, 1, 2, 4].tolist() == [0, 128, 255]
    again = LatentToRgb.from_tensors(table.tensors())
    assert torch.equal(again(latent), pictures)
