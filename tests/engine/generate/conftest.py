"""What the tests of ltx-generate share: the small model of random weights, footage, and the command in two ways."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "backends"))  # local_kit: the model of random weights

from generate_kit import Command, Said, child_environment
from local_kit import footage, moving, write_model
from PIL import Image

from engine.generate.__main__ import main


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_model(folder)
    return folder


@pytest.fixture(scope="session")
def footage_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 40 frames at 24 with sound (clip.mkv), one that is mute, one larger, a song, a picture."""
    folder = tmp_path_factory.mktemp("footage")
    footage(folder / "clip")
    footage(folder / "mute", 12, sound=False)
    Image.fromarray(moving(1, 50, 70)[0]).save(folder / "picture.png")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that commands run in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def say(
    here: Path, models: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Command:
    """The command in this process: the torch that is loaded already makes it quick."""
    monkeypatch.setenv("LTX_MODELS", str(models))

    def run(*arguments: object) -> Said:
        capfdbinary.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Said(status, out, err.decode("utf-8", "backslashreplace"))

    return run


@pytest.fixture
def child(here: Path, models: Path) -> Command:
    """The command as a process of its own, as a person starts it."""

    def run(*arguments: object, **more: Any) -> Said:
        command = [os.fsencode(sys.executable), b"-m", b"engine.generate"]
        command += [os.fsencode(argument if isinstance(argument, str | bytes | Path) else str(argument))
                    for argument in arguments]  # fmt: skip
        done = subprocess.run(
            command, cwd=here, env=child_environment(models) | more, capture_output=True, check=False, timeout=400
        )
        return Said(done.returncode, done.stdout, done.stderr.decode("utf-8", "backslashreplace"))

    return run
