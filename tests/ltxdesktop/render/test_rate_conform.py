"""Pictures of every shape and kind become what the film needs; and the room stays free of widgets."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from render_samples import Rendering, clip, film, number_of, numbered, track, write_film

from engine.media.colour import ColourTags, Matrix
from engine.media.orientation import Orientation
from ltxdesktop.document.model import Effect, Media, Parameter, Title
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.conform import Conformer
from ltxdesktop.render.frames import new_frame, planes_of


class Stored(NamedTuple):
    """A decoded picture, without a file."""

    frame: VideoFrame
    number: int = 0
    colour: ColourTags = ColourTags(1, 1, 1, False, Matrix.BT709)
    orientation: Orientation = Orientation()
    sample_aspect: Fraction = Fraction(1)
    is_proxy: bool = False


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p12le", "nv12"])
def test_every_sampling_and_depth_gives_the_same_picture(form: str):
    stored = numbered(0b10110010, (90, 170), (128, 64)).reformat(format=form)
    stored.colorspace = stored.color_primaries = stored.color_trc = stored.color_range = 1
    made = Conformer().frame(Stored(stored), 64, 32)
    y, cb, cr = planes_of(made)
    assert made.format.name == "yuv420p"
    assert number_of(y) == 0b10110010
    assert np.abs(cb.astype(int) - 90).max() <= 1
    assert np.abs(cr.astype(int) - 170).max() <= 1


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p"])
@pytest.mark.parametrize(
    ("orientation", "corner"),
    [  # where the bright top left corner goes
        (Orientation(0, False), (0, 0)),
        (Orientation(1, False), (0, -1)),
        (Orientation(2, False), (-1, -1)),
        (Orientation(3, False), (-1, 0)),
        (Orientation(0, True), (0, -1)),
    ],
)
def test_turned_pictures_are_upright(orientation: Orientation, corner: tuple[int, int], form: str):
    frame = new_frame(64, 32, form)
    for plane, level in zip(planes_of(frame), (16, 128, 128), strict=True):
        plane[:] = level
    planes_of(frame)[0][:8, :8] = 235
    width, height = orientation.size(64, 32)
    made = Conformer().frame(Stored(frame, orientation=orientation), width, height)
    luma = planes_of(made)[0]
    assert luma.shape == (height, width)
    assert luma[corner] > 200
    assert np.count_nonzero(luma > 126) == 64


def test_fields_of_two_times_are_not_shown_at_once(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    path = tmp_path / "fields.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "qscale": "1"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 128, 64, "yuv420p", 8_000_000
        for number in range(5):
            frame = new_frame(128, 64)
            luma, cb, cr = planes_of(frame)
            luma[:], cb[:], cr[:] = 16, 128, 128
            bar = 20 * number
            luma[1::2, bar : bar + 10] = luma[0::2, bar + 10 : bar + 20] = 235  # it has moved on in the second field
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    media = files.describe(path)
    luma = planes_of(rendering(film(track(clip(media, 5)), size=(128, 64)), media).picture(2).to_frame())[0]
    assert (luma[4:-4, 42:48] > 200).all()  # the lower field is first where the encoder isn't told otherwise
    assert (luma[4:-4, 52:] < 50).all()


def test_what_is_given_to_an_encoder_is_tagged(rendering: Rendering, files: MediaFiles, tmp_path: Path, qapp: object):
    media = files.describe(write_film(tmp_path / "film.mkv", [numbered(5)] * 2))
    for size, layers in (
        ((128, 72), [track(clip(media, 2))]),
        ((64, 36), [track(clip(media, 2))]),
        ((128, 72), [track(clip(media, 2, values={"scale": Parameter(0.5)}))]),
        ((128, 72), [track(clip(media, 2, effects=(Effect("e", "blur"),)))]),
        ((128, 72), [track(clip(media, 2)), track(clip(None, 2, content=Title("x")))]),
    ):
        for form in ("yuv420p", "yuv422p10le"):
            frame = rendering(film(*layers), media).picture(0, size).to_frame(form)
            assert frame.format.name == form
            assert (frame.width, frame.height) == size
            assert [frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range] == [1, 1, 1, 1]


def test_sources_are_never_written_into(rendering: Rendering, files: MediaFiles, tmp_path: Path, qapp: object):
    media = files.describe(write_film(tmp_path / "film.mkv", [numbered(5)] * 3))
    before = [plane.copy() for plane in planes_of(files.decoders.picture(media, Path(media.path), 1).frame)]
    fading = clip(media, 3, fade_in=3, values={"colour.exposure": Parameter(1.0)}, effects=(Effect("e", "vignette"),))
    renderer = rendering(film(track(fading), track(clip(None, 3, content=Title("words")))), media)
    renderer.picture(1)
    after = planes_of(files.decoders.picture(media, Path(media.path), 1).frame)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_one_picture_of_a_file_fits_films_of_other_shapes(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    media: Media = files.describe(write_film(tmp_path / "film.mkv", [numbered(77, size=(128, 72))]))
    for size in ((64, 36), (72, 128), (101, 57), (1, 1), (640, 64)):
        assert rendering(film(track(clip(media, 1)), size=size), media).picture(0).size == size


def test_rendering_needs_no_widgets():
    code = "import ltxdesktop.render.renderer, ltxdesktop.render.scopes, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "PySide6.QtGui" in loaded
    assert "PySide6.QtWidgets" not in loaded
