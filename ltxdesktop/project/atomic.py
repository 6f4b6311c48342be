"""Files replaced all at once: whoever reads sees the old content or the new, also after a power cut."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from pathlib import Path

from ltxdesktop.project.errors import writing_error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace (or make) a file: a temporary one beside it, fsync, rename, fsync of the folder.

    A link is followed, permissions are kept. The old file is as it was when this raises NotWritable or DiskFull.
    """
    target = path.resolve() if path.is_symlink() else path
    part = target.with_name(f"{_part_prefix(target)}{secrets.token_hex(4)}.part")
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        with part.open("xb") as file:
            file.write(data)
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise writing_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def remove_parts(path: Path) -> None:
    """Remove what a killed process left while it was replacing this file. Only for who holds the project's lock."""
    target = path.resolve() if path.is_symlink() else path
    prefix = _part_prefix(target)
    with contextlib.suppress(OSError):
        for left in target.parent.iterdir():
            if left.name.startswith(prefix) and left.name.endswith(".part"):
                left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a power cut. Systems without that notion (Windows) need nothing."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse; the rename has happened all the same
            os.fsync(handle)
    finally:
        os.close(handle)


def short_hash(path: Path) -> str:
    """Eight digits that stand for a file's name, however long and odd that is."""
    return hashlib.blake2b(os.fsencode(path.name), digest_size=4).hexdigest()


def _part_prefix(path: Path) -> str:
    return f".ltx-{short_hash(path)}-"
