"""How loud a sound is over time, for drawing at any zoom: computed once in the background, kept on disk, sliced."""

from __future__ import annotations

import json
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from engine.media.decode import AudioReader, Samples
from engine.media.errors import CorruptMedia, MediaError
from ltxdesktop.media.decoders import FactsOf
from ltxdesktop.media.disk_cache import DiskCache
from ltxdesktop.media.facts import Facts
from ltxdesktop.media.workers import Token, Workers

BIN: Final = 256  # samples of the finest level
STEP: Final = 8  # bins of one level in a bin of the next
LEVELS: Final = 4  # 256, 2,048, 16,384, 131,072 samples

_CHUNK_BINS: Final = 2048  # read at once: 524,288 samples; a multiple of STEP ** (LEVELS - 1)
_FULL: Final = 32767
_MEMORY_BYTES: Final = 128 << 20
_VERSION: Final = 1

Peaks = NDArray[np.int16]  # (3, channels, bins): lowest, highest, root mean square; full scale is 32767
Columns = NDArray[np.float32]  # (channels, columns, 3): lowest, highest, root mean square; full scale is 1

_LOW, _HIGH, _RMS = range(3)


@dataclass(frozen=True, eq=False)
class Waveform:
    """Peaks of a sound from its media's time zero on. Of more than two channels a stereo mix is shown.

    Peaks are rounded away from zero: what is drawn is never quieter than the sound.
    """

    rate: int  # samples a second
    samples: int
    levels: tuple[Peaks, ...]
    known: int  # samples of it that are computed; fewer than `samples` while it's being made

    @property
    def channels(self) -> int:
        return self.levels[0].shape[1]

    def columns(self, start_s: float, end_s: float, columns: int) -> Columns:
        """A stretch of media time as that many columns of a picture; mirrored where the end lies before the start.

        A clip at speed v shows media time start_s .. start_s + duration * v: give these two, and a reversed clip comes
        out reversed. Outside of the sound there is silence.
        """
        if columns <= 0 or start_s == end_s:
            return np.zeros((self.channels, max(0, columns), 3), np.float32)
        first, end = sorted((start_s * self.rate, end_s * self.rate))
        found = self._forward(first, end, columns)
        return found[:, ::-1] if end_s < start_s else found

    def _forward(self, first: float, end: float, columns: int) -> Columns:
        per_column = (end - first) / columns
        level = int(np.clip(np.log(max(1.0, per_column / BIN)) / np.log(STEP) + 1e-9, 0, LEVELS - 1))
        peaks = self.levels[level]
        edges = (first + per_column * np.arange(columns + 1)) / (BIN * STEP**level)
        bins = peaks.shape[2]
        low = np.floor(edges[:-1] + 1e-6).astype(np.int64)
        high = np.maximum(np.ceil(edges[1:] - 1e-6).astype(np.int64), low + 1)
        inside = (high > 0) & (low < bins)
        out = np.zeros((self.channels, columns, 3), np.float32)
        if not inside.any():
            return out
        low, high = low[inside].clip(0, bins - 1), high[inside].clip(1, bins)
        # reduceat takes pairs: [low, high) of each column, and the stretches between them that are thrown away.
        pairs = np.stack([low, high], axis=1).ravel()
        base = int(low.min())
        part = np.concatenate([peaks[:, :, base : int(high.max())], np.zeros_like(peaks[:, :, :1])], axis=2)
        pairs -= base
        squares = part[_RMS].astype(np.float32) ** 2
        counted = (high - low).astype(np.float32)
        out[:, inside, _LOW] = np.minimum.reduceat(part[_LOW], pairs, axis=1)[:, ::2]
        out[:, inside, _HIGH] = np.maximum.reduceat(part[_HIGH], pairs, axis=1)[:, ::2]
        out[:, inside, _RMS] = np.sqrt(np.add.reduceat(squares, pairs, axis=1)[:, ::2] / counted)
        out /= _FULL
        return out

    def to_bytes(self) -> bytes:
        """For the cache on disk: the finest level; the others follow from it."""
        head = json.dumps(
            {"version": _VERSION, "rate": self.rate, "samples": self.samples, "shape": self.levels[0].shape}
        ).encode()
        return struct.pack("<I", len(head)) + head + self.levels[0].astype("<i2").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Waveform:
        """Raises ValueError for anything that `to_bytes` of this version didn't write."""
        try:
            (length,) = struct.unpack_from("<I", data)
            head = cast("dict[str, Any]", json.loads(data[4 : 4 + length]))
            if head["version"] != _VERSION:
                raise ValueError("another version wrote it")
            peaks = np.frombuffer(data, "<i2", offset=4 + length).reshape(head["shape"]).astype(np.int16, copy=False)
            return cls(head["rate"], head["samples"], _levels(peaks), head["samples"])
        except (KeyError, TypeError, struct.error) as exc:
            raise ValueError(f"not a waveform: {exc}") from exc


Done = Callable[[Waveform | MediaError], None]
Progress = Callable[[Waveform], None]


@dataclass
class _Asked:
    done: list[Done]
    progress: list[Progress]


