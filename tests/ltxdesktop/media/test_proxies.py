"""Proxies: frame for frame the original, used for looking and never for an export, made again when broken."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_samples import NTSC, NTSC_FILM, Clip, make_clip, number_in

from engine.media.errors import MediaError, NoVideo
from ltxdesktop.media.facts import Facts
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.media.heavy import why_heavy
from ltxdesktop.media.proxies import proxy_size

Clips = Callable[[str], Path]


@pytest.mark.parametrize(
    "name", ["film.mp4", "ntsc.mkv", "open_gop.ts", "hevc.mp4", "odd.mp4", "prores.mov", "mjpeg.mov", "lossless.mkv"]
)
def test_a_proxy_has_the_same_pictures_by_number(files: MediaFiles, clip: Clips, name: str):
    path = clip(name)
    media = files.describe(path)
    proxy = files.proxies.make(path)
    assert proxy is not None
    stands_in = files.facts(proxy)
    assert (stands_in.frames, stands_in.rate) == (media.frames, media.rate)
    assert stands_in.index is not None
    assert len(stands_in.index.key_pts) == media.frames  # each decodes alone
    for frame in [*range(media.frames), 0, media.frames - 1, media.frames // 2]:
        small = files.decoders.picture(media, path, frame)
        exact = files.decoders.picture(media, path, frame, original=True)
        assert small.is_proxy
        assert not exact.is_proxy
        assert number_in(small.rgb()[: media.height, : media.width]) == number_in(exact.rgb()) == frame
        if small.rgb().shape == exact.rgb().shape:
            assert np.abs(small.rgb().astype(int) - exact.rgb()).mean() < 9  # the same colours


def test_a_variable_rate_film_has_one_picture_for_each_frame_of_its_media(files: MediaFiles, clip: Clips):
    path = clip("variable.mkv")
    media = files.describe(path)
    proxy = files.proxies.make(path)
    assert proxy is not None
    assert files.facts(proxy).frames == media.frames
    for frame in range(media.frames):
        found = files.decoders.picture(media, path, frame)
        assert found.is_proxy
        assert number_in(found.rgb()) == files.facts(path).stored_frame(frame)


def test_turned_films_have_turned_proxies(files: MediaFiles, clip: Clips):
    path = clip("turned.mp4")
    media = files.describe(path)
    files.proxies.make(path)
    small, exact = (files.decoders.picture(media, path, 9, original=exact) for exact in (False, True))
    assert small.is_proxy
    assert small.rgb().shape == exact.rgb().shape == (64, 48, 3)
    assert np.abs(small.rgb().astype(int) - exact.rgb()).mean() < 9


def test_it_is_found_again_and_can_be_switched_off(clip: Clips, tmp_path: Path):
    path = clip("film.mp4")
    first = MediaFiles(tmp_path)
    assert first.proxies.proxy_of(path) is None
    made = first.proxies.make(path)
    first.close()
    second = MediaFiles(tmp_path)
    assert second.proxies.locate(path) == made
    second.proxies.enabled = False
    assert second.proxies.locate(path) == path
    second.proxies.enabled = True
    second.proxies.remove(path)
    assert second.proxies.locate(path) == path
    second.close()


def test_progress_grows_and_the_answer_comes_once(files: MediaFiles, clip: Clips):
    shares: list[float] = []
    got: list[Path | MediaError] = []
    files.proxies.request(clip("film.mp4"), got.append, shares.append)
    files.proxies.finish()
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert got == [files.proxies.proxy_of(clip("film.mp4"))]
    files.proxies.request(clip("mono.wav"), got.append)
    files.proxies.finish()
    assert isinstance(got[1], NoVideo)


def test_a_cancelled_one_leaves_nothing(files: MediaFiles, clip: Clips):
    path = clip("film.mp4")
    seen, go_on = threading.Event(), threading.Event()
    got: list[Path | MediaError] = []

    def hold(_: float) -> None:
        seen.set()
        go_on.wait()

    files.proxies.request(path, got.append, hold)
    seen.wait()
    assert files.proxies.is_wanted(path)
    files.proxies.cancel(path)
    go_on.set()
    files.proxies.finish()
    assert not got
    assert not files.proxies.is_wanted(path)
    assert not list(files.proxies.folder.iterdir())


@pytest.mark.parametrize("damage", ["cut", "another film", "holed"])
def test_a_broken_proxy_is_not_used(clip: Clips, tmp_path: Path, damage: str):
    path = clip("film.mp4")
    first = MediaFiles(tmp_path)
    proxy = first.proxies.make(path)
    first.close()
    assert proxy is not None
    data = bytearray(proxy.read_bytes())
    shorter = make_clip(tmp_path, Clip("shorter.mp4", rate=NTSC_FILM, frames=20))
    if damage == "holed":
        place = data.index(b"mdat") + 4
        data[place : place + 30_000] = bytes(30_000)
    proxy.write_bytes({"cut": data[:400], "another film": shorter.read_bytes(), "holed": bytes(data)}[damage])
    second = MediaFiles(tmp_path)
    media = second.describe(path)
    found = second.decoders.picture(media, path, 3)
    assert not found.is_proxy
    assert number_in(found.rgb()) == 3
    assert second.proxies.proxy_of(path) is None
    assert list(second.proxies.folder.glob("*.broken"))
    second.close()


def test_half_files_of_programs_that_are_gone_are_removed(tmp_path: Path):
    folder = tmp_path / "proxies"
    folder.mkdir()
    old, young = folder / "old.part", folder / "young.part"
    for file in (old, young):
        file.touch()
    os.utime(old, (1_000, 1_000))
    MediaFiles(tmp_path).close()
    assert (old.exists(), young.exists()) == (False, True)


def test_the_folder_stays_within_its_limit(files: MediaFiles, clip: Clips):
    files.proxies.limit_bytes = 1
    one = files.proxies.make(clip("film.mp4"))
    other = files.proxies.make(clip("hevc.mp4"))
    assert one is not None
    assert other is not None
    assert (one.exists(), other.exists()) == (False, True)
    assert files.proxies.proxy_of(clip("film.mp4")) is None


def test_sizes_are_halved_until_they_are_small():
    assert proxy_size(1920, 1080) == (960, 540)
    assert proxy_size(3840, 2160) == (960, 540)
    assert proxy_size(2160, 3840) == (540, 960)
    assert proxy_size(1280, 720) == (1280, 720)
    assert proxy_size(67, 45) == (68, 46)


def test_what_is_heavy(files: MediaFiles, tmp_path: Path):
    small = files.facts(make_clip(tmp_path, Clip("small.mp4", rate=NTSC)))
    assert why_heavy(small) is None

    def large(width: int, height: int, rate: int, codec: str = "h264", bits: int = 8, pixels: str = "yuv420p") -> Facts:
        return replace(
            small, width=width, height=height, rate=Fraction(rate), codec=codec, bits=bits, pixel_format=pixels
        )

    assert why_heavy(large(1920, 1080, 30)) is None
    assert why_heavy(large(1920, 1080, 60)) is None
    assert why_heavy(large(3840, 2160, 30)) == "3840 x 2160 at 30 pictures a second (h264)"
    assert "10 bits" in (why_heavy(large(1920, 1080, 60, "hevc", 10)) or "")
    assert why_heavy(large(3840, 2160, 30, "prores", 10, "yuva444p10le")) is None
    assert "picture stands alone" in (why_heavy(replace(large(1920, 1080, 30), frames=900)) or "")
