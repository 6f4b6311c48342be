"""Sample ranges are exact: where they start, how long they are, and equal to the same range of the whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_samples import CLIPS, SOUNDS, Sound, make_sound, sweep
from numpy.typing import NDArray

from engine.media.decode import AudioReader
from engine.media.errors import NoAudio
from engine.media.probe import probe
from engine.media.resample import Resampling, mix_channels, resample

Clips = Callable[[str], Path]
MADE = dict(SOUNDS)
LOSSLESS = {
    "mono.wav": 2.0**-15,
    "float.wav": 0,
    "eight_bit.wav": 2.0**-7,
    "stereo.flac": 2.0**-15,
    "alac.m4a": 2.0**-15,
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_sound_comes_back_sample_by_sample(clip: Clips, name: str):
    made = sweep(MADE[name])
    with AudioReader(clip(name)) as reader:
        assert reader.extent() == (0, made.shape[1])
        read = reader.read(0, made.shape[1], channels=None)
    assert np.abs(read - made).max() <= LOSSLESS[name]


# Of these FFmpeg 5.1 gives the encoder's delay too, which the FFmpeg that PyAV brings leaves out, as it should be.
GIVEN_WITH_DELAY = ("song.mka", "fragments.mp4")
HEARD = [name for name in [*MADE, *(c.name for c in CLIPS if c.sound is not None)] if name not in GIVEN_WITH_DELAY]


@pytest.mark.parametrize("name", HEARD)
def test_every_sample_equals_the_ffmpeg_program(clip: Clips, name: str):
    """Mono, stereo and 5.1; 44.1, 48 and 96 kHz; bit for bit, but for AAC and Opus, whose
    floats differ in the last bit between versions of FFmpeg."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("the ffmpeg program is not installed")
    path = clip(name)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "f32le", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    with AudioReader(path) as reader:
        first, end = reader.extent()
        theirs = np.frombuffer(raw, "<f4").reshape(-1, len(reader.channel_names)).T
        count = min(theirs.shape[1], end - first)
        assert count > 0.99 * theirs.shape[1]
        ours = reader.read(first, first + count, channels=None)
    coded = probe(path).audio[0].codec
    assert np.abs(ours - theirs[:, :count]).max() <= (2.0**-20 if coded in ("aac", "opus") else 0), coded


@pytest.mark.parametrize("name", ["song.m4a", "song.mp3", "song.ogg", "song.mka"])
def test_priming_is_removed_and_the_end_is_the_end(clip: Clips, name: str):
    """The encoder's delay is gone: the decoded sound lies on the original, to the sample."""
    made = sweep(MADE[name])
    with AudioReader(clip(name)) as reader:
        first, end = reader.extent()
        read = reader.read(0, made.shape[1], channels=None)
    assert first == 0
    if name != "song.mka":  # Matroska's AAC says nothing about the padding of its last packet
        assert end == made.shape[1]
    middle = slice(8000, -8000)
    shifts = range(-40, 41)
    likeness = [float((np.roll(read[0], s)[middle] * made[0][middle]).sum()) for s in shifts]
    assert shifts[int(np.argmax(likeness))] == 0


@pytest.mark.parametrize("name", [c.name for c in CLIPS if c.sound is not None])
def test_a_clips_sound_counts_from_its_first_picture(clip: Clips, name: str):
    """Sample 0 lies at frame 0, whatever both streams' own start times are."""
    path = clip(name)
    with av.open(str(path)) as container:
        picture = next(f.time for f in container.decode(video=0))
    with av.open(str(path)) as container:
        times = [(f.time, f.time + f.samples / f.sample_rate) for f in container.decode(audio=0)]
    with AudioReader(path) as reader:
        first, end = reader.extent()
        assert first == pytest.approx((times[0][0] - picture) * reader.rate, abs=reader.rate / 1000)
        # The end may lie before the last decoded sample: AAC in MP4 says how much of its last packet counts.
        assert 0 <= (times[-1][1] - picture) * reader.rate + reader.rate / 1000 - end <= 1100


