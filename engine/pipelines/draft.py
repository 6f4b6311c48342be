"""A draft: the first stage's latents, kept so that finishing refines the very same take."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import load, save
from torch import Tensor

from engine.pipelines.errors import NotPossible

_FORMAT = "ltxdesktop-draft-1"


class StageLatents(NamedTuple):
    """What a stage made, on the CPU: normalised latents (1, C, F, h, w) and (1, C, S, bins), and the noise source.

    noise: the state of the generator after the stage's draws (uint8), from which the next stage goes on.
    """

    video: Tensor | None
    audio: Tensor | None
    noise: Tensor


class Draft(NamedTuple):
    """Stage 1 of one variation, one entry per pass."""

    seed: int
    passes: tuple[StageLatents, ...]

    def tensors(self) -> dict[str, Tensor]:
        """For a safetensors file."""
        return {
            f"{number}.{name}": tensor.contiguous()
            for number, latents in enumerate(self.passes)
            for name, tensor in latents._asdict().items()
            if tensor is not None
        }


def draft_bytes(draft: Draft, metadata: Mapping[str, str] | None = None) -> bytes:
    """The content of a draft file. `metadata` travels along (the recipe, as text)."""
    facts = {"format": _FORMAT, "seed": str(draft.seed), "passes": str(len(draft.passes))}
    return save(draft.tensors(), {**(metadata or {}), **facts})


def load_draft(path: str | os.PathLike[str]) -> Draft:
    """Raises NotPossible for a file that is no draft, OSError for one that cannot be read.

    The file is read here and not by the library, which refuses names that are no UTF-8.
    """
    data = Path(path).read_bytes()
    tensors = load(data)  # checks the header, which is read again for what the library doesn't give
    facts = _metadata(data)
    if facts.get("format") != _FORMAT:
        raise NotPossible(f"{os.fspath(path)} is not a draft of this program")
    passes = tuple(
        StageLatents(tensors.get(f"{number}.video"), tensors.get(f"{number}.audio"), tensors[f"{number}.noise"])
        for number in range(int(facts["passes"]))
    )
    return Draft(int(facts["seed"]), passes)


def _metadata(data: bytes) -> dict[str, str]:
    """What travels along in a safetensors file: its first eight bytes are the length of a JSON header."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header.get("__metadata__", {})
