"""What an engine pack is made of: the locked packages, the build of torch for a device, and the pinned Pythons.

Pure but for reading two shipped files: nothing is installed or fetched here.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from engine.protocol.hosts import TORCH
from ltxdesktop.pack.errors import UnknownDevice
from ltxdesktop.resources import HOME

FORMAT: Final = 1  # raised when older packs can't be used any more
LOCK: Final = HOME / "packaging" / "requirements.lock"
PYTHONS: Final = HOME / "packaging" / "pythons.json"

_WINDOW_ONLY: Final = frozenset({"pyside6-essentials", "shiboken6", "sounddevice"})
# torch's own dependencies with CUDA or ROCm: it pins them exactly, so the lock needn't (packaging/lock.py).
_OF_TORCH: Final = re.compile(r"^(nvidia|cuda)-|^(pytorch-)?triton(-rocm)?$|^torch$")

# (system, device) -> the index of torch's builds, which is the local part of its version too. "" is PyPI's own build:
# without CUDA on Windows, with Metal on macOS. CUDA of an older driver: see `variant`.
_BUILDS: Final = {
    ("linux", "cpu"): "cpu",
    ("linux", "cuda"): "cu130",
    ("linux", "rocm"): "rocm7.2",
    ("win32", "cpu"): "",
    ("win32", "cuda"): "cu130",
    ("darwin", "cpu"): "",
    ("darwin", "mps"): "",
}
CUDA_13_DRIVER: Final = 580  # the oldest NVIDIA driver that CUDA 13 runs with; older ones get CUDA 12.6
_OLDER_CUDA: Final = "cu126"

# Disk that an installation takes at its highest: downloads and what is unpacked from them, with some room.
_NEEDED_BYTES: Final = {"cpu": 3_500_000_000, "mps": 3_000_000_000, "cuda": 12_000_000_000, "rocm": 25_000_000_000}


class Locked(NamedTuple):
    """One package of the lock."""

    name: str  # lower case, with hyphens
    requirement: str  # as pip reads it: version and marker, without hashes
    hashes: frozenset[str]  # sha256 of every file that may be installed; empty for torch


class PinnedPython(NamedTuple):
    """One build of python-build-standalone."""

    version: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Variant:
    """What is installed for a device: the pack's content depends on this and on the lock alone."""

    device: str
    build: str  # of torch: cpu, cu130, …; "" is PyPI's own

    @property
    def name(self) -> str:
        return f"{self.device}-{self.build}" if self.build and self.build != self.device else self.device

    @property
    def needed_bytes(self) -> int:
        return _NEEDED_BYTES[self.device]

    @property
    def torch_index(self) -> str:
        """Where torch's build is looked for beside PyPI; "" for nowhere else."""
        return f"{TORCH.address}/whl/{self.build}" if self.build else ""


def variant(device: str, driver: int = 0, system: str = sys.platform) -> Variant:
    """What to install for a device. `driver`: the NVIDIA driver's major version, 0 if unknown. Raises UnknownDevice."""
    if (system, device) not in _BUILDS:
        raise UnknownDevice(device, devices(system))
    build = _BUILDS[system, device]
    return Variant(device, _OLDER_CUDA if build == "cu130" and 0 < driver < CUDA_13_DRIVER else build)


def devices(system: str = sys.platform) -> list[str]:
    """The devices that there are engines for on this system, the plainest first."""
    return [device for known, device in _BUILDS if known == system]


def normal(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> dict[str, tuple[Locked, ...]]:
    """The sections of `requirements.lock`. A section starts with a line `# [name]` and ends at the next."""
    sections: dict[str, tuple[Locked, ...]] = {}
    for part in re.split(r"^# \[", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("]\n")
        blocks = re.split(r"\n(?=\S)", body.strip())
        sections[title] = tuple(_locked(block) for block in blocks if block and not block.startswith("#"))
    return sections


def _locked(block: str) -> Locked:
    first = block.splitlines()[0].rstrip(" \\")
    name = re.split(r"[=<>! \[]", first, maxsplit=1)[0]
    return Locked(normal(name), first, frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)))


class Recipe:
    """The lock as an engine pack sees it."""

    def __init__(self, lock: str) -> None:
        sections = read_lock(lock)
        every = [each for section in sections.values() for each in section]
        self.packages = tuple(
            each for section in ("app", "engine") for each in sections[section] if each.name not in _WINDOW_ONLY
        )
        self._torch = sections["torch"][0].requirement.split(" ")[0]
        self._hashes = {each.name: each.hashes for each in every}
        self.constraints = tuple(each.requirement for each in every if each.name != "torch")

    def torch(self, wanted: Variant) -> str:
        """The requirement of torch's build: its local version can come from torch's own index only."""
        return f"{self._torch}+{wanted.build}" if wanted.build else self._torch

    def key(self, wanted: Variant, system: str = sys.platform, machine: str = "") -> str:
        """Names what a pack must contain: the same key, the same packages."""
        machine = machine or platform.machine().lower()
        parts: Iterable[str] = (
            str(FORMAT), system, machine, wanted.name, self.torch(wanted), *(each.requirement for each in self.packages)
        )  # fmt: skip
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]

    def allows(self, name: str, sha256: str) -> bool:
        """Whether a file may be installed: it's locked with this hash, or torch's own build brings it."""
        hashes = self._hashes.get(normal(name))
        if _OF_TORCH.match(normal(name)):
            return True
        return hashes is not None and sha256 in hashes


def read_recipe(path: Path = LOCK) -> Recipe:
    """The recipe that came with this program. Raises OSError."""
    return Recipe(path.read_text(encoding="utf-8"))


def pinned_python(
    path: Path = PYTHONS, *, system: str = sys.platform, machine: str = "", version: tuple[int, int] | None = None
) -> PinnedPython | None:
    """The standalone Python for this machine, of the app's own version: what the app has compiled fits it."""
    minor = ".".join(map(str, version or sys.version_info[:2]))
    machine = (machine or platform.machine()).lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    entry = json.loads(path.read_text(encoding="utf-8"))["pythons"].get(f"{minor} {system} {machine}")
    return None if entry is None else PinnedPython(entry["version"], entry["url"], entry["sha256"])