def test_outside_the_sound_is_silence(clip: Clips):
    with AudioReader(clip("stereo.flac")) as reader:
        end = reader.extent()[1]
        before, after = reader.read(-500, 100), reader.read(end - 100, end + 500)
        assert not before[:, :500].any()
        assert before[:, 500:].any()
        assert after[:, :100].any()
        assert not after[:, 100:].any()
        assert not reader.read(end + 10**9, end + 10**9 + 50).any()
        assert reader.read(7, 7).shape == (2, 0)


@pytest.mark.parametrize(
    "name", ["mono.wav", "float.wav", "stereo.flac", "ntsc.mkv", "pal.mov", "song.mp3", "song.ogg"]
)
@pytest.mark.parametrize("rate", [48_000, 16_000, None])
def test_a_range_equals_the_same_range_of_the_whole(clip: Clips, name: str, rate: int | None):
    path = clip(name)
    with AudioReader(path) as reader:
        count = reader.extent()[1] * (rate or reader.rate) // reader.rate
        whole = reader.read(-2000, count + 2000, rate=rate)

    @settings(max_examples=12, database=None)
    @given(st.lists(st.tuples(st.integers(-2000, count + 1000), st.integers(0, 1000)), min_size=1, max_size=5))
    def check(ranges: list[tuple[int, int]]) -> None:
        with AudioReader(path) as reader:
            for start, length in ranges:
                got = reader.read(start, start + length, rate=rate)
                assert got.shape == (2, length)
                assert np.array_equal(got, whole[:, start + 2000 : start + 2000 + length])

    check()


def test_a_seek_far_into_the_sound_is_exact(tmp_path: Path):
    """A minute of sound in containers with sample, millisecond and tick times: a late range needs no decode from 0."""
    sound = Sound("flac", 44_100, "mono", seconds=60)
    made = sweep(sound)
    for name, codec in (
        ("long.flac", "flac"),
        ("long.mka", "flac"),
        ("long.wav", "pcm_s16le"),
        ("pcm.mka", "pcm_s16le"),
    ):
        path = make_sound(tmp_path, name, Sound(codec, 44_100, "mono", seconds=60))
        with AudioReader(path) as reader:
            start = 55 * 44_100 + 17
            read = reader.read(start, start + 5000, channels=1)
            assert np.abs(read - made[:, start : start + 5000]).max() <= 2.0**-15, name
            assert reader.stats.frames < 150, name


def test_lossy_sound_after_a_seek_lies_where_it_belongs(tmp_path: Path):
    for name in ("long.m4a", "long.mka", "long.ts"):
        path = make_sound(tmp_path, name, Sound("aac", 48_000, "mono", seconds=40))
        with AudioReader(path) as reader:
            whole = reader.read(0, 40 * 48_000, channels=1)
        with AudioReader(path) as reader:
            start = 30 * 48_000 + 333
            late = reader.read(start, start + 20_000, channels=1)
            assert reader.stats.frames < 400  # of 1875
        # The noise that AAC makes up differs after a seek, the position does not.
        assert np.abs(late - whole[:, start : start + 20_000]).max() < 0.02


@given(
    st.sampled_from([8000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]),
    st.sampled_from([16_000, 44_100, 48_000]),
    st.integers(-3000, 5000),
    st.integers(0, 300),
)
@settings(max_examples=30)
def test_resampling_by_ranges_equals_resampling_the_whole(source: int, rate: int, first: int, length: int):
    signal = np.random.default_rng(1).normal(0, 0.2, (1, 24_000)).astype(np.float32)

    def at(start: int, end: int) -> NDArray[np.float32]:
        out = np.zeros((1, end - start), np.float32)
        low, high = max(start, 0), min(end, signal.shape[1])
        if high > low:
            out[:, low - start : high - start] = signal[:, low:high]
        return out

    plan = Resampling(source, rate)
    start, stop = plan.source_range(-3000, 5300)
    whole = plan.convert(at(start, stop), start, -3000, 5300)
    start, stop = plan.source_range(first, first + length)
    part = plan.convert(at(start, stop), start, first, first + length)
    assert np.array_equal(part, whole[:, first + 3000 : first + 3000 + length])


