"""Norms without weights that the autoencoders share."""

from typing import cast

import torch
from torch import Tensor


def vector_norm(x: Tensor, dim: int, *, keepdim: bool = False) -> Tensor:
    """Euclidean norm along one axis, accumulated and returned in float32 at least. Its gradient at zero is zero."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    norm = torch.linalg.vector_norm(x, dim=dim, keepdim=keepdim, dtype=dtype)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # torch.linalg is untyped
    return cast("Tensor", norm)


def inverse_rms(x: Tensor, eps: float) -> Tensor:
    """1 / sqrt(mean of squares over channels (axis 1) + eps), that axis kept; computed in float32, dtype of `x`."""
    return torch.rsqrt(vector_norm(x, 1, keepdim=True).square() / x.shape[1] + eps).to(x.dtype)


def pixel_norm(x: Tensor, eps: float) -> Tensor:
    """Divide by the root mean square over channels (axis 1)."""
    return x * inverse_rms(x, eps)
