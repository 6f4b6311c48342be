"""What can go wrong while files are fetched: the errors of this room. Each message is for a person."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from engine.protocol.hosts import HUB


class FetchError(Exception):
    """Base of everything that this room raises."""


class NoSuchPackage(FetchError, LookupError):
    """The manifest has nothing of this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
        super().__init__(f"There is no model {name!r}. {hint}")
        self.name = name


class Stopped(FetchError):
    """The person cancelled. What has come is kept."""

    def __init__(self) -> None:
        super().__init__("Stopped. What has come is kept; ask again to go on from there.")


class Offline(FetchError):
    """The environment says that the network isn't to be used."""

    def __init__(self) -> None:
        super().__init__("HF_HUB_OFFLINE is set, so nothing is downloaded. Unset it, or import files from a folder.")


class BadEndpoint(FetchError, ValueError):
    """An address that nothing may be asked of."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address} can't be used: {why}.")


class Gated(FetchError, PermissionError):
    """The hub gives this repository only to people who accepted its licence. `known`: whether it knows who asked."""

    def __init__(self, repository: str, *, known: bool) -> None:
        page = f"{HUB.address}/{repository}"
        if known:
            message = (
                f"Your account may not have {repository} yet. Sign in, accept the licence at {page}, and ask again."
            )
        else:
            message = (
                f"{repository} is only for people who have accepted its licence. Accept it at {page}, make a token "
                f"that may read at {HUB.address}/settings/tokens, and give it: in the window of models, in the "
                "variable HF_TOKEN, or with `hf auth login`."
            )
        super().__init__(message)
        self.repository = repository
        self.known = known


class NotThere(FetchError, LookupError):
    """The hub doesn't have the file at the pinned commit."""

    def __init__(self, repository: str, path: str, revision: str) -> None:
        super().__init__(
            f"{path} isn't in {repository} at {revision[:10]} any more. "
            "A newer version of this program may know where it went; files that you have elsewhere can be imported."
        )


class Unreachable(FetchError, ConnectionError):
    """The hub didn't answer, again and again. What has come is kept."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host} can't be reached: {reason}. What has come is kept; ask again to go on from there.")
        self.reason = reason


class WrongFile(FetchError):
    """The hub offers another file than the manifest names; nothing of it was taken."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"The hub has another file under the name {path}: {what}. Nothing of it was taken.")


class Corrupt(FetchError):
    """What came isn't the file: its bytes were thrown away."""

    def __init__(self, path: str, expected: str, actual: str) -> None:
        super().__init__(
            f"{path} came damaged (sha256 {actual[:12]}… instead of {expected[:12]}…) and was thrown away. "
            "Ask again; if it happens again, a proxy or mirror in between changes it."
        )
        self.expected = expected
        self.actual = actual


class NoChecksum(FetchError):
    """Neither manifest nor hub name a sha256, so nothing could be verified."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} can't be verified: the hub names no sha256 for it. It isn't taken.")


class NoSpace(FetchError, OSError):
    """The disk is too small; said before the first byte."""

    def __init__(self, folder: Path, needed: int, free: int) -> None:
        super().__init__(
            f"{needed / 1e9:.1f} GB are needed in {folder} and {free / 1e9:.1f} GB are free. "
            "Make room, or choose a models folder on another disk."
        )
        self.needed = needed
        self.free = free


class FileTooLarge(FetchError, OSError):
    """The file system can't hold a file of this size; said before the first byte."""

    def __init__(self, folder: Path, path: str, largest: int) -> None:
        super().__init__(
            f"{path} is larger than {largest / 1e9:.1f} GB, the most that a file may have on the disk of {folder} "
            "(FAT32). Choose a models folder on another disk, or format this one as exFAT."
        )


class InTheWay(FetchError, FileExistsError):
    """Another file lies where this one belongs."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Where the file belongs lies another one: {path}. Move it away, or verify the models, which sets it aside."
        )
        self.path = path


class CannotLink(FetchError, OSError):
    """Neither a hard nor a symbolic link can be made."""

    def __init__(self, source: Path, target: Path, reason: str) -> None:
        super().__init__(
            f"{source} can't be linked into {target.parent} ({reason}). "
            "Choose a models folder on the same disk, or move the file there."
        )


class LicenceNotAccepted(FetchError):
    """A licence has to be accepted before the first byte."""

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__(f"Accept first: {', '.join(titles)}. Read them first; on the command line, --yes says so.")


class WrongText(FetchError):
    """A licence's text that came with the program isn't the one that belongs there."""

    def __init__(self, title: str) -> None:
        super().__init__(f"The text of the {title} was changed in this installation. Install the program anew.")


class OtherText(FetchError, ValueError):
    """Another text than the one there is now was accepted."""

    def __init__(self, title: str) -> None:
        super().__init__(f"The {title} has another text now than the one that was accepted. Read it again.")


class BadFolder(FetchError, ValueError):
    """A folder that the models can't be moved to."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"The models can't be moved to {folder}: {why}.")


class NotALora(FetchError, ValueError):
    """A file that is no LoRA."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} isn't a LoRA that can be used: {why}.")
