"""Who hears of a run and who takes its result, as the runner sees them."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Events(Protocol):
    """Who hears how far it is; JobContext of the backends has these methods. Any of them may raise to cancel."""

    def check(self) -> None: ...
    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None: ...
    def step(self, done: int) -> None: ...
    @property
    def wants_preview(self) -> bool: ...
    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None: ...


class Sink(Protocol):
    """Who takes the result. Every variation gets exactly `task.result` frames and their samples, in order.

    Sound of a pass comes before its pictures; passes come in order of time.
    """

    def pictures(self, frames: Tensor, variation: int) -> None:
        """uint8 (n, H, W, 3) on the CPU, at the made size (a draft's: that of its stage)."""
        ...

    def sound(self, samples: Tensor, variation: int) -> None:
        """float32 (2, n) on the CPU at the task's sample rate."""
        ...


DECODING_STEPS = 100  # decoding tells its progress in per cent
