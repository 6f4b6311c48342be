"""Films to export, and exports of them that are closed with the test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "render"))  # render_samples: one set of numbered films

from ltxdesktop.document.model import Media, Sequence
from ltxdesktop.export.job import Export, Job
from ltxdesktop.export.settings import Settings
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.renderer import Renderer

Exporting = Callable[..., Export]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[MediaFiles]:
    opened = MediaFiles(tmp_path / "cache")
    yield opened
    opened.close()


@pytest.fixture
def rendering(files: MediaFiles) -> Callable[..., Renderer]:
    def make(sequence: Sequence, *media: Media) -> Renderer:
        known = {one.id: one for one in media}
        return Renderer(sequence, known, lambda one: Path(one.path), files.decoders, originals=True)

    return make


@pytest.fixture
def exporting(files: MediaFiles, rendering: Callable[..., Renderer]) -> Exporting:
    """An export of a sequence over described media."""

    def make(sequence: Sequence, target: Path, *media: Media, on_progress: Any = None, **settings: Any) -> Export:
        job = Job(
            sequence,
            {one.id: one for one in media},
            Settings(**settings),
            target,
            lambda shown: rendering(shown, *media),
            lambda one: Path(one.path),
            files.index_of,
        )
        return Export(job, on_progress) if on_progress else Export(job)

    return make
