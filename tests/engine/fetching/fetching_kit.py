"""What the tests of fetching share: small files, a manifest of them, and a library that never waits."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from engine.fetching.hub import Hub
from engine.fetching.library import Disk, Library
from engine.fetching.manifest import Licence, Manifest, Package, RemoteFile
from engine.fetching.tokens import Token

PLENTY = 10**13


def content(name: str, size: int = 300_000) -> bytes:
    """Bytes that are the same in every run and differ between names."""
    return random.Random(name).randbytes(size)


FILES = {
    "big.safetensors": content("big"),
    "encoder-1.safetensors": content("one", 50_000),
    "encoder-2.safetensors": content("two", 60_000),
    "config.json": b'{"model_type": "tiny"}',
    "unknown.safetensors": content("unknown", 20_000),
}


def remote(name: str, folder: str = "", *, hashed: bool = True) -> RemoteFile:
    data = FILES[name]
    sha256 = hashlib.sha256(data).hexdigest() if hashed else ""
    return RemoteFile(path=name, folder=folder, size_bytes=len(data) + (0 if hashed else 7), sha256=sha256)


def package(name: str, *files: RemoteFile, needs: tuple[str, ...] = (), gated: bool = False) -> Package:
    return Package(
        id=name,
        title=name.title(),
        kind="model",
        needs=needs,
        licence="free",
        gated=gated,
        repository="Someone/Things",
        revision="a" * 40,
        files=files,
    )


BIG = package("big", remote("big.safetensors"), needs=("encoder",))
ENCODER = package(
    "encoder", *(remote(name, "encoder") for name in ("encoder-1.safetensors", "encoder-2.safetensors", "config.json"))
)
UNKNOWN = package("unknown", remote("unknown.safetensors", hashed=False))
FREE = Licence(
    "Free Licence",
    "https://example.org/free",
    "Do what you like.",
    "ltx-2-community.txt",
    "7c8ef302fa1444a3a5650c2dfa09c6927a52b233202431023abb32519f354397",
)
MANIFEST = Manifest(
    licences={"free": FREE},
    packages=(BIG, ENCODER, UNKNOWN),
)


def library(
    folder: Path, *, free: int = PLENTY, pauses_s: tuple[float, ...] = (0.0,) * 3, largest: int | None = None
) -> Library:
    """A library whose licence is accepted and whose retries don't wait."""
    disk = Disk(free=lambda _folder: free, largest_file=lambda _folder: largest)
    made = Library(folder, MANIFEST, disk=disk, pauses_s=pauses_s)
    made.accept(["free"])
    return made


def hub(endpoint: str, token: str = "", read_s: float = 30.0) -> Hub:
    return Hub(endpoint, Token(token) if token else None, read_s=read_s)
