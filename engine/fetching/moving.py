"""Moving all that is in a models folder to another one, file by file, so that an end in the middle loses nothing.

On one disk each file gets its new name at once. To another disk it's copied under a name that nothing loads, compared
with its known sha256, and only then named there and deleted here. Whoever asks again goes on with what is left.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from engine.fetching.control import Control, Meter, Progress
from engine.fetching.errors import BadFolder, Corrupt, FileTooLarge, InTheWay, NoSpace
from engine.fetching.library import DISK, RESERVE_BYTES, Disk
from engine.fetching.records import PARTS, RECORDS, RecordBook

_PIECE_BYTES: Final = 1 << 22
_PART: Final = ".ltx-moving"


def check_target(source: Path, target: Path, disk: Disk = DISK) -> None:
    """Whether the models can go there. Raises BadFolder, NoSpace, FileTooLarge."""
    here, there = source.resolve(), target.expanduser().resolve()
    if not target.expanduser().is_absolute():
        raise BadFolder(target, "it has to be a whole path")
    if here == there:
        raise BadFolder(target, "they are there already")
    if there.is_relative_to(here) or here.is_relative_to(there):
        raise BadFolder(target, "one folder would lie in the other")
    if target.exists() and not target.is_dir():
        raise BadFolder(target, "it's a file")
    try:
        target.mkdir(parents=True, exist_ok=True)
        (target / PARTS).mkdir(exist_ok=True)
    except OSError as exc:
        raise BadFolder(target, f"it can't be written to ({exc.strerror})") from exc
    if here.stat().st_dev == there.stat().st_dev:
        return
    files = [path for path in _files(here) if not path.is_symlink()]
    needed = sum(path.stat().st_size for path in files) + RESERVE_BYTES
    if needed > (free := disk.free(there)):
        raise NoSpace(there, needed, free)
    largest = disk.largest_file(there)
    for path in files:
        if largest is not None and path.stat().st_size > largest:
            raise FileTooLarge(there, path.name, largest)


def move_models(
    source: Path, target: Path, control: Control, tell: Callable[[Progress], None] = lambda _progress: None
) -> int:
    """Move everything; return how many files. The folder itself stays, empty but for locks.

    Raises Stopped (what has moved stays moved), InTheWay, Corrupt, OSError.
    """
    files = [path for path in _files(source) if path.name != RECORDS]
    meter = Meter(sum(path.lstat().st_size for path in files), tell)
    known = RecordBook(source).read()
    for path in files:
        control.check()
        place = path.relative_to(source)
        size = path.lstat().st_size
        expected = known.files[place.as_posix()].sha256 if place.as_posix() in known.files else ""
        _move(path, target / place, expected, control, meter)
        meter.finished(size)
    with RecordBook(target).edit() as records:
        records.files.update(known.files)
        records.licences.update(known.licences)
    (source / RECORDS).unlink(missing_ok=True)
    for folder in sorted((path for path in source.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):  # locks are in it
            folder.rmdir()
    return len(files)


def _files(folder: Path) -> Iterator[Path]:
    """Every file and link but the locks, in order."""
    locks = folder / PARTS / "locks"
    for above, below, names in os.walk(folder):
        below.sort()
        if Path(above).is_relative_to(locks):
            continue
        yield from (Path(above, name) for name in sorted(names) if not name.endswith(_PART))


def _move(source: Path, target: Path, sha256: str, control: Control, meter: Meter) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        if not target.samefile(source) and _digest(source, control) != _digest(target, control):
            raise InTheWay(target)
        source.unlink()  # an earlier call ended between the two
        return
    if source.is_symlink():
        target.symlink_to(source.resolve())
        source.unlink()
        return
    meter.told(source.name, "moving", 0)
    try:
        source.rename(target)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        _copy(source, target, sha256, control, meter)
        source.unlink()


def _copy(source: Path, target: Path, sha256: str, control: Control, meter: Meter) -> None:
    """To another disk; the time of change stays, by which it's known as verified."""
    part, digest, done = target.with_name(target.name + _PART), hashlib.sha256(), 0
    try:
        with source.open("rb") as reading, part.open("wb") as writing:
            while data := reading.read(_PIECE_BYTES):
                control.check()
                control.wait_resumed()
                writing.write(data)
                digest.update(data)
                done += len(data)
                meter.told(source.name, "moving", done)
            writing.flush()
            os.fsync(writing.fileno())
        if sha256 and digest.hexdigest() != sha256:
            raise Corrupt(source.name, sha256, digest.hexdigest())
        stat = source.stat()
        os.utime(part, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _digest(path: Path, control: Control) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while data := source.read(_PIECE_BYTES):
            control.check()
            digest.update(data)
    return digest.hexdigest()
