"""Rotation tables and the rotation equal the reference, and don't depend on how tokens are put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_transformer import read_case
from torch import Tensor

from engine.models.errors import ModelError
from engine.models.rope import RotaryTable, frequencies, rotary_table, rotate

TIGHT = 1e-6
VIDEO_MAX = (20, 2048, 2048)


@pytest.fixture
def case(golden: Path) -> dict[str, Tensor]:
    return read_case(golden, "rope")[1]


def build(positions: Tensor, dim: int, heads: int, max_positions: tuple[float, ...], **options: Any) -> RotaryTable:
    return rotary_table(
        positions,
        dim=dim,
        heads=heads,
        max_positions=max_positions,
        theta=10000.0,
        float64_frequencies=options.pop("float64_frequencies", True),
        **options,
    )


def check_table(table: RotaryTable, case: dict[str, Tensor], name: str, tolerance: float) -> None:
    """Golden tables have heads before tokens."""
    assert (table.cos_BTNH.transpose(1, 2) - case[f"{name}.cos"]).abs().max() <= tolerance
    assert (table.sin_BTNH.transpose(1, 2) - case[f"{name}.sin"]).abs().max() <= tolerance


def points(indices: Tensor) -> Tensor:
    return indices.float()[None, None, :, None].expand(1, 1, len(indices), 2)


def test_golden_tables_of_both_streams_and_the_bridge(case: dict[str, Tensor]):
    video, audio = case["video.positions"], case["audio.positions"]
    check_table(build(video, 40, 4, VIDEO_MAX), case, "video", TIGHT)
    check_table(build(audio, 24, 4, (20,)), case, "audio", TIGHT)
    check_table(build(video[:, :1], 24, 4, (20,)), case, "cross_video", TIGHT)
    check_table(build(audio, 24, 4, (20,)), case, "cross_audio", TIGHT)


def test_golden_tables_of_the_connectors(case: dict[str, Tensor]):
    positions = points(case["connector_indices"])
    check_table(build(positions, 40, 4, (4096,)), case, "connector_video", TIGHT)
    check_table(build(positions, 24, 4, (4096,)), case, "connector_audio", TIGHT)


def test_golden_tables_of_the_released_widths(case: dict[str, Tensor]):
    positions = case["full_video.positions"]
    # Angles reach 15,700 rad: another sine routine may differ by more than it would near zero.
    check_table(build(positions, 4096, 32, VIDEO_MAX), case, "full_video", 2e-3)
    check_table(build(positions[:, :1], 2048, 32, (20,)), case, "full_cross", 2e-3)


def test_golden_rotation(case: dict[str, Tensor]):
    x_BTNH = case["rotate.input"].unflatten(-1, (4, 10))
    rotated = rotate(x_BTNH, build(case["video.positions"], 40, 4, VIDEO_MAX), interleaved=False)
    assert (rotated.flatten(2) - case["rotate.expected"]).abs().max() < TIGHT


def test_bf16_channels_turn_in_float32_by_a_float16_table(case: dict[str, Tensor]):
    """What the compact table adds stays far below BF16's own rounding; a BF16 table's error does not."""
    x_BTNH = case["rotate.input"].unflatten(-1, (4, 10)).bfloat16()
    exact = build(case["video.positions"], 40, 4, VIDEO_MAX)
    expected = rotate(x_BTNH.float(), exact, interleaved=False)

    def error(dtype: torch.dtype) -> float:
        table = build(case["video.positions"], 40, 4, VIDEO_MAX, dtype=dtype)
        assert table.cos_BTNH.dtype == dtype
        return float((rotate(x_BTNH, table, interleaved=False).float() - expected).square().mean().sqrt())

    best = float((expected.bfloat16().float() - expected).square().mean().sqrt())
    assert error(torch.float32) < 1.02 * best
    assert error(torch.float16) < 1.05 * best
    assert error(torch.bfloat16) > 1.3 * best


def test_frequencies_of_float64_differ_from_float32_where_it_matters():
    exact, rough = frequencies(682, 10000.0, float64=True), frequencies(682, 10000.0, float64=False)
    assert exact.dtype == rough.dtype == torch.float32
    assert exact[0] == rough[0]
    assert 1e-4 < (exact - rough).abs().max() < 1e-1


def test_neighbour_pairs_turn_by_the_same_angles_as_half_pairs():
    positions = points(torch.arange(5))
    table = build(positions, 24, 2, (4096,))
    x = torch.randn(1, 5, 2, 12, generator=torch.Generator().manual_seed(0))
    halves = torch.cat([x[..., 0::2], x[..., 1::2]], dim=-1)
    turned = rotate(halves, table, interleaved=False)
    expected = torch.stack(turned.chunk(2, dim=-1), dim=-1).flatten(-2)
    assert torch.equal(rotate(x, table, interleaved=True), expected)


@given(st.permutations(range(24)), st.integers(1, 3))
def test_a_token_s_angles_depend_on_its_own_position_alone(order: list[int], batch: int):
    """So appended tokens, slices and batches need no other table: the distinct-value shortcut must not show."""
    grid = torch.cartesian_prod(torch.arange(4.0) / 3, torch.arange(2.0) * 32, torch.arange(3.0) * 32)
    positions = torch.stack([grid, grid + 1], dim=-1).transpose(0, 1)[None]
    table = build(positions, 40, 4, VIDEO_MAX)
    shuffled = positions[:, :, order[:9]].repeat(batch, 1, 1, 1)
    if batch > 1:
        shuffled[0, 0] += 0.25  # samples that differ keep a table each
    part = build(shuffled, 40, 4, VIDEO_MAX)
    assert part.cos_BTNH.shape[0] == batch
    assert torch.equal(part.cos_BTNH[-1], table.cos_BTNH[0, order[:9]])
    assert torch.equal(part.sin_BTNH[-1], table.sin_BTNH[0, order[:9]])


@pytest.mark.parametrize(("dim", "heads"), [(4, 1), (42, 4), (36, 4)])
def test_widths_that_cannot_turn_are_refused(dim: int, heads: int):
    with pytest.raises(ModelError, match=f"a width of {dim} in {heads} heads"):
        build(torch.zeros(1, 3, 2, 2), dim, heads, VIDEO_MAX)
