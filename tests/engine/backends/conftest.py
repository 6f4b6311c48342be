"""The small model, written once per test process, and a backend on it that keeps its networks from test to test."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_kit import Desk, write_model


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_model(folder)
    return folder


@pytest.fixture(scope="module")
def desk(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A backend that the tests of one file share: networks are loaded once, as in life."""
    desk = Desk.at(tmp_path_factory.mktemp("local"), models_folder)
    yield desk
    desk.backend.close()


@pytest.fixture(scope="session")
def live_bytes() -> type[Any]:
    """The counter of live tensors, from the tests of the networks."""
    return _module(Path(__file__).parents[1] / "models" / "live_bytes.py").LiveBytes


@pytest.fixture(scope="session")
def make_long_clip() -> Any:
    """A clip of minutes by repeating packets, from the tests of media."""
    return _module(Path(__file__).parents[1] / "media" / "media_samples.py").make_long_clip


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def plain_client() -> Any:
    """The smallest client of a running engine, from the tests of the server."""
    return _module(Path(__file__).parents[1] / "server" / "plain_client.py")
