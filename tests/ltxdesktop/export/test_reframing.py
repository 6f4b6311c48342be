"""Which part of each clip a file of another shape keeps: exported pixels, and the way through a dissolve."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from render_samples import SIZE, clip, film, track, write_film

from engine.media.decode import VideoReader
from ltxdesktop.document.curves import Key, Parameter
from ltxdesktop.document.model import Media, MediaId, MediaKind, Transition
from ltxdesktop.document.parameters import KEPT_PART
from ltxdesktop.export.reframing import Reframing
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import new_frame, planes_of


@pytest.fixture
def footage(tmp_path: Path, files: MediaFiles) -> Media:
    """Brighter from left to right, so that every part of it differs."""
    ramp = new_frame(*SIZE)
    luma, *colour = planes_of(ramp)
    luma[:] = np.linspace(16, 235, luma.shape[1])
    for plane in colour:
        plane[:] = 128
    return files.describe(write_film(tmp_path / "footage.mkv", [ramp] * 12))


def test_each_clip_says_which_part_of_it_a_vertical_file_keeps(footage, tmp_path, exporting, rendering):
    def at(share: float, *keys: Key) -> dict[str, Parameter]:
        return {KEPT_PART: Parameter(share, keys)}

    following = at(0, Key(0, 0.0), Key(2, 1.0))
    sequence = film(
        track(
            clip(footage, 3, values=at(0)),
            clip(footage, 3),
            clip(footage, 3, values=at(1)),
            clip(footage, 3, values=following),
        )
    )
    settings = {"preset": "vertical", "width": 36, "height": 64, "quality": 100, "focus": 0.25}
    exporting(sequence, tmp_path / "film.mp4", footage, **settings).run()
    with VideoReader(tmp_path / "film.mp4") as reader:
        found = reader.rgb(0, 12).astype(int)
    for frame, left in ((1, 0), (4, 18), (7, 78), (9, 0), (10, 38), (11, 78)):  # of the 78 that are cut off, even
        drawn = rendering(sequence, footage).picture(frame, (114, 64)).to_rgb()
        assert np.abs(found[frame] - drawn[:, left : left + 36].astype(int)).mean() < 2, frame


def test_the_kept_part_moves_through_a_dissolve():
    footage = Media(MediaId("m"), "m", "", MediaKind.VIDEO, rate=Fraction(25), frames=100, width=192, height=108)
    moved = Transition(before=2, after=2)
    sequence = film(
        track(
            clip(footage, 10, 1, values={KEPT_PART: Parameter(0.0)}),
            clip(footage, 10, 1, values={KEPT_PART: Parameter(1.0)}, transition=moved),
        )
    )
    reframing = Reframing(sequence, {footage.id: footage}, 0.5)
    assert [reframing.at(frame) for frame in (7, 8, 9, 10, 11, 12)] == [0, 0.125, 0.375, 0.625, 0.875, 1]
    assert reframing.at(30) == 0.5
    assert reframing.deciding(30) is None
