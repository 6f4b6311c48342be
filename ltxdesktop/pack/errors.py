"""What can be wrong with an engine pack. Each message is for the person and says what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

INSTALL = "ltxdesktop engine install"


class PackError(Exception):
    """Base of all of them."""


class NoPack(PackError):
    """No engine pack that fits this version of the app is here."""

    def __init__(self, outdated: bool = False) -> None:
        what = "is for another version of this program" if outdated else "isn't installed yet"
        super().__init__(
            f"The engine {what}. Install it in Engine › Install the engine…, or say in a terminal: {INSTALL}"
        )
        self.outdated = outdated


class PackBusy(PackError):
    """Another installation is under way."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Another installation of the engine is under way in {folder}. Wait for it, then try again.")


class UnknownDevice(PackError, ValueError):
    """There is no build of torch for this device on this system."""

    def __init__(self, device: str, possible: Sequence[str]) -> None:
        super().__init__(f"There is no engine for {device!r} on this system. Possible are: {', '.join(possible)}.")
        self.device = device


class NoPython(PackError):
    """No Python for the pack could be had."""


class NoSpace(PackError):
    """The disk is too full to begin."""

    def __init__(self, folder: Path, needed_bytes: int, free_bytes: int) -> None:
        super().__init__(
            f"The engine needs about {needed_bytes / 1e9:.0f} GB in {folder}, and {free_bytes / 1e9:.1f} GB are free. "
            "Make room, or choose another folder with LTX_ENGINE_PACKS."
        )


class DownloadFailed(PackError):
    """A file didn't arrive, though it was tried several times. What has arrived is kept for the next try."""

    def __init__(self, url: str, reason: str) -> None:
        host = url.split("/")[2] if url.count("/") > 2 else url
        super().__init__(
            f"{url.rsplit('/', 1)[-1]} didn't arrive from {host}: {reason}. What has arrived is kept; try again, or "
            "install from a folder of wheels (--wheels)."
        )
        self.url = url


class Corrupt(PackError):
    """A file isn't the one that was pinned; it was removed."""

    def __init__(self, name: str, wanted: str, found: str) -> None:
        super().__init__(
            f"{name} isn't the file that this version was made with (sha256 {found[:12]}… instead of {wanted[:12]}…). "
            "It was removed and not installed."
        )


class NotLocked(PackError):
    """A package would be installed that this version wasn't made with."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} isn't among the packages that this version was made with; nothing was installed.")


class StepFailed(PackError):
    """A step of the installation ended badly; `log` has the last lines of what it said."""

    def __init__(self, step: str, reason: str, log: str = "") -> None:
        super().__init__(f"{step} failed: {reason}")
        self.log = log
