"""Whole exports of small films: pictures, samples, counts, cancelling, and targets that can't be written."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from math import inf
from pathlib import Path

import numpy as np
import pytest
from render_samples import clip, film, noise, number_of, numbered, track, write_film, write_sound

from engine.media.decode import AudioReader, VideoReader, as_pixels
from engine.media.probe import probe
from engine.media.still import read_picture
from ltxdesktop.document.model import Media, Sequence, Solid, Title, TrackKind, Transition
from ltxdesktop.document.time import samples_at
from ltxdesktop.export import encoders
from ltxdesktop.export.errors import (
    BadSettings,
    Cancelled,
    DiskFull,
    EncoderRefused,
    ExportError,
    MediaMissing,
    NothingToExport,
    TargetNotWritable,
)
from ltxdesktop.export.presets import PRESETS, Framing, PictureCodec
from ltxdesktop.export.settings import Subtitles
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import as_bytes, planes_of
from ltxdesktop.render.renderer import Renderer

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)]
FRAMES = 31


@pytest.fixture
def footage(tmp_path: Path, files: MediaFiles) -> Media:
    return files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(60)]))


@pytest.fixture
def song(tmp_path: Path, files: MediaFiles) -> Media:
    return files.describe(write_sound(tmp_path / "song.wav", noise(48_000 * 3, level=0.2)))


def cut(footage: Media, song: Media, rate: Fraction = Fraction(25), frames: int = FRAMES) -> Sequence:
    """Two shots with a dissolve, and a song."""
    half = frames // 2
    return film(
        track(clip(footage, half), clip(footage, frames - half, 1, transition=Transition(before=2, after=2))),
        track(clip(song, frames), kind=TrackKind.AUDIO),
        rate=rate,
    )


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".ltx")]


def needs(codec: PictureCodec) -> None:
    if not encoders.working(codec):
        pytest.skip(f"no {codec.value} encoder works here")


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.3f}")
@pytest.mark.parametrize("preset", ["h264", "ffv1", "prores-422"])
def test_counts_and_pictures_are_exact(rate, preset, footage, song, tmp_path, exporting, rendering):
    needs(PRESETS[preset].picture)
    sequence = cut(footage, song, rate)
    target = tmp_path / f"film{PRESETS[preset].suffix}"
    report = exporting(sequence, target, footage, song, preset=preset, quality=90 if preset == "h264" else None).run()
    renderer: Renderer = rendering(sequence, footage, song)
    with VideoReader(target) as reader:
        assert (reader.index.frames, reader.index.rate, reader.index.is_constant) == (FRAMES, rate, True)
        for number in (0, 1, FRAMES // 2, FRAMES - 1):
            shown = renderer.picture(number).to_frame(reader.frame(number).format.name)
            if preset == "ffv1":
                assert as_bytes(shown) == as_bytes(reader.frame(number))
            else:
                difference = planes_of(shown)[0].astype(float) - planes_of(reader.frame(number))[0]
                peak = 1023 if preset == "prores-422" else 255
                assert 10 * np.log10(peak**2 / max(1e-9, (difference**2).mean())) > 45
    with AudioReader(target) as sound:
        first, end = sound.extent()
        assert end - first == report.samples == samples_at(FRAMES, rate, 48_000)
    assert report.frames == FRAMES
    assert left_over(tmp_path) == []
    video = probe(target).require_video()
    assert (video.colour.matrix, video.colour.primaries, video.colour.transfer) == (1, 1, 1)
    assert not video.colour.full_range


@pytest.mark.parametrize("preset", ["hevc", "av1", "vp9", "prores-hq", "prores-4444", "gif"])
def test_every_preset_makes_a_film_that_passes_its_check(preset, footage, song, tmp_path, exporting):
    needs(PRESETS[preset].picture)
    target = tmp_path / f"film{PRESETS[preset].suffix}"
    report = exporting(cut(footage, song, frames=12), target, footage, song, preset=preset).run()
    assert report.frames == 12
    assert report.bytes == target.stat().st_size
    assert report.psnr_db > 25 or preset == "gif"


@pytest.mark.parametrize("preset", ["wav", "flac", "aac"])
def test_sound_alone(preset, footage, song, tmp_path, exporting, rendering):
    target = tmp_path / f"film{PRESETS[preset].suffix}"
    sequence = cut(footage, song)
    exporting(sequence, target, footage, song, preset=preset).run()
    samples = samples_at(FRAMES, Fraction(25), 48_000)
    with AudioReader(target) as reader:
        assert reader.extent() == (0, samples)
        found = reader.read(0, samples)
    mixed = rendering(sequence, footage, song).sound(0, samples).T
    if preset == "aac":  # the noise above its band is lost; a shift by one sample would leave nothing alike
        assert np.corrcoef(found.ravel(), mixed.ravel())[0, 1] > 0.6
    else:
        assert np.abs(found - mixed).max() < 2**-23


def test_mono_is_the_mean_of_both_channels(footage, song, tmp_path, exporting, rendering):
    sequence = cut(footage, song)
    exporting(sequence, tmp_path / "film.wav", footage, song, preset="wav", mono=True).run()
    with AudioReader(tmp_path / "film.wav") as reader:
        found = reader.read(0, 1000, channels=None)
    assert found.shape == (1, 1000)
    mixed = rendering(sequence, footage, song).sound(0, 1000).mean(axis=1)
    assert np.abs(found[0] - mixed).max() < 2**-23


def test_pictures_of_a_folder_are_those_on_screen(footage, song, tmp_path, exporting, rendering):
    sequence = cut(footage, song)
    target = tmp_path / "stills"
    report = exporting(sequence, target, footage, song, preset="png", first=10, last=14).run()
    names = sorted(file.name for file in target.iterdir())
    assert names == [f"stills_{number:05d}.png" for number in range(4)]
    assert report.psnr_db == inf
    shown = rendering(sequence, footage, song).picture(12).to_rgb()
    assert np.array_equal(read_picture(target / "stills_00002.png"), shown)


def test_a_range_at_another_rate_lasts_as_long(footage, song, tmp_path, exporting):
    sequence = film(track(clip(footage, 50)), track(clip(song, 50), kind=TrackKind.AUDIO))
    settings = {"preset": "ffv1", "first": 10, "last": 35, "rate": Fraction(50)}
    exporting(sequence, tmp_path / "film.mkv", footage, song, **settings).run()
    with VideoReader(tmp_path / "film.mkv") as reader:
        assert reader.index.frames == 50
        numbers = [number_of(as_pixels(frame.reformat(format="rgb24"))[:, :, 1]) for _, frame in reader.frames(0, 50)]
    assert numbers == [10 + number // 2 for number in range(50)]


def test_a_filled_vertical_frame_is_the_middle_of_the_picture(footage, tmp_path, exporting, rendering):
    sequence = film(track(clip(footage, 3)))
    settings = {"preset": "vertical", "width": 36, "height": 64, "quality": 100}
    exporting(sequence, tmp_path / "film.mp4", footage, **settings).run()
    with VideoReader(tmp_path / "film.mp4") as reader:
        found = reader.rgb(1, 2)[0]
    drawn = rendering(sequence, footage).picture(1, (114, 64)).to_rgb()
    assert found.shape == (64, 36, 3)
    middle = drawn[:, 38 : 38 + 36].astype(int)  # 39 is odd: colour lies on every second pixel
    assert np.abs(found.astype(int) - middle).mean() < 4


def test_bars_are_black_and_the_picture_is_whole(footage, tmp_path, exporting):
    sequence = film(track(clip(None, 3, content=Solid("#ffffffff"))))
    exporting(sequence, tmp_path / "film.mkv", footage, preset="ffv1", width=128, height=128).run()
    with VideoReader(tmp_path / "film.mkv") as reader:
        luma = planes_of(reader.frame(1))[0]
    assert (luma[:28] == 16).all()
    assert (luma[28:100] == 235).all()
    assert (luma[100:] == 16).all()


@pytest.mark.parametrize("target", [-14.0, -16.0, -23.0])
def test_loudness_is_brought_to_its_target(target, footage, tmp_path, files, exporting, rendering):
    tone = np.sin(2 * np.pi * 997 * np.arange(48_000 * 3) / 48_000).astype(np.float32) * np.float32(0.05)
    song = files.describe(write_sound(tmp_path / "tone.wav", np.stack([tone, tone])))
    sequence = film(track(clip(footage, 50)), track(clip(song, 50), kind=TrackKind.AUDIO))
    exporting(sequence, tmp_path / "film.wav", footage, song, preset="wav", lufs=target).run()
    with AudioReader(tmp_path / "film.wav") as reader:
        samples = reader.read(0, 96_000)
    # A stereo tone of 997 Hz reads the same in LUFS as its RMS in dBFS plus 3.01 dB (ITU-R BS.1770-4).
    loud = 20 * np.log10(np.sqrt((samples.astype(float) ** 2).mean())) + 3.01
    assert abs(loud - target) < 0.1


def test_loudness_stops_where_peaks_would_be_cut(footage, tmp_path, files, exporting):
    clicks = np.zeros((2, 48_000 * 2), np.float32)
    clicks[:, ::4800] = 0.9
    song = files.describe(write_sound(tmp_path / "clicks.wav", clicks))
    sequence = film(track(clip(footage, 50)), track(clip(song, 50), kind=TrackKind.AUDIO))
    report = exporting(sequence, tmp_path / "film.wav", footage, song, preset="wav", lufs=-14).run()
    with AudioReader(tmp_path / "film.wav") as reader:
        assert np.abs(reader.read(0, 96_000)).max() < 10 ** (-1 / 20)
    assert "peaks would be cut" in report.notes[0]


def test_a_film_too_short_to_be_measured_is_not_called_silent(footage, song, tmp_path, exporting):
    sequence = film(track(clip(footage, 5)), track(clip(song, 5), kind=TrackKind.AUDIO))
    report = exporting(sequence, tmp_path / "film.wav", footage, song, preset="wav", lufs=-14.0).run()
    assert report.notes == ("The film is too short for its loudness to be measured, so it was left as it is.",)


def test_a_peak_in_the_last_moment_is_not_cut(footage, tmp_path, files, exporting):
    """The meter tells of 100 ms at a time; what is behind the last whole one counts too."""
    samples = (0.05 * np.sin(np.arange(80_000) / 10)).astype(np.float32)
    samples[79_000:79_100] *= 10
    song = files.describe(write_sound(tmp_path / "song.wav", np.stack([samples, samples])))
    sequence = film(track(clip(footage, 40)), track(clip(song, 40), kind=TrackKind.AUDIO), rate=Fraction(24))
    exporting(sequence, tmp_path / "film.wav", footage, song, preset="wav", lufs=-14.0).run()
    with AudioReader(tmp_path / "film.wav") as reader:
        assert np.abs(reader.read(0, 80_000)).max() < 10 ** (-0.9 / 20)


def test_a_film_at_44100_is_mixed_at_48000_for_opus(footage, song, tmp_path, exporting):
    needs(PictureCodec.VP9)
    sequence = replace(cut(footage, song), sample_rate=44_100)
    report = exporting(sequence, tmp_path / "film.webm", footage, song, preset="vp9").run()
    assert report.samples == samples_at(FRAMES, Fraction(25), 48_000)
    with AudioReader(tmp_path / "film.webm") as reader:
        assert reader.rate == 48_000


def subtitled(footage: Media) -> Sequence:
    words = clip(None, 10, content=Title("Hello\nthere", size=0.3))
    more = clip(None, 5, content=Title("again", size=0.3))
    return film(track(clip(footage, 30)), track(words, more, kind=TrackKind.SUBTITLE))


def test_subtitles_as_a_file_are_not_in_the_picture(footage, tmp_path, qapp, exporting, rendering):
    sequence = subtitled(footage)
    settings = {"preset": "ffv1", "subtitles": Subtitles.FILE, "first": 5}
    report = exporting(sequence, tmp_path / "film.mkv", footage, **settings).run()
    assert report.subtitles == tmp_path / "film.srt"
    assert (tmp_path / "film.srt").read_text(encoding="utf-8") == (
        "1\n00:00:00,000 --> 00:00:00,200\nHello\nthere\n\n2\n00:00:00,200 --> 00:00:00,400\nagain\n"
    )
    plain = rendering(film(track(clip(footage, 30))), footage).picture(7)
    with VideoReader(tmp_path / "film.mkv") as reader:
        assert as_bytes(plain.to_frame()) == as_bytes(reader.frame(2))


def test_burnt_subtitles_are_in_the_picture(footage, tmp_path, qapp, exporting, rendering):
    sequence = subtitled(footage)
    report = exporting(sequence, tmp_path / "film.mkv", footage, preset="ffv1").run()
    assert report.subtitles is None
    with VideoReader(tmp_path / "film.mkv") as reader:
        assert as_bytes(rendering(sequence, footage).picture(7).to_frame()) == as_bytes(reader.frame(7))


@pytest.mark.parametrize("preset", ["ffv1", "png"])
def test_subtitles_fit_into_a_vertical_frame(preset, footage, tmp_path, qapp, exporting):
    """Words as wide as the film would be cut off on both sides; here they get smaller and stay inside."""
    words = clip(None, 3, content=Title("A line of words that is as wide as the film", size=0.08, y=0.8))
    black = clip(None, 4, content=Solid())
    sequence = film(track(black), track(words, kind=TrackKind.SUBTITLE))
    target = tmp_path / f"film{PRESETS[preset].suffix}"
    exporting(sequence, target, footage, preset=preset, width=72, height=128, framing=Framing.FILL).run()
    if preset == "png":
        lumas = [read_picture(path)[..., 1] for path in sorted(target.iterdir())]
    else:
        with VideoReader(target) as reader:
            lumas = [planes_of(frame)[0].copy() for _, frame in reader.frames(0, 4)]
    inked = np.argwhere(lumas[0] > 60)
    assert inked[:, 1].min() >= 2
    assert inked[:, 1].max() <= 69
    assert np.ptp(inked[:, 1]) > 50, "as large as there is room"
    assert abs(inked[:, 0].mean() - 0.8 * 128) < 4
    assert lumas[3].max() < 20, "none is left when it's over"


def test_one_channel_is_as_loud_as_two(footage, tmp_path, files, exporting):
    """What is measured is the mixture: unlike channels lose 3 dB when they become one."""
    song = files.describe(write_sound(tmp_path / "noise.wav", noise(48_000 * 3, level=0.05)))
    sequence = film(track(clip(footage, 50)), track(clip(song, 50), kind=TrackKind.AUDIO))
    loud: list[float] = []
    for mono in (False, True):
        exporting(sequence, tmp_path / "film.wav", footage, song, preset="wav", lufs=-23.0, mono=mono).run()
        with AudioReader(tmp_path / "film.wav") as reader:
            loud.append(20 * np.log10(np.sqrt((reader.read(0, 96_000).astype(float) ** 2).mean())))
    assert abs(loud[0] - loud[1]) < 0.1


def test_cancelling_leaves_nothing(footage, song, tmp_path, exporting):
    export = exporting(
        cut(footage, song),
        tmp_path / "film.mp4",
        footage,
        song,
        on_progress=lambda progress: export.cancel() if progress.done >= 5 else None,
    )
    seen = set(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        export.run()
    assert set(tmp_path.iterdir()) == seen


def test_what_was_at_the_target_stays_until_the_film_is_whole(footage, song, tmp_path, exporting):
    target = tmp_path / "film.mp4"
    target.write_bytes(b"precious")
    export = exporting(cut(footage, song), target, footage, song, on_progress=lambda progress: export.cancel())
    with pytest.raises(Cancelled):
        export.run()
    assert target.read_bytes() == b"precious"


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Writing more than `size` bytes to a file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("preset", ["ffv1", "h264", "png", "wav"])
def test_a_full_disk_is_said_and_nothing_is_left(preset, footage, song, tmp_path, exporting):
    folder = tmp_path / "out"
    folder.mkdir()
    export = exporting(cut(footage, song), folder / f"film{PRESETS[preset].suffix}", footage, song, preset=preset)
    with files_limited_to(200 if preset == "png" else 4096), pytest.raises(DiskFull, match="disk is full"):
        export.run()
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_gone_or_closed_is_said_at_once(footage, tmp_path, exporting):
    sequence = film(track(clip(footage, 3)))
    with pytest.raises(TargetNotWritable, match="no such folder"):
        exporting(sequence, tmp_path / "nowhere" / "film.mp4", footage)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("this account may write everywhere")
    with pytest.raises(TargetNotWritable, match="may not write"):
        exporting(sequence, closed / "film.mp4", footage)


@pytest.mark.parametrize(("preset", "length"), [("h264", 256), ("h264", 300), ("png", 250)])
def test_a_name_that_no_disk_takes_is_said_at_once(preset, length, footage, tmp_path, exporting):
    suffix = PRESETS[preset].suffix
    name = "n" * (length - len(suffix)) + suffix
    with pytest.raises(TargetNotWritable, match="too long"):
        exporting(film(track(clip(footage, 3))), tmp_path / name, footage, preset=preset)


def test_an_encoder_that_refuses_the_size_is_named(footage, tmp_path, exporting):
    needs(PictureCodec.HEVC)
    export = exporting(film(track(clip(footage, 3))), tmp_path / "film.mp4", footage, preset="hevc", width=2, height=2)
    with pytest.raises(EncoderRefused, match="libx265 doesn't take this size"):
        export.run()
    assert left_over(tmp_path) == []


def test_subtitles_of_another_film_are_never_written_over(footage, tmp_path, qapp, exporting):
    sequence, target = subtitled(footage), tmp_path / "film.mkv"
    others = tmp_path / "film.srt"
    others.write_text("somebody's work", encoding="utf-8")
    with pytest.raises(TargetNotWritable, match=r"film\.srt"):
        exporting(sequence, target, footage, preset="ffv1", subtitles=Subtitles.FILE)
    target.write_bytes(b"an earlier version of the film")
    exporting(sequence, target, footage, preset="ffv1", subtitles=Subtitles.FILE).run()
    assert "Hello" in others.read_text(encoding="utf-8")


def test_the_footage_itself_is_never_written_over(footage, tmp_path, exporting):
    with pytest.raises(TargetNotWritable, match="made of that file"):
        exporting(film(track(clip(footage, 3))), Path(footage.path), footage, preset="ffv1")


def test_missing_media_end_the_export_with_their_names(footage, tmp_path, exporting):
    sequence = film(track(clip(footage, 3)))
    export = exporting(sequence, tmp_path / "film.mp4", footage)
    Path(footage.path).unlink()
    with pytest.raises(MediaMissing, match=r"footage\.mkv"):
        export.run()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"preset": "h266"}, ExportError, "did you mean"),
        ({"width": 127, "height": 72}, BadSettings, "126 x 72 is"),
        ({"preset": "gif", "rate": Fraction(60)}, BadSettings, "50 is the most"),
        ({"quality": 101}, BadSettings, "0 to 100"),
        ({"preset": "prores-hq", "bitrate_kbps": 8000}, BadSettings, "no bitrate"),
        ({"first": 3}, NothingToExport, "no frame"),
        ({"lufs": 3.0}, BadSettings, "isn't sensible"),
        ({"rate": Fraction(1_000_000)}, BadSettings, "1 to 1000 can"),
        ({"rate": Fraction(1, 2)}, BadSettings, "0.5 pictures a second"),
        ({"bitrate_kbps": 10_000_000}, BadSettings, "1000000 is the most"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_written(
    settings: dict[str, object], error: type[Exception], words: str, footage, tmp_path, exporting: Callable[..., object]
):
    with pytest.raises(error, match=words):
        exporting(film(track(clip(footage, 3))), tmp_path / "film.mp4", footage, **settings)
