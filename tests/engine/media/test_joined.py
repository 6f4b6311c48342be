"""A take lands in its clip at exactly its frames; the rest of the film is the clip's own."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.media.decode import AudioReader, VideoReader
from engine.media.encode import Delivery, write_media
from engine.media.joined import Placed, TakeDoesNotFit, write_joined
from engine.protocol.grid import FrameRange, sample_of_frame

RATE = Fraction(24)
SIZE = (32, 48)
CLIP_GREY, TAKE_GREY = 60, 180


def film(
    path: Path, frames: int, grey: int, loudness: float, rate: Fraction = RATE, size: tuple[int, int] = SIZE
) -> Path:
    pictures = np.full((frames, *size, 3), grey, np.uint8)
    samples = np.full((2, sample_of_frame(frames, rate)), loudness, np.float32)
    write_media(path, Delivery.FFV1_FLAC, frames=[pictures], samples=samples, rate=rate)
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return film(tmp_path / "clip.mkv", 40, CLIP_GREY, 0.1)


def greys(path: Path) -> list[int]:
    with VideoReader(path) as reader:
        return [round(float(picture.mean())) for picture in reader.iter_rgb(0, reader.index.frames)]


def loudness(path: Path, frame: int) -> float:
    """The sound in the middle of a frame."""
    middle = sample_of_frame(frame, RATE) + 1000
    with AudioReader(path) as reader:
        return float(reader.read(middle - 100, middle + 100).mean())


def test_retake_replaces_exactly_its_range(clip: Path, tmp_path: Path):
    take = Placed(film(tmp_path / "take.mkv", 12, TAKE_GREY, 0.5), FrameRange(10, 20), 1, 1)
    target = tmp_path / "joined.mp4"
    write_joined(clip, take, target, blend=0)
    seen = greys(target)
    assert len(seen) == 40
    assert seen[:10] == pytest.approx([CLIP_GREY] * 10, abs=2)
    assert seen[10:20] == pytest.approx([TAKE_GREY] * 10, abs=2)
    assert seen[20:] == pytest.approx([CLIP_GREY] * 20, abs=2)
    assert loudness(target, 15) == pytest.approx(0.5, abs=0.02)
    assert loudness(target, 30) == pytest.approx(0.1, abs=0.02)


def test_handles_fade(clip: Path, tmp_path: Path):
    take = Placed(film(tmp_path / "take.mkv", 18, TAKE_GREY, 0.5), FrameRange(10, 20), 4, 4)
    target = tmp_path / "joined.mp4"
    write_joined(clip, take, target, blend=4)
    seen = greys(target)
    assert seen[5] == pytest.approx(CLIP_GREY, abs=2)
    assert seen[6:10] == sorted(seen[6:10])
    assert CLIP_GREY + 10 < seen[7] < TAKE_GREY - 10
    assert seen[20:24] == sorted(seen[20:24], reverse=True)
    assert seen[24] == pytest.approx(CLIP_GREY, abs=2)


def test_extension_goes_on_behind_the_clip(clip: Path, tmp_path: Path):
    take = Placed(film(tmp_path / "more.mkv", 12, TAKE_GREY, 0.5), FrameRange(40, 50), handle_before=2)
    write_joined(clip, take, tmp_path / "joined.mp4", blend=0)
    assert greys(tmp_path / "joined.mp4") == pytest.approx([CLIP_GREY] * 40 + [TAKE_GREY] * 10, abs=2)


def test_extension_leads_up_to_the_clip(clip: Path, tmp_path: Path):
    take = Placed(film(tmp_path / "more.mkv", 12, TAKE_GREY, 0.5), FrameRange(-10, 0), handle_after=2)
    write_joined(clip, take, tmp_path / "joined.mp4", blend=0)
    assert greys(tmp_path / "joined.mp4") == pytest.approx([TAKE_GREY] * 10 + [CLIP_GREY] * 40, abs=2)


@pytest.mark.parametrize(("what", "picture", "sound"), [("picture", TAKE_GREY, 0.1), ("sound", CLIP_GREY, 0.5)])
def test_only_what_was_asked_is_replaced(clip: Path, tmp_path: Path, what: str, picture: int, sound: float):
    take = Placed(film(tmp_path / "take.mkv", 10, TAKE_GREY, 0.5), FrameRange(10, 20), what=what)
    target = tmp_path / "joined.mp4"
    write_joined(clip, take, target)
    assert greys(target)[15] == pytest.approx(picture, abs=2)
    assert loudness(target, 15) == pytest.approx(sound, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"size": (48, 48)}, "48x48"), ({"rate": Fraction(25)}, "rate is 25"), ({"frames": 11}, "length is 11")],
)
def test_take_that_does_not_fit_is_refused_and_leaves_nothing(clip: Path, tmp_path: Path, changes, words: str):
    given = {"frames": 10, "grey": TAKE_GREY, "loudness": 0.5, **changes}
    take = Placed(film(tmp_path / "take.mkv", **given), FrameRange(10, 20))
    target = tmp_path / "joined.mp4"
    with pytest.raises(TakeDoesNotFit, match=words):
        write_joined(clip, take, target)
    assert not target.exists()


def test_stopping_leaves_nothing(clip: Path, tmp_path: Path):
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    take = Placed(film(tmp_path / "take.mkv", 10, TAKE_GREY, 0.5), FrameRange(10, 20))
    with pytest.raises(Stopped):
        write_joined(clip, take, tmp_path / "joined.mp4", on_frame=stop)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["clip.mkv", "take.mkv"]
