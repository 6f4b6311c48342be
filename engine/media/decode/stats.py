"""What a reader has done so far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DecodeStats:
    """Work done so far, for tests and benchmarks."""

    packets: int = 0
    frames: int = 0
    seeks: int = 0
