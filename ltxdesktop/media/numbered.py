"""Numbered pictures ("shot_0001.png", "shot_0002.png", …) found as one image sequence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Fewer pictures in a row are taken for single stills.
SHORTEST: Final = 4

# What picture files are called; whether they are pictures shows when they are read.
# fmt: off
PICTURE_SUFFIXES: Final = frozenset({
    ".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".bmp", ".webp", ".dpx", ".exr", ".tga", ".jp2", ".j2k", ".ppm",
    ".pgm", ".pnm", ".sgi", ".rgb", ".hdr", ".cin", ".avif",
})
# fmt: on

# Photographs of a camera are numbered too, but each is one by itself: four free characters and four digits
# (DCF, JEITA CP-3461 section 3.2).
_CAMERA_NAME: Final = re.compile(r"[A-Z0-9_]{4}\d{4}\.jpe?g", re.IGNORECASE)

_NUMBERED: Final = re.compile(r"(?P<head>.*?)(?P<digits>\d{1,18})(?P<tail>\.[^.]+)", re.DOTALL)


@dataclass(frozen=True)
class NumberedName:
    """A file name with a number before its suffix: "shot_" + 0001 + ".png"."""

    folder: Path
    head: str
    number: int
    digits: int  # how many are written
    tail: str

    @classmethod
    def of(cls, path: Path) -> NumberedName | None:
        found = _NUMBERED.fullmatch(path.name)
        if found is None:
            return None
        digits = found["digits"]
        return cls(path.parent, found["head"], int(digits), len(digits), found["tail"])

    def path(self, offset: int) -> Path:
        """The file of the picture that many later."""
        return self.folder / f"{self.head}{self.number + offset:0{self.digits}d}{self.tail}"


def sequences(paths: Iterable[Path]) -> tuple[list[list[Path]], list[Path]]:
    """(runs of pictures without a hole in their numbers, everything else), in the order of the names.

    A camera's photographs, and fewer than `SHORTEST` pictures in a row, stay single.
    """
    named: dict[tuple[Path, str, str], list[NumberedName]] = {}
    single: list[Path] = []
    for path in paths:
        name = NumberedName.of(path)
        if name is None or name.tail.lower() not in PICTURE_SUFFIXES or _CAMERA_NAME.fullmatch(path.name):
            single.append(path)
        else:
            named.setdefault((name.folder, name.head, name.tail), []).append(name)
    runs: list[list[Path]] = []
    for names in named.values():
        for run in _runs(sorted(names, key=lambda name: (name.number, name.digits))):
            files = [name.path(0) for name in run]
            if len(run) >= SHORTEST:
                runs.append(files)
            else:
                single += files
    return sorted(runs), sorted(single)


def run_from(first: Path) -> list[Path]:
    """The pictures of the sequence that starts with `first`, up to the first number that isn't there."""
    name = NumberedName.of(first)
    if name is None:
        return [first]
    files = [first]
    while (following := name.path(len(files))).is_file():
        files.append(following)
    return files


def _runs(names: Sequence[NumberedName]) -> list[list[NumberedName]]:
    runs: list[list[NumberedName]] = []
    for name in names:
        if runs and runs[-1][0].path(len(runs[-1])) == name.path(0):
            runs[-1].append(name)
        else:
            runs.append([name])
    return runs
