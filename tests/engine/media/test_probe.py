"""What a file is, and a clear sentence for everything that is not a usable media file."""

from __future__ import annotations

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_samples import CLIPS, SOUNDS, picture
from PIL import Image

from engine.media.decode import VideoReader
from engine.media.errors import CorruptMedia, EmptyFile, MediaError, NoSuchFile, NotAMediaFile, NoVideo
from engine.media.index import build_index
from engine.media.probe import probe

Clips = Callable[[str], Path]


@pytest.mark.parametrize("name", [c.name for c in CLIPS])
def test_a_clip_is_described(clip: Clips, name: str):
    made = next(c for c in CLIPS if c.name == name)
    info = probe(clip(name), exact=True)
    video = info.require_video()
    assert (video.width, video.height) == made.size
    assert video.frames == made.shown
    assert video.variable_rate is (made.times is not None)
    if made.times is None:
        assert video.rate == made.rate
        assert info.duration_seconds == video.frames / made.rate
    assert video.orientation.swaps_axes is (made.rotation in (90, 270))
    assert video.pixel_format == made.pixel_format
    assert not info.is_still
    if made.sound is not None:
        assert [(a.rate, a.layout.removesuffix("(side)")) for a in info.audio] == [(made.sound.rate, made.sound.layout)]
    else:
        assert info.audio == ()


@pytest.mark.parametrize(("name", "sound"), SOUNDS, ids=[n for n, _ in SOUNDS])
def test_a_sound_is_described(clip: Clips, name: str, sound):
    info = probe(clip(name))
    assert info.video is None
    assert [a.rate for a in info.audio] == [48_000 if sound.codec == "libopus" else sound.rate]
    with pytest.raises(NoVideo, match="has no picture"):
        info.require_video()


def test_sample_aspect_and_rotation_give_the_display_size(tmp_path: Path):
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 58, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        stream.set_display_rotation(90)
        out.mux([*stream.encode(av.VideoFrame(72, 58, "yuv420p")), *stream.encode(None)])
    video = probe(path).require_video()
    assert video.sample_aspect == Fraction(16, 11)
    assert (video.rotated_size, video.display_size) == ((58, 72), (58, 105))


def test_cover_art_is_not_a_picture(tmp_path: Path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w", format="mp3") as out:
        sound = out.add_stream("libmp3lame", rate=44_100)
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        out.mux([*cover.encode(av.VideoFrame(32, 32, "yuvj420p")), *cover.encode(None)])
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 44_100), np.float32), "fltp", "stereo")
        frame.sample_rate = 44_100
        out.mux([*sound.encode(frame), *sound.encode(None)])
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    assert probe(path).video is None


@pytest.mark.parametrize("name", ["still.png", "still.jpg", "still.webp", "still.bmp", "100%d.png", "seq%03d.jpg"])
def test_a_still_is_one_frame(tmp_path: Path, name: str):
    path = tmp_path / name
    Image.fromarray(picture(3, 40, 30)).save(path)
    info = probe(path)
    assert info.is_still
    assert info.require_video().frames == 1
    assert (info.require_video().rate, info.duration_seconds) == (None, None)
    with VideoReader(path) as reader:
        assert reader.rgb(0, 1).shape == (1, 30, 40, 3)


def test_a_name_is_never_a_number_pattern(tmp_path: Path):
    """FFmpeg would show the numbered neighbours instead of the file that has this name."""
    for number in range(3):
        Image.new("RGB", (16, 16), (0, 200, 0)).save(tmp_path / f"shot{number:03}.png")
    path = tmp_path / "shot%03d.png"
    Image.new("RGB", (24, 24), (200, 0, 0)).save(path)
    assert probe(path).require_video().width == 24
    with VideoReader(path) as reader:
        assert reader.rgb(0, 1)[0, 0, 0].tolist() == [200, 0, 0]


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://192.0.2.1/a.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("empty.mp4", b"", EmptyFile, "is empty"),
        ("text.mp4", b"hello, this is no film " * 50, NotAMediaFile, "not a media file"),
        ("notes.txt", b"hello, this is no film " * 50, NotAMediaFile, "not a media file"),
        ("one.mp4", b"x", NotAMediaFile, "not a media file"),
        ("list.m3u8", PLAYLIST, NotAMediaFile, "not a media file"),
        ("list.mp4", PLAYLIST, NotAMediaFile, "not a media file"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile other.mp4\n", NotAMediaFile, "not a media file"),
        ("zeros.mov", bytes(5000), NotAMediaFile, "not a media file"),
        ("head.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", CorruptMedia, "damaged or cut short"),
    ],
)
def test_what_is_no_media_is_said_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, error: type[MediaError], words: str
):
    path = tmp_path / name
    path.write_bytes(content)
    for reading in (probe, build_index):
        with pytest.raises(error, match=words) as caught:
            reading(path)
        assert caught.value.path == path
        assert f"'{name}'" in str(caught.value)
        assert str(caught.value).endswith(".")


def test_subtitles_alone_are_no_media(tmp_path: Path):
    path = tmp_path / "words.srt"
    path.write_bytes(b"1\n00:00:01,000 --> 00:00:02,000\nhi\n")
    with pytest.raises(NotAMediaFile, match="neither picture nor sound"):
        probe(path)
    with pytest.raises(NoVideo):
        build_index(path)


def test_no_file_and_a_folder_are_said(tmp_path: Path):
    with pytest.raises(NoSuchFile, match=r"no file 'gone\.mp4'"):
        probe(tmp_path / "gone.mp4")
    with pytest.raises(NoSuchFile):
        build_index(tmp_path / "gone.mp4")
    with pytest.raises(NotAMediaFile, match="it is a folder"):
        probe(tmp_path)
    with pytest.raises(NotAMediaFile, match="can't be read"):
        probe(tmp_path / ("x" * 300))


def test_a_line_break_in_a_name_does_not_break_the_sentence(tmp_path: Path):
    with pytest.raises(NoSuchFile) as caught:
        probe(tmp_path / "a\nb\x07.mp4")
    assert "'a\\nb\\x07.mp4'" in str(caught.value)


def test_a_film_cut_short_is_corrupt_or_shorter(clip: Clips, tmp_path: Path):
    """Without its index at the end an MP4 says nothing; a stream format gives what is there."""
    whole = clip("film.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(CorruptMedia, match="description of the contents is missing"):
        probe(path)
    whole = clip("ntsc.mkv").read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    index = build_index(path)
    assert 0 < index.frames < 50
    with VideoReader(path, index) as reader:
        assert sum(1 for _ in reader.frames(0, index.frames)) == index.frames


def test_a_header_without_sound_data_is_not_a_crash(tmp_path: Path):
    path = tmp_path / "none.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
    info = probe(path, exact=True)
    assert info.duration_seconds == 0
