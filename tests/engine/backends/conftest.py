"""The small model, written once per test process, and a backend on it that keeps its networks from test to test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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
