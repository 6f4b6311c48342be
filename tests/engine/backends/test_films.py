"""The films and sounds of a job: square pixels, sound beside frames with times of their own, stretches of sound."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from local_kit import MODEL, Desk, check_file, footage, lossless, of_role

from engine.backends.base import BadMedia, BadRequest
from engine.backends.films import OpenFilms, require_sound, stretch_of
from engine.media.decode import VideoReader
from engine.media.encode import AudioSpec, Delivery, MediaWriter, VideoSpec
from engine.protocol.grid import SAMPLE_RATE
from engine.protocol.work import Retake, Sound


@pytest.fixture
def films() -> Iterator[OpenFilms]:
    opened = OpenFilms({})
    yield opened
    opened.close()


@pytest.fixture
def wide(tmp_path: Path) -> str:
    """Sixteen frames of 72 x 64 stored pixels that are shown as 96 x 64, half black and half white."""
    path = tmp_path / "wide.mp4"
    grey = np.zeros((64, 72), np.uint8)
    grey[:, 36:] = 235
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=24, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 72, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        frame = av.VideoFrame.from_ndarray(grey, "gray").reformat(format="yuv420p")
        for number in range(16):
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return str(path)


def test_pictures_come_on_square_pixels(films: OpenFilms, wide: str) -> None:
    film = films.film(wide)
    assert (film.facts.width, film.facts.height) == (96, 64)
    picture = film.picture(3)
    assert picture.shape == (64, 96, 3)
    assert picture[:, :44].max() < 30
    assert picture[:, 52:].min() > 225
    assert films.film(wide) is film


def test_a_retake_of_them_has_the_size_that_is_seen(desk: Desk, tmp_path: Path, wide: str) -> None:
    work = Retake(source=wide, start=4, end=12, prompt="a red ball", model=MODEL, handles=0, output=lossless())
    (made,) = of_role(desk.run(work, tmp_path / "out"), "video")
    check_file(made, frames=8, rate="24", size=(96, 64))


def test_square_pixels_are_the_files_own(films: OpenFilms, tmp_path: Path) -> None:
    source = footage(tmp_path / "plain", 3)
    with VideoReader(Path(source)) as reader:
        assert np.array_equal(films.film(source).picture(2), reader.rgb(2, 3)[0])


def test_sound_is_found_by_the_time_of_a_frame_that_has_one(films: OpenFilms, tmp_path: Path) -> None:
    """Ten frames of 1/24 s, then ten of 2/24 s: the nominal rate places frame 15 elsewhere than its time does."""
    path = tmp_path / "uneven.mp4"
    spec = VideoSpec(64, 64, Fraction(24), time_base=Fraction(1, 24000))
    with MediaWriter(path, Delivery.H264_AAC, video=spec, audio=AudioSpec(SAMPLE_RATE, 2)) as out:
        times = [min(number, 10) * 1000 + max(0, number - 10) * 2000 for number in range(20)]
        out.write_rgb(np.zeros((20, 64, 64, 3), np.uint8), times)
        out.write_samples(np.zeros((2, SAMPLE_RATE), np.float32))
    film = films.film(str(path))
    for frame in (0, 10, 15, 19):
        by_time = times[frame] * SAMPLE_RATE // 24000
        assert film.sound_delay(frame) == by_time - int(frame / film.facts.rate * SAMPLE_RATE + Fraction(1, 2))
    assert film.sound_delay(40) == film.sound_delay(19)
    assert films.film(footage(tmp_path / "even", 20)).sound_delay(15) == 0


@pytest.mark.parametrize(
    ("start", "samples", "expected"), [(0, 0, (0, 96_000)), (22_050, 0, (24_000, 72_000)), (441, 441, (480, 480))]
)
def test_a_stretch_is_asked_in_the_files_own_samples(
    films: OpenFilms, tmp_path: Path, start: int, samples: int, expected: tuple[int, int]
) -> None:
    path = tmp_path / "two seconds.wav"
    with MediaWriter(path, Delivery.WAV, audio=AudioSpec(44_100, 2)) as out:
        out.write_samples(np.zeros((2, 88_200), np.float32))
    assert stretch_of(Sound(file=str(path), start=start, samples=samples), films.sound(str(path))) == expected
    with pytest.raises(BadRequest, match=r"two seconds.wav has 88200 samples; .* give a start inside it"):
        stretch_of(Sound(file=str(path), start=88_200), films.sound(str(path)))


def test_a_film_without_sound_is_refused_by_its_name(tmp_path: Path) -> None:
    source = footage(tmp_path / "silent", 3, sound=False)
    with pytest.raises(BadMedia, match="has no sound; choose a file with sound"):
        require_sound(Sound(file=source))
