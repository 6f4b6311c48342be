"""The generated films of the engine's tests, and media files with a cache of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "engine" / "media"))  # media_samples: one set of generated films

from media_samples import CLIPS, SOUNDS, make_clip, make_sound

from ltxdesktop.media.files import MediaFiles


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the generated files of this test process stand in."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def clip(samples: Path) -> Callable[[str], Path]:
    """The path of a generated clip or sound by its name; skips where the wheel lacks the encoder."""
    clips = {c.name: c for c in CLIPS}
    sounds = dict(SOUNDS)

    def made(name: str) -> Path:
        if name in sounds:
            return make_sound(samples, name, sounds[name])
        if not clips[name].can_be_made:
            pytest.skip(f"this PyAV has no encoder {clips[name].codec}")
        return make_clip(samples, clips[name])

    return made


@pytest.fixture
def files(tmp_path: Path) -> Iterator[MediaFiles]:
    """Media files with an empty cache."""
    found = MediaFiles(tmp_path / "cache")
    yield found
    found.close()
