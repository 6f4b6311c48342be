"""Ten bits a colour: what footage has of them reaches the file where the format can hold it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from render_samples import SIZE, clip, film, track, write_film

from engine.media.decode import VideoReader
from engine.media.probe import probe
from ltxdesktop.document.model import Media, Parameter, Solid
from ltxdesktop.export import encoders
from ltxdesktop.export.errors import BadSettings
from ltxdesktop.export.presets import PRESETS, Framing
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import new_frame, planes_of


@pytest.fixture
def ramp(tmp_path: Path, files: MediaFiles) -> Media:
    """A dark ramp whose steps are finer than 8 bits."""
    frame = new_frame(*SIZE, "yuv422p10le")
    y, cb, cr = planes_of(frame)
    y[:] = 100 + np.arange(SIZE[0], dtype=np.uint16)[None, :] // 2
    cb[:], cr[:] = 512, 512
    return files.describe(write_film(tmp_path / "ramp.mkv", [frame] * 4))


def steps(path: Path) -> int:
    with VideoReader(path) as reader:
        luma = planes_of(reader.frame(1))[0]
    return len(np.unique(luma[luma.shape[0] // 2]))


@pytest.mark.parametrize("preset", ["hevc", "av1", "ffv1"])
def test_ten_bits_reach_the_file(preset, ramp, tmp_path, exporting):
    codec = PRESETS[preset].picture
    if not encoders.working(codec):
        pytest.skip(f"no {codec.value} encoder works here")
    target = tmp_path / f"film{PRESETS[preset].suffix}"
    settings = {"preset": preset, "quality": 100} if codec.has_rate else {"preset": preset}
    report = exporting(film(track(clip(ramp, 4))), target, ramp, deep=True, **settings).run()
    video = probe(target).require_video()
    assert video.pixel_format == ("yuv422p10le" if preset == "ffv1" else "yuv420p10le")
    assert (video.colour.matrix, video.colour.primaries, video.colour.full_range) == (1, 1, False)
    assert steps(target) >= 50, "8 bits have 17"
    assert report.copied == 0


@pytest.mark.parametrize("preset", ["prores-hq", "prores-4444"])
def test_a_cut_frame_keeps_its_ten_bits(preset, ramp, tmp_path, exporting):
    """What is framed anew was brought to 8 bits and half the colour on the way."""
    target = tmp_path / "film.mov"
    size = {"width": 72, "height": 72, "framing": Framing.FILL}
    exporting(film(track(clip(ramp, 4))), target, ramp, preset=preset, **size).run()
    assert steps(target) >= 30, "8 bits have 10"


def test_a_painted_picture_has_the_colour_of_the_file(ramp, tmp_path, qapp, exporting):
    """Red over blue in lines: 4:2:2 keeps each, 4:2:0 mixes two."""
    half = {"values": {"scale": Parameter(0.5)}}
    red, blue = clip(None, 2, content=Solid("#ff0000ff")), clip(None, 2, content=Solid("#0000ffff"), **half)
    sequence = film(track(red), track(blue), size=(128, 68))  # the blue begins at line 17
    exporting(sequence, tmp_path / "film.mov", ramp, preset="prores-hq").run()
    with VideoReader(tmp_path / "film.mov") as reader:
        cr = planes_of(reader.frame(0))[2][:, 32].astype(int)
    assert abs(np.diff(cr)).max() > 400, "from line to line"
    assert cr.shape == (68,)


def test_formats_without_the_choice_refuse_it(ramp, tmp_path, exporting):
    with pytest.raises(BadSettings, match="no choice of 10 bits"):
        exporting(film(track(clip(ramp, 4)), rate=Fraction(25)), tmp_path / "film.mp4", ramp, deep=True)
