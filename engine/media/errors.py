"""What can go wrong with a media file, one class per cause; every message is a sentence that a user can read."""

from __future__ import annotations

import errno
from pathlib import Path

_FULL_DISK = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})  # Windows has no EDQUOT


def is_disk_full(exc: BaseException) -> bool:
    """Does the system say that nothing more fits (disk, quota, or file size limit)?"""
    return isinstance(exc, OSError) and exc.errno in _FULL_DISK


def shown(path: Path) -> str:
    """The file's name as it may stand in a sentence: line breaks and undecodable bytes escaped."""
    text = path.name.encode("utf-8", "backslashreplace").decode("utf-8")
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text) + "'"


class MediaError(Exception):
    """Base of this room's errors. `path` is the file that is meant."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class NoSuchFile(MediaError, FileNotFoundError):
    def __init__(self, path: Path) -> None:
        super().__init__(path, f"There is no file {shown(path)} in {shown(path.parent)}.")


class NotReadable(MediaError, PermissionError):
    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{shown(path)} can't be opened: this account may not read it.")


class EmptyFile(MediaError, ValueError):
    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{shown(path)} is empty (0 bytes).")


class NotAMediaFile(MediaError, ValueError):
    def __init__(self, path: Path, why: str = "no known picture or sound format was found in it") -> None:
        super().__init__(path, f"{shown(path)} is not a media file: {why}.")


class UnsupportedCodec(MediaError, ValueError):
    def __init__(self, path: Path, codec: str) -> None:
        super().__init__(path, f"{shown(path)} uses the codec {codec!r}, for which no decoder is installed.")
        self.codec = codec


class NoVideo(MediaError, ValueError):
    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{shown(path)} has no picture.")


class NoAudio(MediaError, ValueError):
    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{shown(path)} has no sound.")


class CorruptMedia(MediaError, ValueError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{shown(path)} is damaged or cut short: {why}.")


class RangeOutsideMedia(MediaError, ValueError):
    """A frame range [first, end) that is empty or not inside the file's frames."""

    def __init__(self, path: Path, first: int, end: int, frames: int) -> None:
        super().__init__(
            path, f"Frames {first} to {end} (exclusive) were asked of {shown(path)}, which has frames 0 to {frames}."
        )
        self.first, self.end, self.frames = first, end, frames


class StaleIndex(MediaError, ValueError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"The frame index kept for {shown(path)} can't be used: {why}.")


class NoEncoder(MediaError):
    def __init__(self, path: Path, wanted: str, tried: tuple[str, ...]) -> None:
        super().__init__(
            path, f"{shown(path)} can't be written: no {wanted} encoder works here (tried {', '.join(tried)})."
        )
        self.tried = tried


class NotWritable(MediaError, OSError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{shown(path)} can't be written to {shown(path.parent)}: {why}.")


class DiskFull(MediaError, OSError):
    def __init__(self, path: Path) -> None:
        super().__init__(
            path, f"The disk is full: {shown(path)} could not be written to {shown(path.parent)} and was removed."
        )


class ResultCheckFailed(MediaError):
    """The file that was just written does not read back as what was asked."""

    def __init__(self, path: Path, what: str, expected: object, found: object) -> None:
        super().__init__(
            path, f"{shown(path)} was written but reads back wrong ({what}: {expected} expected, {found} found)."
        )
        self.what, self.expected, self.found = what, expected, found


class RecipeError(MediaError, ValueError):
    """A recipe sidecar that is missing, unreadable or from a newer version."""
