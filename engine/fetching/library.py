"""The models folder: what of the manifest lies there, and everything that brings files in or takes them out.

One worker at a time fetches or removes a package (`records.py` has the locks), also among processes. What was verified
is remembered with its size and time of change, so that a look needs no hashing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from stat import S_ISLNK
from typing import Final, NamedTuple

import psutil

from engine.fetching.control import Control, Meter, Progress
from engine.fetching.errors import CannotLink, FileTooLarge, InTheWay, LicenceNotAccepted, NoSpace, OtherText
from engine.fetching.hub import Hub
from engine.fetching.manifest import Manifest, Package, RemoteFile
from engine.fetching.records import PARTS, Accepted, RecordBook, Records, Verified
from engine.fetching.transfer import CHUNK_BYTES, PAUSES_S, Transfer, part_bytes
from engine.protocol.packages import PackageState

SET_ASIDE: Final = ".damaged"
RESERVE_BYTES: Final = 2_000_000_000  # a disk that is full to the brim breaks more than downloads
_FAT32: Final = frozenset({"vfat", "msdos", "fat", "fat32"})  # as Linux, macOS and Windows call it
_FAT32_BYTES: Final = (1 << 32) - 1


class Imported(NamedTuple):
    """A file that was found and linked; `how` for a person."""

    place: str
    source: Path
    how: str


class Verdict(NamedTuple):
    """What verifying said of one file; `problem` is empty if it's right."""

    place: str
    problem: str


