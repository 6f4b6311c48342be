"""The one door through which every network attends, and the bias that a soft attention mask becomes.

Another kernel is put in here and nowhere else. Projections, norms and rotation belong to `layers.py`.
"""

# Shapes: B batch, T query tokens, S key tokens, N heads, H head dim

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel


def attention(q_BTNH: Tensor, k_BSNH: Tensor, v_BSNH: Tensor, bias_BNTS: Tensor | None = None) -> Tensor:
    """Scaled dot product over all keys (no causality), scale 1/sqrt(H); gives (B, T, N, H).

    Heads stand after tokens, as the projections make them: no copy is needed on the way in or out.
    `bias_BNTS` is added to the scores; size 1 broadcasts on B and N. It has the dtype of q.
    """
    y_BNTH = F.scaled_dot_product_attention(
        q_BTNH.transpose(1, 2), k_BSNH.transpose(1, 2), v_BSNH.transpose(1, 2), attn_mask=bias_BNTS
    )
    return y_BNTH.transpose(1, 2)


def log_bias(mask_BTS: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask of strengths in 0..1 as additive bias (B, 1, T, S): log(m), and the lowest finite number where m is 0.

    The logarithm is taken in float32. Lowest finite, not minus infinity: a row without any allowed key then attends
    to all keys alike instead of turning into NaN.
    """
    mask_BTS = mask_BTS.float()
    bias_BTS = mask_BTS.clamp(min=torch.finfo(torch.float32).tiny).log().to(dtype)
    return torch.where(mask_BTS > 0, bias_BTS, torch.finfo(dtype).min).unsqueeze(1)


@contextmanager
def preferred_kernels(device: torch.device) -> Generator[None]:
    """Orders PyTorch's attention kernels for this device while inside; changes nothing where the default is right.

    For inference on NVIDIA Hopper and later cuDNN's kernel comes first (PyTorch's own order starts with
    FlashAttention 2, which does not use those chips' matrix units fully). A call that a kernel can't take falls through
    to the next one. Training keeps PyTorch's order: cuDNN's backward refuses more shapes.
    """
    cuda = device.type == "cuda" and torch.version.hip is None
    if not cuda or torch.is_grad_enabled() or torch.cuda.get_device_capability(device) < (9, 0):
        yield
        return
    order = [
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.MATH,
    ]
    with sdpa_kernel(order, set_priority=True):
        yield
