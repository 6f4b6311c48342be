"""Devices before anything is loaded: whether one is there, how it keeps numbers, and what is free on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch

from engine.backends.base import BadRequest, Unsupported
from engine.backends.local.memory import Memory
from engine.loading.fp8 import WeightFormat

KINDS = ("cuda", "mps", "cpu")


def check_device(name: str) -> None:
    """Try a device by name, such as "cuda:1". Raises BadRequest for no name of one, Unsupported where it isn't here."""
    if name.partition(":")[0] not in KINDS:
        raise BadRequest(f"There is no kind of device {name!r}: give cuda, cuda:1, mps or cpu.")
    try:
        torch.empty(1, device=torch.device(name))
    except (RuntimeError, AssertionError, NotImplementedError) as exc:  # each build of torch says it in another way
        raise Unsupported(f"The device {name} can't be used here: choose another --device.", str(exc)) from exc


@dataclass(frozen=True)
class Precision:
    """How numbers are kept: the networks' dtype, a word for it, and how the transformer's matrices lie in memory.

    That is where they have room; else they are FP8_SCALED: half the bytes, with a smaller error than FP8_CAST's.
    """

    dtype: torch.dtype
    name: str
    weights: WeightFormat = WeightFormat.AS_STORED

    @classmethod
    def of(cls, device: torch.device) -> Precision:
        """bfloat16 where the device multiplies it at full speed, else float32. Metal knows no numbers of 8 bits."""
        weights = WeightFormat.FULL if device.type == "mps" else WeightFormat.AS_STORED
        if device.type != "cpu" or _cpu_multiplies_bfloat16():
            return cls(torch.bfloat16, "bfloat16", weights)
        return cls(torch.float32, "float32", weights)


def _cpu_multiplies_bfloat16() -> bool:
    cpu = cast("Any", torch.cpu)
    known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(cpu, name, lambda: False)()) for name in known)


def free_memory(device: torch.device) -> Memory:
    """What is free now, on the device and in the host."""
    import psutil

    host = psutil.virtual_memory().available
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        reusable = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return Memory("cuda", free + reusable, host)
    if device.type == "mps":
        limit = torch.mps.recommended_max_memory()
        return Memory("mps", max(0, limit - torch.mps.driver_allocated_memory()), host)
    return Memory("cpu", host, host)
