"""The small model, written once per test process, and a backend on it that keeps its networks from test to test."""

from __future__ import annotations

import importlib.util
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
    path = Path(__file__).parents[1] / "models" / "live_bytes.py"
    spec = importlib.util.spec_from_file_location("live_bytes", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.LiveBytes
