"""Installing a pack, and mending one.

Everything happens in a staging folder beside the packs: Python, packages, compiling, the engine's hello, the list of
files. One rename makes it the newest pack, and only then older ones go. A kill at any moment leaves either the old
packs or the new one, and downloads that the next try goes on with.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ltxdesktop.pack import hello, interpreter, manifest, wheels
from ltxdesktop.pack.errors import NoSpace, PackBusy, StepFailed
from ltxdesktop.pack.places import (
    DOWNLOADS,
    STAGING,
    Pack,
    engine_words,
    is_running,
    next_folder,
    packs,
    read_pack,
    remove,
    sweep,
    write_about,
)
from ltxdesktop.pack.recipe import PinnedPython, Recipe, Variant
from ltxdesktop.pack.steps import run
from ltxdesktop.pack.wheels import Source
from ltxdesktop.resources import HOME

if sys.platform == "win32":
    import msvcrt

    def _take(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Step(NamedTuple):
    """How far an installation is: what it does, and of a download how many bytes are there (of 0: unknown)."""

    words: str
    there: int = 0
    whole: int = 0


@dataclass(frozen=True)
class Plan:
    """What to install, where, and from what."""

    folder: Path  # of all packs
    variant: Variant
    recipe: Recipe
    pinned: PinnedPython | None = None  # the standalone Python for this machine
    source: Source = field(default_factory=Source)
    python: Path | None = None  # to be used instead
    home: Path = HOME  # where the engine's source is


def install(plan: Plan, tell: Callable[[Step], None]) -> Pack:
    """Make a pack, put it into place, and remove those that it replaces. Raises PackError, OSError."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    with _alone(plan.folder):
        sweep(plan.folder)
        _check_space(plan)
        staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=plan.folder))
        try:
            _make(plan, staging, tell)
            final = next_folder(plan.folder, plan.variant, plan.recipe.key(plan.variant))
            staging.rename(final)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        shutil.rmtree(plan.folder / DOWNLOADS, ignore_errors=True)
        tell(Step("Removing older ones"))
        remove_others(plan.folder, final)
    pack = read_pack(final)
    assert pack is not None, "it was just written"
    return pack


def download(plan: Plan, folder: Path, tell: Callable[[Step], None]) -> int:
    """Bring all files of a pack into a folder, for machines of this kind without a network; how many packages they are.

    What is there already stays. Raises PackError, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ltxdesktop-pack-") as scratch:
        name = interpreter.provide(
            Path(scratch), pinned=plan.pinned, downloads=folder, python=plan.python,
            progress=lambda there, whole: tell(Step("Python", there, whole)),
        )  # fmt: skip
        tell(Step("Finding the packages"))
        found = wheels.resolve(Path(scratch, name), plan.recipe, plan.variant, plan.source, Path(scratch))
        files = wheels.collect(found, plan.recipe, folder, lambda file, there, whole: tell(Step(file, there, whole)))
    for file in files:
        if file.parent != folder:  # an index on this disk
            shutil.copyfile(file, folder / file.name)
    return len(files)


def remove_others(folder: Path, keep: Path) -> list[Pack]:
    """Remove every pack but one; those that an engine runs from stay until the next time, and are returned."""
    left: list[Pack] = []
    for pack in packs(folder):
        if pack.folder == keep:
            continue
        try:
            if is_running(pack):
                left.append(pack)
            else:
                remove(pack)
        except OSError:  # on Windows a running program holds its folder
            left.append(pack)
    return left


def _make(plan: Plan, staging: Path, tell: Callable[[Step], None]) -> None:
    """Fill the staging folder with a whole, checked pack."""
    downloads = plan.folder / DOWNLOADS
    downloads.mkdir(exist_ok=True)
    tell(Step("Python"))
    name = interpreter.provide(
        staging, pinned=plan.pinned, downloads=downloads, kit=plan.source.wheels, python=plan.python,
        progress=lambda there, whole: tell(Step("Python", there, whole)),
    )  # fmt: skip
    python = staging / name
    with tempfile.TemporaryDirectory(prefix="ltxdesktop-pack-") as scratch:
        tell(Step("Finding the packages"))
        found = wheels.resolve(python, plan.recipe, plan.variant, plan.source, Path(scratch))
        files = wheels.collect(found, plan.recipe, downloads, lambda file, there, whole: tell(Step(file, there, whole)))
        tell(Step(f"Unpacking {len(files)} packages"))
        wheels.unpack(python, files, Path(scratch))
    tell(Step("Compiling"))
    final = next_folder(plan.folder, plan.variant, plan.recipe.key(plan.variant))
    with contextlib.suppress(StepFailed):  # a package may carry files for other Pythons; what isn't compiled is slower
        run(
            "Compiling",
            [python, "-I", "-m", "compileall", "-q", "-s", staging, "-p", final, staging / interpreter.FOLDER],
        )
    tell(Step("Starting the engine for the first time"))
    hello.check(engine_words(python, plan.home))
    tell(Step("Listing its files"))
    manifest.write(staging)
    versions = {each.name: each.version for each in found}
    made = datetime.now(UTC).isoformat(timespec="seconds")
    write_about(staging, plan.variant, plan.recipe.key(plan.variant), name, versions, made)


def _check_space(plan: Plan) -> None:
    free = shutil.disk_usage(plan.folder).free
    downloads = plan.folder / DOWNLOADS
    there = sum(path.stat().st_size for path in downloads.iterdir()) if downloads.is_dir() else 0
    if free + there < plan.variant.needed_bytes:
        raise NoSpace(plan.folder, plan.variant.needed_bytes, free)


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Hold the folder's lock. It ends with the process, however that ends. Raises PackBusy."""
    with (folder / ".lock").open("ab") as file:
        try:
            _take(file)
        except OSError:
            raise PackBusy(folder) from None
        yield
