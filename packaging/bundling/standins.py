"""Puts small libraries in the place of large ones of which the bundle uses little or nothing. Linux only.

Each was linked into a wheel by its makers, so the file has to be there for the loader; what it can do doesn't. Made
with the C compiler while bundling; where there is none, or a library isn't as expected, the large one stays and that's
said. They are: what `EMPTY` names (every function fails), libraries that are in the bundle more than once (all but one
become empty files that name that one), and NumPy's OpenBLAS (`linear_algebra.c`). Qt's ICU: `system_icu.py`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path, PurePath
from typing import Final

HERE: Final = Path(__file__).resolve().parent

# Shell patterns over a library's file name: every function of these returns -1, and why that's right.
EMPTY: Final = {
    "libgnutls-*": "FFmpeg's https: the app opens files only (engine/media/containers.py allows no other protocol)",
    "libasound-*": "FFmpeg's ALSA devices: sound is played by PortAudio",
    "libxcb-????????.so*": "FFmpeg's screen recording, and Pillow's (xcb_connection_has_error says -1, and both end)",
    "libXau-*": "goes with the above",
    "libopencore-amr*": "FFmpeg reads AMR by itself; the app writes none",
}
_OPENBLAS: Final = "libscipy_openblas64_*"
# As auditwheel names a wheel's own copy of a library: libwebp-51b0b3f7.so.7.2.0.
_OF_A_WHEEL: Final = re.compile(r"^(lib\w+)-[0-9a-f]{8}\.so\.(\d+)(\..*)?$")
# Sums may be taken in any order, as OpenBLAS takes them.
_FAST: Final = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math")

Entry = Sequence[str]  # (name in the bundle, file, kind), as PyInstaller has it


class CannotReplace(Exception):
    """The large library stays; the message says why."""


def replaced(entries: Iterable[Entry], folder: Path, say: Callable[[str], None]) -> list[Entry]:
    """The table with small libraries, made in `folder`, in the place of large ones."""
    every = list(entries)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    small: dict[str, Path] = {}
    for name, file in {PurePath(entry[0]).name: Path(entry[1]) for entry in every if entry[2] != "SYMLINK"}.items():
        try:
            if (made := _made(name, file, every, folder)) is not None:
                small[name] = made
        except (CannotReplace, subprocess.CalledProcessError, FileNotFoundError) as exc:
            say(f"{name} stays whole: {exc}")
    return [
        (entry[0], str(small[PurePath(entry[0]).name]), entry[2])
        if entry[2] != "SYMLINK" and PurePath(entry[0]).name in small
        else entry
        for entry in every
    ]


def _made(name: str, file: Path, every: Sequence[Entry], folder: Path) -> Path | None:
    users = [Path(entry[1]) for entry in every if entry[2] != "SYMLINK" and Path(entry[1]) != file]
    if fnmatch(name, _OPENBLAS):
        return linear_algebra(name, asked_for(file, [path for path in users if "numpy" in path.parts]), folder)
    if any(fnmatch(name, pattern) for pattern in EMPTY):
        return empty(name, asked_for(file, users), folder)
    if (same := _same(name, every)) is not None:
        return forwarder(name, asked_for(file, users), same, folder)
    return None


def _same(name: str, every: Sequence[Entry]) -> Path | None:
    """The same library under another name, of the same version: the system's, or that of the first wheel."""
    parts = _OF_A_WHEEL.match(name)
    if parts is None:
        return None
    files = {PurePath(entry[0]).name: entry for entry in every if entry[2] != "SYMLINK"}
    if (system := files.get(f"{parts[1]}.so.{parts[2]}")) is not None:
        return Path(system[1])
    alike = [other for other in files if (found := _OF_A_WHEEL.match(other)) and found.groups() == parts.groups()]
    first = min(alike, key=lambda other: files[other][0])
    return Path(files[first][1]) if first != name else None


