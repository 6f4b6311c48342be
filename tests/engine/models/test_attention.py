"""The attention door against a plain softmax, and the bias that a soft mask becomes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.models.attention import attention, log_bias, preferred_kernels


def plain_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax written out; a mask multiplies the weights before they are normed."""
    weights = torch.einsum("btnh,bsnh->bnts", q, k).div(q.shape[-1] ** 0.5).exp()
    if mask is not None:
        weights = weights * mask[:, None]
    return torch.einsum("bnts,bsnh->btnh", weights / weights.sum(-1, keepdim=True), v)


@pytest.fixture
def qkv() -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, tokens, 3, 8, generator=random) for tokens in (5, 7, 7))


def test_attention_is_softmax_over_all_keys(qkv: tuple[Tensor, Tensor, Tensor]):
    assert torch.allclose(attention(*qkv), plain_attention(*qkv), atol=1e-6)


def test_a_mask_multiplies_attention_weights(qkv: tuple[Tensor, Tensor, Tensor]):
    mask = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(1))
    mask[0, :, 2], mask[1, 3, :6] = 0, 0
    assert torch.allclose(attention(*qkv, log_bias(mask, torch.float32)), plain_attention(*qkv, mask), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_bias_is_the_logarithm_and_stays_finite(dtype: torch.dtype):
    bias = log_bias(torch.tensor([[[1.0, 0.5, 0.0, 1e-40]]]), dtype)
    assert bias.shape == (1, 1, 1, 4)
    assert bias.dtype == dtype
    assert bias[0, 0, 0, 0] == 0
    assert bias[0, 0, 0, 1].item() == pytest.approx(-0.6931, rel=5e-3)
    assert bias[0, 0, 0, 2] == torch.finfo(dtype).min
    assert bias[0, 0, 0, 3].item() == pytest.approx(-87.3, rel=5e-3)


def test_a_token_that_may_see_nothing_is_not_nan(qkv: tuple[Tensor, Tensor, Tensor]):
    q, k, v = qkv
    seen = attention(q, k, v, log_bias(torch.zeros(2, 5, 7), torch.float32))
    assert torch.allclose(seen, v.mean(1, keepdim=True).expand_as(seen), atol=1e-6)


def test_kernel_order_leaves_the_cpu_alone(qkv: tuple[Tensor, Tensor, Tensor]):
    expected = attention(*qkv)
    with preferred_kernels(torch.device("cpu")):
        assert torch.equal(attention(*qkv), expected)
