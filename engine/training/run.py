"""What every training stage shares: a folder that can be resumed, a log line per step, a budget, a schedule."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


def mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 arithmetic over float32 weights on a GPU; float32 throughout on a CPU.

    WORKAROUND: on the CPU, torch 2.13 gives NaN in the weight gradient of some bfloat16 3-D convolutions (seen: 64 to
    64 channels over 2 x 4 x 8 positions, oneDNN, avx512_bf16). Goes when tests/engine/training/test_run.py says so.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type != "cpu")


@contextmanager
def plain_attention(device: torch.device) -> Generator[None]:
    """On a CPU, attention of a few hundred tokens by plain products; elsewhere as torch chooses.

    Backward passes belong in here too: a block that is computed again for its gradient has to be computed alike.
    """
    if device.type == "cpu":
        with sdpa_kernel(SDPBackend.MATH):
            yield
    else:
        yield


@contextmanager
def transformer_arithmetic(device: torch.device) -> Generator[None]:
    """bfloat16 over float32 weights on every device: a transformer has no convolution that would go wrong.

    Measured on one core with 3,500 tokens and plain attention: a step takes 0.80 s so, and 1.16 s in float32
    (2026-11-21).
    """
    with torch.autocast(device.type, torch.bfloat16), plain_attention(device):
        yield


class Stateful(Protocol):
    """Anything whose state a checkpoint keeps: networks, optimisers, averages, generators."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


class Randomness:
    """All chance of a run; its place in both sequences is part of a checkpoint, so that a resumed run draws what it
    would have drawn.

    `generator` draws tensors on the device, `choices` decides small things on the CPU while the device is busy.
    """

    def __init__(self, seed: int, device: torch.device | str):
        self.generator = torch.Generator(device).manual_seed(seed)
        self.choices = np.random.default_rng(seed)

    def state_dict(self) -> dict[str, Any]:
        # as text: the numbers are wider than any tensor's, and a checkpoint holds nothing that needs unpickling
        return {"state": self.generator.get_state(), "choices": json.dumps(self.choices.bit_generator.state)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["state"].cpu())
        self.choices.bit_generator.state = json.loads(state["choices"])


@dataclass(frozen=True)
class Budget:
    """When a stage ends: after `steps`, or after `minutes` if that comes first.

    A run that ends by steps is repeated exactly by the same seed on the same device; one cut by minutes is repeated by
    passing the number of steps that its log shows.
    """

    steps: int
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or (self.minutes is not None and self.minutes <= 0):
            raise ValueError(f"a budget needs at least one step and a positive time, not {self.steps}, {self.minutes}")


def warm_cosine(fraction: float, warm_up: float = 0.02, floor: float = 0.02) -> float:
    """Learning-rate factor at a fraction 0..1 of the run: linear warm-up, cosine down to `floor`."""
    if fraction < warm_up:
        return fraction / warm_up + 1e-3
    decayed = (fraction - warm_up) / (1 - warm_up)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, decayed)))


def warm_stable_decay(fraction: float, warm_up: float = 0.02, decay: float = 0.3, floor: float = 0.02) -> float:
    """Learning-rate factor: linear warm-up, constant, then a straight line down to `floor` in the last `decay`."""
    if fraction < warm_up:
        return fraction / warm_up + 1e-3
    return min(1.0, max(floor, (1 - fraction) / decay))


_STATE = "state.pt"


def has_state(folder: Path) -> bool:
    """Whether a run in this folder would go on instead of begin."""
    return (folder / _STATE).exists()


class Run:
    """One training stage: yields (step, fraction of the budget), logs lines, saves and resumes.

    `folder/log.jsonl` gets one JSON object a line. `folder/state.pt` holds the last saved state, written to a temporary
    name first, so that a run killed at any moment resumes from a whole file.
    """

    SAVE_EVERY_SECONDS = 60.0

    def __init__(self, folder: Path, budget: Budget, parts: Mapping[str, Stateful], *, print_every: int = 50):
        self.folder = folder
        self.budget = budget
        self.parts = parts
        self.print_every = print_every
        self.step = 0
        self.seconds = 0.0
        self._lines: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._state_path = folder / _STATE
        if has_state(folder):
            self._resume()

    @property
    def seconds_left(self) -> float:
        """How long the rest takes at the pace so far; infinite before the first step."""
        used = self.fraction
        return self.seconds / used * (1 - used) if used > 0 else math.inf

    @property
    def fraction(self) -> float:
        """How much of the budget is used, 0..1: the larger of steps and minutes."""
        by_steps = self.step / self.budget.steps
        by_time = 0.0 if self.budget.minutes is None else self.seconds / 60 / self.budget.minutes
        return min(1.0, max(by_steps, by_time))

    def steps(self) -> Iterator[tuple[int, float]]:
        """Yield (step, fraction) until the budget is used; saves about once a minute and at the end."""
        begin = time.monotonic() - self.seconds
        saved = time.monotonic()
        while self.fraction < 1.0:
            yield self.step, self.fraction
            self.step += 1
            self.seconds = time.monotonic() - begin
            if time.monotonic() - saved > self.SAVE_EVERY_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()

    def log(self, **values: float | str | torch.Tensor) -> None:
        """Add a line for this step. Tensors stay on the device until some lines are written together: a stop for
        reading a loss at each step would cost a small network a third of its speed."""
        self._lines.append({"step": self.step, "seconds": round(self.seconds, 2)} | values)
        if len(self._lines) >= self.print_every:
            self.flush()

    def flush(self) -> None:
        """Write the waiting lines to log.jsonl and print the newest."""
        if not self._lines:
            return
        for line in self._lines:
            for name, value in line.items():
                number = value.item() if isinstance(value, torch.Tensor) else value
                line[name] = round(number, 5) if isinstance(number, float) else number
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.writelines(json.dumps(line) + "\n" for line in self._lines)
        left = f"{self.seconds_left / 60:.1f} min left" if math.isfinite(self.seconds_left) else ""
        print(self.folder.name, json.dumps(self._lines[-1]), left, flush=True)
        self._lines.clear()

    def save(self) -> None:
        """Write the state of every part, whole or not at all."""
        self.flush()
        state = {"step": self.step, "seconds": self.seconds}
        state |= {name: part.state_dict() for name, part in self.parts.items()}
        unfinished = self._state_path.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self._state_path)

    def _resume(self) -> None:
        state = torch.load(self._state_path, map_location="cpu", weights_only=True)
        self.step = state["step"]
        self.seconds = state["seconds"]
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
