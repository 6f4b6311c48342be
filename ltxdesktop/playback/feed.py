"""The sound of a run, block after block: backwards, in loops, faster and slower with its pitch kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ltxdesktop.document.time import samples_at
from ltxdesktop.playback.shuttle import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Read = Callable[[int, int], "NDArray[np.float32]"]

BLOCK_S = 0.08  # of hearing: how much sound is made at once


def ranges(run: Run, sample_rate: int) -> Iterator[tuple[int, int]]:
    """Sample ranges [from, to) in the order of hearing; from > to means backwards. Endless for a loop."""
    low, high = samples_at(run.first, run.rate, sample_rate), samples_at(run.end, run.rate, sample_rate)
    block = max(1, round(BLOCK_S * sample_rate * abs(run.speed)))
    place = samples_at(run.start, run.rate, sample_rate)
    forwards = run.speed > 0
    while True:
        end = min(place + block, high) if forwards else max(place - block, low)
        if end == place:
            if not run.loops or high == low:
                return
            place = low if forwards else high
            continue
        yield place, end
        place = end


def blocks(read: Read, run: Run, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """Samples (n, 2) to be heard one after the other. `read` gives (count, 2) samples from a first one on."""
    if abs(run.speed) == 1:
        for first, end in ranges(run, sample_rate):
            yield _read(read, first, end)
        return
    from ltxdesktop.playback.stretch import Stretch

    stretch = Stretch(sample_rate, abs(run.speed))
    for first, end in ranges(run, sample_rate):
        made = stretch.push(_read(read, first, end))
        if len(made):
            yield made
    yield stretch.finish()


def _read(read: Read, first: int, end: int) -> NDArray[np.float32]:
    return read(first, end - first) if first < end else read(end, first - end)[::-1]
