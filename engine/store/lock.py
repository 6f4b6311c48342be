"""One engine per store: a file that the living engine keeps locked, and that names it.

The system lets go of the lock when the process ends, however it ends, so a lock can't be left behind.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from engine.store.errors import StoreLocked

FILE_NAME: Final = "engine.lock"
_LOCKED_BYTE: Final = 1 << 30  # far behind the text: on Windows a locked byte can't be read
_LOOK_AGAIN_S: Final = 0.05


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Who has the store, as written in the lock file."""

    pid: int
    since: float = 0.0  # seconds since 1970
    ring: str = ""  # its preview ring, which the next engine removes if this one is killed


class StoreLock:
    """The lock of one store folder, held from `take` to `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._fd: int | None = None

    def take(self, wait_s: float = 0.0, on_wait: Callable[[int], None] = lambda _pid: None) -> Owner | None:
        """Lock, waiting up to `wait_s` for another engine to end; return what the engine before had written.

        `on_wait` is called once, with the other's process id (0 if unknown), if there is something to wait for.
        Raises StoreLocked, OSError.
        """
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        deadline = time.monotonic() + wait_s
        if not _try_lock(fd):
            on_wait(_pid_in(fd))
            while not _try_lock(fd):
                if time.monotonic() >= deadline:
                    owner_pid = _pid_in(fd)
                    os.close(fd)
                    raise StoreLocked(self.path.parent, owner_pid)
                time.sleep(_LOOK_AGAIN_S)
        self._fd = fd
        return _read_owner(fd)

    def sign(self, ring: str) -> None:
        """Write into the locked file who has it, for whoever finds it locked."""
        assert self._fd is not None
        text = msgspec.json.encode(Owner(pid=os.getpid(), since=time.time(), ring=ring))
        with contextlib.suppress(OSError):  # a full disk only costs the next one the name
            os.truncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, text)

    def release(self) -> None:
        """Let go; the file stays, empty, so that nobody locks a file that another has just removed."""
        if self._fd is None:
            return
        with contextlib.suppress(OSError):
            os.truncate(self._fd, 0)
        os.close(self._fd)
        self._fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


def _read_owner(fd: int) -> Owner | None:
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        return msgspec.json.decode(os.read(fd, 65536), type=Owner)
    except (OSError, msgspec.DecodeError):
        return None


def _pid_in(fd: int) -> int:
    owner = _read_owner(fd)
    return owner.pid if owner else 0


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
