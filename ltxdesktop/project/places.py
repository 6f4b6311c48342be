"""Where a project keeps what isn't its file: lock, journal and backups, in a folder `.ltxdesktop` beside it.

A folder that can't be written has them in the program's own state folder instead. Media are addressed from here too:
relative to the project where they are near it, so that its folder can be moved.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Final

from ltxdesktop.document.model import Document
from ltxdesktop.project.atomic import short_hash

_WORK: Final = ".ltxdesktop"


@dataclass(frozen=True, slots=True)
class Places:
    """The files around one project."""

    project: Path
    work: Path

    @property
    def lock(self) -> Path:
        return self.work / "lock"

    @property
    def journal(self) -> Path:
        return self.work / "journal"

    @property
    def backups(self) -> Path:
        return self.work / "backups"


def places_of(project: Path, state: Path) -> Places:
    """The places of a project; makes their folder. `state` is the program's own folder for such things.

    Raises OSError when neither can be written.
    """
    beside = project.parent / _WORK / f"{_safe(project.stem)}-{short_hash(project)}"
    elsewhere = hashlib.blake2b(os.fsencode(project.absolute()), digest_size=8).hexdigest()
    try:
        beside.parent.mkdir(exist_ok=True)
        beside.mkdir(exist_ok=True)
        if os.access(beside, os.W_OK):
            return Places(project, beside)
    except OSError:
        pass  # read-only, or a disk that is full: the state folder is on another one, mostly
    work = state / "projects" / elsewhere
    work.mkdir(parents=True, exist_ok=True)
    return Places(project, work)


def as_written(path: Path, folder: Path) -> str:
    """A media path as the project file says it: relative when the file is in the project's folder or in one beside it.

    Parts are separated by "/" on every system.
    """
    try:
        relative = PurePath(os.path.relpath(path, folder))
    except ValueError:  # another drive of Windows
        return path.as_posix()
    near = ".." not in relative.parts[1:] and not relative.is_absolute()
    at_root = Path(folder).parent == Path(folder).parent.parent  # "beside it" would be the whole disk
    inside = relative.parts[:1] != ("..",)
    return relative.as_posix() if inside or (near and not at_root) else path.as_posix()


def located(path: str, folder: Path) -> Path:
    """Where a media path of a project in `folder` leads, on this machine."""
    return Path(os.path.normpath(folder / path))


def rebased(document: Document, folder: Path, new_folder: Path) -> Document:
    """The document with its media paths said from another folder. Unchanged (the same value) if they agree."""
    if folder == new_folder:
        return document
    return with_paths(document, lambda path: as_written(located(path, folder), new_folder))


def with_paths(document: Document, change: Callable[[str], str]) -> Document:
    """The document with each media path changed. Paths that nobody knows ("") and servers' stay as they are."""
    media = {
        key: value if not value.path or "://" in value.path else replace(value, path=change(value.path))
        for key, value in document.media.items()
    }
    return replace(document, media=MappingProxyType(media))


def _safe(stem: str) -> str:
    """A short readable part of a file name that is allowed on every system."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in stem)[:24]
