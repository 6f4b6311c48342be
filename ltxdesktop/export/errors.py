"""What can go wrong with an export, one class per cause; every message is a sentence for the person."""

from __future__ import annotations

import difflib
import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from engine.media.errors import is_disk_full, shown

_REFUSED: Final = re.compile(r'avcodec_open2\("(\w+)"')  # PyAV's name of what failed


class ExportError(Exception):
    """Base of this room's errors."""


class NoSuchPreset(ExportError, LookupError):
    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = list(known)
        near = difflib.get_close_matches(name.lower(), names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}."
        super().__init__(f"There is no preset {name!r}; {hint}")
        self.name = name


class BadSettings(ExportError, ValueError):
    """Settings that contradict each other, or that the format can't hold."""


class NothingToExport(ExportError, ValueError):
    def __init__(self, sequence: str) -> None:
        super().__init__(f"The range of {sequence!r} that is to be exported has no frame in it.")


class MediaMissing(ExportError):
    """Files that the film shows can't be read; an export with slates in it would be of no use to anybody."""

    def __init__(self, why: Iterable[str]) -> None:
        self.why = tuple(why)
        super().__init__("The film can't be exported, because media are missing or damaged: " + " ".join(self.why))


class NoEncoder(ExportError):
    def __init__(self, wanted: str, tried: Iterable[str]) -> None:
        self.tried = tuple(tried)
        super().__init__(f"No {wanted} encoder works on this machine (tried {', '.join(self.tried)}).")


class TargetNotWritable(ExportError, OSError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{shown(path)} can't be written to {shown(path.parent)}: {why}. Choose another name or folder."
        )
        self.path = path


class EncoderRefused(ExportError):
    """An encoder that works here doesn't take this film's shape."""

    def __init__(self, path: Path, encoder: str) -> None:
        super().__init__(
            f"{shown(path)} can't be made: the encoder {encoder} doesn't take this size, rate or bitrate. "
            "Choose others, or another format."
        )
        self.path, self.encoder = path, encoder


class DiskFull(ExportError, OSError):
    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The disk is full: {shown(path)} could not be finished, and what was written of it is removed. "
            "Make room, or export to another disk."
        )
        self.path = path


class CheckFailed(ExportError):
    """The file that was just written doesn't read back as what was sent; it has been removed."""

    def __init__(self, path: Path, what: str, expected: object, found: object) -> None:
        super().__init__(
            f"{shown(path)} was written but reads back wrong ({what}: {expected} expected, {found} found), and is "
            "removed. Try again, or choose another encoder."
        )
        self.path, self.what, self.expected, self.found = path, what, expected, found


class Cancelled(ExportError):
    """The person stopped it: a normal end. Nothing is left."""

    def __init__(self) -> None:
        super().__init__("The export was cancelled; nothing was written.")


def writing_error(path: Path, error: Exception) -> ExportError:
    """The error that says why writing `path` failed, from the system's or FFmpeg's."""
    if is_disk_full(error) or no_space_left(path.parent):
        return DiskFull(path)
    refused = _REFUSED.match(str(getattr(error, "filename", "") or ""))
    if refused is not None:
        return EncoderRefused(path, refused[1])
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return TargetNotWritable(path, "this account may not write there")
    if code == errno.ENOENT:
        return TargetNotWritable(path, "there is no such folder")
    return TargetNotWritable(path, (os.strerror(code) if code else str(error)).lower())


def no_space_left(folder: Path) -> bool:
    """FFmpeg's muxers don't report every failed write: was it the disk?"""
    try:
        disk = os.statvfs(folder)
    except (OSError, AttributeError):  # Windows has no statvfs
        return False
    return disk.f_bavail * disk.f_frsize < 1 << 16
