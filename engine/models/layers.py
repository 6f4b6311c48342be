"""Layers shared by the transformer and the text connectors: norm, gated attention, feed-forward."""

# Shapes: B batch, T tokens, S context tokens, D width, N heads, H head dim

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.attention import attention
from engine.models.rope import RotaryTable, rotate


def rms(x_BTD: Tensor, eps: float) -> Tensor:
    """x / sqrt(mean(x²) + eps) over the last axis, without weight. The mean is taken in float32 inside the kernel."""
    return F.rms_norm(x_BTD, x_BTD.shape[-1:], eps=eps)


class RMSNorm(nn.Module):
    """RMS norm over the whole last axis with a weight, which may be kept in another dtype than the input."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x_BTD: Tensor) -> Tensor:
        return F.rms_norm(x_BTD, x_BTD.shape[-1:], self.weight.to(x_BTD.dtype), self.eps)


class Attention(nn.Module):
    """Attention with RMS-normed q and k, optional rotation, and one output gate per token and head.

    The gate is 2 * sigmoid(logit), so a logit of zero changes nothing. q and k are normed over the full width before
    they are split into heads. Source: specification 2.6.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int,
        head_dim: int,
        context_dim: int | None = None,
        gated: bool,
        eps: float,
        interleaved_rope: bool = False,
    ) -> None:
        super().__init__()
        inner = heads * head_dim
        context_dim = dim if context_dim is None else context_dim
        self.heads = heads
        self.interleaved_rope = interleaved_rope
        self.q_norm = RMSNorm(inner, eps)
        self.k_norm = RMSNorm(inner, eps)
        self.to_q = nn.Linear(dim, inner)
        self.to_k = nn.Linear(context_dim, inner)
        self.to_v = nn.Linear(context_dim, inner)
        self.to_gate_logits = nn.Linear(dim, heads) if gated else None
        self.to_out = nn.ModuleList([nn.Linear(inner, dim)])

    def forward(
        self,
        x_BTD: Tensor,
        context_BSD: Tensor | None = None,
        *,
        q_rotary: RotaryTable | None = None,
        k_rotary: RotaryTable | None = None,
        bias_BNTS: Tensor | None = None,
        skip: bool | Tensor = False,
    ) -> Tensor:
        """Attends from x to the context, or to x itself when there is none.

        `skip` puts v in the place of the heads' output (spatio-temporal guidance), gate and output projection still
        applied: True for the whole batch, or a tensor (B, 1, 1) that holds 1 for the samples that skip, else 0.
        """
        context_BSD = x_BTD if context_BSD is None else context_BSD
        v_BSNH = self._split(self.to_v(context_BSD))
        if skip is True:
            y_BTNH = v_BSNH
        else:
            q_BTNH = self._split(self.q_norm(self.to_q(x_BTD)))
            k_BSNH = self._split(self.k_norm(self.to_k(context_BSD)))
            if q_rotary is not None:
                q_BTNH = rotate(q_BTNH, q_rotary, interleaved=self.interleaved_rope)
            if k_rotary is not None:
                k_BSNH = rotate(k_BSNH, k_rotary, interleaved=self.interleaved_rope)
            # Under autocast the norms come back in float32.
            y_BTNH = attention(q_BTNH.to(v_BSNH.dtype), k_BSNH.to(v_BSNH.dtype), v_BSNH, bias_BNTS)
            if isinstance(skip, Tensor):
                y_BTNH = torch.lerp(y_BTNH, v_BSNH, skip.to(v_BSNH.dtype).unsqueeze(-1))
        if self.to_gate_logits is not None:
            y_BTNH = y_BTNH * (2 * torch.sigmoid(self.to_gate_logits(x_BTD))).unsqueeze(-1)
        return self.to_out[0](y_BTNH.flatten(2))

    def _split(self, x_BTD: Tensor) -> Tensor:
        return x_BTD.reshape(*x_BTD.shape[:2], self.heads, -1)


class GeluLinear(nn.Module):
    """Linear, then GELU in its tanh form."""

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, inner)

    def forward(self, x_BTD: Tensor) -> Tensor:
        return F.gelu(self.proj(x_BTD), approximate="tanh")


class FeedForward(nn.Module):
    """Linear to four times the width, GELU, Linear back.

    `chunk_tokens` set: the tokens pass in pieces of that size, so that the wide activation never stands in memory for
    all of them (24,576 tokens x 16,384 channels are 0.8 GB in BF16). The values are the same up to rounding.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.chunk_tokens: int | None = None
        self.net = nn.Sequential(GeluLinear(dim, 4 * dim), nn.Identity(), nn.Linear(4 * dim, dim))

    def forward(self, x_BTD: Tensor) -> Tensor:
        if self.chunk_tokens is None or x_BTD.shape[1] <= self.chunk_tokens:
            return self.net(x_BTD)
        starts = range(0, x_BTD.shape[1], self.chunk_tokens)
        return torch.cat([self.net(x_BTD[:, start : start + self.chunk_tokens]) for start in starts], dim=1)
