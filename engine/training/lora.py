"""Train a LoRA: small matrices beside the frozen Linears of a transformer, saved in the official key format.

The same code makes Pocket's style and camera LoRAs, its distilled LoRA (distil.py), and a person's own
from their clips (clips.py).
"""

# torch leaves `backward` and `manual_seed` half annotated:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.loading.lora import save_lora
from engine.models.transformer import Transformer
from engine.training.flow import BatchMaker, FlowModel, FlowTraining, learn_from
from engine.training.latents import LatentClips
from engine.training.optim import Optimisers
from engine.training.run import Budget, Randomness, Run, warm_cosine

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


def attention_linears(name: str) -> bool:
    """The official trainer's default targets: the four projections of every attention."""
    return "transformer_blocks." in name and name.endswith(ATTENTION)


def block_linears(name: str) -> bool:
    """Every Linear inside the blocks but the gates."""
    return "transformer_blocks." in name and not name.endswith("to_gate_logits")


class LoraPair(nn.Module):
    """y += strength * B A x beside one Linear. A is drawn, B starts at zero, so training starts at the base."""

    def __init__(self, linear: nn.Linear, rank: int):
        super().__init__()
        device = linear.weight.device
        rank = min(rank, linear.in_features, linear.out_features)
        self.lora_A = nn.Parameter(torch.randn(rank, linear.in_features, device=device) / math.sqrt(linear.in_features))
        self.lora_B = nn.Parameter(torch.zeros(linear.out_features, rank, device=device))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.linear(x, self.lora_A), self.lora_B)


class LoraAdapter(nn.Module):
    """LoRA pairs hooked onto the chosen Linears of a transformer; with `strength` 0 the base answers alone."""

    def __init__(self, transformer: Transformer, rank: int, targets: Callable[[str], bool]):
        super().__init__()
        self.strength = 1.0
        self._names: list[str] = []
        self.pairs = nn.ModuleList()
        modules = cast("Iterable[tuple[str, nn.Module]]", transformer.named_modules())
        for name, module in list(modules):
            if isinstance(module, nn.Linear) and targets(name):
                pair = LoraPair(module, rank)
                self._names.append(name)
                self.pairs.append(pair)
                module.register_forward_hook(self._hook(pair))
        if not self._names:
            raise ValueError("no Linear of the transformer is a target of this LoRA")

    def _hook(self, pair: LoraPair) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
        def add(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> Tensor:
            return result + pair(given[0]) if self.strength else result

        return add

    def save(self, path: Path, metadata: dict[str, str] | None = None) -> None:
        """Write a LoRA file, bfloat16, that any LTX-2 program reads."""
        pairs: dict[str, tuple[Tensor, Tensor]] = {}
        for name, pair in zip(self._names, self.pairs, strict=True):
            assert isinstance(pair, LoraPair)
            pairs[name] = (pair.lora_A.detach().bfloat16().cpu(), pair.lora_B.detach().bfloat16().cpu())
        save_lora(path, pairs, metadata=metadata)


@dataclass(frozen=True)
class LoraTraining:
    """Settings of a LoRA run. `rank` is cut to the size of each Linear."""

    rank: int = 8
    learning_rate: float = 2e-3
    tokens_per_batch: int = 24_000
    seed: int = 0
    targets: Callable[[str], bool] = attention_linears


def freeze(model: nn.Module) -> None:
    """No gradients for the base: neither memory nor time goes there."""
    model.requires_grad_(requires_grad=False)


def train_lora(
    model: FlowModel, buckets: Sequence[LatentClips], folder: Path, budget: Budget, training: LoraTraining | None = None
) -> LoraAdapter:
    """Train a LoRA on encoded clips with the same random tasks as the base, so that it works in every mode."""
    training = training or LoraTraining()
    torch.manual_seed(training.seed)
    device = next(model.parameters()).device
    freeze(model)
    adapter = LoraAdapter(model.transformer, training.rank, training.targets)
    randomness = Randomness(training.seed, device)
    # looks and camera moves are in the background as much as in the objects
    settings = FlowTraining(tokens_per_batch=training.tokens_per_batch, detail_strength=0.0, seed=training.seed)
    batches = BatchMaker(buckets, settings, randomness, model)
    optimisers = Optimisers(adapter.named_parameters(), training.learning_rate)
    parts: dict[str, Any] = {"adapter": adapter, "optimisers": optimisers, "randomness": randomness}
    run = Run(folder, budget, parts)
    for _, fraction in run.steps():
        video, audio = learn_from(batches, model, device)
        run.log(video=video, audio=audio, norm=optimisers.step(warm_cosine(fraction)))
    return adapter
