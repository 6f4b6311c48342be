"""The generated films of the engine's tests, and media files with a cache of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "engine" / "media"))  # media_samples: one set of generated films

from media_fixtures import clip, samples  # noqa: F401

from ltxdesktop.media.files import MediaFiles


@pytest.fixture
def files(tmp_path: Path) -> Iterator[MediaFiles]:
    """Media files with an empty cache."""
    found = MediaFiles(tmp_path / "cache")
    yield found
    found.close()
