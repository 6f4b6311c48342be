"""Waveforms against numpy over the whole decoded sound, at every zoom; kept, joined, cancelled, partly known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from media_samples import Sound, make_sound
from numpy.typing import NDArray

from engine.media.decode import AudioReader
from engine.media.errors import MediaError, NoAudio
from ltxdesktop.media import waveforms
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.media.waveforms import BIN, LEVELS, STEP, Waveform

Clips = Callable[[str], Path]


def whole(files: MediaFiles, path: Path) -> NDArray[np.float32]:
    facts = files.facts(path)
    with AudioReader(path, zero=facts.start_s) as reader:
        return reader.read(0, facts.samples, channels=min(2, facts.channels))


@pytest.mark.parametrize("name", ["film.mp4", "mono.wav", "float.wav", "song.mp3", "surround.flac", "late_sound.mkv"])
def test_every_level_equals_numpy_over_the_whole(files: MediaFiles, clip: Clips, name: str):
    path = clip(name)
    sound = whole(files, path)
    found = files.waveforms.make(path)
    assert found is not None
    assert found.known == found.samples == sound.shape[1]
    for level, peaks in enumerate(found.levels):
        size = BIN * STEP**level
        assert peaks.shape == (3, sound.shape[0], -(-sound.shape[1] // size))
        for number in range(peaks.shape[2]):
            part = sound[:, number * size : (number + 1) * size]
            low, high, rms = peaks[:, :, number] / 32767
            np.testing.assert_allclose(low, part.min(axis=1).clip(-1, 0.999), atol=2.1 / 32767)
            np.testing.assert_allclose(high, part.max(axis=1).clip(-0.999, 1), atol=2.1 / 32767)
            if part.shape[1] == size:
                np.testing.assert_allclose(rms, np.sqrt((part.astype(float) ** 2).mean(axis=1)).clip(0, 1), atol=5e-4)
            assert (low * 32767 <= np.floor(part.min(axis=1).clip(-1, 1) * 32767) + 1e-3).all()


@pytest.mark.parametrize("columns", [1, 2, 7, 50, 400, 3000])
def test_columns_never_hide_a_peak(files: MediaFiles, clip: Clips, columns: int):
    path = clip("film.mp4")
    sound = whole(files, path)
    found = files.waveforms.make(path)
    assert found is not None
    start, end = 0.13, 1.31
    shown = found.columns(start, end, columns)
    assert shown.shape == (2, columns, 3)
    edges = np.linspace(start * found.rate, end * found.rate, columns + 1)
    for number in range(columns):
        part = sound[:, int(np.ceil(edges[number])) : max(int(np.ceil(edges[number])) + 1, int(edges[number + 1]))]
        assert (shown[:, number, 0] <= part.min(axis=1) + 1e-3).all()
        assert (shown[:, number, 1] >= part.max(axis=1) - 1e-3).all()
        assert (shown[:, number, 2] <= np.maximum(-shown[:, number, 0], shown[:, number, 1]) + 1e-3).all()


def test_a_reversed_clip_is_mirrored_and_outside_is_silence(files: MediaFiles, clip: Clips):
    found = files.waveforms.make(clip("film.mp4"))
    assert found is not None
    forward, backward = found.columns(0.2, 1.2, 100), found.columns(1.2, 0.2, 100)
    assert np.array_equal(forward, backward[:, ::-1])
    around = found.columns(-1.0, 4.0, 50)
    assert not around[:, :9].any()
    assert around[:, 12:20].any()
    assert not around[:, 27:].any()
    assert not found.columns(9, 10, 5).any()
    assert found.columns(0.5, 0.5, 5).shape == (2, 5, 3)
    assert found.columns(0.0, 1.0, 0).shape == (2, 0, 3)


def test_it_is_read_from_the_disk_the_next_time(clip: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = clip("film.mp4")
    first = MediaFiles(tmp_path)
    made = first.waveforms.make(path)
    first.close()
    assert made is not None

    def refuse(*_: object) -> None:
        raise AssertionError("it was measured again")

    monkeypatch.setattr(waveforms, "measure", refuse)
    second = MediaFiles(tmp_path)
    kept = second.waveforms.make(path)
    assert kept is not None
    assert kept is second.waveforms.kept(path)
    assert (kept.rate, kept.samples) == (made.rate, made.samples)
    assert len(kept.levels) == LEVELS
    for one, other in zip(kept.levels, made.levels, strict=True):
        assert np.array_equal(one, other)
    second.close()


def test_progress_shows_what_is_known_so_far(files: MediaFiles, tmp_path: Path):
    path = make_sound(tmp_path, "long.wav", Sound("pcm_s16le", 44_100, "mono", seconds=40))
    parts: list[tuple[int, bool]] = []
    got: list[Waveform | MediaError] = []

    def progress(part: Waveform) -> None:
        behind = part.columns((part.known + BIN) / part.rate, part.samples / part.rate, 10)
        parts.append((part.known, bool(behind.any())))

    files.waveforms.request(path, got.append, progress)
    files.waveforms.finish()
    assert [known for known, _ in parts] == [524_288, 1_048_576, 1_572_864]
    assert not any(behind for _, behind in parts)
    assert isinstance(got[0], Waveform)
    assert got[0].known == 40 * 44_100


def test_asking_twice_joins_and_dropping_stops(files: MediaFiles, tmp_path: Path):
    path = make_sound(tmp_path, "long.wav", Sound("pcm_s16le", 44_100, "mono", seconds=30))
    got: list[Waveform | MediaError] = []
    seen, go_on = threading.Event(), threading.Event()

    def hold(_: Waveform) -> None:
        seen.set()
        go_on.wait()

    files.waveforms.request(path, got.append, hold)
    seen.wait()
    files.waveforms.request(path, got.append)
    go_on.set()
    files.waveforms.finish()
    assert len(got) == 2
    assert got[0] is got[1]

    other = make_sound(tmp_path, "other.wav", Sound("pcm_s16le", 44_100, "mono", seconds=30))
    seen.clear()
    go_on.clear()
    files.waveforms.request(other, got.append, hold)
    seen.wait()
    files.waveforms.drop(other)
    go_on.set()
    files.waveforms.finish()
    assert len(got) == 2
    assert files.waveforms.kept(other) is None


def test_a_film_without_sound_is_answered_with_the_reason(files: MediaFiles, clip: Clips):
    got: list[Waveform | MediaError] = []
    files.waveforms.request(clip("sixty.mp4"), got.append)
    files.waveforms.finish()
    assert isinstance(got[0], NoAudio)