def _there(folder: Path) -> Path:
    """The folder, or the one in which it would be made."""
    while not folder.exists():
        folder = folder.parent
    return folder.resolve()


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder that may not be there yet."""
    return shutil.disk_usage(_there(folder)).free


def largest_file(folder: Path) -> int | None:
    """The most bytes a file may have there; None where that is no matter."""
    there = _there(folder)
    disks = [disk for disk in psutil.disk_partitions(all=False) if there.is_relative_to(disk.mountpoint)]
    kind = max(disks, key=lambda disk: len(disk.mountpoint)).fstype.lower() if disks else ""
    return _FAT32_BYTES if kind in _FAT32 else None


@dataclass(frozen=True)
class Disk:
    """What is asked of the disk before the first byte."""

    free: Callable[[Path], int] = free_bytes
    largest_file: Callable[[Path], int | None] = largest_file


DISK: Final = Disk()


class Library:
    """One models folder."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        *,
        disk: Disk = DISK,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.records = RecordBook(folder)
        self._parts = folder / PARTS
        self._disk = disk
        self._pauses_s = pauses_s

    # --- looking ---

    def state(self, package: Package) -> PackageState:
        """Of the file that is furthest from being verified; no hashing, no network."""
        records = self.records.read()
        states = {self._file_state(file, records) for file in package.files}
        if states == {"missing"}:
            return "missing"
        if states & {"missing", "partial"}:
            return "partial"
        return "unverified" if "unverified" in states else "verified"

    def have_bytes(self, package: Package) -> int:
        """How much of a package is here, half files counted."""
        return sum(self._size_here(file) for file in package.files)

    def is_linked(self, package: Package) -> bool:
        """Whether a file of it has its original elsewhere."""
        known = self.records.read().files
        return any((each := known.get(file.place)) is not None and each.source for file in package.files)

    def coming(self, packages: Iterable[Package]) -> list[tuple[Package, RemoteFile, int]]:
        """Each file that would have to come over the network, with how much of it is here half fetched."""
        return [
            (package, file, part_bytes(self._parts, file))
            for package, file in self._lacking(packages, self.records.read())
            if not self._path(file).exists()
        ]

    def missing_bytes(self, packages: Iterable[Package]) -> int:
        """What would still have to come over the network."""
        return sum(max(0, file.size_bytes - have) for _, file, have in self.coming(packages))

    def needed_bytes(self, packages: Iterable[Package]) -> int:
        """Of free space: what comes, a tenth more, and a reserve; 0 if nothing comes."""
        coming = self.missing_bytes(packages)
        return coming + coming // 10 + RESERVE_BYTES if coming else 0

    @property
    def free_bytes(self) -> int:
        """Room on the disk of this folder."""
        return self._disk.free(self.folder)

    def check_space(self, packages: Sequence[Package]) -> None:
        """Whether there is room, and every file may be as large as it is. Raises NoSpace, FileTooLarge."""
        needed, free = self.needed_bytes(packages), self.free_bytes
        if needed > free:
            raise NoSpace(self.folder, needed, free)
        largest = self._disk.largest_file(self.folder)
        for _, file in self._lacking(packages, self.records.read()):
            if largest is not None and file.size_bytes > largest:
                raise FileTooLarge(self.folder, file.place, largest)

    def accepted_at(self, licence: str) -> float:
        """When this text was accepted, in seconds since 1970; 0.0 if it wasn't, or another text was."""
        known = self.records.read().licences.get(licence)
        if known is None or known.sha256 not in ("", self.manifest.licences[licence].sha256):
            return 0.0
        return known.at

    def unaccepted(self, packages: Iterable[Package]) -> tuple[str, ...]:
        """Licences (keys of the manifest) that would have to be accepted first."""
        asked = dict.fromkeys(package.licence for package in packages)
        return tuple(licence for licence in asked if not self.accepted_at(licence))

    # --- changing ---

    def accept(self, licences: Iterable[str]) -> None:
        """Remember that the person accepted these texts. Raises OSError."""
        with self.records.edit() as records:
            for key in licences:
                licence = self.manifest.licences[key]
                records.licences[key] = Accepted(licence.address, time.time(), licence.sha256)

    def accept_text(self, licence: str, sha256: str) -> None:
        """Remember that the person accepted the text with this hash. Raises OtherText, KeyError, OSError."""
        known = self.manifest.licences[licence]
        if known.sha256 != sha256:
            raise OtherText(known.title)
        self.accept([licence])

    def get(
        self,
        packages: Sequence[Package],
        hub: Hub,
        control: Control,
        tell: Callable[[Progress], None] = lambda _progress: None,
        on_wait: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """Fetch what is missing of these packages, all or, after an error, what came until then.

        `on_wait` hears the process that fetches a package at the moment; it's waited for. Raises LicenceNotAccepted,
        NoSpace, FileTooLarge, InTheWay, OSError, and what `Transfer.run` raises.
        """
        if unaccepted := self.unaccepted(packages):
            raise LicenceNotAccepted([self.manifest.licences[key].title for key in unaccepted])
        self.check_space(packages)
        lacking = self._lacking(packages, self.records.read())
        meter = Meter(sum(file.size_bytes for _, file in lacking), tell)
        for package, group in groupby(lacking, key=itemgetter(0)):
            with self.records.alone(package.id, control, on_wait):
                for _, file in group:
                    if self._file_state(file, self.records.read()) == "verified":  # another worker brought it
                        meter.finished(file.size_bytes)
                    else:
                        self._get_file(package, file, hub, control, meter)

    def verify(
        self,
        packages: Iterable[Package],
        control: Control,
        tell: Callable[[Progress], None] = lambda _progress: None,
    ) -> list[Verdict]:
        """Hash every file that is here. A wrong one loses its name (`….damaged`), so that nothing loads it.

        Raises Stopped, OSError.
        """
        files = [file for _, file in _each_once(packages) if self._path(file).is_file()]
        meter = Meter(sum(self._path(file).stat().st_size for file in files), tell)
        verdicts = list[Verdict]()
        for file in files:
            path = self._path(file)
            size = path.stat().st_size
            actual = self._hash(path, file.place, control, meter)
            verdicts.append(self._judge(file, path, actual))
            meter.finished(size)
        return verdicts

    def remove(self, package: Package, control: Control | None = None) -> int:
        """Take away the package's own files (not what it needs, which others may need too) and half files.

        Returns the bytes that became free: of linked files none, the original stays where it is. Raises Stopped,
        OSError.
        """
        freed = 0
        with self.records.alone(package.id, control or Control()):
            for file in package.files:
                freed += self._remove_file(self._path(file))
                part = self._parts / f"{file.place.replace('/', '_')}.part"
                freed += self._remove_file(part)
                self._remove_file(part.with_name(f"{part.name}.json"))
                with contextlib.suppress(OSError):  # others' files are in it
                    if file.folder:
                        (self.folder / file.folder).rmdir()
            with self.records.edit() as records:
                for file in package.files:
                    records.files.pop(file.place, None)
        return freed

    def import_from(
        self,
        source: Path,
        control: Control,
        tell: Callable[[Progress], None] = lambda _progress: None,
    ) -> list[Imported]:
        """Link what lies in `source` (or is `source`) and is missing here, found by size and sha256, never by name.

        Raises Stopped, CannotLink, InTheWay, OSError.
        """
        lacking = self._lacking(self.manifest.packages, self.records.read())
        found = self._find(source, [file for _, file in lacking if file.sha256], control, tell)
        imported = list[Imported]()
        for package, file in lacking:
            here = found.get(file.place)
            if here is None or self._would_look_whole(package, file):
                continue
            how = self._link(here, self._path(file))
            self._record(file, file.sha256, source=str(here))
            imported.append(Imported(file.place, here, how))
        return imported

    # --- inside ---

    def _path(self, file: RemoteFile) -> Path:
        return self.folder / file.place

    def _file_state(self, file: RemoteFile, records: Records) -> PackageState:
        try:
            stat = self._path(file).stat()
        except OSError:
            return "partial" if part_bytes(self._parts, file) else "missing"
        known = records.files.get(file.place)
        if known is None or (known.size_bytes, known.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
            return "unverified"
        return "verified" if known.sha256 == (file.sha256 or known.sha256) else "unverified"

    def _lacking(self, packages: Iterable[Package], records: Records) -> list[tuple[Package, RemoteFile]]:
        return [each for each in _each_once(packages) if self._file_state(each[1], records) != "verified"]

    def _get_file(self, package: Package, file: RemoteFile, hub: Hub, control: Control, meter: Meter) -> None:
        path = self._path(file)
        if path.exists():  # put there by hand
            actual = self._hash(path, file.place, control, meter)
            if actual != file.sha256:
                raise InTheWay(path)
        else:
            actual = Transfer(
                hub,
                package,
                file,
                self._parts,
                path,
                control=control,
                told=partial(meter.told, file.place),
                pauses_s=self._pauses_s,
            ).run()
        self._record(file, actual)
        meter.finished(file.size_bytes)

    def _judge(self, file: RemoteFile, path: Path, actual: str) -> Verdict:
        if not file.sha256:
            known = self.records.read().files.get(file.place)
            if known is None:
                return Verdict(file.place, "can't be verified: its sha256 isn't known before it was downloaded once")
            expected = known.sha256
        else:
            expected = file.sha256
        if actual == expected:
            self._record(file, actual)
            return Verdict(file.place, "")
        aside = path.with_name(path.name + SET_ASIDE)
        path.replace(aside)
        with self.records.edit() as records:
            records.files.pop(file.place, None)
        return Verdict(file.place, f"isn't what it should be; it's now called {aside.name}")

    def _would_look_whole(self, package: Package, file: RemoteFile) -> bool:
        """Whether this is a folder's last file (its config) and others are missing: it makes a folder a model."""
        others = package.files[:-1]
        return file == package.files[-1] and any(not self._path(other).exists() for other in others)

    def _find(
        self,
        source: Path,
        files: Sequence[RemoteFile],
        control: Control,
        tell: Callable[[Progress], None],
    ) -> dict[str, Path]:
        """Place -> a file that is this file. Each content is hashed once, however many names it has."""
        sizes = {file.size_bytes for file in files}
        candidates = dict[tuple[int, int], Path]()
        for path in _walk(source):
            control.check()
            with contextlib.suppress(OSError):  # a broken link, or not ours to read
                stat = path.stat()
                if stat.st_size in sizes:
                    candidates.setdefault((stat.st_dev, stat.st_ino), path)
        meter = Meter(sum(path.stat().st_size for path in candidates.values()), tell)
        found = dict[str, Path]()
        for path in candidates.values():
            actual = self._hash(path, path.name, control, meter)
            meter.finished(path.stat().st_size)
            for file in files:
                if file.sha256 == actual:
                    found.setdefault(file.place, path.resolve())
        return found

    def _link(self, source: Path, target: Path) -> str:
        """Give a file a second name, without a second copy. Raises CannotLink, InTheWay."""
        if target.exists():
            if target.samefile(source):
                return "it was here already"
            raise InTheWay(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # a link whose original is gone
        try:
            target.hardlink_to(source)
        except OSError:  # another disk, or a file system without hard links
            try:
                target.symlink_to(source)
            except OSError as exc:
                raise CannotLink(source, target, exc.strerror or str(exc)) from exc
            return "symbolic link"
        return "hard link"

    def _hash(self, path: Path, place: str, control: Control, meter: Meter) -> str:
        digest, done = hashlib.sha256(), 0
        with path.open("rb") as source:
            while data := source.read(CHUNK_BYTES):
                control.check()
                control.wait_resumed()
                digest.update(data)
                done += len(data)
                meter.told(place, "checking", done)
        return digest.hexdigest()

    def _remove_file(self, path: Path) -> int:
        try:
            stat = path.lstat()
        except OSError:
            return 0
        path.unlink()
        return 0 if S_ISLNK(stat.st_mode) or stat.st_nlink > 1 else stat.st_size

    def _size_here(self, file: RemoteFile) -> int:
        try:
            return self._path(file).stat().st_size
        except OSError:
            return part_bytes(self._parts, file)

    def _record(self, file: RemoteFile, sha256: str, source: str = "") -> None:
        stat = self._path(file).stat()
        with self.records.edit() as records:
            records.files[file.place] = Verified(stat.st_size, stat.st_mtime_ns, sha256, source)


def _each_once(packages: Iterable[Package]) -> list[tuple[Package, RemoteFile]]:
    """Every place once: two packages may have the same files from two repositories."""
    places = dict[str, tuple[Package, RemoteFile]]()
    for package in packages:
        for file in package.files:
            places.setdefault(file.place, (package, file))
    return list(places.values())


def _walk(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for folder, below, names in os.walk(source):
        below.sort()
        for name in sorted(names):
            yield Path(folder, name)
