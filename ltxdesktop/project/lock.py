"""The lock of an open project: a second instance is told who has it; a dead one's lock is nobody's.

The operating system's file lock decides where there is one: it ends with the process, however that ends. Where a file
system has none (some network drives), what the file says decides: a process of this machine that is gone holds nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import psutil

from ltxdesktop.project.errors import ProjectInUse

if sys.platform == "win32":
    import msvcrt

    def _take(file: BinaryIO) -> None:
        file.seek(1 << 30)  # beyond what is written: Windows locks bytes against reading too
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """Held from `take` to `release`, or to the end of the process."""

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file

    @classmethod
    def take(cls, path: Path, project: Path, *, by_force: bool = False) -> Lock:
        """Take the lock of `project`, kept in `path`. Raises ProjectInUse, OSError.

        `by_force` takes it also when only the file's text says that somebody has it; never from a living process
        that holds the system's own lock.
        """
        file = cast("BinaryIO", path.open("r+b" if path.exists() else "w+b"))
        try:
            try:
                _take(file)
            except (BlockingIOError, PermissionError):
                raise _in_use(project, _holder(file), certain=True) from None
            except OSError:  # no locks on this file system
                holder = _holder(file)
                if holder and not by_force and not _is_gone(holder):
                    raise _in_use(project, holder, certain=False) from None
            _write_holder(file)
        except BaseException:
            file.close()
            raise
        return cls(file)

    def release(self) -> None:
        """Give the lock back. The file stays: removing it could remove a lock that another process is just taking."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.seek(0)
                self._file.truncate()
            self._file.close()
            self._file = None


def _in_use(project: Path, holder: dict[str, Any], *, certain: bool) -> ProjectInUse:
    since = None
    with contextlib.suppress(ValueError):
        since = datetime.fromisoformat(str(holder.get("since")))
    host = str(holder.get("host", ""))
    pid = holder.get("pid", 0)
    away = "" if host == socket.gethostname() else host
    return ProjectInUse(project, away, pid if isinstance(pid, int) else 0, since, certain=certain)


def _write_holder(file: BinaryIO) -> None:
    holder = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "since": datetime.now(UTC).isoformat(),
    }
    with contextlib.suppress(OSError):  # a full disk: the system's lock holds without words
        file.seek(0)
        file.truncate()
        file.write(json.dumps(holder).encode())
        file.flush()


def _holder(file: BinaryIO) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        file.seek(0)
        found: object = json.loads(file.read(4096))
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
    return {}


def _is_gone(holder: dict[str, Any]) -> bool:
    """Whether the process that wrote the file certainly no longer runs."""
    if holder.get("host") != socket.gethostname():
        return False
    try:
        return psutil.Process(holder["pid"]).create_time() != holder.get("started")
    except (psutil.NoSuchProcess, KeyError, TypeError, ValueError):
        return True
    except psutil.AccessDenied:
        return False
