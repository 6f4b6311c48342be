"""Compresses the modules that the frozen app's Python starts with: PyInstaller lays them into a zip as they are.

Linux only: the start of Python depends on it, and elsewhere it couldn't be tried.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

NAME: Final = "base_library.zip"
# What Python imports before it can import zlib, by which it reads all others.
STORED: Final = (
    "encodings/__init__.pyc",
    "encodings/aliases.pyc",
    "encodings/utf_8.pyc",
    "codecs.pyc",
    "io.pyc",
    "abc.pyc",
)


def compress(file: Path) -> None:
    """Rewrite the zip in its place; times stay as they are, so that the same content gives the same bytes."""
    packed = file.with_suffix(".packed")
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(packed, "w") as target:
        for each in whole.infolist():
            kind = zipfile.ZIP_STORED if each.filename in STORED else zipfile.ZIP_DEFLATED
            target.writestr(each, whole.read(each), compress_type=kind, compresslevel=9)
    packed.replace(file)
