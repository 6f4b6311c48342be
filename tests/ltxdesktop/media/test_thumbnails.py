"""Thumbnails of the right frame, upright, kept on disk; strips and hovering; newer requests cancel older ones."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from media_samples import Clip, make_clip, number_in, picture
from PIL import Image

from engine.media.errors import MediaError, NoVideo
from ltxdesktop.document.model import Media
from ltxdesktop.media.decoders import Decoders
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.media.thumbnails import Cell, Thumbnail, scrub_cell

Clips = Callable[[str], Path]


@pytest.fixture(scope="session")
def film(samples: Path) -> Path:
    """100 numbered pictures, a key picture every 12."""
    options = {"bf": "2", "g": "12", "keyint_min": "12", "x264-params": "scenecut=0", "preset": "veryfast"}
    return make_clip(samples, Clip("numbered.mp4", frames=100, size=(320, 180), options=options))


def test_every_thumbnail_shows_its_own_frame(files: MediaFiles, film: Path):
    media = files.describe(film)
    got: dict[int, Thumbnail | MediaError] = {}
    for frame in range(0, 100, 7):
        files.thumbnails.request(frame, media, film, frame, 72, lambda found, frame=frame: got.update({frame: found}))
    files.thumbnails.finish()
    for frame, found in got.items():
        assert isinstance(found, Thumbnail)
        assert found.frame == frame
        assert found.pixels.shape == (72, 128, 3)
        assert number_in(found.pixels) == frame
    assert len(got) == 15


def test_they_come_from_the_disk_the_next_time(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = MediaFiles(tmp_path / "cache")
    media = first.describe(film)
    made = first.thumbnails.make(media, film, Cell(31, 32), 54)
    first.close()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was decoded again")

    monkeypatch.setattr(Decoders, "picture", refuse)
    second = MediaFiles(tmp_path / "cache")
    kept = second.thumbnails.make(media, film, Cell(31, 32), 50)
    assert np.abs(kept.pixels.astype(int) - made.pixels).mean() < 6  # JPEG
    assert second.thumbnails.kept(media, Cell(31, 32), 54) is kept
    assert second.thumbnails.kept(media, Cell(31, 33), 54) is None
    second.close()


def test_a_replaced_file_gets_new_ones(files: MediaFiles, film: Path, tmp_path: Path):
    path = tmp_path / "film.mp4"
    shutil.copy(film, path)
    media = files.describe(path)
    assert number_in(files.thumbnails.make(media, path, Cell(5, 6), 72).pixels) == 5
    files.decoders.forget(path)
    make_clip(tmp_path, Clip("other.mp4", frames=60, size=(320, 180), cut_start=7)).replace(path)
    media = files.describe(path)
    assert number_in(files.thumbnails.make(media, path, Cell(5, 6), 72).pixels) == 12


def parts_of(media: Media, first: int, end: int, count: int) -> list[Cell]:
    """Frames [first, end) in equal parts, at least one frame each."""
    starts = [first + (end - first) * number // count for number in range(count)]
    return [Cell(start, max(start + 1, first + (end - first) * (n + 1) // count)) for n, start in enumerate(starts)]


@pytest.mark.parametrize(("first", "end", "count"), [(0, 100, 7), (25, 100, 25), (0, 25, 40)])
def test_a_strip_along_a_clip_shows_pictures_of_its_cells(files: MediaFiles, film: Path, first, end, count):
    media = files.describe(film)
    cells = parts_of(media, first, end, count)
    got: dict[int, Thumbnail | MediaError] = {}
    files.thumbnails.strip("clip", media, film, cells, 36, lambda n, found: got.update({n: found}))
    files.thumbnails.finish()
    assert sorted(got) == list(range(count))
    for number, found in got.items():
        assert isinstance(found, Thumbnail)
        assert cells[number].first <= found.frame < cells[number].end
        assert number_in(files.thumbnails.make(media, film, cells[number], 180).pixels) == found.frame


def test_wide_cells_are_shown_by_key_pictures(files: MediaFiles, film: Path):
    media = files.describe(film)
    found = [files.thumbnails.make(media, film, cell, 72).frame for cell in parts_of(media, 0, 100, 7)]
    assert all(frame % 12 == 0 for frame in found)


def test_what_lies_under_the_mouse_stays_inside(files: MediaFiles, film: Path):
    media = files.describe(film)
    assert {scrub_cell(media, part).first for part in (-1.0, 0.0)} == {0}
    assert scrub_cell(media, 1.0).end == scrub_cell(media, 9.0).end == 100


def test_hovering_shows_what_is_under_the_mouse(files: MediaFiles, film: Path):
    media = files.describe(film)
    got: list[Thumbnail | MediaError] = []
    files.thumbnails.scrub("item", media, film, 0.5, 72, got.append)
    files.thumbnails.finish()
    (found,) = got
    assert isinstance(found, Thumbnail)
    assert found.frame == number_in(found.pixels) == 50


def test_what_is_in_memory_nearest_to_a_place_is_at_hand_at_once(files: MediaFiles, film: Path):
    media = files.describe(film)
    assert files.thumbnails.nearest(media, 0.5) is None
    for frame, height in ((3, 72), (40, 36), (40, 144), (90, 72)):
        files.thumbnails.make(media, film, Cell(frame, frame + 1), height)
    found = files.thumbnails.nearest(media, 0.5)
    assert found is not None
    assert (found.frame, found.pixels.shape[0]) == (40, 144)  # the larger of two
    last = files.thumbnails.nearest(media, 1.0)
    assert last is not None
    assert last.frame == 90


def test_newer_requests_for_a_place_cancel_the_older(files: MediaFiles, film: Path):
    media = files.describe(film)
    entered, go_on = threading.Event(), threading.Event()
    got: list[int] = []

    def hold(_: object) -> None:
        entered.set()
        go_on.wait()

    files.thumbnails.request("other", media, film, 0, 36, hold)
    entered.wait()
    for frame in (10, 20, 30):
        files.thumbnails.request("hover", media, film, frame, 36, lambda _, frame=frame: got.append(frame))
    files.thumbnails.request("gone", media, film, 40, 36, lambda _: got.append(40))
    files.thumbnails.drop("gone")
    go_on.set()
    files.thumbnails.finish()
    assert got == [30]


def test_they_are_upright_square_and_never_enlarged(files: MediaFiles, clip: Clips, tmp_path: Path):
    path = clip("turned.mp4")
    found = files.thumbnails.make(files.describe(path), path, Cell(3, 4), 360)
    assert found.pixels.shape == (64, 48, 3)
    wide = tmp_path / "wide.png"
    Image.fromarray(np.zeros((40, 1000, 3), np.uint8)).save(wide)
    assert files.thumbnails.make(files.describe(wide), wide, Cell(0, 1), 36).pixels.shape == (36, 144, 3)


def test_alpha_is_shown_on_black(files: MediaFiles, tmp_path: Path):
    pixels = np.dstack(
        [np.full((40, 64, 3), 200, np.uint8), np.repeat(np.uint8([[0, 255]]), [32, 32], 1).repeat(40, 0)]
    )
    Image.fromarray(pixels).save(tmp_path / "logo.png")
    found = files.thumbnails.make(files.describe(tmp_path / "logo.png"), tmp_path / "logo.png", Cell(0, 1), 36).pixels
    assert found[:, :20].max() < 20
    assert found[:, -20:].min() > 180


def test_stills_and_sequences_have_thumbnails_too(files: MediaFiles, tmp_path: Path):
    for number in range(5):
        Image.fromarray(picture(number, 320, 180)).save(tmp_path / f"p{number}.png")
    first = tmp_path / "p0.png"
    media = files.describe(first, sequence=True)
    assert [number_in(files.thumbnails.make(media, first, Cell(n, n + 1), 72).pixels) for n in range(5)] == list(
        range(5)
    )
    still = files.describe(tmp_path / "p3.png")
    assert number_in(files.thumbnails.make(still, tmp_path / "p3.png", Cell(77, 78), 72).pixels) == 3


def test_what_cannot_be_shown_is_answered_with_the_reason(files: MediaFiles, clip: Clips, tmp_path: Path):
    song = files.describe(clip("mono.wav"))
    got: list[Thumbnail | MediaError] = []
    files.thumbnails.request("a", song, clip("mono.wav"), 0, 36, got.append)
    files.thumbnails.finish()
    films = files.describe(clip("film.mp4"))
    files.thumbnails.request("b", films, tmp_path / "gone.mp4", 0, 36, got.append)
    files.thumbnails.finish()
    assert isinstance(got[0], NoVideo)
    assert isinstance(got[1], MediaError)
