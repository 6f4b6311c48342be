"""Pictures and samples from shared decoders: right in any order, quick where it matters, within their memory."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_samples import Clip, make_clip, number_in, picture
from PIL import Image

from engine.media.decode import AudioReader, VideoReader
from engine.media.errors import MediaError, NoAudio, NoVideo, RangeOutsideMedia
from ltxdesktop.document.model import Media, MediaKind
from ltxdesktop.media.decoders import Decoders
from ltxdesktop.media.files import FactsCache, MediaFiles
from ltxdesktop.media.pictures import FrameCache

Clips = Callable[[str], Path]


def number_of(files: MediaFiles, media: Media, path: Path, frame: int) -> int:
    return number_in(files.decoders.picture(media, path, frame).rgb())


@pytest.mark.parametrize("name", ["film.mp4", "open_gop.mp4", "double.ts", "hevc.mp4", "vp9.webm", "raw.h264"])
def test_any_order_gives_the_right_pictures(files: MediaFiles, clip: Clips, name: str):
    path = clip(name)
    media = files.describe(path)
    rng = random.Random(5)
    frame = 0
    for _ in range(120):
        frame = rng.choice([frame + 1, frame + 1, frame - 1, frame - 1, frame - 7, rng.randrange(media.frames)])
        frame = min(max(frame, 0), media.frames - 1)
        assert number_of(files, media, path, frame) == frame


def test_a_variable_rate_film_shows_what_is_on_screen_then(files: MediaFiles, clip: Clips):
    path = clip("variable.mkv")
    media = files.describe(path)
    facts = files.facts(path)
    shown = [number_of(files, media, path, frame) for frame in range(media.frames)]
    assert shown == [facts.stored_frame(frame) for frame in range(media.frames)]
    assert shown == sorted(shown)
    assert (shown[0], shown[-1]) == (0, 49)


def test_a_document_may_count_a_variable_rate_film_at_another_rate(files: MediaFiles, clip: Clips):
    path = clip("variable.mkv")
    media, facts = files.describe(path), files.facts(path)
    assert facts.index is not None
    older = replace(media, rate=Fraction(10), frames=media.frames // 3)
    for frame in (0, 3, 17, older.frames - 1):
        shown = files.decoders.picture(older, path, frame).number
        assert abs(facts.index.seconds(shown) - Fraction(2 * frame + 1, 20)) < Fraction(1, 15)


def test_going_forward_never_seeks(clip: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[VideoReader] = []
    plain = VideoReader.__init__

    def noted(self: VideoReader, *args: object, **kwargs: object) -> None:
        opened.append(self)
        plain(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(VideoReader, "__init__", noted)
    files = MediaFiles(tmp_path)
    path = clip("sixty.mp4")
    media = files.describe(path)
    for frame in range(media.frames):
        files.decoders.picture(media, path, frame)
    files.close()
    assert len(opened) == 1
    assert opened[0].stats.seeks == 1
    assert opened[0].stats.frames == media.frames


def test_stepping_back_is_served_from_memory(files: MediaFiles, clip: Clips):
    path = clip("sixty.mp4")  # one key picture at the start
    media = files.describe(path)
    files.decoders.picture(media, path, 45)
    files.decoders.finish()  # it stood still: what is before 45 is made ready
    for frame in range(44, -1, -1):
        assert files.decoders.cache.has((path, frame))
        assert number_of(files, media, path, frame) == frame


def test_pictures_before_a_group_are_made_ready_too(files: MediaFiles, clip: Clips):
    path = clip("film.mp4")
    index = files.facts(path).index
    assert index is not None
    key = index.first_frame_from(1)
    media = files.describe(path)
    files.decoders.picture(media, path, key + 1)
    files.decoders.finish()
    for frame in range(key, max(-1, key - 20), -1):
        assert files.decoders.cache.has((path, frame)) or frame == key
        assert number_of(files, media, path, frame) == frame


def test_stepping_back_decodes_each_group_once(clip: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[VideoReader] = []
    plain = VideoReader.__init__

    def noted(self: VideoReader, *args: object, **kwargs: object) -> None:
        opened.append(self)
        plain(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(VideoReader, "__init__", noted)
    files = MediaFiles(tmp_path)
    path = clip("film.mp4")
    media = files.describe(path)
    for frame in range(49, -1, -1):
        assert number_of(files, media, path, frame) == frame
    files.close()
    groups = len(files.facts(path).index.key_pts)  # type: ignore[union-attr]
    assert sum(reader.stats.frames for reader in opened) <= media.frames + 12 * groups


def test_two_places_of_a_file_play_at_once_without_seeking(
    files: MediaFiles, clip: Clips, monkeypatch: pytest.MonkeyPatch
):
    seeks = 0
    start = VideoReader._start  # pyright: ignore[reportPrivateUsage]

    def counted(self: VideoReader, key: int) -> object:
        nonlocal seeks
        seeks += 1
        return start(self, key)

    monkeypatch.setattr(VideoReader, "_start", counted)
    path = clip("film.mp4")
    media = files.describe(path)
    for step in range(15):
        assert number_of(files, media, path, step) == step
        assert number_of(files, media, path, 30 + step) == 30 + step
    assert seeks <= 4  # each once, and the pictures made ready behind each first look


def test_kept_pictures_stay_within_the_limit(clip: Clips, tmp_path: Path):
    path = clip("film.mp4")
    one = 64 * 48 * 3 // 2
    decoders = Decoders(FactsCache(tmp_path).facts, frame_bytes=12 * one * 2)
    media = FactsCache(tmp_path).facts(path).media(path)
    for frame in [*range(50), *range(49, -1, -1), 30, 5, 40]:
        decoders.picture(media, path, frame)
        assert decoders.cache.bytes <= decoders.cache.limit_bytes
    decoders.close()
    assert decoders.cache.bytes == 0


def test_the_cache_keeps_one_picture_however_large(files: MediaFiles, clip: Clips):
    path = clip("film.mp4")
    media = files.describe(path)
    cache = FrameCache(10)
    for frame in (1, 2):
        cache.put((path, frame), files.decoders.picture(media, path, frame))
    assert not cache.has((path, 1))
    assert cache.has((path, 2))


def test_idle_readers_are_closed_beyond_their_memory(clip: Clips, tmp_path: Path):
    facts = FactsCache(tmp_path)
    decoders = Decoders(facts.facts, reader_bytes=1)
    for name in ("film.mp4", "sixty.mp4", "open_gop.mp4"):
        decoders.picture(facts.facts(clip(name)).media(clip(name)), clip(name), 3)
        assert len(decoders.readers) == 1
    decoders.close()


def test_going_through_once_holds_a_film_no_longer_than_it_is_shown(clip: Clips, tmp_path: Path):
    files = MediaFiles(tmp_path)
    media = [(files.describe(path), path) for path in (clip("film.mp4"), clip("open_gop.mp4"))]
    decoders = Decoders(lambda path, sequence=False: files.facts(path, sequence=sequence), once_through=True)
    for one, path in media:
        for frame in range(20):
            assert number_in(decoders.picture(one, path, frame).rgb()) == frame
    assert len(decoders.readers) == 1
    decoders.close()
    files.close()


def test_many_threads_may_ask_at_once(files: MediaFiles, clip: Clips):
    path = clip("film.mp4")
    media = files.describe(path)
    wrong: list[tuple[int, int]] = []

    def ask(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            frame = rng.randrange(media.frames)
            found = number_of(files, media, path, frame)
            first = rng.randrange(60_000)
            samples = files.decoders.samples(path, first, 500)
            if found != frame or samples.shape != (2, 500):
                wrong.append((frame, found))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_replaced_file_shows_its_new_pictures(files: MediaFiles, tmp_path: Path):
    path = tmp_path / "film.mp4"
    shutil.copy(make_clip(tmp_path, Clip("one.mp4", frames=12)), path)
    media = files.describe(path)
    assert number_of(files, media, path, 5) == 5
    other = make_clip(tmp_path, Clip("two.mp4", frames=20, cut_start=7))
    files.decoders.forget(path)
    shutil.copy(other, path)
    media = files.describe(path)
    assert number_of(files, media, path, 5) == 12


def test_stills_keep_their_alpha_and_any_frame_is_the_picture(files: MediaFiles, tmp_path: Path):
    pixels = np.dstack([picture(9, 64, 48), np.arange(64, dtype=np.uint8)[None].repeat(48, 0)])
    path = tmp_path / "logo.png"
    Image.fromarray(pixels).save(path)
    media = files.describe(path)
    for frame in (0, 77):
        found = files.decoders.picture(media, path, frame)
        assert found.frame.format.name == "rgba"
        assert np.array_equal(found.frame.to_ndarray(), pixels)


def test_a_sequence_shows_its_pictures_by_number(files: MediaFiles, tmp_path: Path):
    for number in range(7):
        Image.fromarray(picture(number, 64, 48)).save(tmp_path / f"f{number + 8}.png")
    path = tmp_path / "f8.png"
    media = files.describe(path, sequence=True)
    assert [number_of(files, media, path, frame) for frame in range(7)] == list(range(7))
    with pytest.raises(RangeOutsideMedia):
        files.decoders.picture(media, path, 7)


def test_what_is_not_there_is_said(files: MediaFiles, clip: Clips):
    film, song = files.describe(clip("sixty.mp4")), files.describe(clip("mono.wav"))
    with pytest.raises(RangeOutsideMedia):
        files.decoders.picture(film, clip("sixty.mp4"), film.frames)
    with pytest.raises(NoVideo):
        files.decoders.picture(song, clip("mono.wav"), 0)
    with pytest.raises(NoAudio):
        files.decoders.samples(clip("sixty.mp4"), 0, 10)


def test_a_picture_that_cannot_be_decoded_is_told_again_at_once(files: MediaFiles, clip: Clips, tmp_path: Path):
    data = bytearray(clip("mjpeg.mov").read_bytes())
    index = files.facts(clip("mjpeg.mov")).index
    assert index is not None
    starts = [place for place in range(len(data)) if data[place : place + 3] == b"\xff\xd8\xff"]
    data[starts[20] : starts[21]] = bytes(starts[21] - starts[20])
    path = tmp_path / "holed.mov"
    path.write_bytes(data)
    media = files.describe(path)
    for _ in range(2):
        with pytest.raises(MediaError):
            files.decoders.picture(media, path, 20)
    assert number_of(files, media, path, 21) == 21


@pytest.mark.parametrize(
    "name", ["film.mp4", "pal.mov", "ntsc.mkv", "song.mp3", "song.ogg", "mono.wav", "surround.mp4"]
)
def test_any_range_of_sound_equals_the_whole(files: MediaFiles, clip: Clips, name: str):
    path = clip(name)
    media = files.describe(path)
    end = media.samples * 48_000 // media.sample_rate + 9_000
    facts = files.facts(path)
    with AudioReader(path, zero=facts.start_s if facts.index is not None else None) as reader:
        whole = reader.read(-5_000, end, rate=48_000, channels=2)
    rng = random.Random(2)
    for _ in range(12):
        first = rng.randrange(-5_000, end - 1)
        count = min(rng.choice([1, 800, 1601, 40_000, 90_000]), end - first)
        found = files.decoders.samples(path, first, count)
        np.testing.assert_allclose(found, whole[:, first + 5_000 : first + 5_000 + count], atol=2e-6)


def test_sound_is_read_ahead_and_kept_within_its_limit(clip: Clips, tmp_path: Path):
    facts = FactsCache(tmp_path)
    limit = 3 * 2 * 4 * 65_536
    decoders = Decoders(facts.facts, sound_bytes=limit)
    path = clip("stereo.flac")
    for first in range(0, 400_000, 1600):
        decoders.samples(path, first, 1600)
        assert decoders.sound.bytes <= limit
    decoders.finish()
    assert decoders.sound.bytes == limit
    decoders.close()


def test_media_of_every_kind_is_asked_the_same_way(files: MediaFiles, clip: Clips, tmp_path: Path):
    Image.fromarray(picture(1, 64, 48)).save(tmp_path / "s.png")
    for path in (clip("film.mp4"), tmp_path / "s.png"):
        media = files.describe(path)
        assert media.kind in (MediaKind.VIDEO, MediaKind.STILL)
        assert files.decoders.picture(media, path, 0, keep=False).rgb().shape == (48, 64, 3)
