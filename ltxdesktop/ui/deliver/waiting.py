"""Whether exports wait from an earlier session, without loading what it takes to make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, cast

FOLDER: Final = "exports"  # of the queue, in the program's state folder


def exports_wait(state: Path) -> bool:
    """Is there anything to go on with?"""
    try:
        tree = cast("dict[str, Any]", json.loads((state / FOLDER / "queue.json").read_bytes()))
        return any(entry["state"]["is"] in ("waiting", "running") for entry in tree["entries"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
