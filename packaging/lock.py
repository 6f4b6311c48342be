#!/usr/bin/env python3
"""Writes `requirements.lock` anew from pyproject.toml: `.venv/bin/python packaging/lock.py [--upgrade]`.

Without `--upgrade` versions that are locked already stay. Needs the network and the package `uv`, which it installs
into the running environment's neighbour folder `.venv/lock`; only people who change dependencies need this.

One resolution holds for every supported system and Python (markers tell them apart). It is cut into the sections that
`dev.py` installs one after the other, so that the app can be had without torch.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "packaging" / "requirements.lock"
UV = ROOT / ".venv" / "lock" / ("Scripts" if os.name == "nt" else "bin") / "uv"
UV_VERSION = "0.13.8"

# Section -> what of pyproject.toml it adds to the sections before it.
SECTIONS = {
    "build": ["--group", "build"],
    "app": ["pyproject.toml"],
    "engine": ["pyproject.toml", "--extra", "engine"],
    "torch": ["pyproject.toml", "--extra", "engine"],
    "test": ["pyproject.toml", "--extra", "engine", "--group", "test"],
    "bundle": ["pyproject.toml", "--group", "bundle"],
}
HEADER = """\
# Every package this project installs, with exact versions: written by packaging/lock.py, read by packaging/dev.py.
# Sections: [build] to install the package itself, [app] all that the window needs (no torch), [engine] and [torch] for
# the process that owns the GPU, [test] for checks and tests, [bundle] to make bundles. Each is installed with --no-deps
# --require-hashes, so what is not listed is not installed; except [torch], which has no hashes because torch's build
# differs by machine (CPU, CUDA, Metal). A CUDA build pins its own CUDA packages exactly.
"""
# torch's own dependencies on Linux with CUDA. They are pinned by torch, come with its CUDA build, and must not be
# installed where the CPU build is used.
CUDA_ONLY = re.compile(r"^(nvidia|cuda)-|^triton$")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows")
    upgrade = parser.parse_args().upgrade
    provide_uv()
    everything = compile_requirements(
        "pyproject.toml",
        "--all-extras",
        "--group",
        "build",
        "--group",
        "test",
        "--group",
        "bundle",
        hashes=True,
        keep=None if upgrade else LOCK,
    )
    blocks = {name: block for block in split(everything) if not CUDA_ONLY.search(name := package(block))}
    constraints = ROOT / ".venv" / "lock" / "versions.txt"
    constraints.write_text("\n".join(without_hashes(block) for block in blocks.values()), encoding="utf-8")

    text, written = [HEADER], set[str]()
    for section, selection in SECTIONS.items():
        wanted = {package(block) for block in split(compile_requirements(*selection, constraints=constraints))}
        mine = {"torch"} if section == "torch" else wanted - {"torch"}
        names = sorted((mine & blocks.keys()) - written)
        written |= set(names)
        text.append(f"\n# [{section}]\n")
        text += [(without_hashes if section == "torch" else str)(blocks[name]) + "\n" for name in names]
    LOCK.write_text("".join(text), encoding="utf-8")
    print(f"{LOCK}: {len(written)} packages")
    return 0


def provide_uv() -> None:
    folder = ROOT / ".venv" / "lock"
    if not UV.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(UV.with_name("python")), "-m", "pip", "install", "-q", f"uv=={UV_VERSION}"], check=True)


def compile_requirements(
    *selection: str, hashes: bool = False, constraints: Path | None = None, keep: Path | None = None
) -> str:
    """uv's answer for the selected groups, for every system and Python at once, one version of each package."""
    command = [str(UV), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--no-header"]
    command += ["--no-annotate", "--fork-strategy", "fewest", "--no-strip-markers"]
    command += ["--generate-hashes"] if hashes else []
    if keep is not None and keep.exists():
        command += ["--constraints", str(keep)]
    if constraints is not None:
        command += ["--constraints", str(constraints)]
    done = subprocess.run([*command, *selection], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def split(text: str) -> list[str]:
    """One string per requirement, with its continuation lines (the hashes)."""
    return [block.rstrip("\n") for block in re.split(r"\n(?=\S)", text.strip()) if block]


def package(block: str) -> str:
    return re.split(r"[=<>! \[]", block, maxsplit=1)[0].lower()


def without_hashes(block: str) -> str:
    return block.split("\n")[0].rstrip(" \\")


if __name__ == "__main__":
    sys.exit(main())
