"""The preview table of a model: shipped beside its checkpoint, else fitted once from its own encoder and kept.

No table is shipped for models of others: it is fitted in a moment from the model's own latents of soft random pictures.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from engine.backends.local.lending import LocalNetworks
from engine.models.preview import LatentToRgb, fit
from engine.pipelines.signals import dtype_of

_PICTURES = 24
_SIDE = 128  # pixels: sixteen latent positions each


def preview_table(networks: LocalNetworks, cache: Path) -> LatentToRgb | None:
    """The table, from beside the checkpoint, from the cache, or fitted now. None if it can't be had."""
    checkpoint = networks.checkpoint.path
    shipped = checkpoint.with_name(f"{checkpoint.stem}.preview")
    stat = checkpoint.stat()
    key = hashlib.sha256(f"{checkpoint}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()[:24]
    kept = cache / f"{key}.preview"
    for path in (shipped, kept):
        with contextlib.suppress(OSError, KeyError, ValueError):
            return LatentToRgb.from_tensors(load(path.read_bytes()))
    table = fitted(networks)
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(save({name: tensor.contiguous() for name, tensor in table.tensors().items()}))
    return table


@torch.no_grad()
def fitted(networks: LocalNetworks) -> LatentToRgb:
    """Least squares over soft random pictures that move, encoded by the model's own video encoder."""
    generator = torch.Generator().manual_seed(0)
    with networks.video_encoder() as encoder:
        dtype = dtype_of(encoder)

        def pairs() -> Iterator[tuple[Tensor, Tensor]]:
            for number in range(_PICTURES):
                clip = soft_clip(generator, frames=1 if number % 2 else 9)
                yield encoder(clip.to(networks.device, dtype)).float().cpu(), clip

        table, _ = fit(pairs())
    return table


def soft_clip(generator: torch.Generator, frames: int) -> Tensor:
    """Smooth coloured clouds that change slowly: (1, 3, frames, side, side) in -1..1."""
    ends = torch.randn(1, 3, 2, 5, 5, generator=generator)
    clouds = torch.nn.functional.interpolate(
        ends, (max(2, frames), _SIDE, _SIDE), mode="trilinear", align_corners=True
    )[:, :, :frames]
    tint = torch.randn(1, 3, 1, 1, 1, generator=generator)
    return torch.tanh(0.8 * clouds + tint)
