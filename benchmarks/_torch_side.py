"""What benchmarks of networks share: calls timed on their device, and another implementation from a Python file."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
from _report import peak_rss_bytes


class Timed(NamedTuple):
    """Seconds of the first call (choice of kernels, allocation) and of the counted ones, and the peak bytes of these:
    what torch held at most on a GPU, else what the process has held so far."""

    first_s: float
    runs: list[float]
    peak_bytes: int


def timed(call: Callable[[], object], device: torch.device, times: int, *, warm_up: int = 0) -> Timed:
    """A first call, `warm_up` more that aren't counted, and `times` that are."""
    on_gpu = device.type == "cuda"

    def once() -> float:
        if on_gpu:
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        result = call()
        if on_gpu:
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - start
        del result
        return seconds

    first_s = once()
    for _ in range(warm_up):
        once()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    runs = [once() for _ in range(times)]
    return Timed(first_s, runs, torch.cuda.max_memory_allocated(device) if on_gpu else peak_rss_bytes())


def module_of(path: str | Path) -> ModuleType:
    """A Python file as a module, under the name "reference"."""
    spec = importlib.util.spec_from_file_location("reference", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
