"""The place where an export's file is to be: whether it can be written there, and what is left of one that failed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from ltxdesktop.export.errors import TargetNotWritable


def check_target(target: Path, sources: Iterable[Path], *, is_folder: bool) -> None:
    """Whether a file, or a folder of pictures, can be made there from these files. Raises TargetNotWritable."""
    if not target.name:
        raise TargetNotWritable(target, "it has no name")
    if not target.parent.is_dir():
        raise TargetNotWritable(target, "there is no such folder")
    if is_folder:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise TargetNotWritable(target, "something with that name is there already")
    elif target.is_dir():
        raise TargetNotWritable(target, "a folder has that name")
    if not os.access(target.parent, os.W_OK):
        raise TargetNotWritable(target, "this account may not write there")
    if any(_is_same(source, target) for source in sources):
        raise TargetNotWritable(target, "the film itself is made of that file")


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def remove(path: Path) -> None:
    """What is left of an export that didn't end well."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)
