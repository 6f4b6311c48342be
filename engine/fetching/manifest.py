"""The official files: where each lies on the hub, at which commit, its size, its sha256, and its licence.

The data is manifest.json beside this file. A package is what a person can ask for by name; `needs` are packages without
which it doesn't work. Nothing here touches disk or network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from engine.fetching.errors import NoSuchPackage, WrongText
from engine.protocol.packages import PackageKind

OFFICIAL: Final = Path(__file__).with_name("manifest.json")
LICENCES: Final = Path(__file__).with_name("licences")

_Hash = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
_Commit = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}$")]  # never a branch: what it names would change
_Folder = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$|^$")]
_Path = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*(/[0-9A-Za-z][0-9A-Za-z._-]*)*$")]


class Licence(Struct, frozen=True, forbid_unknown_fields=True):
    """A licence as a person is shown it; `terms` is a summary, the text counts."""

    title: str
    address: str
    terms: str
    text: _Path  # a file of `LICENCES`, word for word, so that it can be read without a network
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]  # of what `read` gives: that is accepted, and nothing else
    source: str = ""  # where this copy came from
    ask: str = ""  # what a person has to say of themselves besides, before the first byte
    more: tuple[_Path, ...] = ()  # further files, which the text makes a part of itself: shown and accepted with it

    def read(self) -> str:
        """The whole text, one under the other where it's more than one.

        Raises OSError, WrongText when a file isn't the one that belongs here.
        """
        texts = [(LICENCES / name).read_bytes().replace(b"\r\n", b"\n") for name in (self.text, *self.more)]
        data = b"\n\n".join(texts)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise WrongText(self.title)
        return data.decode()


class RemoteFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. Without a sha256 the size is an estimate, and what the hub says at the pinned commit counts."""

    path: _Path  # in its repository
    folder: _Folder = ""  # in the models folder
    size_bytes: Annotated[int, Meta(ge=0)]
    sha256: _Hash = ""

    @property
    def place(self) -> str:
        """Where it belongs, relative to the models folder, with slashes."""
        name = PurePosixPath(self.path).name
        return f"{self.folder}/{name}" if self.folder else name


class Package(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files that belong together. The last one gets its name when all others have theirs."""

    id: Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]{1,100}$")]
    title: str
    kind: PackageKind
    about: str = ""  # what it is for
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    licence: str
    gated: bool = False  # the hub gives it only to people who accepted its licence there
    repository: Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]+/[0-9A-Za-z._-]+$")]
    revision: _Commit
    files: Annotated[tuple[RemoteFile, ...], Meta(min_length=1)]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """All packages and the licences they are under."""

    licences: dict[str, Licence]
    packages: tuple[Package, ...]

    def get(self, name: str) -> Package:
        """A package by id or alias. Raises NoSuchPackage."""
        for package in self.packages:
            if name == package.id or name in package.aliases:
                return package
        raise NoSuchPackage(name, [package.id for package in self.packages])

    def with_needs(self, name: str) -> tuple[Package, ...]:
        """A package and all that it needs, each once, what is needed first. Raises NoSuchPackage."""
        return tuple(dict.fromkeys(self._walk(self.get(name))))

    def _walk(self, package: Package) -> Iterator[Package]:
        for need in package.needs:
            yield from self._walk(self.get(need))
        yield package


def load_manifest(path: Path = OFFICIAL) -> Manifest:
    """Read a manifest. Raises msgspec.ValidationError, OSError."""
    return msgspec.json.decode(path.read_bytes(), type=Manifest)
