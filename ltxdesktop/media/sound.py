"""Samples of any range of any file, exact and quick: decoded blocks are kept, the next one is read ahead."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from engine.media.decode import AudioReader, Samples
from ltxdesktop.media.facts import Facts
from ltxdesktop.media.workers import Token, Workers

_BLOCK: Final = 1 << 16  # samples; 1.4 s at 48 kHz
_OPEN_FILES: Final = 8


class _Sound(NamedTuple):
    """One sound as it is asked for."""

    path: Path
    track: int
    rate: int
    channels: int


class _Reader:
    """An open file; `lock` is held while it's used."""

    def __init__(self, path: Path, track: int, zero: Fraction) -> None:
        self.lock = threading.Lock()
        self.reader = AudioReader(path, track=track, zero=zero)


class SoundBlocks:
    """Decoded blocks of sound within `limit_bytes`, and the few files they come from. Thread-safe.

    Each block equals the same range of the whole sound, converted at once (`engine.media.resample`).
    """

    def __init__(self, facts_of: Callable[[Path], Facts], limit_bytes: int) -> None:
        self._facts_of, self._limit_bytes = facts_of, limit_bytes
        self._lock = threading.Lock()
        self._blocks: OrderedDict[tuple[_Sound, int], Samples] = OrderedDict()
        self._bytes = 0
        self._last: dict[_Sound, int] = {}
        self._readers: OrderedDict[tuple[Path, int], _Reader] = OrderedDict()
        self._ahead = Workers(1, "sound ahead")

    @property
    def bytes(self) -> int:
        return self._bytes

    def close(self) -> None:
        self._ahead.close()
        with self._lock:
            readers = list(self._readers.values())
            self._readers.clear()
            self._blocks.clear()
            self._bytes = 0
        _close(readers)

    def finish(self) -> None:
        """Wait until nothing is read ahead."""
        self._ahead.finish()

    def forget(self, path: Path) -> None:
        """Close a file and drop its blocks."""
        with self._lock:
            for key in [key for key in self._blocks if key[0].path == path]:
                self._bytes -= self._blocks.pop(key).nbytes
            readers = [self._readers.pop(key) for key in list(self._readers) if key[0] == path]
        _close(readers)

    def read(self, path: Path, first: int, count: int, *, rate: int, channels: int, track: int) -> Samples:
        """See `Decoders.samples`."""
        sound = _Sound(path, track, rate, channels)
        out = np.zeros((channels, max(0, count)), np.float32)
        if count <= 0:
            return out
        blocks = range(first // _BLOCK, (first + count - 1) // _BLOCK + 1)
        for block in blocks:
            samples = self._block(sound, block)
            low, high = max(first, block * _BLOCK), min(first + count, (block + 1) * _BLOCK)
            out[:, low - first : high - first] = samples[:, low - block * _BLOCK : high - block * _BLOCK]
        self._read_ahead(sound, blocks[0], blocks[-1] + 1)
        return out

    def _read_ahead(self, sound: _Sound, first: int, following: int) -> None:
        """Have the next block decoded while this one is played, where the caller goes forward."""
        with self._lock:
            last = self._last.get(sound)
            self._last[sound] = following - 1
            goes_on = last is not None and 0 <= first - last <= 1
            if not goes_on or (sound, following) in self._blocks:
                return
        if self._ahead.has(sound):
            return

        def work(token: Token) -> None:
            if not token.cancelled:
                self._block(sound, following)

        self._ahead.put(sound, work)

    def _block(self, sound: _Sound, number: int) -> Samples:
        key = (sound, number)
        with self._lock:
            found = self._blocks.get(key)
            if found is not None:
                self._blocks.move_to_end(key)
                return found
        samples = self._decoded(sound, number)
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = samples
                self._bytes += samples.nbytes
            while self._bytes > self._limit_bytes and len(self._blocks) > 1:
                self._bytes -= self._blocks.popitem(last=False)[1].nbytes
        return samples

    def _decoded(self, sound: _Sound, number: int) -> Samples:
        facts = self._facts_of(sound.path)
        first, end = number * _BLOCK, (number + 1) * _BLOCK
        # Behind the end there's nothing to look for; a reader would decode everything to be sure of that.
        if sound.track == 0 and facts.sample_rate and first > _samples(facts, sound.rate):
            return np.zeros((sound.channels, _BLOCK), np.float32)
        with self._lent(sound, facts) as reader:
            return reader.read(first, end, rate=sound.rate, channels=sound.channels)

    @contextmanager
    def _lent(self, sound: _Sound, facts: Facts) -> Generator[AudioReader]:
        key = (sound.path, sound.track)
        with self._lock:
            opened = self._readers.pop(key, None)
        if opened is None:
            opened = _Reader(sound.path, sound.track, facts.start_s)
        with opened.lock:
            yield opened.reader
        with self._lock:
            second = self._readers.get(key)  # opened by another thread meanwhile
            surplus = [opened] if second is not None else []
            if second is None:
                self._readers[key] = opened
            while len(self._readers) > _OPEN_FILES:
                surplus.append(self._readers.popitem(last=False)[1])
        _close(surplus)


def _samples(facts: Facts, rate: int) -> int:
    return math.ceil(Fraction(facts.samples * rate, facts.sample_rate)) + rate // 10


def _close(readers: list[_Reader]) -> None:
    for opened in readers:
        with opened.lock:
            opened.reader.close()
