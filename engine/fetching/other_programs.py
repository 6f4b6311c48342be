"""Where other programs on this machine keep such files: folders worth an import. Looks at names only.

Facts: ComfyUI has `models` in its folder; LTX Desktop keeps `models` in its data folder; the hub's cache is
`$HF_HOME/hub`, else `~/.cache/huggingface/hub`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import platformdirs

from engine.protocol.packages import FoundFolder


def found_folders(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> tuple[FoundFolder, ...]:
    """Those that are there, each once."""
    home = home or Path.home()
    there = {path.resolve(): owner for owner, path in _candidates(environment, home) if path.is_dir()}
    return tuple(FoundFolder(path=str(path), owner=owner) for path, owner in there.items())


def _candidates(environment: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    hub = environment.get("HF_HUB_CACHE") or Path(environment.get("HF_HOME") or home / ".cache" / "huggingface") / "hub"
    yield "Hugging Face", Path(hub)
    for folder in (home, home / "Documents", Path("/opt"), Path("C:/")):
        for name in ("ComfyUI", "ComfyUI_windows_portable/ComfyUI", "comfy"):
            yield "ComfyUI", folder / name / "models"
    yield "LTX Desktop", Path(platformdirs.user_data_dir("LTXDesktop", appauthor=False)) / "models"
