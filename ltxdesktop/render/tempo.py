"""Sound at another speed with its pitch kept: grains of the source laid over each other where they fit (WSOLA).

The method is Verhelst and Roelands' (ICASSP 1993): grains overlap by half, and each begins, within a few milliseconds
of where it should, at the place that goes on best from the one before. So every grain depends on the one before, and a
sound would depend on where it was begun to be heard. Here it doesn't: each few seconds a chain of grains begins anew at
its exact place, and the one before it is led over to it within half a second: its grains then have to be like those of
the new chain, too, more and more so. Any range therefore equals that range of the whole, however it's asked for, and
two halves of a cut clip go on with the same samples.

    chain 0   |o-o-o-o-o-o-o-o-o|                o = grain
    bridge                      |o-o-o|
    chain 1                     |o-o-o-o-o-o-o-  heard behind the bridge
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ltxdesktop.render.recent import Recent

Samples = NDArray[np.float32]  # (2, n)
Read = Callable[[int, int], Samples]  # first sample, count -> the source; silence where there is none

SLOWEST, FASTEST = 1 / 8, 8  # beyond these nothing is understood any more: it's played as tape is

_HOP_S: Final = 1024 / 48_000  # 21 ms from grain to grain: a few periods of speech, short beside a syllable
_CHAIN: Final = 128  # grains; 2.7 s
_BRIDGE: Final = 24  # grains of the half second from chain to chain
_LED: Final = 3.0  # how much the last of them has to be like the new chain, beside going on from the one before
_COARSE: Final = 4  # samples that are taken together when a place is looked for first
_CHAINS_KEPT: Final = 32


@dataclass(frozen=True)
class Stretched:
    """A source at another speed. Output sample u is heard at source sample u * speed."""

    read: Read
    speed: float
    hop: int  # samples from grain to grain, even
    chains: Recent[Any, NDArray[np.int64]]
    key: object  # of the source and its speed, for the chains

    def samples(self, first: int, count: int) -> Samples:
        """Output samples [first, first + count), (2, count)."""
        hop = self.hop
        numbers = range(first // hop, (first + count - 1) // hop + 2)  # grain j covers (j - 1) hops to (j + 1)
        starts = [self._start(number) for number in numbers]
        low = min(starts)
        source = self.read(low, max(starts) + 2 * hop - low)
        window = _window(hop)
        out = np.zeros((source.shape[0], (len(numbers) + 1) * hop), np.float32)
        for place, start in enumerate(starts):
            grain = source[:, start - low : start - low + 2 * hop]
            out[:, place * hop : (place + 2) * hop] += grain * window
        begin = first - (numbers.start - 1) * hop
        return out[:, begin : begin + count]

    def _start(self, grain: int) -> int:
        """The source sample at which a grain begins."""
        number, place = divmod(grain, _CHAIN)
        return int((self._bridge(number) if place < _BRIDGE else self._chain(number))[place])

    def _chain(self, number: int) -> NDArray[np.int64]:
        """Where the grains of a chain begin; the first is where it should be."""

        def link() -> NDArray[np.int64]:
            wanted = self._wanted(number)
            find = self._finder(wanted)
            found = wanted[:1].tolist()
            for want in wanted[1:]:
                found.append(find(int(want), [(found[-1] + self.hop, 1.0)]))
            return np.array(found)

        return self.chains.get_or_make(("chain", self.key, number), link)

    def _bridge(self, number: int) -> NDArray[np.int64]:
        """Where the grains begin that lead from the chain before to this one."""

        def link() -> NDArray[np.int64]:
            chain, wanted = self._chain(number), self._wanted(number)[:_BRIDGE]
            before = int(self._chain(number - 1)[-1])
            find = self._finder(np.concatenate([[before], wanted]))
            found = [before]
            for place, want in enumerate(wanted):
                led = _LED * (place + 1) / _BRIDGE
                found.append(find(int(want), [(found[-1] + self.hop, 1.0), (int(chain[place]), led)]))
            return np.array(found[1:])

        return self.chains.get_or_make(("bridge", self.key, number), link)

    def _wanted(self, number: int) -> NDArray[np.int64]:
        """Where the grains of a chain would begin if nothing had to fit."""
        grains = np.arange(number * _CHAIN, (number + 1) * _CHAIN)
        return np.rint(grains * (self.hop * self.speed)).astype(np.int64) - self.hop

    def _finder(self, wanted: NDArray[np.int64]) -> Callable[[int, list[tuple[int, float]]], int]:
        """Finds the best place near one of `wanted`, given places whose samples it has to be like, with weights."""
        hop, reach = self.hop, self.hop // 2
        low = int(wanted.min()) - reach
        mono = self.read(low, int(wanted.max()) + reach + 2 * hop - low).mean(axis=0)

        def find(want: int, like: list[tuple[int, float]]) -> int:
            begin = want - reach - low
            region = mono[begin : begin + 2 * reach + hop]
            return want + _best([(mono[at - low :][:hop], weight) for at, weight in like], region, reach)

        return find


def stretched(
    read: Read, speed: float, sample_rate: int, key: object, chains: Recent[Any, NDArray[np.int64]]
) -> Stretched:
    """`key` tells this source at this speed from others in `chains` (`kept_chains`)."""
    assert SLOWEST <= speed <= FASTEST
    return Stretched(read, speed, round(sample_rate * _HOP_S / 8) * 8, chains, key)


def kept_chains() -> Recent[Any, NDArray[np.int64]]:
    """Where the chains of some sounds are kept, to be handed to `stretched`."""
    return Recent(2 * _CHAINS_KEPT)


def _best(templates: list[tuple[NDArray[np.float32], float]], region: NDArray[np.float32], reach: int) -> int:
    """The shift (-reach..reach) at which the region's samples are most like the templates; the smallest of equals.

    The region begins `reach` samples before shift 0. First by means of a few samples, then exactly around that.
    """
    coarse, length = _COARSE, len(templates[0][0])
    means = [(_means(template), weight) for template, weight in templates]
    around = _most_like(means, _means(region), reach / coarse) * coarse
    low, high = max(0, around - coarse), min(2 * reach, around + coarse)
    return low + _most_like(templates, region[low : high + length], reach - low) - reach


def _most_like(templates: list[tuple[NDArray[np.float32], float]], region: NDArray[np.float32], middle: float) -> int:
    likeness = sum(weight * _likenesses(template, region) for template, weight in templates)
    shifts = np.arange(len(region) - len(templates[0][0]) + 1)
    return int(np.argmax(likeness - np.abs(shifts - middle) * 1e-6))


def _likenesses(template: NDArray[np.float32], region: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """The normalised correlation at each shift of the template over the region."""
    products = np.correlate(region, template, "valid")
    sums = np.concatenate([[0.0], np.cumsum(region.astype(np.float64) ** 2)])
    energy = sums[len(template) :] - sums[: -len(template)]
    return products / np.sqrt(np.maximum(energy * float(template @ template), 1e-12))


def _means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    count = len(values) // _COARSE
    return values[: count * _COARSE].reshape(count, _COARSE).mean(axis=1)


@lru_cache(maxsize=4)
def _window(hop: int) -> NDArray[np.float32]:
    """Hann over two hops: its halves add up to 1."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * hop) + 0.5) / hop)).astype(np.float32)
