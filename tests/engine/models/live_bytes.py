"""Counts the bytes of live tensors, on any device; on "meta" it weighs networks of any size without computing them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class LiveBytes(TorchDispatchMode):
    """While active: `now` and `peak` bytes of the storages of tensors made since, each counted once.

    Tensors that existed before (weights, inputs) do not count; neither do workspaces inside kernels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.peak = 0
        self._holders: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        known = {value.untyped_storage()._cdata for value in _tensors(args)}
        for tensor in _tensors((result,)):
            storage = tensor.untyped_storage()
            if storage._cdata in self._holders or storage._cdata not in known:
                self._hold(tensor, storage._cdata, storage.nbytes())
        self.peak = max(self.peak, self.now)
        return result

    def _hold(self, tensor: Tensor, storage: int, size: int) -> None:
        if storage not in self._holders:
            self._holders[storage] = 0
            self.now += size
        self._holders[storage] += 1
        weakref.finalize(tensor, self._release, storage, size)

    def _release(self, storage: int, size: int) -> None:
        self._holders[storage] -= 1
        if not self._holders[storage]:
            del self._holders[storage]
            self.now -= size


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def peak_of(pieces: Any) -> int:
    """Peak bytes while an iterator is used up, each of its results dropped at once."""
    with LiveBytes() as live, torch.no_grad():
        for piece in pieces:
            del piece
    return live.peak
