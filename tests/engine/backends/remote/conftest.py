"""A fake service and a backend on it, for each test anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_api import FakeApi
from remote_kit import Desk

from engine.backends.remote import offers


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as api:
        yield api
        assert api.complaints == []


@pytest.fixture
def small_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films are sent at a sixth of their size: what is tested doesn't depend on it, and 1080p takes seconds."""
    monkeypatch.setattr(offers, "SIZES", ((320, 180), (640, 360)))
    monkeypatch.setattr(offers, "RETAKE_SIZE", (320, 180))


@pytest.fixture
def remote(api: FakeApi, tmp_path: Path) -> Desk:
    return Desk(tmp_path, api)
