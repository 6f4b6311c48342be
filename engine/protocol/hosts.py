"""Every host that this program may contact: the one place where addresses are written, for the engine and the app.

A test holds that no other file of the code has an address of its own, and docs/privacy.md and the window (Help › What
leaves this computer) show this list. There is no telemetry, no update check and no crash report in it, or anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit


class Host(NamedTuple):
    """One host, and all that there is to know before trusting it."""

    address: str  # without a slash at its end
    title: str
    who: Literal["program", "browser"]  # who opens the connection; the browser only after a click
    when: str
    sends: str
    names: str = ""  # other hosts that it may send the program to, and what they get
    variable: str = ""  # environment variable that puts another address in its place

    @property
    def name(self) -> str:
        """The bare host: api.ltx.video."""
        return urlsplit(self.address).hostname or ""

    def now(self, environment: Mapping[str, str] = os.environ) -> str:
        """The address in use: the person's own, if there is one."""
        return (self.variable and environment.get(self.variable, "").strip()) or self.address


LTX_API: Final = Host(
    "https://api.ltx.video",
    "LTX API",
    "program",
    "When you agree to send a job there, while that job runs, and when you test the key.",
    "The key, the job's words, and of footage, pictures and sound what the list before the job says.",
    "Storage for uploads and results, by links that it signs; it gets the same files, never the key.",
    "LTX_API_URL",
)
HUB: Final = Host(
    "https://huggingface.co",
    "Hugging Face",
    "program",
    "When you download models, in the window or from a terminal; what was begun goes on at a start.",
    "The names of the files, and your token if you have given one.",
    "Its own hosts for large files, by signed links; they never get the token.",
    "HF_ENDPOINT",
)
PYPI: Final = Host(
    "https://pypi.org",
    "Python packages",
    "program",
    "When the engine of a bundled program is installed or mended.",
    "The names of the packages, and what pip says of itself and this system.",
    "files.pythonhosted.org, where the packages lie.",
    "PIP_INDEX_URL",
)
TORCH: Final = Host(
    "https://download.pytorch.org",
    "PyTorch builds",
    "program",
    "When the engine of a bundled program is installed or mended.",
    "The names of the packages, and what pip says of itself and this system.",
    "The hosts that its index names for the files.",
)
PYTHON_BUILDS: Final = Host(
    "https://github.com",
    "Python itself",
    "program",
    "When the engine of a bundled program is installed or mended.",
    "The name of the file.",
    "GitHub's own hosts for files, by signed links.",
)
CONSOLE: Final = Host(
    "https://console.ltx.video",
    "Account at the LTX API",
    "browser",
    "When you go there, to make a key or to see what was charged.",
    "Nothing from this program.",
)
GEMMA_TERMS: Final = Host(
    "https://ai.google.dev",
    "Licence of Gemma",
    "browser",
    "When you click the link of the licence.",
    "Nothing from this program.",
)

HOSTS: Final = (LTX_API, HUB, PYPI, TORCH, PYTHON_BUILDS, CONSOLE, GEMMA_TERMS)
