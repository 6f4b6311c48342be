"""Rotary position embedding: the angle tables of LTX-2 and the rotation itself.

Source of the formulas: specification "transformer-and-pipelines" 2.3 (LTX-2 `ltx_core/model/transformer/rope.py`).
The highest angle is about 15,700 rad, where float32 resolves 0.001 rad: the order of operations belongs to the model.
"""

# Shapes: B batch (1 when all samples share their positions), A axes, T tokens, N heads, H *half* of a head's width,
# V distinct positions on one axis, K frequencies

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor

from engine.models.config_section import Section
from engine.models.errors import ModelError

RopeType = Literal["split", "interleaved"]


def read_rope_type(section: Section) -> RopeType:
    """From the `transformer` metadata: LTX-2.3 has "split". Raises UnknownConfigValue."""
    return cast("RopeType", section.choice("rope_type", "split", "interleaved", default="split"))


class RotaryTable(NamedTuple):
    """Cosines and sines, one pair per token, head and pair of channels."""

    cos_BTNH: Tensor
    sin_BTNH: Tensor


def distinct(values: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct values (V,) in ascending order, and each element's index into them."""
    return cast("tuple[Tensor, Tensor]", cast("Any", torch).unique(values, return_inverse=True))


def frequencies(count: int, theta: float, *, float64: bool) -> Tensor:
    """f_k = pi/2 * theta^(k / (count - 1)) as float32 (K,), computed in float64 when the config asks for it."""
    precision = torch.float64 if float64 else torch.float32
    exponents_K = torch.linspace(0.0, 1.0, count, dtype=precision)
    return (torch.pow(theta, exponents_K) * (math.pi / 2)).float()


def rotary_table(
    bounds_BAT2: Tensor,
    *,
    dim: int,
    heads: int,
    max_positions: Sequence[float],
    theta: float,
    float64_frequencies: bool,
    dtype: torch.dtype = torch.float32,
) -> RotaryTable:
    """The table of one attention width for tokens that span [start, end) on every axis (seconds or pixels).

    Cosines are taken once per distinct position of each axis (a video of 6144 tokens has 16, 16 and 24 of them) and
    spread over the tokens by index. Axes are interleaved below frequencies; when dim / 2 is not a multiple of the
    axes, the first channels get angle zero. Each head takes the next slice, so heads see different frequencies.

    Raises ModelError when `dim` is too narrow for its axes or can't be split into even heads.
    """
    axes = bounds_BAT2.shape[1]
    count = dim // (2 * axes)
    if count < 1 or dim % heads or (dim // heads) % 2:
        raise ModelError(f"a width of {dim} in {heads} heads can't carry rotary positions on {axes} axes")
    if bounds_BAT2.shape[0] > 1 and bool((bounds_BAT2 == bounds_BAT2[:1]).all()):
        bounds_BAT2 = bounds_BAT2[:1]
    # On the CPU first: MPS has no float64.
    grid_K = frequencies(count, theta, float64=float64_frequencies).to(bounds_BAT2.device)
    middle_BAT = bounds_BAT2.float().mean(dim=-1)

    cos_axes: list[Tensor] = []
    sin_axes: list[Tensor] = []
    for axis, max_position in zip(range(axes), max_positions, strict=True):
        values_V, index_BT = distinct(middle_BAT[:, axis])
        centred_V = 2 * (values_V / max_position) - 1
        angles_VK = centred_V[:, None] * grid_K
        cos_axes.append(angles_VK.cos().to(dtype)[index_BT])
        sin_axes.append(angles_VK.sin().to(dtype)[index_BT])
    cos_BTD = torch.stack(cos_axes, dim=-1).flatten(2)
    sin_BTD = torch.stack(sin_axes, dim=-1).flatten(2)

    missing = dim // 2 - count * axes
    if missing:
        cos_BTD = torch.cat([cos_BTD.new_ones(*cos_BTD.shape[:2], missing), cos_BTD], dim=-1)
        sin_BTD = torch.cat([sin_BTD.new_zeros(*sin_BTD.shape[:2], missing), sin_BTD], dim=-1)
    return RotaryTable(cos_BTD.unflatten(-1, (heads, -1)), sin_BTD.unflatten(-1, (heads, -1)))


def rotate(x_BTNX: Tensor, table: RotaryTable, *, interleaved: bool) -> Tensor:
    """Turns every pair of channels (width X = 2 H) by its angle; gives x's dtype.

    A float32 table rotates in float32, and so does a float16 table on BF16 input, by PyTorch's promotion. A BF16 table
    on BF16 input rounds as the official program does: that is the `reference_rounding` of `Transformer.rotary`.
    Pairs are (i, i + H), or neighbours (2i, 2i + 1) when `interleaved` (an LTX-2.0 option).
    """
    cos, sin = table
    if interleaved:
        a, b = x_BTNX[..., 0::2], x_BTNX[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2).to(x_BTNX.dtype)
    a, b = x_BTNX.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(x_BTNX.dtype)
