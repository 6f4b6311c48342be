"""What files a pack consists of, written when it was made, and what of them is damaged now.

One line a file: its sha256 (or `link`), size in bytes, and path from the pack's folder. What Python compiles for itself
isn't listed: it comes and goes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ltxdesktop.pack.transfer import sha256_of

NAME: Final = "files.txt"
_LINK: Final = "link"


class Damage(NamedTuple):
    """A file that isn't as it was installed."""

    path: str
    what: str  # missing, another size, changed


def write(folder: Path) -> int:
    """List the files of a pack; how many there are. Raises OSError."""
    lines = [_line(folder, path) for path in _files(folder)]
    (folder / NAME).write_text("".join(lines), encoding="utf-8", newline="\n")
    return len(lines)


def verify(folder: Path, *, whole: bool = True) -> list[Damage]:
    """What is damaged. Without `whole` only sizes are looked at: a second instead of some. Raises OSError."""
    damaged: list[Damage] = []
    for line in (folder / NAME).read_text(encoding="utf-8").splitlines():
        kind, size, name = line.split(" ", 2)
        if what := _problem(folder / name, kind, int(size), whole=whole):
            damaged.append(Damage(name, what))
    return damaged


def _problem(path: Path, kind: str, size: int, *, whole: bool) -> str:
    if kind == _LINK:
        return "" if path.is_symlink() else "missing"
    if not path.is_file():
        return "missing"
    if path.stat().st_size != size:
        return "another size"
    return "changed" if whole and sha256_of(path) != kind else ""


def _line(folder: Path, path: Path) -> str:
    name = path.relative_to(folder).as_posix()
    if path.is_symlink():
        return f"{_LINK} 0 {name}\n"
    return f"{sha256_of(path)} {path.stat().st_size} {name}\n"


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each != "__pycache__")
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in sorted((*names, *links)):
            if not (name == NAME and Path(parent) == folder):
                yield Path(parent, name)
