"""Has Qt's Core use the system's ICU in the folder and the .deb: 10 MB less. Linux only.

Qt's wheels bring an ICU of their own, three libraries. Here the first becomes `system_icu.c`, which passes every call
on to the system's, of whatever version; the others become empty. A .deb asks for the system's package, whose security
fixes it gets then; an AppImage brings Qt's own (with the shorter table of `icu.py`), since a system may have none.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import Final

from bundling import icu, standins

HERE: Final = Path(__file__).resolve().parent
_LIBRARY: Final = re.compile(r"^libicu(i18n|uc|data)\.so\.(\d+)$")
_TRACE: Final = b"libicui18n.so.%d"  # in the compiled stand-in: the names that it looks for
# Debian's package is named after ICU's version: 70 is Ubuntu 22.04's, 72 Debian 12's, 76 Debian 13's; later ones count
# on, and the stand-in takes any.
PACKAGES: Final = " | ".join(f"libicu{version}" for version in (72, 70, 71, *range(73, 90)))


def apart(
    entries: Iterable[standins.Entry], folder: Path, say: Callable[[str], None]
) -> tuple[list[standins.Entry], list[standins.Entry]]:
    """(the table with stand-ins for ICU, made in `folder`; Qt's own, which an AppImage brings in their place).

    Where stand-ins can't be made, that's said, and Qt's own stay in the table.
    """
    every = list(entries)
    if not (own := [entry for entry in every if entry[2] != "SYMLINK" and _part(entry)]):
        return every, []
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "own").mkdir(parents=True)
    others = [Path(entry[1]) for entry in every if entry[2] != "SYMLINK" and entry not in own]
    shorter = [_shorter(entry, folder / "own", say) for entry in own]
    try:
        small = _made(own, others, folder)
    except (standins.CannotReplace, subprocess.CalledProcessError, FileNotFoundError) as exc:
        say(f"Qt's ICU stays: {exc}")
        return _exchanged(every, own, shorter), []
    return _exchanged(every, own, small), shorter


def _part(entry: standins.Entry) -> str:
    """Which of ICU's libraries an entry is: i18n, uc, data; "" for others."""
    found = _LIBRARY.match(PurePath(entry[0]).name)
    return found[1] if found else ""


def _exchanged(
    every: Iterable[standins.Entry], out: Sequence[standins.Entry], into: Sequence[standins.Entry]
) -> list[standins.Entry]:
    new = {entry[0]: other for entry, other in zip(out, into, strict=True)}
    return [new[entry[0]] if entry in out else entry for entry in every]


def _made(own: Sequence[standins.Entry], users: Sequence[Path], folder: Path) -> list[standins.Entry]:
    """Stand-ins in the order of `own`. Raises CannotReplace where somebody asks for more than they have."""
    calls = next((PurePath(entry[0]).name for entry in own if _part(entry) == "i18n"), "")
    if not calls:
        raise standins.CannotReplace("it has no libicui18n")
    target = folder / calls
    version = calls.rpartition(".")[2]
    standins.compile_library(HERE / "system_icu.c", target, "-O2", "-Wall", "-Werror", f"-DVERSION={version}")
    wanted = {name for entry in own for name in standins.asked_for(Path(entry[1]), users)}
    if missing := sorted(wanted - set(standins.defined_in(target))):
        raise standins.CannotReplace(f"Qt asks for {', '.join(missing)}")
    others = {entry[0]: standins.empty(PurePath(entry[0]).name, {}, folder) for entry in own if _part(entry) != "i18n"}
    return [(entry[0], str(others.get(entry[0], target)), entry[2]) for entry in own]


def _shorter(entry: standins.Entry, folder: Path, say: Callable[[str], None]) -> standins.Entry:
    """A library of Qt's own without its symbols; the table with what Qt's Core asks for only."""
    target = folder / PurePath(entry[0]).name
    try:
        if _part(entry) == "data":
            target.write_bytes(icu.smaller(Path(entry[1]).read_bytes()))
        else:
            subprocess.run(["strip", "--strip-unneeded", "-o", str(target), entry[1]], check=True)
    except (icu.NotAsExpected, subprocess.CalledProcessError, FileNotFoundError) as exc:
        say(f"{target.name} stays whole: {exc}")
        return entry
    return (entry[0], str(target), entry[2])


def is_the_systems(folder: Path) -> bool:
    """Whether a bundle has the stand-in, and so needs the system's ICU."""
    return any(_TRACE in path.read_bytes() for path in folder.rglob("libicui18n.so.*"))
