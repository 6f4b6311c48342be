"""What `describe` says of files of every kind, from the file and from the cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_samples import CLIPS, NTSC, Clip, make_clip, picture
from PIL import Image

from engine.media.errors import EmptyFile, MediaError, NoSuchFile, NotAMediaFile
from ltxdesktop.document.model import MediaKind
from ltxdesktop.media.files import FactsCache, MediaFiles
from ltxdesktop.media.importing import Imported, gather
from ltxdesktop.media.thumbnails import Cell

Clips = Callable[[str], Path]

# One of each container and oddity; the frame-exact reading of all of them is tested in tests/engine/media.
FILMS = ["film.mp4", "pal.mov", "ntsc.mkv", "double.ts", "vp9.webm", "mpeg4.avi", "raw.h264", "edited.mp4", "odd.mp4"]


@pytest.mark.parametrize("name", FILMS)
def test_films_have_exact_rate_and_frames(files: MediaFiles, clip: Clips, name: str):
    made = next(c for c in CLIPS if c.name == name)
    media = files.describe(clip(name))
    assert media.kind is MediaKind.VIDEO
    assert (media.rate, media.frames) == (made.rate, made.shown)
    assert (media.width, media.height) == made.size
    assert media.has_sound == (made.sound is not None)
    if made.sound is not None:
        assert media.sample_rate == made.sound.rate
        assert abs(media.samples / media.sample_rate - made.sound.seconds) < 0.3


def test_a_turned_film_is_described_upright(files: MediaFiles, clip: Clips):
    media = files.describe(clip("turned.mp4"))
    assert (media.width, media.height) == (48, 64)


def test_variable_rate_films_count_at_their_nominal_rate(files: MediaFiles, clip: Clips):
    path = clip("variable.mkv")
    facts = files.facts(path)
    media = files.describe(path)
    assert facts.variable_rate
    assert facts.index is not None
    assert media.rate == 30
    assert media.frames == round(facts.index.duration_seconds * 30)
    for frame in range(media.frames):
        time = facts.index.start_seconds * 0 + Fraction(2 * frame + 1, 60)
        assert facts.stored_frame(frame) == facts.index.frame_at(time)


@pytest.mark.parametrize(("name", "rate", "channels"), [("mono.wav", 44_100, 1), ("song.mp3", 44_100, 2)])
def test_sound_has_samples_and_no_frames(files: MediaFiles, clip: Clips, name: str, rate: int, channels: int):
    media = files.describe(clip(name))
    assert (media.kind, media.frames, media.has_picture) == (MediaKind.AUDIO, 0, False)
    assert (media.sample_rate, media.channels) == (rate, channels)
    assert media.duration_s is not None
    assert abs(media.duration_s - Fraction(3, 2)) < Fraction(1, 10)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp", "gif"])
def test_pictures_are_stills_of_any_length(files: MediaFiles, tmp_path: Path, suffix: str):
    path = tmp_path / f"still.{suffix}"
    Image.fromarray(picture(3, 64, 40)).save(path)
    media = files.describe(path)
    assert (media.kind, media.width, media.height) == (MediaKind.STILL, 64, 40)
    assert media.duration_s is None


def test_a_photograph_is_described_as_it_is_shown(files: MediaFiles, tmp_path: Path):
    path = tmp_path / "portrait.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(3, 64, 40)).save(path, exif=exif)
    media = files.describe(path)
    assert (media.width, media.height) == (40, 64)


def test_a_moving_gif_is_a_film(files: MediaFiles, tmp_path: Path):
    path = tmp_path / "moving.gif"
    pictures = [Image.fromarray(picture(n, 64, 40)) for n in range(5)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    media = files.describe(path)
    assert (media.kind, media.frames, media.rate) == (MediaKind.VIDEO, 5, 10)


def test_openexr_is_read_though_pillow_does_not_know_it(files: MediaFiles, tmp_path: Path):
    path = tmp_path / "still.exr"
    frame = av.VideoFrame.from_ndarray(np.zeros((24, 32, 3), np.uint8), "rgb24").reformat(format="gbrpf32le")
    encoder = av.CodecContext.create("exr", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 32, 24, "gbrpf32le", Fraction(1, 25)
    frame.pts = 0
    path.write_bytes(b"".join(bytes(p) for p in (*encoder.encode(frame), *encoder.encode(None))))
    media = files.describe(path)
    assert (media.kind, media.width, media.height) == (MediaKind.STILL, 32, 24)
    assert files.decoders.picture(media, path, 0).frame.width == 32


def test_numbered_pictures_are_one_sequence(files: MediaFiles, tmp_path: Path):
    names = [f"shot_{n:04d}.png" for n in range(998, 1004)]
    for number, name in enumerate(names):
        Image.fromarray(picture(number, 64, 48)).save(tmp_path / name)
    found = gather([tmp_path / name for name in names])
    assert found.sequences == (tmp_path / names[0],)
    assert not found.files
    media = files.describe(found.sequences[0], sequence=True)
    assert (media.kind, media.frames, media.width) == (MediaKind.IMAGE_SEQUENCE, 6, 64)


def test_a_hole_ends_a_sequence_and_few_pictures_are_none(tmp_path: Path):
    for number in [*range(1, 6), *range(7, 10)]:
        (tmp_path / f"a{number}.png").touch()
    found = gather([tmp_path])
    assert found.sequences == (tmp_path / "a1.png",)
    assert [path.name for path in found.files] == ["a7.png", "a8.png", "a9.png"]


def test_a_camera_s_photographs_stay_single(tmp_path: Path):
    for number in range(1, 9):
        (tmp_path / f"IMG_{number:04d}.JPG").touch()
    found = gather([tmp_path])
    assert not found.sequences
    assert len(found.files) == 8


def test_folders_are_searched_without_what_is_no_media(tmp_path: Path):
    for name in ["a.mp4", "sub/b.mov", "sub/notes.txt", ".hidden/c.mp4", "sub/.d.mp4"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = gather([tmp_path])
    assert [path.name for path in found.files] == ["a.mp4", "b.mov"]
    assert set(found.folders.values()) == {tmp_path}
    assert gather([tmp_path / "sub" / "notes.txt"]).files  # dropped by itself: the person hears why not
    assert gather([tmp_path / ("x" * 300)]).files  # no possible name: describing it says so
    with pytest.raises(NoSuchFile):
        gather([tmp_path / "gone.mp4"])


NOT_MEDIA = {
    "text.txt": b"Some words that are no film.\n" * 40,
    "table.csv": b"a,b\n1,2\n",
    "noise.bin": bytes(np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8)),
    "page.html": b"<html><body>no</body></html>",
    "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nother.ts\n",
    "words.srt": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
}


@pytest.mark.parametrize("name", NOT_MEDIA)
def test_what_is_no_media_is_refused_with_a_sentence(files: MediaFiles, tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(NOT_MEDIA[name])
    with pytest.raises(MediaError) as caught:
        files.describe(path)
    assert str(caught.value).endswith(".")
    assert name in str(caught.value)


def test_missing_empty_and_folder_are_told_apart(files: MediaFiles, tmp_path: Path):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(EmptyFile):
        files.describe(tmp_path / "empty.mp4")
    with pytest.raises(NoSuchFile):
        files.describe(tmp_path / "gone.mp4")
    with pytest.raises(NotAMediaFile):
        files.describe(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_without_waiting_for_a_writer(files: MediaFiles, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(NotAMediaFile, match="pipe"):
        files.describe(tmp_path / "pipe.mp4")


def test_an_import_tells_of_every_file_and_goes_on_after_a_bad_one(files: MediaFiles, clip: Clips, tmp_path: Path):
    folder = tmp_path / "dropped"
    folder.mkdir()
    shutil.copy(clip("pal.mov"), folder)
    (folder / "broken.mp4").write_bytes(b"no film")
    for number in range(5):
        Image.fromarray(picture(number, 64, 48)).save(folder / f"p{number}.png")
    got: list[Imported] = []
    ended: list[bool] = []
    files.imports.request("drop", [folder, tmp_path / "gone.mp4"], got.append, lambda: ended.append(True))
    files.imports.finish()
    kinds = {found.path.name: getattr(found.result, "kind", type(found.result)) for found in got}
    assert kinds == {
        "gone.mp4": NoSuchFile,
        "broken.mp4": NotAMediaFile,
        "pal.mov": MediaKind.VIDEO,
        "p0.png": MediaKind.IMAGE_SEQUENCE,
    }
    assert [(found.nth, found.total) for found in got] == [(n, 4) for n in range(1, 5)]
    assert [found.folder for found in got] == [None, folder, folder, folder]
    assert ended == [True]


def test_the_cache_is_private_and_can_be_emptied(files: MediaFiles, clip: Clips, tmp_path: Path):
    path = clip("film.mp4")
    media = files.describe(path)
    files.thumbnails.make(media, path, Cell(3, 4), 36)
    files.waveforms.make(path)
    assert files.cache_bytes() > 1_000
    if os.name == "posix":
        assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    files.clear_caches()
    assert files.cache_bytes() == 0
    assert files.describe(path).frames == media.frames


AWKWARD = [
    "line\nbreak.mp4",
    "🎬 film 🎞.mp4",
    "100%d %s %04d.mp4",
    "a#b?c&d.mp4",
    'it\'s "quoted".mp4',
    "-i file:x.mp4",
    "pipe:0.mp4",
    " leading.mp4",
    "a" * 251 + ".mp4",
    "ä" * 125 + "b.mp4",
]


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names_are_read_like_others(files: MediaFiles, clip: Clips, tmp_path: Path, name: str):
    path = tmp_path / name
    shutil.copy(clip("pal.mov"), path)
    media = files.describe(path)
    assert (media.frames, media.name) == (50, name)
    assert files.decoders.picture(media, path, 30).number == 30


def test_awkward_names_of_pictures_are_no_patterns(files: MediaFiles, tmp_path: Path):
    for name in ["100%d.png", "a*[1].png", "%04d.png"]:
        Image.fromarray(picture(3, 64, 40)).save(tmp_path / name)
        assert files.describe(tmp_path / name).kind is MediaKind.STILL


def test_another_start_takes_facts_from_the_disk(clip: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = clip("film.mp4")
    read = FactsCache(tmp_path).facts(path)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the file was read again")

    monkeypatch.setattr("ltxdesktop.media.files.read_facts", refuse)
    kept = FactsCache(tmp_path).facts(path)
    assert kept == read
    assert kept.index is not None
    assert read.index is not None
    assert np.array_equal(kept.index.pts, read.index.pts)


def test_a_changed_file_is_read_again(files: MediaFiles, tmp_path: Path):
    path = tmp_path / "film.mp4"
    shutil.copy(make_clip(tmp_path, Clip("one.mp4", frames=12)), path)
    first = files.describe(path)
    shutil.copy(make_clip(tmp_path, Clip("two.mp4", frames=20, rate=NTSC)), path)
    second = files.describe(path)
    assert (first.frames, second.frames, second.rate) == (12, 20, NTSC)
    assert first.content_hash != second.content_hash


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_broken_cache_files_are_made_again(clip: Clips, tmp_path: Path, damage: str):
    path = clip("film.mp4")
    read = FactsCache(tmp_path).facts(path)
    (kept,) = [file for file in tmp_path.rglob("*") if file.is_file()]
    data = bytearray(kept.read_bytes())
    if damage == "flipped":
        data[-20] ^= 4
    kept.write_bytes({"cut": bytes(data[:-9]), "flipped": bytes(data), "emptied": b""}[damage])
    assert FactsCache(tmp_path).facts(path) == read
    assert sorted(file.suffix for file in tmp_path.rglob("*") if file.is_file()) == ["", ".broken"]


def test_the_same_content_has_the_same_hash_anywhere(files: MediaFiles, clip: Clips, tmp_path: Path):
    copy = tmp_path / "renamed.mov"
    shutil.copy(clip("pal.mov"), copy)
    assert files.describe(copy).content_hash == files.describe(clip("pal.mov")).content_hash
    assert files.describe(clip("film.mp4")).content_hash != files.describe(copy).content_hash
