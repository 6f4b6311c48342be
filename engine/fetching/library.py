"""The models folder: what of the manifest lies there, and everything that brings files in or takes them out.

One process at a time changes a folder (a lock that ends with the process). `.ltx-models.json` remembers which files
were verified, with their size and time of change, so that a look needs no hashing; losing it costs a verification.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from stat import S_ISLNK
from typing import Final, Literal, NamedTuple

import msgspec
import psutil

from engine.fetching.control import Control, Meter, Progress
from engine.fetching.errors import CannotLink, FileTooLarge, InTheWay, LicenceNotAccepted, NoSpace
from engine.fetching.hub import Hub
from engine.fetching.manifest import Manifest, Package, RemoteFile
from engine.fetching.transfer import CHUNK_BYTES, PAUSES_S, Transfer, part_bytes
from engine.store.errors import StoreLocked
from engine.store.lock import StoreLock

RECORDS: Final = ".ltx-models.json"
PARTS: Final = ".downloading"  # in the models folder, so that naming a file is a rename on one disk
SET_ASIDE: Final = ".damaged"
RESERVE_BYTES: Final = 2_000_000_000  # a disk that is full to the brim breaks more than downloads
_LOOK_S: Final = 0.2
_FAT32: Final = frozenset({"vfat", "msdos", "fat", "fat32"})  # as Linux, macOS and Windows call it
_FAT32_BYTES: Final = (1 << 32) - 1

State = Literal["missing", "partial", "unverified", "verified"]


class Verified(msgspec.Struct, frozen=True):
    """A file that had the right sha256 when it had this size and time of change."""

    size_bytes: int
    mtime_ns: int
    sha256: str
    source: str = ""  # of an imported one: where it was found


class Accepted(msgspec.Struct, frozen=True):
    """A licence that a person accepted."""

    address: str
    at: float  # seconds since 1970


class Records(msgspec.Struct):
    """What `.ltx-models.json` holds."""

    files: dict[str, Verified] = {}
    licences: dict[str, Accepted] = {}


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


class Library:
    """One models folder."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        *,
        disk: Disk = Disk(),
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self._parts = folder / PARTS
        self._disk = disk
        self._pauses_s = pauses_s

    # --- looking ---

    def state(self, package: Package) -> State:
        """Of the file that is furthest from being verified; no hashing, no network."""
        records = self._read()
        states = {self._file_state(file, records) for file in package.files}
        if states == {"missing"}:
            return "missing"
        if states & {"missing", "partial"}:
            return "partial"
        return "unverified" if "unverified" in states else "verified"

    def missing_bytes(self, packages: Iterable[Package]) -> int:
        """What would still have to come over the network."""
        files = self._lacking(packages, self._read())
        return sum(max(0, file.size_bytes - part_bytes(self._parts, file)) for _, file in files)

    def unaccepted(self, packages: Iterable[Package]) -> tuple[str, ...]:
        """Licences (keys of the manifest) that would have to be accepted first."""
        accepted = self._read().licences
        return tuple(dict.fromkeys(package.licence for package in packages if package.licence not in accepted))

    # --- changing ---

    def accept(self, licences: Iterable[str]) -> None:
        """Remember that the person accepted these."""
        with self._alone(Control()):
            records = self._read()
            for key in licences:
                records.licences[key] = Accepted(self.manifest.licences[key].address, time.time())
            self._write(records)

    def get(
        self,
        packages: Sequence[Package],
        hub: Hub,
        control: Control,
        tell: Callable[[Progress], None] = lambda _progress: None,
        on_wait: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """Fetch what is missing of these packages, all or, after an error, what came until then.

        `on_wait` hears the process that works on the folder at the moment; it's waited for. Raises LicenceNotAccepted,
        NoSpace, FileTooLarge, InTheWay, OSError, and what `Transfer.run` raises.
        """
        if lacking := self.unaccepted(packages):
            raise LicenceNotAccepted([self.manifest.licences[key].title for key in lacking])
        with self._alone(control, on_wait):
            files = self._lacking(packages, self._read())
            self._check_space(packages)
            meter = Meter(sum(file.size_bytes for _, file in files), tell)
            for package, file in files:
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
        with self._alone(control):
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

    def remove(self, package: Package) -> int:
        """Take away the package's own files (not what it needs, which others may need too) and half files.

        Returns the bytes that became free: of linked files none, the original stays where it is.
        """
        freed = 0
        with self._alone(Control()):
            records = self._read()
            for file in package.files:
                freed += self._remove_file(self._path(file))
                part = self._parts / f"{file.place.replace('/', '_')}.part"
                freed += self._remove_file(part)
                self._remove_file(part.with_name(f"{part.name}.json"))
                records.files.pop(file.place, None)
                with contextlib.suppress(OSError):  # others' files are in it
                    if file.folder:
                        (self.folder / file.folder).rmdir()
            self._write(records)
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
        with self._alone(control):
            lacking = self._lacking(self.manifest.packages, self._read())
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

    def _file_state(self, file: RemoteFile, records: Records) -> State:
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

    def _check_space(self, packages: Sequence[Package]) -> None:
        """A tenth and a reserve stay free, and every file may be as large as it is. Raises NoSpace, FileTooLarge."""
        files = self._lacking(packages, self._read())
        coming = sum(
            max(0, file.size_bytes - part_bytes(self._parts, file))
            for _, file in files
            if not self._path(file).exists()
        )
        needed, free = coming + coming // 10 + RESERVE_BYTES, self._disk.free(self.folder)
        if coming and needed > free:
            raise NoSpace(self.folder, needed, free)
        largest = self._disk.largest_file(self.folder)
        for _, file in files:
            if largest is not None and file.size_bytes > largest:
                raise FileTooLarge(self.folder, file.place, largest)

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
            known = self._read().files.get(file.place)
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
        records = self._read()
        records.files.pop(file.place, None)
        self._write(records)
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

    # --- records ---

    def _read(self) -> Records:
        try:
            return msgspec.json.decode((self.folder / RECORDS).read_bytes(), type=Records)
        except (OSError, msgspec.DecodeError):  # none yet, or broken: then everything counts as unverified
            return Records()

    def _write(self, records: Records) -> None:
        path = self.folder / RECORDS
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(records)))
        fresh.replace(path)

    def _record(self, file: RemoteFile, sha256: str, source: str = "") -> None:
        stat = self._path(file).stat()
        records = self._read()
        records.files[file.place] = Verified(stat.st_size, stat.st_mtime_ns, sha256, source)
        self._write(records)

    @contextlib.contextmanager
    def _alone(self, control: Control, on_wait: Callable[[int], None] = lambda _pid: None) -> Generator[None]:
        """Keep other processes from changing this folder; wait for one that does. Raises Stopped, OSError."""
        self._parts.mkdir(parents=True, exist_ok=True)
        said = False
        with StoreLock(self._parts) as lock:
            while True:
                try:
                    lock.take()
                    break
                except StoreLocked as exc:
                    if not said:
                        on_wait(exc.owner_pid)
                        said = True
                    control.wait(_LOOK_S)
            lock.sign("")
            yield


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
