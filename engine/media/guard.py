"""Writing to disk: errors of PyAV and of the system in this room's words, and nothing half left behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

import av  # noqa: F401  (the whole package before its parts: tests/test_house_rooms.py says why)
from av.error import FFmpegError

from .errors import DiskFull, MediaError, NotWritable, is_disk_full

_NO_ROOM_BYTES: Final = 1 << 16  # less than this is a full disk


@dataclass(frozen=True)
class Guard:
    """Around everything that writes for the file `path`: on an error `abort` is called, and it is raised in our words.

    Raises DiskFull, NotWritable; errors of this room pass as they are.
    """

    path: Path
    abort: Callable[[], None]

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if exc is None:
            return False
        full = is_disk_full(exc)
        full = full or (isinstance(exc, MediaError) and _no_space_left(self.path.parent))
        self.abort()
        if full:
            raise DiskFull(self.path) from exc
        if isinstance(exc, OSError) and not isinstance(exc, MediaError):
            raise NotWritable(self.path, os.strerror(exc.errno) if exc.errno else str(exc)) from exc
        if isinstance(exc, FFmpegError):
            raise NotWritable(self.path, str(exc)) from exc
        return False


def flush_to_disk(path: Path) -> None:
    """fsync a file, or a folder where the system can."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _no_space_left(folder: Path) -> bool:
    """After a failed check: was it the disk? FFmpeg's muxers do not report every failed write."""
    with contextlib.suppress(OSError, AttributeError):
        disk = os.statvfs(folder)
        return disk.f_bavail * disk.f_frsize < _NO_ROOM_BYTES
    return False
