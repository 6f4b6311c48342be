"""Result files: exact in size, rate and counts, tagged, checked, and whole or not there at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_samples import Sound, sweep

from engine.media import encode
from engine.media.colour import Matrix
from engine.media.decode import AudioReader, VideoReader
from engine.media.encode import AudioSpec, Delivery, MediaWriter, VideoSpec, working_video_encoder, write_media
from engine.media.errors import DiskFull, NoEncoder, NotWritable, ResultCheckFailed
from engine.media.index import build_index
from engine.media.probe import probe

PICTURED = [d for d in Delivery if not d.sound_only]
NTSC = Fraction(30000, 1001)


def gradient(frames: int, height: int, width: int) -> np.ndarray:
    """Smooth moving colours: what a camera gives, not noise."""
    rows, columns, times = np.ogrid[:height, :width, :frames]
    red = 128 + 100 * np.sin(columns / 17 + times / 5) * np.ones_like(rows)
    green = 128 + 90 * np.cos(rows / 13 - times / 7) * np.ones_like(columns)
    blue = 128 + 80 * np.sin((rows + columns) / 19 + times / 11)
    stack = np.stack([np.broadcast_to(c, (height, width, frames)) for c in (red, green, blue)], axis=-1)
    return np.ascontiguousarray(np.moveaxis(np.rint(stack).astype(np.uint8), 2, 0))


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.mark.parametrize(
    "rate", [Fraction(24000, 1001), Fraction(25), NTSC, Fraction(60000, 1001), Fraction(17)], ids=str
)
@pytest.mark.parametrize("delivery", PICTURED)
def test_frames_rate_and_samples_are_exact(tmp_path: Path, delivery: Delivery, rate: Fraction):
    path = tmp_path / f"result{delivery.value}"
    frames = gradient(13, 48, 64)
    sound = sweep(Sound("", seconds=0.5))[:, : round(13 / rate * 48_000)]
    write_media(path, delivery, frames=[frames[:5], frames[5:]], samples=sound, rate=rate)
    index = build_index(path)
    assert (index.frames, index.rate, index.is_constant) == (13, rate, True)
    with AudioReader(path) as reader:
        assert (reader.rate, reader.extent()) == (48_000, (0, sound.shape[1]))
    assert names_in(tmp_path) == [path.name]


@pytest.mark.parametrize("size", [(48, 64), (45, 64), (48, 67), (45, 67), (2, 2), (33, 34)], ids=str)
@pytest.mark.parametrize("delivery", PICTURED)
def test_every_size_is_written_as_it_is_and_looks_the_same(tmp_path: Path, delivery: Delivery, size: tuple[int, int]):
    path = tmp_path / f"result{delivery.value}"
    frames = gradient(4, *size)
    write_media(path, delivery, frames=[frames], rate=Fraction(25))
    with VideoReader(path) as reader:
        read = reader.rgb(0, 4)
    assert read.shape == frames.shape
    difference = read.astype(int) - frames
    if delivery is Delivery.FFV1_FLAC:
        assert not difference.any()
    else:
        decibels = 40 if min(size) > 8 else 37  # two pixels of colour are hard to keep
        assert (difference.astype(float) ** 2).mean() < 255**2 / 10 ** (decibels / 10)


@pytest.mark.parametrize("delivery", [Delivery.H264_AAC, Delivery.PRORES_PCM])
def test_colours_are_rounded_not_truncated(tmp_path: Path, delivery: Delivery):
    """A truncating conversion darkens by half a code on average; all greys together show it."""
    path = tmp_path / f"result{delivery.value}"
    greys = np.repeat(np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16), 8, 0), 8, 1)
    write_media(path, delivery, frames=[np.repeat(greys[None, ..., None], 3, 3)], rate=Fraction(25))
    with VideoReader(path) as reader:
        read = reader.rgb(0, 1)[0].astype(int)
    assert abs(float((read - greys[..., None]).mean())) < 0.1
    assert np.abs(read - greys[..., None]).max() <= 3


@pytest.mark.parametrize("delivery", PICTURED)
def test_colour_tags_are_written(tmp_path: Path, delivery: Delivery):
    path = tmp_path / f"result{delivery.value}"
    write_media(path, delivery, frames=[gradient(3, 32, 32)], rate=Fraction(25))
    colour = probe(path).require_video().colour
    rgb = delivery is Delivery.FFV1_FLAC
    assert colour.used_matrix is (Matrix.RGB if rgb else Matrix.BT709)
    assert (colour.matrix, colour.primaries, colour.full_range) == (0 if rgb else 1, 1, rgb)
    assert colour.transfer == (13 if rgb else 1)


def test_the_ffprobe_program_reads_the_same(tmp_path: Path):
    if shutil.which("ffprobe") is None:
        pytest.skip("the ffprobe program is not installed")
    path = tmp_path / "result.mp4"
    sound = sweep(Sound("", seconds=1.001))
    write_media(path, Delivery.H264_AAC, frames=[gradient(30, 64, 96)], samples=sound, rate=NTSC)
    command = ["ffprobe", "-v", "error", "-show_streams", "-count_frames", "-of", "json", str(path)]
    video, audio = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"]
    assert (video["codec_name"], video["r_frame_rate"], video["nb_read_frames"]) == ("h264", "30000/1001", "30")
    tags = [video[f"color_{name}"] for name in ("range", "space", "transfer", "primaries")]
    assert tags == ["tv", "bt709", "bt709", "bt709"]
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == ("aac", "48000", 2)
    assert float(video["duration"]) == pytest.approx(1.001, abs=1e-6)


@pytest.mark.parametrize("delivery", [Delivery.WAV, Delivery.FLAC, Delivery.FFV1_FLAC, Delivery.PRORES_PCM])
@pytest.mark.parametrize("channels", [1, 2])
def test_lossless_sound_is_rounded_to_24_bits(tmp_path: Path, delivery: Delivery, channels: int):
    path = tmp_path / f"result{delivery.value}"
    sound = sweep(Sound("", layout="mono" if channels == 1 else "stereo", seconds=0.3))
    sound[:, :4] = [1.0, -1.0, 1.7, -1.7]
    pictures = [] if delivery.sound_only else [gradient(3, 32, 32)]
    write_media(path, delivery, frames=pictures, samples=sound, rate=Fraction(25))
    with AudioReader(path) as reader:
        read = reader.read(0, sound.shape[1], channels=None)
    assert np.array_equal(read[:, 4:], np.rint(sound[:, 4:].astype(np.float64) * 2**23) / 2**23)
    assert read[:, :4].tolist() == [[1 - 2.0**-23, -1.0, 1 - 2.0**-23, -1.0]] * channels


@pytest.mark.parametrize("delivery", PICTURED)
def test_a_take_of_a_variable_rate_source_keeps_each_frames_time(tmp_path: Path, delivery: Delivery):
    path = tmp_path / f"take{delivery.value}"
    times = [1000 + 100 * n + (n * n * 7) % 60 for n in range(20)]
    video = VideoSpec(64, 48, Fraction(30), time_base=Fraction(1, 3000))
    with MediaWriter(path, delivery, video=video) as out:
        out.write_rgb(gradient(12, 48, 64), times[:12])
        out.write_rgb(gradient(8, 48, 64), times[12:])
    index = build_index(path)
    assert not index.is_constant
    for number in range(20):
        exact = Fraction(times[number] - times[0], 3000)
        assert abs(index.seconds(number) - exact) <= (Fraction(1, 1000) if delivery is Delivery.FFV1_FLAC else 0)
    out = MediaWriter(path, delivery, video=video)
    for wrong in (None, [5, 5], [1]):
        with pytest.raises(ValueError, match="time"):
            out.write_rgb(gradient(2, 48, 64), wrong)
    out.abort()


def test_an_untouched_decoded_frame_can_be_written(tmp_path: Path):
    source, copy = tmp_path / "source.mp4", tmp_path / "copy.mp4"
    write_media(source, Delivery.H264_AAC, frames=[gradient(6, 48, 64)], rate=NTSC)
    with VideoReader(source) as reader, MediaWriter(copy, Delivery.H264_AAC, video=VideoSpec(64, 48, NTSC)) as out:
        for _, frame in reader.frames(0, 6):
            out.write_frame(frame)
    assert build_index(copy).frames == 6


class Stop(Exception):
    """What a cancel raises in the middle of writing."""


@pytest.mark.parametrize("delivery", list(Delivery))
def test_a_cancel_leaves_no_file_and_keeps_the_old_one(tmp_path: Path, delivery: Delivery):
    path = tmp_path / f"result{delivery.value}"
    path.write_bytes(b"the old one")
    video = None if delivery.sound_only else VideoSpec(64, 48, Fraction(25))

    def write_a_little_and_stop() -> None:
        with MediaWriter(path, delivery, video=video, audio=AudioSpec()) as out:
            out.write_samples(sweep(Sound("", seconds=0.2)))
            if video is not None:
                out.write_rgb(gradient(2, 48, 64))
            raise Stop

    with pytest.raises(Stop):
        write_a_little_and_stop()
    assert path.read_bytes() == b"the old one"
    assert names_in(tmp_path) == [path.name]


def test_a_file_that_reads_back_wrong_is_not_delivered(tmp_path: Path):
    path = tmp_path / "result.mp4"
    out = MediaWriter(path, Delivery.H264_AAC, video=VideoSpec(64, 48, Fraction(25)))
    out.write_rgb(gradient(6, 48, 64))
    out.frames_written += 1
    with pytest.raises(ResultCheckFailed, match="frames: 7 expected, 6 found"):
        out.finish()
    assert names_in(tmp_path) == []


AWKWARD = ["new\nline", "emoji 🎬🔥", "100%d", "hash#?&", "quotes'\"`", "-dash", "file:x", "café", "x" * 251, "é" * 125]


@pytest.mark.parametrize("stem", AWKWARD, ids=ascii)
def test_awkward_names_are_written_and_read(tmp_path: Path, stem: str):
    path = tmp_path / f"{stem}.mp4"
    sound = sweep(Sound("", seconds=0.2))
    write_media(path, Delivery.H264_AAC, frames=[gradient(5, 32, 32)], samples=sound, rate=Fraction(25))
    assert probe(path, exact=True).require_video().frames == 5
    with AudioReader(path) as reader:
        assert reader.extent() == (0, sound.shape[1])
    assert names_in(tmp_path) == [path.name]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path):
    """The system's limit on file sizes stands in for a disk: the same failed writes, in a process of its own."""
    if sys.platform == "win32":
        pytest.skip("Windows has no RLIMIT_FSIZE")
    script = """
import resource, signal, sys, numpy as np
from fractions import Fraction
from pathlib import Path
from engine.media.encode import Delivery, write_media
from engine.media.errors import DiskFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
noise = np.random.default_rng(0).integers(0, 256, (12, 96, 128, 3), dtype=np.uint8)
sound = np.random.default_rng(0).normal(0, .2, (2, 48000)).astype(np.float32)
for delivery in Delivery:
    pictures = [] if delivery.sound_only else [noise]
    try:
        write_media(Path(sys.argv[1]) / ("result" + delivery.value), delivery, frames=pictures, samples=sound,
                    rate=Fraction(25))
        print(delivery.name, "written")
    except DiskFull as exc:
        print(delivery.name, exc)
"""
    for limit in (1000, 60_000):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), str(limit)], capture_output=True, text=True, check=True
        )
        lines = done.stdout.splitlines()
        assert len(lines) == len(Delivery)
        assert all("The disk is full" in line for line in lines), done.stdout
        assert names_in(tmp_path) == []


