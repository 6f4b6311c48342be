"""Where the files that come with the program lie, and what its sample clips are for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, NamedTuple

# A bundle (packaging/) is frozen, and holds a folder that is laid out like the repository: resources, the lock, and the
# engine as plain source for the Python of the engine pack.
BUNDLED: Final = bool(getattr(sys, "frozen", False))
HOME: Final = Path(getattr(sys, "_MEIPASS", ""), "home") if BUNDLED else Path(__file__).resolve().parents[1]
RESOURCES: Final = HOME / "resources"


BUNDLED_ENGINE: Final = "ltxdesktop engine run"  # in a bundle the engine's own command isn't on the path


def engine_words(words: str, *, bundled: bool = BUNDLED) -> str:
    """What a person says in a terminal to this machine's engine."""
    return f"{BUNDLED_ENGINE if bundled else 'ltx-engine'} {words}"


# File in resources/samples -> words for its list entry, and what could be made of its middle: in the words of Pocket's
# world (engine/training/words.py), so that the model that ships can draw it.
_SAMPLES = {
    "ball-on-the-meadow.mp4": ("A ball on the meadow", "A blue ball bounces to the right on a meadow."),
    "star-at-night.mp4": ("A star at night", "A green star spins at night."),
}


class Sample(NamedTuple):
    """A clip to try things on, and a prompt for making a part of it again."""

    title: str
    clip: Path
    prompt: str


def icon_file(name: str) -> Path:
    return RESOURCES / "icons" / f"{name}.svg"


def font_files() -> list[Path]:
    return sorted((RESOURCES / "fonts").glob("*.otf"))


def samples() -> list[Sample]:
    """The sample clips that are there, in the order in which they're offered."""
    folder = RESOURCES / "samples"
    return [
        Sample(title, folder / name, prompt) for name, (title, prompt) in _SAMPLES.items() if (folder / name).exists()
    ]
