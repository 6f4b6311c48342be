"""How small memories get into their files: whole or not at all. Who has a worker thread hands in one that writes there.

A memory asks with a function that makes the words, so that neither they nor the disk cost the asker's thread anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

Keep = Callable[[Path, Callable[[], str]], None]  # what is asked later for the same file is written later


def keep_now(file: Path, words: Callable[[], str]) -> None:
    """Replace a file's text, in UTF-8, on this thread; its folder is made. Raises OSError: the old file stays."""
    text = words()
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
