"""The Python of a pack: a pinned standalone build, unpacked, or an environment of a Python that is here already."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Final

from ltxdesktop.pack.errors import NoPython, PackError, StepFailed
from ltxdesktop.pack.recipe import PinnedPython
from ltxdesktop.pack.steps import run
from ltxdesktop.pack.transfer import Progress, fetch

FOLDER: Final = "python"  # in the pack; also the top folder of the archives of python-build-standalone
OLDEST: Final = (3, 11)


def from_archive(archive: Path, pack: Path) -> str:
    """Unpack a standalone Python; the interpreter's path from the pack. It can be moved. Raises StepFailed."""
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(pack, filter="data")
    except (tarfile.TarError, OSError, EOFError) as exc:
        raise StepFailed(f"Unpacking {archive.name}", str(exc)) from exc
    name = f"{FOLDER}/python.exe" if os.name == "nt" else f"{FOLDER}/bin/python3"
    if not (pack / name).exists():
        raise StepFailed(f"Unpacking {archive.name}", "there is no Python in it")
    return name


def from_installed(python: Path, pack: Path) -> str:
    """An environment of an installed Python, which has to stay. Raises StepFailed, NoPython."""
    version = run(f"Asking {python}", [python, "-I", "-c", "import sys; print(*sys.version_info[:2])"])
    if tuple(map(int, version.split())) < OLDEST:
        raise NoPython(f"{python} is Python {version.strip().replace(' ', '.')}; the engine needs 3.11 or newer.")
    try:
        run(f"Making an environment of {python}", [python, "-I", "-m", "venv", pack / FOLDER])
    except StepFailed as exc:
        hint = " On Debian and Ubuntu the package python3-venv is needed." if "ensurepip" in exc.log else ""
        raise StepFailed(f"Making an environment of {python}", f"see the log.{hint}", exc.log) from exc
    return f"{FOLDER}/Scripts/python.exe" if os.name == "nt" else f"{FOLDER}/bin/python"


def provide(
    pack: Path,
    *,
    pinned: PinnedPython | None,
    downloads: Path,
    kit: Path | None = None,
    python: Path | None = None,
    progress: Progress | None = None,
) -> str:
    """Put a Python into a pack, and return the interpreter's path from there.

    In this order: the one that the person named; the pinned build from `kit`, a folder of files brought along; the same
    downloaded; with a kit that has none, a Python of this machine. Raises PackError.
    """
    if python is not None:
        return from_installed(python, pack)
    if pinned is not None:
        name = pinned.url.rsplit("/", 1)[-1].replace("%2B", "+")
        if kit is not None and (kit / name).is_file():
            return from_archive(_checked(kit / name, pinned), pack)
        if kit is None:
            fetch(pinned.url, downloads / name, pinned.sha256, progress)
            return from_archive(downloads / name, pack)
    found = _on_this_machine()
    if found is None:
        wanted = f"the file {pinned.url.rsplit('/', 1)[-1]}" if pinned is not None else "a Python 3.11 or newer"
        raise NoPython(f"There is no Python for the engine here: put {wanted} into the folder, or name one (--python).")
    return from_installed(found, pack)


def _checked(archive: Path, pinned: PinnedPython) -> Path:
    from ltxdesktop.pack.errors import Corrupt
    from ltxdesktop.pack.transfer import sha256_of

    if (found := sha256_of(archive)) != pinned.sha256:
        error: PackError = Corrupt(archive.name, pinned.sha256, found)
        raise error
    return archive


def _on_this_machine() -> Path | None:
    """A Python of the app's own version, else another; never the frozen program itself."""
    if not getattr(sys, "frozen", False):
        return Path(sys.executable).resolve() if sys.prefix == sys.base_prefix else Path(sys.base_prefix, *_BIN)
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = next((path for name in (own, "python3") if (path := shutil.which(name))), None)
    return Path(found) if found else None


_BIN: Final = ("python.exe",) if os.name == "nt" else ("bin", "python3")
