"""From paths that a person dropped to media: folders are searched, numbered pictures become sequences."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.media.errors import NoSuchFile
from ltxdesktop.media.numbered import sequences

# Files that lie beside media and are none: nobody wants to read about them after dropping a folder.
# fmt: off
_NEVER_MEDIA = frozenset({
    ".txt", ".md", ".json", ".xml", ".otio", ".srt", ".vtt", ".edl", ".fcpxml", ".csv", ".pdf", ".db", ".ini", ".html",
    ".thm", ".lrv", ".xmp", ".cube", ".safetensors", ".py", ".zip", ".part", ".log",
})
# fmt: on


@dataclass(frozen=True)
class Gathered:
    """What lies at some paths. Whether each file is media shows when it's described."""

    files: tuple[Path, ...] = ()
    sequences: tuple[Path, ...] = ()  # the first picture of each
    folders: dict[Path, Path] = field(default_factory=dict[Path, Path])  # file -> the dropped folder it came from


def gather(paths: Iterable[Path]) -> Gathered:
    """The files of dropped paths, folders searched to the bottom, each file once.

    Hidden files and what is obviously no media are left out of folders; a file that was dropped itself stays in.
    Links to folders aren't followed. Raises NoSuchFile for a path that isn't there.
    """
    found: dict[Path, Path | None] = {}
    for path in paths:
        if path.is_dir():
            for file in _files_in(path):
                found.setdefault(file, path)
        elif path.exists():
            found.setdefault(path, None)
        else:
            raise NoSuchFile(path)
    runs, single = sequences(found)
    return Gathered(
        tuple(single), tuple(run[0] for run in runs), {file: folder for file, folder in found.items() if folder}
    )


def _files_in(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and path.suffix.lower() not in _NEVER_MEDIA:
                yield path
