"""The place where an export's file is to be: whether it can be written there, and what is left of one that failed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ltxdesktop.export.errors import TargetNotWritable

PICTURE_ENDING: Final = "_0000000.png"  # behind the folder's name; of more than ten million pictures nobody has heard
_LONGEST_NAME: Final = 255  # bytes, on all systems that people use


def check_target(target: Path, sources: Iterable[Path], *, is_folder: bool) -> None:
    """Whether a file, or a folder of pictures, can be made there from these files. Raises TargetNotWritable."""
    try:
        why_not = _why_not(target, sources, is_folder=is_folder)
    except OSError as error:
        why_not = (error.strerror or str(error)).lower()
    if why_not:
        raise TargetNotWritable(target, why_not)


def part_of(target: Path, key: str) -> Path:
    """What the file is called while it's made."""
    return target.parent / f".ltx-{key}.part"


def subtitles_beside(target: Path, *, is_folder: bool) -> Path:
    """Where the subtitles of a film go that has them in a file."""
    return target.with_name(f"{target.name}.srt") if is_folder else target.with_suffix(".srt")


def _why_not(target: Path, sources: Iterable[Path], *, is_folder: bool) -> str:
    """A sentence's second half; "" if nothing is in the way. Raises OSError."""
    if not target.name:
        return "it has no name"
    if not target.parent.is_dir():
        return "there is no such folder"
    if len(os.fsencode(target.name)) + (len(PICTURE_ENDING) if is_folder else 0) > _LONGEST_NAME:
        return "the name is too long"
    if is_folder:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            return "something with that name is there already"
    elif target.is_dir():
        return "a folder has that name"
    if not os.access(target.parent, os.W_OK):
        return "this account may not write there"
    if any(_is_same(source, target) for source in sources):
        return "the film itself is made of that file"
    return ""


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
