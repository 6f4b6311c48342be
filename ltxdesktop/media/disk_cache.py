"""A folder of small files that can be made again: size limit, least recently used go first, broken ones set aside."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_log = logging.getLogger(__name__)

_MAGIC: Final = b"LTXC"
_HEAD: Final = struct.Struct("<4sII")  # magic, length of the key, CRC-32 of key and data
_BROKEN: Final = ".broken"
_PART: Final = ".part"
_ROOM_LEFT: Final = 0.9  # eviction goes on to this share of the limit, so that it is rare


class _File(NamedTuple):
    used_ns: int
    bytes: int
    path: Path


class DiskCache:
    """Bytes by key. Thread-safe, and safe beside other processes on the same folder.

    A cache never fails its user: where the disk is full or read-only nothing is kept, and what can't be read isn't
    there. A file whose checksum is wrong is renamed to "….broken" (it counts and is evicted like the others), so that
    it can be looked at and the entry made again. When a file was used stands in its modification time.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes
        self._lock = threading.Lock()
        self._bytes: int | None = None  # in the folder, once counted

    def read(self, key: str) -> bytes | None:
        """What is kept under `key`; None where nothing (or nothing whole) is."""
        path = self._path(key)
        try:
            stored = path.read_bytes()
        except OSError:
            return None
        data = _unpacked(stored, key)
        if data is None:
            self.set_aside(key)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return data

    def write(self, key: str, data: bytes) -> bool:
        """Keep `data` under `key`; all of it or nothing. False where that can't be done."""
        path = self._path(key)
        part = path.parent / f"{secrets.token_hex(8)}{_PART}"
        stored = _packed(key, data)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(stored)
            before = _size(path)
            part.replace(path)
        except OSError as exc:
            _log.info("nothing is cached in %s: %s", self.folder, exc)
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            return False
        with self._lock:
            if self._bytes is not None:
                self._bytes += len(stored) - before
            else:
                self._bytes = sum(file.bytes for file in self._files())
            if self._bytes > self.limit_bytes:
                self._evict()
        return True

    def set_aside(self, key: str) -> None:
        """Take an entry that turned out to be unusable out of the way."""
        path = self._path(key)
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(_BROKEN))
            _log.info("a cache file was broken and is set aside: %s", path.with_suffix(_BROKEN))

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            for file in self._files():
                with contextlib.suppress(OSError):
                    file.path.unlink()
            self._bytes = 0

    def size_bytes(self) -> int:
        """How much is in the folder now."""
        return sum(file.bytes for file in self._files())

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return self.folder / name[:2] / name[2:]

    def _files(self) -> Iterator[_File]:
        """All that can be looked at; another thread or process may take a file away between two of them."""
        for shard in _entries(self.folder):
            for entry in _entries(shard.path) if shard.is_dir() else ():
                with contextlib.suppress(OSError):
                    stat = entry.stat()
                    yield _File(stat.st_mtime_ns, stat.st_size, Path(entry.path))

    def _evict(self) -> None:
        """Counts anew first: another process may have written or evicted here."""
        files = sorted(self._files())
        total = sum(file.bytes for file in files)
        for file in files:
            if total <= self.limit_bytes * _ROOM_LEFT:
                break
            with contextlib.suppress(OSError):
                file.path.unlink()
                total -= file.bytes
        self._bytes = total


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _packed(key: str, data: bytes) -> bytes:
    name = key.encode("utf-8", "surrogatepass")
    return _HEAD.pack(_MAGIC, len(name), zlib.crc32(data, zlib.crc32(name))) + name + data


def _unpacked(stored: bytes, key: str) -> bytes | None:
    name = key.encode("utf-8", "surrogatepass")
    if len(stored) < _HEAD.size + len(name):
        return None
    magic, length, checksum = _HEAD.unpack_from(stored)
    data = stored[_HEAD.size + len(name) :]
    if magic != _MAGIC or length != len(name) or stored[_HEAD.size : _HEAD.size + length] != name:
        return None
    return data if zlib.crc32(data, zlib.crc32(name)) == checksum else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
