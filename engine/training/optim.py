"""Optimisers for small networks: Muon for matrices, AdamW for everything else, and a moving average of weights.

Muon (K. Jordan 2024, "Muon: an optimizer for hidden layers"): momentum, then the nearest (semi-)orthogonal matrix by a
quintic Newton-Schulz iteration. Scaled by 0.2 sqrt(max(rows, columns)) so that one learning rate serves both optimisers
(J. Liu et al. 2025, "Muon is scalable for LLM training"). Matrices of one shape are stacked and iterated together: a
small transformer has hundreds of them, and one launch for each would cost more than the arithmetic.
"""

# torch's fused operations over lists of tensors are documented by PyTorch's own optimisers, but not exported or
# annotated, and `norm` and `mT` only in part:
# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the quintic in the reference above


def orthogonalise(matrices_NRC: Tensor, iterations: int = 5) -> Tensor:
    """Approximate the orthogonal factor of each matrix; (N, rows, columns) in any float type, bfloat16 out."""
    x = matrices_NRC.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon over 2-D parameters; `weight_decay` is decoupled as in AdamW."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ):
        parameters = list(parameters)
        if any(parameter.ndim != 2 for parameter in parameters):
            raise ValueError("Muon takes matrices only")
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Apply one update from the gradients that are there; parameters without a gradient are left alone."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape[parameter.shape].append(parameter)
            for shape, parameters in by_shape.items():
                self._step_stack(shape, parameters, group)
        return loss

    def _step_stack(self, shape: torch.Size, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        weights: list[Tensor] = [*parameters]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        momenta: list[Tensor] = []
        for parameter in parameters:
            state = self.state[parameter]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(parameter)
            momenta.append(state["momentum"])
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        nesterov = torch._foreach_lerp(gradients, momenta, group["momentum"])
        updates = orthogonalise(torch.stack(nesterov)).to(parameters[0].dtype).unbind(0)
        if group["weight_decay"]:
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        scale = 0.2 * max(shape) ** 0.5
        torch._foreach_add_(weights, list(updates), alpha=-group["lr"] * scale)


class Optimisers:
    """Muon for the named matrices of a network and AdamW for the rest, driven as one."""

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, nn.Parameter]],
        lr: float,
        *,
        muon: Callable[[str, nn.Parameter], bool] = lambda name, parameter: False,
        betas: tuple[float, float] = (0.9, 0.98),
        weight_decay: float = 0.0,
    ):
        matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in named_parameters:
            if parameter.requires_grad:
                (matrices if parameter.ndim == 2 and muon(name, parameter) else rest).append(parameter)
        self.parameters = matrices + rest
        self.lr = lr
        self._optimisers: list[torch.optim.Optimizer] = []
        if matrices:
            self._optimisers.append(Muon(matrices, lr, weight_decay=weight_decay))
        if rest:
            fused = rest[0].is_cuda
            self._optimisers.append(torch.optim.AdamW(rest, lr, betas=betas, weight_decay=weight_decay, fused=fused))

    def step(self, scale: float, clip: float = 1.0) -> Tensor:
        """Clip the gradient to the norm `clip`, step with lr * scale, clear; returns the norm before clipping.

        A gradient with infinities or NaN (bfloat16 overflows once in ten thousand steps) is taken as zero, on the
        device: asking whether it is finite would wait for it.
        """
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        factor = torch.where(torch.isfinite(norm), (clip / (norm + 1e-6)).clamp(max=1.0), 0.0)
        torch._foreach_mul_(gradients, factor)
        for gradient in gradients:
            gradient.nan_to_num_(0.0, 0.0, 0.0)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.lr * scale
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return norm

    def state_dict(self) -> list[dict[str, Any]]:
        return [optimiser.state_dict() for optimiser in self._optimisers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for optimiser, state in zip(self._optimisers, states, strict=True):
            optimiser.load_state_dict(state)


class MovingAverage:
    """Exponential moving average of a network's weights in float32, warmed up so that early steps don't linger."""

    def __init__(self, network: nn.Module, decay: float = 0.999):
        self.network = network
        self.decay = decay
        self.updates = 0
        self.shadow = [parameter.detach().float().clone() for parameter in network.parameters()]

    @torch.no_grad()
    def update(self) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        current = [parameter.detach().float() for parameter in self.network.parameters()]
        torch._foreach_lerp_(self.shadow, current, 1 - decay)

    @torch.no_grad()
    def copy_to(self, network: nn.Module) -> None:
        """Write the averaged weights into a network of the same shape."""
        for parameter, average in zip(network.parameters(), self.shadow, strict=True):
            parameter.copy_(average)

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "shadow": self.shadow}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.updates = state["updates"]
        for mine, theirs in zip(self.shadow, state["shadow"], strict=True):
            mine.copy_(theirs)
