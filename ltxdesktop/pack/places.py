"""Where engine packs lie, which one the app uses, and how the engine in it is started."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Final, NamedTuple

import platformdirs

from engine.protocol.command_words import COMMAND_VARIABLE
from ltxdesktop.pack.errors import NoPack
from ltxdesktop.pack.recipe import Recipe, Variant
from ltxdesktop.resources import BUNDLED_ENGINE, HOME

ABOUT: Final = "pack.json"  # its being there says that a pack is whole: it's the last thing written before the rename
STAGING: Final = ".staging-"
DOWNLOADS: Final = ".downloads"

# The pack's Python runs apart from the person's own (-I); the engine's source comes with the app, which may lie on a
# read-only disk under another path at every start (AppImage).
# What the engine says of its own command is what this bundle's person can type.
_START: Final = (
    f"import os, sys; os.environ.setdefault({COMMAND_VARIABLE!r}, {BUNDLED_ENGINE!r}); "
    "sys.path.insert(0, sys.argv.pop(1)); from engine.__main__ import main; sys.exit(main())"
)


class Pack(NamedTuple):
    """One installed pack."""

    folder: Path
    device: str
    build: str
    key: str
    python: Path
    versions: dict[str, str]  # package -> version
    made: str  # date and time, UTC

    @property
    def variant(self) -> Variant:
        return Variant(self.device, self.build)

    @property
    def serial(self) -> int:
        return int(self.folder.name.rpartition("-")[2])


def packs_folder() -> Path:
    """Where packs are kept: $LTX_ENGINE_PACKS, else in the person's data folder. Short, for Windows's 260 letters."""
    chosen = os.environ.get("LTX_ENGINE_PACKS")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("ltxdesktop", appauthor=False)) / "packs"


def packs(folder: Path) -> list[Pack]:
    """All whole packs, the one installed last first."""
    if not folder.is_dir():
        return []
    found = [pack for path in folder.iterdir() if not path.name.startswith(".") and (pack := read_pack(path))]
    return sorted(found, key=lambda pack: pack.serial, reverse=True)


def read_pack(folder: Path) -> Pack | None:
    """The pack in a folder; None if it isn't one, or not a whole one."""
    if not folder.name.rpartition("-")[2].isdigit():
        return None
    try:
        said = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return Pack(
            folder, said["device"], said["build"], said["key"], folder / said["python"], said["versions"], said["made"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_about(folder: Path, variant: Variant, key: str, python: str, versions: dict[str, str], made: str) -> None:
    """Declare a pack whole. `python` is the path of its interpreter from the folder. Raises OSError."""
    about = {
        "device": variant.device, "build": variant.build, "key": key, "python": python, "versions": versions,
        "made": made,
    }  # fmt: skip
    (folder / ABOUT).write_text(json.dumps(about, indent=2), encoding="utf-8")


def in_use_now(folder: Path, recipe: Recipe) -> Pack:
    """The pack that the app starts: of those that fit this version, the one installed last. Raises NoPack."""
    every = packs(folder)
    for pack in every:
        if pack.key == recipe.key(pack.variant) and pack.python.exists():
            return pack
    raise NoPack(outdated=bool(every))


def next_folder(folder: Path, variant: Variant, key: str) -> Path:
    """The name for the next pack: its number is higher than any before it."""
    numbers = [int(tail) for path in folder.iterdir() if (tail := path.name.rpartition("-")[2]).isdigit()]
    return folder / f"{variant.name}-{key}-{max(numbers, default=0) + 1}"


def engine_words(python: Path, home: Path = HOME) -> list[str]:
    """The command of the engine in a pack, to which its own words (`--stdio`, `doctor`) are added."""
    return [str(python), "-I", "-X", "utf8", "-c", _START, str(home)]


def is_running(pack: Pack) -> bool:
    """Whether some process runs from this pack."""
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = process.cmdline()
            if words and Path(words[0]).is_relative_to(pack.folder):
                return True
    return False


def remove(pack: Pack) -> None:
    """Delete a pack. It's no pack from the first moment on, so what a kill leaves is swept later. Raises OSError."""
    aside = pack.folder.with_name(f"{STAGING}old-{pack.folder.name}")
    pack.folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what killed installations and removals have left; downloads stay."""
    for path in folder.glob(f"{STAGING}*"):
        shutil.rmtree(path, ignore_errors=True)
