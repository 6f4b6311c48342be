"""What the stockroom remembers between two engines: downloads that aren't done, from where they come, how fast.

One small file in the store's folder. A broken one counts as empty: what came is in the models folder all the same.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

FILE_NAME: Final = "downloads.json"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A download that was asked for and isn't done."""

    errand: str
    packages: tuple[str, ...]
    alone: bool = False
    paused: bool = False


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    mirror: str = ""
    bytes_per_second: int = 0
    downloads: tuple[Wanted, ...] = ()
    moving_to: str = ""  # a move that isn't done
    moved_to: str = ""  # where the models went, until an engine is started with that folder


def recall(folder: Path) -> Memory:
    """What is remembered in a store's folder."""
    try:
        return msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=Memory)
    except (OSError, msgspec.DecodeError):
        return Memory()


def remember(folder: Path, memory: Memory) -> None:
    """Raises OSError."""
    file = folder / FILE_NAME
    fresh = file.with_name(f"{file.name}.new")
    with fresh.open("wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(memory)))
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
