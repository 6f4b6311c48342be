"""The packages of a pack: pip says which files fit this machine, we fetch and check them, pip unpacks them.

pip could do all of it, but begins an interrupted file from its first byte, and a file of CUDA has 2 GB.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from ltxdesktop.pack.errors import NotLocked, StepFailed
from ltxdesktop.pack.recipe import Recipe, Variant, normal
from ltxdesktop.pack.steps import run
from ltxdesktop.pack.transfer import fetch, sha256_of


class Wheel(NamedTuple):
    """One file to install."""

    name: str
    version: str
    url: str
    sha256: str  # "" for a file of this disk: it's found when it's read

    @property
    def file(self) -> str:
        return unquote(urlsplit(self.url).path.rsplit("/", 1)[-1])

    @property
    def path(self) -> Path | None:
        """Where it lies on this disk; None if it has to be fetched."""
        parts = urlsplit(self.url)
        return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


class Source(NamedTuple):
    """Where packages come from. Empty: as pip is set up here, which mostly is PyPI; torch from its own index too."""

    wheels: Path | None = None  # a folder with all of them; then no index is asked
    index_url: str = ""
    torch_url: str = ""

    def options(self, torch_index: str = "") -> list[str]:
        """pip's words for it."""
        if self.wheels is not None:
            return ["--no-index", "--find-links", str(self.wheels)]
        words = ["--index-url", self.index_url] if self.index_url else []
        extra = (self.torch_url or torch_index) if torch_index else ""
        return [*words, *(["--extra-index-url", extra] if extra else [])]


def resolve(python: Path, recipe: Recipe, variant: Variant, source: Source, scratch: Path) -> list[Wheel]:
    """The files that this Python needs on this machine. Raises StepFailed, NotLocked."""
    plain = scratch / "packages.txt"
    plain.write_text("\n".join(each.requirement for each in recipe.packages) + "\n", encoding="utf-8")
    limits = scratch / "versions.txt"
    limits.write_text("\n".join(recipe.constraints) + "\n", encoding="utf-8")
    torch = recipe.torch(variant)
    locked = _ask_pip(python, ["--no-deps", "-r", str(plain), *source.options()], scratch)
    rest = _ask_pip(python, ["-c", str(limits), torch, *source.options(variant.torch_index)], scratch)
    wheels = {normal(each.name): each for each in (*rest, *locked)}
    for each in wheels.values():
        if each.sha256 and not recipe.allows(each.name, each.sha256):
            raise NotLocked(f"{each.name} {each.version}")
    return sorted(wheels.values())


def _ask_pip(python: Path, words: Sequence[str], scratch: Path) -> list[Wheel]:
    report = scratch / "report.json"
    run(
        "Finding the packages",
        [
            *pip(python), "install", "--dry-run", "--ignore-installed", "--only-binary", ":all:", "--quiet",
            "--report", report, *words,
        ],
    )  # fmt: skip
    said = json.loads(report.read_text(encoding="utf-8"))
    return [_wheel(cast("dict[str, Any]", each)) for each in said["install"]]


def _wheel(entry: dict[str, Any]) -> Wheel:
    info, metadata = entry["download_info"], entry["metadata"]
    sha256 = info.get("archive_info", {}).get("hashes", {}).get("sha256", "")
    wheel = Wheel(metadata["name"], metadata["version"], info["url"], sha256)
    if not sha256 and wheel.path is None:
        raise StepFailed("Finding the packages", f"the index doesn't say the hash of {wheel.file}")
    return wheel


def collect(
    wheels: Sequence[Wheel], recipe: Recipe, downloads: Path, tell: Callable[[str, int, int], None]
) -> list[Path]:
    """Have all files on this disk, checked. `tell` hears the file, its bytes and its size. Raises PackError."""
    files: list[Path] = []
    for wheel in wheels:
        path = wheel.path
        if path is None:
            path = downloads / wheel.file

            def progress(there: int, whole: int, name: str = wheel.file) -> None:
                tell(name, there, whole)

            fetch(wheel.url, path, wheel.sha256, progress)
        elif not recipe.allows(wheel.name, sha256_of(path)):
            raise NotLocked(f"{path.name} in {path.parent}")
        files.append(path)
    return files


def unpack(python: Path, files: Sequence[Path], scratch: Path) -> None:
    """Install the files into the pack's Python, uncompiled. Raises StepFailed."""
    listed = scratch / "files.txt"
    listed.write_text("".join(f"{path.as_uri()}\n" for path in files), encoding="utf-8")
    words = ["install", "--no-index", "--no-deps", "--no-compile", "--no-warn-script-location", "--quiet"]
    run("Unpacking the packages", [*pip(python), *words, "-r", listed])


def pip(python: Path) -> list[str]:
    """The pack's own pip."""
    return [str(python), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
