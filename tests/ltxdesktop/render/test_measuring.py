"""Scopes and loudness against pictures and tones whose readings are known."""

from __future__ import annotations

from math import inf
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QImage
from render_samples import Rendering, clip, film, noise, track, write_sound

from ltxdesktop.document.model import TrackKind
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import filled
from ltxdesktop.render.loudness import LoudnessMeter, loudness
from ltxdesktop.render.picture import Picture
from ltxdesktop.render.scopes import Scope, scope


def lit(image: QImage) -> NDArray[np.intp]:
    """Rows and columns of everything that isn't dark."""
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return np.argwhere(pixels[..., :3].max(axis=2) > 60)


@pytest.mark.parametrize("code", [16, 126, 235])
def test_the_waveform_shows_luma_from_the_bottom(code: int):
    image = scope(Picture(frame=filled(1280, 720, (code, 128, 128))), Scope.WAVEFORM)
    assert set((255 - lit(image)[:, 0]).tolist()) == {code}


def test_the_vectorscope_shows_chroma():
    image = scope(Picture(frame=filled(320, 180, (126, 90, 200))), Scope.VECTORSCOPE)
    middle = lit(image).mean(axis=0)
    assert abs(middle[1] - 90) <= 1
    assert abs((255 - middle[0]) - 200) <= 1


def test_parade_and_histogram_show_each_colour():
    picture = Picture(frame=filled(320, 180, (126, 90, 200)))
    parade = lit(scope(picture, Scope.PARADE))
    assert len(set(parade[:, 0].tolist())) == 3  # red, green and blue stand at levels of their own
    assert len(set(lit(scope(picture, Scope.HISTOGRAM))[:, 1].tolist())) == 3


def tone(seconds: float, level_db: float) -> NDArray[np.float32]:
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * 1000 * np.arange(int(seconds * 48_000)) / 48_000)
    return np.stack([wave, wave], axis=1).astype(np.float32)


@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_tone_reads_as_ebu_3341_says(level: float):
    samples = tone(20, level)  # Tech 3341, cases 1 and 2: 20 s of 1 kHz in both channels
    found = loudness(lambda first, count: samples[first : first + count], 0, len(samples))
    assert abs(found.integrated - level) < 0.1
    assert abs(found.momentary - level) < 0.1
    assert abs(found.short_term - level) < 0.1
    assert abs(found.true_peak - level) < 0.3
    assert abs(found.gain_to(-14.0) - (-14 - level)) < 0.1


def test_silence_has_no_loudness():
    meter = LoudnessMeter()
    assert meter.add(np.zeros((48_000, 2), np.float32)).integrated == -inf
    assert meter.finish().gain_to(-14) == 0


def test_blocks_make_no_difference():
    samples = noise(96_000).T
    whole, pieces = LoudnessMeter(), LoudnessMeter()
    whole.add(samples)
    for first in range(0, len(samples), 1601):
        pieces.add(samples[first : first + 1601])
    assert whole.finish() == pieces.finish()


def test_a_films_loudness_is_read_through_the_renderer(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    media = files.describe(write_sound(tmp_path / "tone.wav", tone(3, -20).T))
    sequence = film(track(clip(media, 75), kind=TrackKind.AUDIO, volume_db=-3.0))
    assert abs(loudness(rendering(sequence, media).sound, 0, 3 * 48_000).integrated - -23) < 0.1
