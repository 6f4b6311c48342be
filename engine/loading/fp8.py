"""Numbers of eight bits: how weights get there and back, and what the device can multiply. No modules, no files.

Two kinds of FP8 weight, both E4M3 (specification "transformer-and-pipelines" 7.3):
scaled, W = weight * weight_scale with one float32 scale per tensor, as the `-fp8` files have it; and cast, W = weight,
as if BF16 had been rounded to fewer bits.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, cast

import torch
from torch import Tensor

FP8: Final = torch.float8_e4m3fn
_scaled_mm = cast("Callable[..., Tensor]", vars(torch)["_scaled_mm"])  # no public name in every torch that we run on
FP8_MAX: Final = 448.0  # the largest finite E4M3 number; a larger one turns into NaN


class WeightFormat(enum.Enum):
    """How the big matrices of the transformer's blocks are kept in memory. Everything else stays in the given dtype."""

    AS_STORED = "as stored"
    """Scaled or cast FP8 where the file has it, the given dtype elsewhere."""
    FULL = "full"
    """The given dtype everywhere: FP8 weights are multiplied out."""
    FP8_SCALED = "fp8 scaled"
    """FP8 with one scale per matrix: half the memory of BF16, and the device's FP8 multiplication where it has one."""
    FP8_CAST = "fp8 cast"
    """FP8 without a scale. The reference program's lighter mode, kept for comparison: small weights fall among E4M3's
    coarse numbers. RMS error of normal weights with deviation 1/64: 3.9 %, with 1/128: 7.2 %; FP8_SCALED: 2.6 %."""


# The Linears of a block that a conversion on loading quantises: those of the reference's cast mode. Gates stay as they
# are (32 outputs, nothing to save). Biases stay too, where the reference casts them: 0.02 % of the bytes.
_QUANTISED_LAYERS: Final = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2")


def is_quantised_layer(name: str) -> bool:
    """Whether `name`, a Linear's path in the transformer, is one that a conversion to FP8 is meant for."""
    return name.startswith("transformer_blocks.") and name.endswith(_QUANTISED_LAYERS)


def quantise_scaled(weight: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest FP8 weight and its float32 scale (a scalar): the largest element becomes 448."""
    scale = (weight.abs().amax().float() / FP8_MAX).clamp(min=torch.finfo(torch.float32).tiny)
    return (weight.float() / scale).clamp(-FP8_MAX, FP8_MAX).to(FP8), scale


def quantise_cast(weight: Tensor) -> Tensor:
    """The nearest FP8 weight without a scale."""
    return weight.clamp(-FP8_MAX, FP8_MAX).to(FP8)


def multiplied_out(weight: Tensor, scale: Tensor | None, dtype: torch.dtype) -> Tensor:
    """An FP8 weight in `dtype`, rounded once: every FP8 number is exact in BF16 and wider."""
    weight = weight.to(dtype)
    return weight if scale is None else weight * scale


def has_scaled_matmul(device: torch.device) -> bool:
    """Whether the device multiplies FP8 matrices itself: NVIDIA from Ada (compute capability 8.9) on."""
    if device.type != "cuda" or torch.version.hip is not None:
        return False
    return torch.cuda.get_device_capability(device) >= (8, 9)


def scaled_matmul_takes(x: Tensor, weight: Tensor) -> bool:
    """The device's kernel wants both sides in multiples of 16, gives 16 bit numbers, and has no backward pass."""
    out_features, in_features = weight.shape
    fits = in_features % 16 == 0 and out_features % 16 == 0 and x.dtype in (torch.bfloat16, torch.float16)
    return fits and not (torch.is_grad_enabled() and x.requires_grad)


def scaled_matmul(
    x: Tensor, weight: Tensor, weight_scale: Tensor, input_scale: Tensor | None, bias: Tensor | None
) -> Tensor:
    """x W^T + bias by the device's FP8 multiplication, x quantised on the way in.

    `x` (..., in), `weight` (out, in) FP8, both scales float32 scalars. Without an `input_scale` (a weight that was
    quantised on loading) it is taken from x itself.
    """
    rows = x.reshape(-1, x.shape[-1])
    if input_scale is None:
        input_scale = (rows.abs().amax().float() / FP8_MAX).clamp(min=torch.finfo(torch.float32).tiny)
    # An outlier beyond the calibrated range: torch 2.13 saturates by itself, conversions before that gave NaN.
    quantised = (rows / input_scale).clamp(-FP8_MAX, FP8_MAX).to(FP8)
    y = _scaled_mm(
        quantised,
        weight.t(),
        scale_a=input_scale,
        scale_b=weight_scale,
        bias=bias,
        out_dtype=x.dtype,
        use_fast_accum=True,
    )
    return y.view(*x.shape[:-1], -1)
