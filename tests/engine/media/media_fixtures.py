"""The generated media files as fixtures, for every folder of tests that wants them: import both names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from media_samples import CLIPS, SOUNDS, make_clip, make_sound


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
