"""What can go wrong with a project on disk, one class per cause; every message is a sentence for the person."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from engine.media.errors import is_disk_full, shown


class ProjectError(Exception):
    """Base of this room's errors. `path` is the file that is meant."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class NoSuchProject(ProjectError, FileNotFoundError):
    def __init__(self, path: Path) -> None:
        super().__init__(path, f"There is no project {shown(path)} in {shown(path.parent)} any more.")


class NotReadable(ProjectError, OSError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{shown(path)} can't be opened: {why}.")


class NotWritable(ProjectError, OSError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            path,
            f"{shown(path)} can't be written in {shown(path.parent)}: {why}. "
            "What was there is unchanged; save the project in another folder.",
        )


class DiskFull(ProjectError, OSError):
    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            f"There is no room left for {shown(path)}. The file from the last save is unchanged; make room or save "
            "the project on another disk.",
        )


class BrokenProject(ProjectError, ValueError):
    """Neither the file nor any backup of it can be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{shown(path)} can't be opened. {why}")


class ChangedElsewhere(ProjectError):
    """Somebody else has written the file since it was opened here; saving would undo their work."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            f"{shown(path)} was changed by another program since it was opened here. "
            "Save under another name, or save over it if you mean to.",
        )


class ProjectInUse(ProjectError):
    """Another running instance has the project open. `stale` is None when nobody can tell whether it still runs."""

    def __init__(self, path: Path, host: str, pid: int, since: datetime | None, *, certain: bool) -> None:
        when = f" since {since.astimezone():%H:%M}" if since is not None else ""
        where = f" on {host}" if host else ""
        doubt = "" if certain else " If that one isn't running any more, open the project all the same."
        super().__init__(path, f"{shown(path)} is open in another window of the program{where}{when}.{doubt}")
        self.host = host
        self.pid = pid
        self.since = since
        self.certain = certain


def writing_error(path: Path, error: OSError) -> ProjectError:
    """The error that says why writing failed."""
    if is_disk_full(error):
        return DiskFull(path)
    return NotWritable(path, reason(error))


def reason(error: OSError) -> str:
    """The system's words, without numbers and file names."""
    text = os.strerror(error.errno) if error.errno else str(error)
    return text[:1].lower() + text[1:]