@pytest.mark.parametrize(("source", "rate"), [(44_100, 48_000), (96_000, 48_000), (48_000, 16_000), (16_000, 48_000)])
def test_resampling_keeps_time_and_level(source: int, rate: int):
    time = np.arange(source) / source
    tone = np.sin(2 * np.pi * 440 * time)[None].astype(np.float32)
    expected = np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    found = resample(tone, source, rate)
    assert found.shape == (1, rate)
    assert np.abs(found[0, 500:-500] - expected[500:-500]).max() < 2e-3


def test_mixing_rule():
    ones = np.ones((6, 4), np.float32)
    names = ("FL", "FR", "FC", "LFE", "SL", "SR")
    assert np.array_equal(mix_channels(ones[:1], ("FC",), 2), ones[:2])
    left_right = np.array([[1.0], [0.5]], np.float32)
    assert mix_channels(left_right, ("FL", "FR"), 1)[0, 0] == 0.75
    assert np.allclose(mix_channels(ones, names, 2), 1)  # can't clip
    for name, sides in (("FL", (1, 0)), ("SR", (0, 0.5**0.5)), ("FC", (0.5**0.5, 0.5**0.5)), ("LFE", (0, 0))):
        single = np.zeros((6, 1), np.float32)
        single[names.index(name)] = 1
        assert np.allclose(mix_channels(single, names, 2)[:, 0], np.array(sides) / (1 + 2 * 0.5**0.5), atol=1e-6)


def test_surround_channels_are_told_apart(clip: Clips):
    made = sweep(MADE["surround.flac"])
    path = clip("surround.flac")
    assert probe(path).audio[0].channel_names == ("FL", "FR", "FC", "LFE", "BL", "BR")
    with AudioReader(path) as reader:
        assert np.abs(reader.read(0, 1000, channels=None) - made[:, :1000]).max() <= 2.0**-15
        stereo = reader.read(0, 1000)
    assert np.allclose(stereo, mix_channels(made[:, :1000], ("FL", "FR", "FC", "LFE", "BL", "BR"), 2), atol=1e-4)


def test_eight_channels_are_read(tmp_path: Path):
    """In a process of its own: with PyAV's own way to the samples this is where it crashes."""
    path = tmp_path / "big.m4a"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=48_000)
        stream.layout = "7.1"
        pitches = np.array([200, 300, 400, 100, 600, 700, 800, 900])  # the fourth, LFE, carries low tones only
        tones = 0.3 * np.sin(np.arange(24_000)[:, None] / 48_000 * 2 * np.pi * pitches)
        frame = av.AudioFrame.from_ndarray(tones.astype(np.float32).reshape(1, -1), "flt", "7.1")
        frame.sample_rate = 48_000
        out.mux([*stream.encode(frame), *stream.encode(None)])
    script = """
import sys, numpy as np
from pathlib import Path
from engine.media.decode import AudioReader
with AudioReader(Path(sys.argv[1])) as reader:
    sound = reader.read(4000, 20000, channels=None)
spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.shape[1])))
print(*np.rint(spectrum.argmax(axis=1) * 48000 / sound.shape[1] / 100).astype(int), reader.channel_names)
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert done.stdout.startswith("2 3 4 1 6 7 8 9 ('FL', 'FR', 'FC', 'LFE',"), done.stderr


def test_a_sound_only_file_has_an_exact_duration(clip: Clips):
    assert probe(clip("song.m4a"), exact=True).duration_seconds == Fraction(3, 2)


def test_no_sound_is_said(clip: Clips):
    with pytest.raises(NoAudio, match=r"'sixty\.mp4' has no sound"):
        AudioReader(clip("sixty.mp4"))


def test_a_sound_of_one_packet_has_its_exact_length(tmp_path: Path):
    path = make_sound(tmp_path, "tick.m4a", Sound("aac", seconds=500 / 48_000))
    with AudioReader(path) as reader:
        assert reader.extent() == (0, 500)
