"""Programs that an installation runs, and their failures in words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ltxdesktop.pack.errors import StepFailed

# What of a person's environment would send packages somewhere else. Indexes, proxies and certificates stay theirs.
_NOT_FOR_US: Final = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_DEPS")
_REASONS: Final = {
    "No space left on device": "the disk is full",
    "not enough space on the disk": "the disk is full",
    "No matching distribution found": "a package isn't to be had for this system and Python",
    "Temporary failure in name resolution": "the package index can't be reached",
    "NameResolutionError": "the package index can't be reached",
    "NewConnectionError": "the package index can't be reached",
    "Failed to establish a new connection": "the package index can't be reached",
    "ProxyError": "the proxy doesn't let it through",
    "CERTIFICATE_VERIFY_FAILED": "the index's certificate isn't trusted here",
}
LOG_LETTERS: Final = 4000


def run(step: str, words: Sequence[str | Path]) -> str:
    """Run a program to its end, and return what it said. Raises StepFailed. Whoever interrupts this ends it too."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_US}
    try:
        done = subprocess.run(
            [str(word) for word in words], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
    except OSError as exc:
        raise StepFailed(step, str(exc)) from exc
    if done.returncode:
        raise StepFailed(step, _why(done.stdout, done.returncode), done.stdout[-LOG_LETTERS:])
    return done.stdout


def _why(said: str, status: int) -> str:
    for sign, words in _REASONS.items():
        if sign in said:
            return words
    errors = [line for line in said.splitlines() if line.startswith(("ERROR", "Error", "error"))]
    return errors[-1] if errors else f"it ended with status {status}"
