"""The list of projects that were opened last, for the start page. A damaged list is an empty one."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from ltxdesktop.project.atomic import write_atomically
from ltxdesktop.project.errors import ProjectError

_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class RecentProject:
    """A project that was open once. `exists` is False when its file is gone (or its disk isn't there). `unsaved`: it
    never got a name, and a session that ended without closing it left it behind."""

    path: Path
    name: str
    at: datetime
    exists: bool
    unsaved: bool = False


class RecentProjects:
    """The list, newest first, in one file of the program's state folder. Two running instances share it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[RecentProject]:
        return [_project_of(entry) for entry in self._entries()]

    def add(self, path: Path, name: str) -> None:
        """A project was opened or saved under a name. Failing to remember that is no error."""
        path = path.absolute()
        entry = {"path": os.fsencode(path).decode("utf-8", "surrogateescape"), "name": name}
        others = [other for other in self._entries() if other["path"] != entry["path"]]
        self._write([{**entry, "at": datetime.now(UTC).isoformat()}, *others][:_MOST])

    def forget(self, path: Path) -> None:
        self._write([entry for entry in self._entries() if Path(entry["path"]) != path.absolute()])

    def _entries(self) -> list[dict[str, str]]:
        try:
            found: object = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return []
        entries = cast("list[Any]", found) if isinstance(found, list) else []
        return [cast("dict[str, str]", entry) for entry in entries if _is_entry(entry)]

    def _write(self, entries: list[dict[str, str]]) -> None:
        with contextlib.suppress(OSError, ProjectError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps(entries, indent=1).encode("ascii"))


def left_behind(path: Path) -> RecentProject:
    """A project without a name, as an entry of the list. Raises OSError when it's gone."""
    return RecentProject(path, path.stem, datetime.fromtimestamp(path.stat().st_mtime, UTC), True, unsaved=True)


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    said = cast("dict[str, object]", entry)
    try:
        datetime.fromisoformat(str(said.get("at")))
    except ValueError:
        return False
    return isinstance(said.get("path"), str) and isinstance(said.get("name"), str)


def _project_of(entry: dict[str, str]) -> RecentProject:
    path = Path(entry["path"])
    with contextlib.suppress(OSError, ValueError):
        return RecentProject(path, entry["name"], datetime.fromisoformat(entry["at"]), path.exists())
    return RecentProject(path, entry["name"], datetime.fromisoformat(entry["at"]), False)
