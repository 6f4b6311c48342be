"""Where the files that come with the program lie."""

from __future__ import annotations

from pathlib import Path

RESOURCES = Path(__file__).resolve().parents[1] / "resources"


def icon_file(name: str) -> Path:
    return RESOURCES / "icons" / f"{name}.svg"


def font_files() -> list[Path]:
    return sorted((RESOURCES / "fonts").glob("*.otf"))


def sample_clips() -> list[Path]:
    """Clips that come with the program, to try things on; may be none."""
    return sorted((RESOURCES / "samples").glob("*.mp4"))
