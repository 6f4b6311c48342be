"""What does sound at another speed cost when it keeps its pitch?  CPU-ms for each second that is heard, 0.5x to 4x.

A minute of stereo noise with a beat in it, asked for in blocks of half a second as an export does. The figure is that
of the slowest of the speeds; each stands beside it.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from _report import report

from ltxdesktop.render.tempo import Samples, kept_chains, stretched

RATE = 48_000
BLOCK = RATE // 2
HEARD_S = 10
SPEEDS = (0.5, 0.75, 1.5, 2.0, 4.0)
RUNS = 5


def source() -> Samples:
    """Noise whose loudness beats twice a second, so that there is something to fit."""
    times = np.arange(60 * RATE, dtype=np.float32) / RATE
    beat = (0.6 + 0.4 * np.sin(4 * np.pi * times)).astype(np.float32)
    return np.random.default_rng(1).standard_normal((2, len(times)), dtype=np.float32) * 0.2 * beat


def main() -> None:
    """Run and report."""
    samples = source()

    def read(first: int, count: int) -> Samples:
        out = np.zeros((2, count), np.float32)
        low, high = max(first, 0), min(first + count, samples.shape[1])
        if high > low:
            out[:, low - first : high - first] = samples[:, low:high]
        return out

    costs: dict[float, list[float]] = {}
    for speed in SPEEDS:
        for _ in range(RUNS):
            sound = stretched(read, speed, RATE, "benchmark", kept_chains())
            began = time.process_time()
            for first in range(0, HEARD_S * RATE, BLOCK):
                sound.samples(first, BLOCK)
            costs.setdefault(speed, []).append((time.process_time() - began) / HEARD_S * 1000)
    slowest = max(SPEEDS, key=lambda speed: statistics.median(costs[speed]))
    report(
        "a second of sound at another speed, its pitch kept",
        costs[slowest],
        unit="ms of CPU",
        settings={"rate": RATE, "block_samples": BLOCK, "heard_s": HEARD_S, "slowest_at": slowest},
        by_speed={str(speed): statistics.median(runs) for speed, runs in costs.items()},
    )


if __name__ == "__main__":
    main()
