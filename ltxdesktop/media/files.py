"""Everything the program knows about media files, in one object: facts with a cache on disk, decoders, and the rest."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path

from engine.media.content import content_hash
from engine.media.index import Fingerprint, VideoIndex
from ltxdesktop.document.model import Media
from ltxdesktop.media.decoders import Decoders
from ltxdesktop.media.disk_cache import DiskCache
from ltxdesktop.media.facts import Facts, fingerprint_of, read_facts
from ltxdesktop.media.importing import Imports
from ltxdesktop.media.proxies import Proxies
from ltxdesktop.media.thumbnails import Thumbnails
from ltxdesktop.media.waveforms import Waveforms


@dataclass(frozen=True)
class CacheLimits:
    """How many bytes each kind of cached file may take on disk."""

    facts: int = 256 << 20  # about 2 bytes a frame: some 1,000 hours
    thumbnails: int = 512 << 20
    waveforms: int = 512 << 20  # 8 MB for an hour of stereo
    proxies: int = 20 << 30

    @classmethod
    def together(cls, total: int) -> CacheLimits:
        """So many bytes for everything: what is small keeps its limit, at most a tenth each; proxies get the rest."""
        facts, thumbnails, waveforms = (min(own, total // 10) for own in (cls.facts, cls.thumbnails, cls.waveforms))
        return cls(facts, thumbnails, waveforms, total - facts - thumbnails - waveforms)


class FactsCache:
    """What is known of files, in memory and on disk, for as long as size and time of change stay the same.

    Thread-safe; a file that two threads ask for at once is read once.
    """

    def __init__(self, folder: Path, limit_bytes: int = CacheLimits.facts) -> None:
        self.disk = DiskCache(folder, limit_bytes)
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, bool], Facts] = {}
        self._busy: dict[tuple[Path, bool], threading.Lock] = {}

    def facts(self, path: Path, sequence: bool = False) -> Facts:
        """Raises the errors of `engine.media.errors`."""
        fingerprint = _fingerprint(path, sequence)
        key = (path, sequence)
        with self._lock:
            known = self._known.get(key)
            busy = self._busy.setdefault(key, threading.Lock())
        if known is not None and known.fingerprint == fingerprint:
            return known
        with busy:
            known = self._known.get(key)
            if known is None or known.fingerprint != fingerprint:
                known = self._from_disk(path, sequence, fingerprint) or self._read(path, sequence)
                with self._lock:
                    self._known[key] = known
        return known

    def _from_disk(self, path: Path, sequence: bool, fingerprint: Fingerprint) -> Facts | None:
        key = _key(path, sequence)
        data = self.disk.read(key)
        if data is None:
            return None
        try:
            facts = Facts.from_bytes(data, path)
        except ValueError:  # of another version, or the file has changed: made again and written over
            return None
        return facts if facts.fingerprint == fingerprint else None

    def _read(self, path: Path, sequence: bool) -> Facts:
        facts = read_facts(path, sequence=sequence)
        self.disk.write(_key(path, sequence), facts.to_bytes())
        return facts


class MediaFiles:
    """The media of all open projects. Owns its threads: `close` ends them.

    `folder` is the cache: everything in it can be made again. It's kept from other users of the machine, since
    thumbnails show what may be confidential.
    """

    def __init__(self, folder: Path, limits: CacheLimits | None = None) -> None:
        limits = limits or CacheLimits()
        with contextlib.suppress(OSError):  # no cache, then
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._facts = FactsCache(folder / "facts", limits.facts)
        facts_of = self._facts.facts
        self.proxies = Proxies(facts_of, folder / "proxies", limit_bytes=limits.proxies)
        self.decoders = Decoders(facts_of, proxies=self.proxies)
        self.thumbnails = Thumbnails(self.decoders, facts_of, folder / "thumbnails", limit_bytes=limits.thumbnails)
        self.waveforms = Waveforms(facts_of, folder / "waveforms", limit_bytes=limits.waveforms)
        self.imports = Imports(self.describe)

    def close(self) -> None:
        """End all threads and close all files. What was being made is given up."""
        for room in (self.imports, self.proxies, self.thumbnails, self.waveforms, self.decoders):
            room.close()

    @property
    def _caches(self) -> tuple[DiskCache, ...]:
        return self._facts.disk, self.thumbnails.disk, self.waveforms.disk

    def describe(self, path: Path, *, sequence: bool = False) -> Media:
        """What the file is, as a new value for a document; `sequence`: `path` is the first of numbered pictures.

        Reads the file through once; later calls answer from the cache. Raises `engine.media.errors`, whose messages are
        sentences for a person.
        """
        return self._facts.facts(path, sequence).media(path)

    def cache_bytes(self) -> int:
        """What the caches take on disk now, proxies included."""
        return sum(cache.size_bytes() for cache in self._caches) + self.proxies.size_bytes()

    def clear_caches(self, *, proxies: bool = False) -> None:
        """Remove facts, thumbnails and waveforms from the disk; with `proxies` those too, which took long to make."""
        for cache in self._caches:
            cache.clear()
        if proxies:
            for path in self.proxies.clear():
                self.decoders.forget(path)

    def facts(self, path: Path, *, sequence: bool = False) -> Facts:
        """All that is known of a file. Raises as `describe` does."""
        return self._facts.facts(path, sequence)

    def index_of(self, path: Path) -> VideoIndex | None:
        """The frame index of a film; None for sound and stills."""
        return self._facts.facts(path).index


def _key(path: Path, sequence: bool) -> str:
    return f"{path.absolute()}{'#sequence' if sequence else ''}"


def _fingerprint(path: Path, sequence: bool) -> Fingerprint:
    try:
        return fingerprint_of(path, sequence=sequence)
    except (OSError, ValueError):
        content_hash(path)  # says in a sentence what is wrong
        raise
