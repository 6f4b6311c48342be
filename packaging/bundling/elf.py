"""What the programs and libraries of a Linux bundle ask of the system: libraries by name, and the oldest glibc."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

_NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")
_GLIBC = re.compile(rb"GLIBC_2\.(\d+)")


def programs(folder: Path) -> list[Path]:
    """All ELF files below a folder; links aren't followed."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink() and _is_elf(path)]


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def needed(path: Path) -> set[str]:
    """The libraries that a file names. Raises subprocess.CalledProcessError."""
    words = ["readelf", "-d", str(path)]
    return set(_NEEDED.findall(subprocess.run(words, check=True, capture_output=True, text=True).stdout))


def asked_of_the_system(files: Iterable[Path]) -> set[str]:
    """The libraries that the files name and don't bring."""
    every = list(files)
    return {name for path in every for name in needed(path)} - {path.name for path in every}


def oldest_glibc(files: Iterable[Path]) -> str:
    """The glibc that the newest symbol asks for, such as 2.35."""
    found = {int(minor) for path in files for minor in _GLIBC.findall(path.read_bytes())}
    return f"2.{max(found)}"
