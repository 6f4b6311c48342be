"""What is remembered of a models folder, `.ltx-models.json`, and the locks that keep two workers from the same thing.

A change of the records holds its lock for a moment; whoever fetches or removes a package holds that package's lock, for
hours perhaps, while other packages are free. Every lock ends with its process. Losing the records costs a verification.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import msgspec

from engine.fetching.control import Control
from engine.store.errors import StoreLocked
from engine.store.lock import StoreLock

RECORDS: Final = ".ltx-models.json"
PARTS: Final = ".downloading"  # in the models folder, so that naming a file is a rename on one disk
_LOCKS: Final = "locks"
_LOOK_S: Final = 0.2
_LONGEST_EDIT_S: Final = 60.0  # of another process, before something is wrong with it


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
    sha256: str = ""  # of the text that was accepted


class Records(msgspec.Struct):
    """What `.ltx-models.json` holds."""

    files: dict[str, Verified] = {}
    licences: dict[str, Accepted] = {}


class RecordBook:
    """The records and the locks of one models folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> Records:
        """What is remembered now; nothing if there is no file yet, or a broken one."""
        try:
            return msgspec.json.decode((self.folder / RECORDS).read_bytes(), type=Records)
        except (OSError, msgspec.DecodeError):
            return Records()

    @contextlib.contextmanager
    def edit(self) -> Generator[Records]:
        """Change what is given; it's written at the end. Raises StoreLocked, OSError."""
        with self._lock("records") as lock:
            lock.take(_LONGEST_EDIT_S)
            records = self.read()
            yield records
            path = self.folder / RECORDS
            fresh = path.with_name(f"{path.name}.new")
            fresh.write_bytes(msgspec.json.format(msgspec.json.encode(records)))
            fresh.replace(path)

    @contextlib.contextmanager
    def alone(
        self, package: str, control: Control, on_wait: Callable[[int], None] = lambda _pid: None
    ) -> Generator[None]:
        """Keep others from fetching or removing this package; wait for one that does. Raises Stopped, OSError."""
        said = False
        with self._lock(package) as lock:
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

    def _lock(self, name: str) -> StoreLock:
        place = self.folder / PARTS / _LOCKS / name
        place.mkdir(parents=True, exist_ok=True)
        return StoreLock(place)
