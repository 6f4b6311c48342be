"""How large a bundle is, part by part: what `packaging/bundle.py` holds against what it was when it was last looked at.

The goal is for a bundle of Linux, the only one with stand-ins. What the parts weighed lies in `packaging/sizes.json`;
`bundle.py linux --note-sizes` writes it anew, and the change belongs into the commit that makes the bundle grow.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Final

GOAL_BYTES: Final = 200_000_000  # unpacked
_OF_ITS_OWN: Final = 200_000  # bytes from which a library is a part of its own
_TOLD: Final = 8
_LEAST_TOLD: Final = 20_000  # bytes
# What a library's name has of its version: libx264-d6533a8d.so.165, libicuuc.so.73, _core.cpython-311-x86_64-….so
_VERSION: Final = re.compile(r"(-[0-9a-f]{8})?(\.cpython-[\w-]+|\.abi3)?\.so[\d.]*$")


def parts(folder: Path) -> dict[str, int]:
    """Bytes of each large library and of each folder's other files, by names that no version is part of.

    Links aren't counted: what they name is.
    """
    found: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            size = path.stat().st_size
            found[part_of(path.relative_to(folder), size)] += size
    return dict(sorted(found.items()))


def part_of(name: PurePath, size: int) -> str:
    """The part that a file belongs to, by its name in the bundle and its bytes."""
    plain = name.as_posix().removeprefix("_internal/")
    if ".so" in name.name and size >= _OF_ITS_OWN:
        return _VERSION.sub("", plain)
    place = PurePath(plain).parts
    return "/".join(place[: 3 if place[0] == "home" else 1][: max(1, len(place) - 1)])


def grown(now: Mapping[str, int], before: Mapping[str, int]) -> list[tuple[str, int]]:
    """(part, bytes more than before) of those that grew or are new, most first."""
    more = {name: size - before.get(name, 0) for name, size in now.items()}
    return sorted(((name, size) for name, size in more.items() if size >= _LEAST_TOLD), key=lambda each: -each[1])


def complaint(now: Mapping[str, int], before: Mapping[str, int]) -> str:
    """What to say of a bundle past its goal: by how much, and which parts grew. "" for one that reaches it."""
    size = sum(now.values())
    if size <= GOAL_BYTES:
        return ""
    told = ", ".join(f"{name} +{more / 1e6:.2f} MB" for name, more in grown(now, before)[:_TOLD])
    return (
        f"the bundle has {size / 1e6:.1f} MB; {GOAL_BYTES / 1e6:.0f} are the goal. Grown since packaging/sizes.json: "
        f"{told or 'nothing by itself'}. Make it smaller (packaging/README.md says what it's made of), or go on with "
        "--any-size"
    )


def noted(file: Path) -> dict[str, int]:
    """The sizes that were noted; none where no file is."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def note(file: Path, now: Mapping[str, int]) -> None:
    file.write_text(json.dumps(dict(now), indent=1) + "\n", encoding="utf-8")