def linear_algebra(name: str, wanted: dict[str, str], folder: Path) -> Path:
    """OpenBLAS's stand-in under its name. Raises CannotReplace where NumPy asks for more than it has."""
    target = folder / name
    source = HERE / "linear_algebra.c"
    compile_library(source, target, *_FAST, "-Wall", "-Werror", "-Wno-unused-parameter", "-lm")
    missing = set(wanted) - set(defined_in(target))
    if missing:
        raise CannotReplace(f"NumPy asks for {', '.join(sorted(missing))}")
    return target


def empty(name: str, wanted: dict[str, str], folder: Path) -> Path:
    """A library of functions that all fail; `wanted` are their names, each with its version or "".

    Raises CannotReplace if variables are asked for too.
    """
    source, versions, target = folder / f"{name}.c", folder / f"{name}.map", folder / name
    source.write_text("".join(f"long {each}(void) {{ return -1; }}\n" for each in sorted(wanted)), encoding="utf-8")
    nodes = {version: sorted(each for each in wanted if wanted[each] == version) for version in wanted.values()}
    lines = [f"{node} {{ global: {'; '.join(names)}; }};\n" for node, names in nodes.items() if node]
    versions.write_text("".join(lines), encoding="utf-8")
    script = [f"-Wl,--version-script={versions}"] if lines else []
    compile_library(source, target, "-Os", "-nostdlib", "-fno-builtin", "-fno-asynchronous-unwind-tables", *script)
    return target


def forwarder(name: str, wanted: dict[str, str], same: Path, folder: Path) -> Path:
    """An empty library that names another one, in which the loader then finds what is wanted.

    Raises CannotReplace where that one hasn't got it, or versions are asked for, which only a whole library can have.
    """
    missing = sorted(set(wanted) - set(defined_in(same)))
    if missing or any(wanted.values()):
        raise CannotReplace(f"{same.name} can't do for it ({missing[0] if missing else 'versions are asked for'})")
    source, target = folder / f"{name}.c", folder / name
    source.write_text("", encoding="utf-8")
    compile_library(source, target, "-nostdlib", "-Wl,--no-as-needed", str(same))
    return target


def compile_library(source: Path, target: Path, *options: str) -> None:
    """Make a shared library, under its own name, without symbols. Raises CannotReplace, FileNotFoundError (no cc)."""
    words = ["cc", "-shared", "-fPIC", "-s", f"-Wl,-soname,{target.name}", "-o", str(target), str(source), *options]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as exc:
        raise CannotReplace(f"cc: {exc.stderr[-500:]}") from exc


# Symbols -------------------------------------------------------------------------------------------------------------

_SYMBOL: Final = re.compile(r"^(?:[0-9a-f]+)?\s+([A-Za-z]) ([^@\s]+)(?:@{1,2}(\S+))?$")


def asked_for(library: Path, users: Iterable[Path]) -> dict[str, str]:
    """The functions of a library that the users name, each with its version or "". Raises CannotReplace."""
    there = defined_in(library)
    wanted = {name: version for user in users for name, version in _undefined(user).items() if name in there}
    variables = sorted(name for name in wanted if there[name] not in "TWi")
    if variables:
        raise CannotReplace(f"the variable {variables[0]} is asked for")
    return wanted


def defined_in(library: Path) -> dict[str, str]:
    """Names that a library has, each with nm's letter of its kind."""
    return {name: kind for kind, name, _ in _symbols(library, "--defined-only")}


def _undefined(user: Path) -> dict[str, str]:
    return {name: version for _, name, version in _symbols(user, "--undefined-only")}


@cache
def _symbols(file: Path, *options: str) -> list[tuple[str, str, str]]:
    """(kind, name, version) of a file's dynamic symbols; none for a file that is no program."""
    with file.open("rb") as opened:
        if opened.read(4) != b"\x7fELF":
            return []
    words = ["nm", "-D", "--with-symbol-versions", *options, str(file)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = [_SYMBOL.match(line) for line in said.splitlines()]
    return [(each[1], each[2], each[3] or "") for each in found if each]
