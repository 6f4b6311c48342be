"""Open decoders of films, lent to one caller at a time: how many stay open, and how many threads each has."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.media.decode import VideoReader
from ltxdesktop.media.facts import Facts

# More threads than this make a seek slower: each holds back one picture.
THREADS: Final = min(8, os.cpu_count() or 1)

# In an export the encoder wants the cores, and one thread decodes 1080p faster than it's encoded.
_THREADS_ONCE: Final = max(1, min(THREADS, (os.cpu_count() or 1) // 4))

_SMALL_PIXELS: Final = 1280 * 720
_FULL_HD_PIXELS: Final = 1920 * 1088

# A decoder holds about so many pictures beside those of its threads (the references of H.264 and HEVC).
_HELD_BY_DECODER: Final = 6
_READERS_PER_FILE: Final = 2  # idle ones: two clips of one file may play at once


@dataclass
class Source:
    """A file in use: what is known of it, and what was asked of it."""

    path: Path
    facts: Facts
    checked_s: float
    last: int | None = None  # the stored picture asked for last
    recent: deque[int] = field(default_factory=deque[int])  # pictures kept because they were shown
    failed: dict[int, str] = field(default_factory=dict[int, str])  # pictures that can't be decoded, and why


@dataclass
class _Open:
    """A reader, and when it was given back last."""

    source: Source
    reader: VideoReader
    bytes: int
    used: int = 0


class Readers:
    """Open `VideoReader`s, lent to one caller at a time. Beyond `limit_bytes` (estimated) idle ones are closed, and
    those that weren't wanted while others were lent `idle_loans` times."""

    def __init__(
        self,
        limit_bytes: int,
        idle_loans: int | None = None,
        closed: Callable[[Path], None] = lambda path: None,
        threads_for: Callable[[Facts], int] | None = None,
    ) -> None:
        """`closed` is told of each file of which a reader was closed; `threads_for` says how many decode a file."""
        self._limit_bytes, self._idle_loans, self._closed = limit_bytes, idle_loans, closed
        self._threads = threads_for or usual_threads
        self._lock = threading.Lock()
        self._idle: list[_Open] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._idle)

    @contextmanager
    def lent(self, source: Source, frame: int) -> Generator[VideoReader]:
        """A reader of the file for a block: one that goes on to `frame` if there is one, else the longest unused."""
        opened = self._take(source, frame)
        try:
            yield opened.reader
        except BaseException:
            opened.reader.close()
            raise
        self._give_back(opened)

    def close_file(self, path: Path) -> None:
        self._close([opened for opened in self._idle if opened.source.path == path])

    def close(self) -> None:
        self._close(list(self._idle))

    def _take(self, source: Source, frame: int) -> _Open:
        with self._lock:
            mine = [opened for opened in self._idle if opened.source is source]
            ready = [opened for opened in mine if opened.reader.goes_on_to(frame)]
            if ready:
                chosen = max(ready, key=lambda opened: opened.reader.next_frame or 0)
            elif len(mine) >= _READERS_PER_FILE:
                chosen = min(mine, key=lambda opened: opened.used)
            else:
                chosen = None
            if chosen is not None:
                self._idle.remove(chosen)
                return chosen
        threads = self._threads(source.facts)
        reader = VideoReader(source.path, source.facts.index, threads=threads)
        return _Open(source, reader, picture_bytes(source.facts) * (threads + _HELD_BY_DECODER))

    def _give_back(self, opened: _Open) -> None:
        with self._lock:
            self._count += 1
            opened.used = self._count
            self._idle.append(opened)
            surplus = self._surplus(opened.source)
        self._close(surplus)

    def _surplus(self, source: Source) -> list[_Open]:
        """Idle readers to close: too many of this file, then the longest unused while all hold too much."""
        by_age = sorted(self._idle, key=lambda opened: opened.used)
        mine = [opened for opened in by_age if opened.source is source]
        surplus = mine[: max(0, len(mine) - _READERS_PER_FILE)]
        if self._idle_loans is not None:
            left = self._count - self._idle_loans
            surplus += [opened for opened in by_age if opened.used < left and opened not in surplus]
        total = sum(opened.bytes for opened in by_age) - sum(opened.bytes for opened in surplus)
        for opened in by_age[:-1]:
            if total <= self._limit_bytes:
                break
            if opened not in surplus:
                surplus.append(opened)
                total -= opened.bytes
        return surplus

    def _close(self, readers: list[_Open]) -> None:
        for opened in readers:
            with self._lock:
                if opened not in self._idle:
                    continue  # lent meanwhile
                self._idle.remove(opened)
            opened.reader.close()
            self._closed(opened.source.path)


def usual_threads(facts: Facts) -> int:
    """One for a small film of key pictures (a proxy): further threads only hold pictures back."""
    index = facts.index
    alone = index is not None and len(index.key_pts) == index.frames
    return 1 if alone and facts.width * facts.height <= _SMALL_PIXELS else THREADS


def threads_once(facts: Facts) -> int:
    """For going through a film once: few for what is soon decoded, since each holds back pictures."""
    return _THREADS_ONCE if facts.width * facts.height <= _FULL_HD_PIXELS else usual_threads(facts)


def picture_bytes(facts: Facts) -> int:
    """About what one decoded picture takes: 4:2:0 below 10 bits, 4:2:2 in words above."""
    return max(1, facts.width * facts.height * (3 if facts.bits <= 8 else 8) // 2)
