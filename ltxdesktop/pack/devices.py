"""Which device this machine's engine is best installed for, and why. Nothing of torch is needed to tell."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from typing import NamedTuple

from ltxdesktop.pack.recipe import CUDA_13_DRIVER, Variant, variant


class Suggestion(NamedTuple):
    """What to install, and why, in words for the person."""

    variant: Variant
    reason: str


def nvidia() -> tuple[str, int]:
    """Name of the first NVIDIA card and its driver's major version; ("", 0) without one that works."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return "", 0
    words = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "", 0
    name, _, driver = (said.splitlines() or [""])[0].rpartition(",")
    major = driver.strip().partition(".")[0]
    return (name.strip(), int(major)) if name and major.isdigit() else ("", 0)


def suggest() -> Suggestion:
    """The best that there is for this machine."""
    card, driver = nvidia()
    if card:
        older = f" Its driver {driver} is older than {CUDA_13_DRIVER}: a newer one would be quicker."
        return Suggestion(variant("cuda", driver), f"{card} is here.{older if driver < CUDA_13_DRIVER else ''}")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Suggestion(variant("mps"), "This is a Mac with Apple silicon.")
    if sys.platform == "linux" and os.access("/dev/kfd", os.R_OK | os.W_OK):
        return Suggestion(variant("rocm"), "An AMD card is here; for these the engine is experimental.")
    return Suggestion(variant("cpu"), "No graphics card that LTX-2.3 could use is here: Pocket and the LTX API work.")


def chosen(device: str) -> Variant:
    """What to install for the device that a person named. Raises UnknownDevice."""
    return variant(device, nvidia()[1] if device == "cuda" else 0)
