"""What can go wrong with a media file, one class per cause; every message says what happened, and what can be done."""

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
    """The path names nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            f"There is no file {shown(path)} in {shown(path.parent)}. Put it back, or choose where it is now.",
        )


class NotReadable(MediaError, PermissionError):
    """The system doesn't let this account read the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, f"{shown(path)} can't be opened: this account may not read it. Change its permissions, or copy it."
        )


class EmptyFile(MediaError, ValueError):
    """The file has no bytes: an unfinished copy or download."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{shown(path)} is empty (0 bytes). Copy or download it again.")


class NotAMediaFile(MediaError, ValueError):
    """FFmpeg knows no such file, or it is of a kind that is refused."""

    def __init__(self, path: Path, why: str = "no known picture or sound format was found in it") -> None:
        super().__init__(path, f"{shown(path)} is not a media file: {why}.")


class UnsupportedCodec(MediaError, ValueError):
    """The stream is known, what decodes it isn't there."""

    def __init__(self, path: Path, codec: str) -> None:
        super().__init__(
            path,
            f"{shown(path)} uses the codec {codec!r}, for which no decoder is installed. "
            "Convert it in another program first, to ProRes or H.264 for a film.",
        )
        self.codec = codec


class NoVideo(MediaError, ValueError):
    """A picture is needed and the file has sound alone, or nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{shown(path)} has no picture; choose a film.")


class NoAudio(MediaError, ValueError):
    """Sound is needed and the file has none, or no such track."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{shown(path)} has no sound; choose a file with sound.")


class CorruptMedia(MediaError, ValueError):
    """The file begins well and can't be read to its end."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{shown(path)} is damaged or cut short: {why}. Copy or download it again.")


class RangeOutsideMedia(MediaError, ValueError):
    """A frame range [first, end) that is empty or not inside the file's frames."""

    def __init__(self, path: Path, first: int, end: int, frames: int) -> None:
        super().__init__(
            path, f"Frames {first} to {end} (exclusive) were asked of {shown(path)}, which has frames 0 to {frames}."
        )
        self.first, self.end, self.frames = first, end, frames


class StaleIndex(MediaError, ValueError):
    """A kept index that is of another file or version; it's made anew."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"The frame index kept for {shown(path)} can't be used: {why}.")


class NoEncoder(MediaError):
    """None of the encoders for what is to be written works on this machine."""

    def __init__(self, path: Path, wanted: str, tried: tuple[str, ...]) -> None:
        super().__init__(
            path, f"{shown(path)} can't be written: no {wanted} encoder works here (tried {', '.join(tried)})."
        )
        self.tried = tried


class NotWritable(MediaError, OSError):
    """The file can't be made or finished where it shall be; `why` in the system's words."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{shown(path)} can't be written to {shown(path.parent)}: {why}.")


class DiskFull(MediaError, OSError):
    """Nothing more fits; what was written of the file is gone again."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            f"The disk is full: {shown(path)} could not be written to {shown(path.parent)} and was removed. "
            "Make room there and try again.",
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
