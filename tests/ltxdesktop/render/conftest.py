"""Media files of a test, and renderers over them; everything is closed with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from render_samples import Rendering

from ltxdesktop.document.model import Media, Sequence
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.renderer import Renderer


@pytest.fixture
def files(tmp_path: Path) -> Iterator[MediaFiles]:
    opened = MediaFiles(tmp_path / "cache")
    yield opened
    opened.close()


@pytest.fixture
def rendering(files: MediaFiles) -> Rendering:
    """A renderer of a sequence over described media."""

    def make(sequence: Sequence, *media: Media, **others: Any) -> Renderer:
        known = {one.id: one for one in media}
        return Renderer(sequence, known, lambda one: Path(one.path), files.decoders, **others)

    return make
