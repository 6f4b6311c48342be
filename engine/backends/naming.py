"""What results are called, and which version of the program made them. No torch, no media."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_NAME_BYTES: Final = 180  # leaves room for what is added
_claimed: set[Path] = set()  # names that are about to be written
_lock: Final = threading.Lock()


@contextlib.contextmanager
def claimed_stem(folder: Path, wanted: str, fallback: str, suffixes: Sequence[str]) -> Generator[str]:
    """The name of `file_stem`, which no other job of this process gets while inside."""
    with _lock:
        stem = file_stem(folder, wanted, fallback, suffixes)
        _claimed.add(folder / stem)
    try:
        yield stem
    finally:
        with _lock:
            _claimed.discard(folder / stem)


def file_stem(folder: Path, wanted: str, fallback: str, suffixes: Sequence[str]) -> str:
    """A name of which no file with any of these endings is there yet: "shot", "shot-2", ..."""
    stem = wanted.strip().strip(".") or fallback
    stem = "".join(letter if letter.isprintable() and letter not in '<>:"|?*' else "_" for letter in stem)
    while len(stem.encode("utf-8", "surrogatepass")) > _NAME_BYTES:
        stem = stem[:-1]
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        there = any((folder / f"{name}{suffix}").exists() for suffix in suffixes)
        if not there and folder / name not in _claimed:
            return name
        number += 1


def program_version() -> str:
    """The version of this program, as installed."""
    try:
        return version("ltxdesktop")
    except PackageNotFoundError:
        return "0"