class Waveforms:
    """Makes and keeps waveforms, one file after the other, the newest request first.

    Callbacks come on a thread of this object: pass them on by a signal.
    """

    def __init__(self, facts_of: FactsOf, folder: Path, *, limit_bytes: int = 512 << 20) -> None:
        self._facts_of = facts_of
        self.disk = DiskCache(folder, limit_bytes)
        self._workers = Workers(1, "waveforms")
        self._lock = threading.Lock()
        self._asked: dict[Path, _Asked] = {}
        self._kept: OrderedDict[Path, tuple[str, Waveform]] = OrderedDict()

    def close(self) -> None:
        self._workers.close()

    def finish(self) -> None:
        """Wait until all requests are served: for tests and commands without a window."""
        self._workers.finish()

    def kept(self, path: Path) -> Waveform | None:
        """The waveform if it's in memory: for painting at once. May be of the file as it was before a change."""
        with self._lock:
            found = self._kept.get(path)
            return None if found is None else found[1]

    def request(self, path: Path, done: Done, progress: Progress | None = None) -> None:
        """Have the waveform of a file's sound made, or read. `progress` gets what is known of it every few seconds of
        sound; `known / samples` is how far it is. Asking again while it's being made joins in."""
        with self._lock:
            asked = self._asked.get(path)
            joined = asked is not None and self._workers.has(path)
            if asked is None or not joined:
                asked = self._asked[path] = _Asked([], [])
            asked.done.append(done)
            if progress is not None:
                asked.progress.append(progress)
        if not joined:
            self._workers.put(path, lambda token: self._serve(path, asked, token))

    def drop(self, path: Path) -> None:
        """Nobody wants this one any more: stop making it. Its callbacks aren't called."""
        with self._lock:
            self._asked.pop(path, None)
        self._workers.drop(path)

    def make(self, path: Path, progress: Progress | None = None, token: Token | None = None) -> Waveform | None:
        """The waveform, from memory, disk or the file; None when cancelled by `token`. Raises MediaError."""
        facts = self._facts_of(path, False)
        key = f"{path.absolute()}|{facts.fingerprint}"
        found = self._from_memory(path, key) or self._from_disk(key)
        if found is None:
            found = measure(path, facts, progress, token)
            if found is None:
                return None
            self.disk.write(key, found.to_bytes())
        with self._lock:
            self._kept[path] = (key, found)
            self._kept.move_to_end(path)
            while sum(w.levels[0].nbytes for _, w in self._kept.values()) > _MEMORY_BYTES and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return found

    def _serve(self, path: Path, asked: _Asked, token: Token) -> None:
        def tell(part: Waveform) -> None:
            for call in list(asked.progress):
                call(part)

        try:
            found: Waveform | MediaError | None = self.make(path, tell, token)
        except MediaError as exc:
            found = exc
        except OSError as exc:
            found = CorruptMedia(path, f"it can't be read ({exc})")
        with self._lock:
            if self._asked.get(path) is asked:
                del self._asked[path]
            callbacks = [] if token.cancelled else list(asked.done)
        if found is not None:
            for call in callbacks:
                call(found)

    def _from_memory(self, path: Path, key: str) -> Waveform | None:
        with self._lock:
            found = self._kept.get(path)
            return found[1] if found is not None and found[0] == key else None

    def _from_disk(self, key: str) -> Waveform | None:
        data = self.disk.read(key)
        if data is None:
            return None
        try:
            return Waveform.from_bytes(data)
        except ValueError:
            self.disk.set_aside(key)
            return None


def measure(path: Path, facts: Facts, progress: Progress | None = None, token: Token | None = None) -> Waveform | None:
    """Read the whole sound. None when cancelled. Raises NoAudio and the errors of opening."""
    with AudioReader(path, zero=facts.start_s) as reader:
        channels = min(2, len(reader.channel_names))
        bins = max(1, -(-facts.samples // BIN))
        shape = [(3, channels, -(-bins // STEP**level)) for level in range(LEVELS)]
        levels = tuple(np.zeros(size, np.int16) for size in shape)
        for first in range(0, bins, _CHUNK_BINS):
            if token is not None and token.cancelled:
                return None
            end = min(bins, first + _CHUNK_BINS)
            fine = _peaks(reader.read(first * BIN, min(end * BIN, facts.samples), channels=channels))
            for level, peaks in enumerate(_levels(fine)):
                start = first // STEP**level
                levels[level][:, :, start : start + peaks.shape[2]] = peaks
            if progress is not None and end < bins:
                progress(Waveform(reader.rate, facts.samples, levels, end * BIN))
        return Waveform(reader.rate, facts.samples, levels, facts.samples)


def _peaks(samples: Samples) -> Peaks:
    """The finest level of some samples; the last bin may be short."""
    channels, count = samples.shape
    padding = ((0, 0), (0, -count % BIN))
    bins = np.pad(samples, padding, mode="edge").reshape(channels, -1, BIN)  # the last sample again: no new peak
    sounding = np.pad(samples, padding).reshape(channels, -1, BIN)
    sizes = np.clip(count - BIN * np.arange(bins.shape[1]), 1, BIN)  # samples in each
    squares = np.einsum("cbs,cbs->cb", sounding, sounding, dtype=np.float64) / sizes
    low, high = np.floor(bins.min(axis=2) * _FULL), np.ceil(bins.max(axis=2) * _FULL)
    return np.stack([low, high, np.ceil(np.sqrt(squares) * _FULL)]).clip(-_FULL, _FULL).astype(np.int16)


def _levels(fine: Peaks) -> tuple[Peaks, ...]:
    """The finest level and the coarser ones above it."""
    levels = [fine]
    while len(levels) < LEVELS:
        levels.append(_coarser(levels[-1]))
    return tuple(levels)


def _coarser(peaks: Peaks) -> Peaks:
    missing = -peaks.shape[2] % STEP
    # Repeating the last bin changes neither its peaks nor, by much, its mean.
    padded = np.pad(peaks, ((0, 0), (0, 0), (0, missing)), mode="edge")
    grouped = padded.reshape(3, peaks.shape[1], -1, STEP)
    squares = (grouped[_RMS].astype(np.float32) ** 2).mean(axis=2)
    return np.stack([grouped[_LOW].min(axis=2), grouped[_HIGH].max(axis=2), np.ceil(np.sqrt(squares))]).astype(np.int16)
