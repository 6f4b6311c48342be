"""The Linear layer that loaded networks have: it may hold its weight in FP8, and LoRAs beside it.

**How a LoRA is applied.** The weight W of the base is never touched: `lora_down` and `lora_up` stand beside it (several
LoRAs are stacked along the rank, strengths already in `lora_up`), and they come in at use in one of two ways:

  side    y = W x + up (down x)       costs tokens * rank * (in + out); W is read only
  merged  y = (W + up down) x         costs rank * in * out, whatever the number of tokens; one temporary matrix

Whichever is cheaper for the call at hand is taken. For 24,576 tokens and rank 384 the first adds 19 % to a square layer
of 4096, the second 1.6 %; for 300 audio tokens it is the other way round.

Why so, and not W replaced by W + up down in memory: subtracting again is not exact in BF16, so the clean weight would
have to be kept anyway (38 GB for all blocks) or read again. This way a LoRA costs its own bytes, strengths change in
the time it takes to read the LoRA, taking it off gives back the very same bits, an FP8 weight needs no second
quantisation, and a streamed block is handled like a resident one: its LoRA travels with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.loading import fp8


class Linear(nn.Linear):
    """x (..., in) -> (..., out). Parameter names are those of `nn.Linear`, plus the scales of a scaled FP8 file.

    weight        (out, in) in the compute dtype, or FP8
    weight_scale  float32 scalar, or None: W = weight * weight_scale
    input_scale   float32 scalar, or None: the calibrated range of x / 448
    lora_down     (rank, in), lora_up (out, rank) in the compute dtype, or None; not part of the state dict
    scaled_matmul whether this layer may use the device's FP8 multiplication
    """

    weight_scale: Tensor | None
    input_scale: Tensor | None
    lora_down: Tensor | None
    lora_up: Tensor | None

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True, device: str | None = None) -> None:
        super().__init__(in_features, out_features, bias=bias, device=device)  # pyright: ignore[reportUnknownMemberType]  (torch annotates half of it)
        self.register_buffer("weight_scale", None)
        self.register_buffer("input_scale", None)
        self.register_buffer("lora_down", None, persistent=False)
        self.register_buffer("lora_up", None, persistent=False)
        self.scaled_matmul = False

    def reset_parameters(self) -> None:
        """Random weights, as `nn.Linear` draws them; on the meta device there is nothing to draw, and it takes time."""
        if not self.weight.is_meta:
            super().reset_parameters()

    @classmethod
    def in_place_of(cls, old: nn.Linear) -> Linear:
        """A layer with the same parameter objects."""
        new = cls(old.in_features, old.out_features, bias=False, device="meta")
        new.weight = old.weight
        new.bias = old.bias
        return new.train(old.training)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (the name in nn.Linear)
        x, weight, down, up = input, self.weight, self.lora_down, self.lora_up
        if weight.dtype == fp8.FP8:
            scale = self.weight_scale
            if self.scaled_matmul and scale is not None and fp8.scaled_matmul_takes(x, weight):
                y = fp8.scaled_matmul(x, weight, scale, self.input_scale, self.bias)
                return y if down is None or up is None else y + F.linear(F.linear(x, down), up)
            weight = fp8.multiplied_out(weight, scale, x.dtype)
        if down is None or up is None:
            return F.linear(x, weight, self.bias)
        if merging_is_cheaper(x.numel() // self.in_features, self.in_features, self.out_features):
            return F.linear(x, torch.addmm(weight, up, down), self.bias)
        return F.linear(x, weight, self.bias) + F.linear(F.linear(x, down), up)


def merging_is_cheaper(tokens: int, in_features: int, out_features: int) -> bool:
    """Compares the multiplications of the two ways above; the rank falls out. Depends on sizes only, never on where a
    block lives, so that streamed and resident blocks compute the same bits."""
    return tokens * (in_features + out_features) > in_features * out_features


def replace_linears(network: nn.Module) -> None:
    """Puts our Linear in the place of every `nn.Linear` in the network; parameters and names stay."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear:
                setattr(module, name, Linear.in_place_of(child))


def linears(network: nn.Module) -> dict[str, Linear]:
    """All our Linears by their path in the network."""
    modules = cast("Iterable[tuple[str, nn.Module]]", network.named_modules())
    return {name: module for name, module in modules if isinstance(module, Linear)}


def parameter_table(module: nn.Module, kind: str) -> dict[str, Tensor | None]:
    """A module's own dictionary of parameters ("_parameters") or buffers ("_buffers").

    Writing here skips the checks of `setattr`, which take longer than all the rest when 86 tensors of a block are
    exchanged several times a second.
    """
    return cast("dict[str, Tensor | None]", module.__dict__[kind])
