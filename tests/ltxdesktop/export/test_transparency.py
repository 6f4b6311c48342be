"""What is see-through in a film stays so where it's asked for: in ProRes 4444 and in PNG pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from render_samples import clip, film, gap, numbered, track, write_film

from engine.media.decode import VideoReader
from engine.media.still import read_picture
from ltxdesktop.document.model import Media, Parameter, Sequence, Solid, Title, TrackKind
from ltxdesktop.export.errors import BadSettings
from ltxdesktop.export.presets import Framing
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import planes_of

pytestmark = pytest.mark.usefixtures("qapp")  # Qt divides the work on an image among threads

CLEAR, HALF, PICTURE, SMALL = 0, 2, 4, 6  # frames of the film below


@pytest.fixture
def footage(tmp_path: Path, files: MediaFiles) -> Media:
    return files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(30)]))


def holes(footage: Media) -> Sequence:
    """Nothing, a half red, a picture, and a picture of half the size."""
    small = clip(footage, 2, values={"scale": Parameter(0.5)})
    return film(track(gap(2), clip(None, 2, content=Solid("#ff000080")), clip(footage, 2), small))


def test_pictures_have_holes_where_nothing_is_seen(footage, tmp_path, exporting, rendering):
    target, sequence = tmp_path / "stills", holes(footage)
    exporting(sequence, target, footage, preset="png", alpha=True).run()
    pictures = [read_picture(path) for path in sorted(target.iterdir())]
    assert {picture.shape for picture in pictures} == {(72, 128, 4)}
    assert not pictures[CLEAR].any()
    assert (pictures[HALF] == (255, 0, 0, 128)).all()
    assert (pictures[PICTURE][:, :, 3] == 255).all()
    assert np.array_equal(pictures[PICTURE][:, :, :3], rendering(sequence, footage).picture(PICTURE).to_rgb())
    alpha = pictures[SMALL][:, :, 3]
    assert (alpha[20:52, 34:94] == 255).all()
    assert not alpha[:16].any()


def test_prores_has_holes_and_whole_alpha(footage, tmp_path, exporting):
    target, sequence = tmp_path / "film.mov", holes(footage)
    report = exporting(sequence, target, footage, preset="prores-4444", alpha=True).run()
    assert report.psnr_db > 40
    with VideoReader(target) as reader:
        frames = [planes_of(reader.frame(number)) for number in range(8)]
    assert all(len(planes) == 4 for planes in frames)
    whole = frames[PICTURE][3].max()
    assert (frames[PICTURE][3] == whole).all()
    assert whole >= 4092, "of 12 bits: nothing of what is below shines through"
    assert not frames[CLEAR][3].any()
    assert abs(frames[HALF][3].astype(int) - round(4095 * 128 / 255)).max() <= 4
    assert not frames[SMALL][3][:16].any()


@pytest.mark.parametrize("preset", ["png", "prores-4444"])
def test_bars_are_holes_and_filled_frames_have_none(preset, footage, tmp_path, exporting):
    sequence = film(track(clip(footage, 2)))

    def alpha(framing: Framing) -> np.ndarray:
        target = tmp_path / f"{framing.value}{'.mov' if preset != 'png' else ''}"
        size = {"width": 128, "height": 128, "framing": framing}
        exporting(sequence, target, footage, preset=preset, alpha=True, **size).run()
        if preset == "png":
            return read_picture(min(target.iterdir()))[:, :, 3]
        with VideoReader(target) as reader:
            return planes_of(reader.frame(0))[3].copy()

    barred = alpha(Framing.FIT)
    assert not barred[:27].any()
    assert barred[29:99].all()
    assert alpha(Framing.FILL).all()


def test_subtitles_lie_over_holes(footage, tmp_path, exporting):
    words = clip(None, 2, content=Title("Hello", size=0.3))
    sequence = film(track(gap(1), clip(footage, 1)), track(words, kind=TrackKind.SUBTITLE))
    exporting(sequence, tmp_path / "stills", footage, preset="png", alpha=True).run()
    alpha = read_picture(min((tmp_path / "stills").iterdir()))[:, :, 3]
    assert alpha.max() == 255
    assert (alpha == 0).mean() > 0.5


def test_without_asking_nothing_is_see_through(footage, tmp_path, exporting):
    exporting(holes(footage), tmp_path / "film.mov", footage, preset="prores-4444").run()
    with VideoReader(tmp_path / "film.mov") as reader:
        assert len(planes_of(reader.frame(CLEAR))) == 3


def test_formats_that_hold_no_transparency_refuse_it(footage, tmp_path, exporting):
    with pytest.raises(BadSettings, match="ProRes 4444 and PNG pictures can"):
        exporting(holes(footage), tmp_path / "film.mp4", footage, alpha=True)
