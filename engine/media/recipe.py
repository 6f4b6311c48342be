"""The recipe sidecar: a JSON file beside a generated one that holds everything needed to make it again.

What a recipe says is the engine's business (a plain mapping); here is only how it is kept. Exact values survive: a
Fraction is written as "30000/1001" text, a Path as text.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

from .errors import DiskFull, NotWritable, RecipeError, is_disk_full, shown

VERSION: Final = 1  # of the envelope; the content has its own
_SUFFIX: Final = ".recipe.json"
_NAME_BYTES: Final = 255  # the longest file name on ext4, APFS, NTFS


def recipe_path(media: Path) -> Path:
    """Where the recipe of `media` is kept. A name that would get too long is cut and made unique by a hash."""
    name = media.name + _SUFFIX
    encoded = os.fsencode(media.name)
    if len(encoded) + len(_SUFFIX) > _NAME_BYTES:
        mark = hashlib.sha256(encoded).hexdigest()[:12]
        stem = encoded[: _NAME_BYTES - len(_SUFFIX) - len(mark) - 1].decode("utf-8", "ignore")
        name = f"{stem}~{mark}{_SUFFIX}"
    return media.with_name(name)


def write_recipe(media: Path, recipe: Mapping[str, Any]) -> Path:
    """Keep `recipe` beside `media`, all of it or nothing. Returns the sidecar's path.

    Raises TypeError for values that JSON has no word for, NotWritable, DiskFull.
    """
    text = json.dumps({"ltxdesktop_recipe": VERSION, **recipe}, indent=1, ensure_ascii=False, default=_plain)
    path = recipe_path(media)
    part = path.parent / f".ltx-{secrets.token_hex(6)}.part"
    try:
        with part.open("xb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as exc:
        if is_disk_full(exc):
            raise DiskFull(path) from exc
        raise NotWritable(path, os.strerror(exc.errno) if exc.errno else str(exc)) from exc
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def read_recipe(media: Path) -> dict[str, Any]:
    """The recipe kept beside `media`. Raises RecipeError when there is none, or none that this program reads."""
    path = recipe_path(media)
    try:
        found: object = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except FileNotFoundError:
        raise RecipeError(media, f"{shown(media)} has no recipe beside it.") from None
    except (OSError, ValueError, RecursionError) as exc:
        raise RecipeError(media, f"The recipe beside {shown(media)} can't be read ({exc}).") from exc
    if not isinstance(found, dict):
        raise RecipeError(media, f"The recipe beside {shown(media)} is not a recipe.")
    recipe = cast("dict[str, Any]", found)
    version = recipe.pop("ltxdesktop_recipe", None)
    if not isinstance(version, int):
        raise RecipeError(media, f"The recipe beside {shown(media)} is not a recipe.")
    if version > VERSION:
        raise RecipeError(
            media, f"The recipe beside {shown(media)} has version {version}; this program reads up to {VERSION}."
        )
    return recipe


def _plain(value: object) -> str:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a recipe can't hold {value!r}")