def test_a_really_full_disk_is_said_and_leaves_nothing(tmp_path: Path):
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root on Linux to mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this system does not let us mount a small disk")
    try:
        noise = np.random.default_rng(0).integers(0, 256, (12, 96, 128, 3), dtype=np.uint8)
        for delivery in PICTURED:
            with pytest.raises(DiskFull, match="disk is full"):
                write_media(disk / f"result{delivery.value}", delivery, frames=[noise], rate=Fraction(25))
            assert names_in(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_place_that_can_not_be_written_is_said(tmp_path: Path):
    with pytest.raises(NotWritable, match="No such file or directory"):
        write_media(tmp_path / "no" / "where.wav", Delivery.WAV, samples=np.zeros((2, 10), np.float32))
    with pytest.raises(NotWritable, match="folder"):
        write_media(tmp_path, Delivery.WAV, samples=np.zeros((2, 10), np.float32))


def test_encoders_are_tried_not_assumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An encoder that is only listed does not count; the next in order does; with none left the person is told."""
    real = encode._VIDEO_ENCODERS[Delivery.H264_AAC][0]
    missing = encode._Encoder("no_such_encoder", {})
    not_for_pictures = encode._Encoder("aac", {})
    monkeypatch.setattr(encode, "_VIDEO_ENCODERS", {Delivery.H264_AAC: (missing, not_for_pictures, real)})
    assert working_video_encoder(Delivery.H264_AAC) == real.name
    monkeypatch.setattr(encode, "_VIDEO_ENCODERS", {Delivery.H264_AAC: (missing, not_for_pictures)})
    with pytest.raises(NoEncoder, match="tried no_such_encoder, aac"):
        write_media(tmp_path / "x.mp4", Delivery.H264_AAC, frames=[gradient(1, 32, 32)], rate=Fraction(25))
    assert names_in(tmp_path) == []


def test_wrong_shapes_are_refused_before_anything_is_written(tmp_path: Path):
    out = MediaWriter(tmp_path / "x.mp4", Delivery.H264_AAC, video=VideoSpec(64, 48, Fraction(25)))
    with pytest.raises(ValueError, match="was announced"):
        out.write_rgb(gradient(1, 64, 48))
    with pytest.raises(ValueError, match="nothing was written"):
        out.finish()
    assert names_in(tmp_path) == []
    with pytest.raises(ValueError, match="takes no picture"):
        MediaWriter(tmp_path / "x.wav", Delivery.WAV, video=VideoSpec(64, 48, Fraction(25)), audio=AudioSpec())


def test_the_sound_of_a_result_is_the_same_from_wherever_it_is_read(tmp_path: Path):
    """AAC's made-up noise is off in our files, so that decoding after a seek equals decoding from the start."""
    path = tmp_path / "result.mp4"
    noise = np.random.default_rng(3).normal(0, 0.1, (2, 8 * 48_000)).astype(np.float32)
    write_media(path, Delivery.H264_AAC, frames=[gradient(200, 32, 32)], samples=noise, rate=Fraction(25))
    with AudioReader(path) as reader:
        whole = reader.read(0, 8 * 48_000)
    with AudioReader(path) as reader:
        assert np.array_equal(reader.read(6 * 48_000, 7 * 48_000), whole[:, 6 * 48_000 : 7 * 48_000])
        assert reader.stats.frames < 100


def test_metadata_is_kept(tmp_path: Path):
    path = tmp_path / "x.mkv"
    write_media(path, Delivery.FFV1_FLAC, frames=[gradient(1, 32, 32)], rate=Fraction(25), metadata={"comment": "a ✓"})
    with av.open(str(path)) as container:
        assert container.metadata.get("COMMENT", container.metadata.get("comment")) == "a ✓"


@pytest.mark.parametrize("rate", [Fraction(60000, 1001), Fraction(24000, 1001)])
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_few_frames_in_matroska_keep_their_exact_rate(tmp_path: Path, frames: int, rate: Fraction):
    """Its milliseconds and its own spelling of the rate (19001/317 for 59.94) say too little of so short a film."""
    pictures = np.zeros((frames, 34, 34, 3), np.uint8)
    write_media(tmp_path / "short.mkv", Delivery.FFV1_FLAC, frames=[pictures], rate=rate)
    assert build_index(tmp_path / "short.mkv").rate == rate
