"""A draft: the first stage's latents, kept so that finishing refines the very same take."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from safetensors import safe_open  # pyright: ignore[reportUnknownVariableType]  (no types)
from safetensors.torch import save
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
    """Raises NotPossible for a file that is no draft, OSError for one that cannot be read."""
    with cast("Any", safe_open)(Path(path), framework="pt") as opened:
        file = cast("_File", opened)
        facts = file.metadata() or {}
        if facts.get("format") != _FORMAT:
            raise NotPossible(f"{os.fspath(path)} is not a draft of this program")
        names = set(file.keys())

        def tensor(name: str) -> Tensor | None:
            return file.get_tensor(name) if name in names else None

        passes = tuple(
            StageLatents(tensor(f"{number}.video"), tensor(f"{number}.audio"), file.get_tensor(f"{number}.noise"))
            for number in range(int(facts["passes"]))
        )
        return Draft(int(facts["seed"]), passes)


class _File(Protocol):
    """What of an open safetensors file is used here (the library has no types)."""

    def metadata(self) -> dict[str, str] | None: ...
    def keys(self) -> list[str]: ...
    def get_tensor(self, name: str) -> Tensor: ...
