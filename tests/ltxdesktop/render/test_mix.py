"""The film's sound: which sample is heard when, how loud, and that pieces equal the whole bit for bit."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from render_samples import Rendering, clip, film, gap, mapping, noise, track, write_sound

from ltxdesktop.document.model import Easing, Key, Media, MediaId, MediaKind, Parameter, Sequence, TrackKind, Transition
from ltxdesktop.document.time import samples_at
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.mix import Mixer, curve

AUDIO = TrackKind.AUDIO
FRAME = 1920  # samples at 25 frames per second


def sound(name: str, samples: NDArray[np.float32]) -> tuple[Media, NDArray[np.float32]]:
    media = Media(MediaId(name), name, name, MediaKind.AUDIO, sample_rate=48_000, samples=samples.shape[1], channels=2)
    return media, samples


def mixer(sequence: Sequence, *sounds: tuple[Media, NDArray[np.float32]]) -> Mixer:
    """A mixer over sounds in memory; outside of them it's silent."""
    known = {media.id: samples for media, samples in sounds}

    def read(media: Media, first: int, count: int) -> NDArray[np.float32]:
        samples = known[media.id]
        out = np.zeros((2, count), np.float32)
        low, high = max(first, 0), min(first + count, samples.shape[1])
        if low < high:
            out[:, low - first : high - first] = samples[:, low:high]
        return out

    return Mixer(sequence, mapping(*(media for media, _ in sounds)), read)


def test_samples_of_a_clip_are_the_files_own(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    samples = noise(48_000)
    media = files.describe(write_sound(tmp_path / "noise.wav", samples))
    renderer = rendering(film(track(gap(2), clip(media, 10, Fraction(4, 25)), kind=AUDIO)), media)
    heard = renderer.sound(0, 13 * FRAME)
    assert (heard[: 2 * FRAME] == 0).all()
    assert np.array_equal(heard[2 * FRAME : 12 * FRAME], samples[:, 4 * FRAME : 14 * FRAME].T)
    assert (heard[12 * FRAME :] == 0).all()


def test_a_plain_cut_through_a_clip_is_not_heard():
    media, samples = sound("noise", noise(200_000))
    rate = Fraction(30000, 1001)  # a frame is 1601.6 samples: cuts fall between samples
    whole = film(track(clip(media, 100, Fraction(1, 3)), kind=AUDIO), rate=rate)
    parts = [clip(media, 1, Fraction(1, 3) + n / rate) for n in range(100)]
    cut = film(track(*parts, kind=AUDIO), rate=rate)
    count = samples_at(100, rate, 48_000)
    heard = mixer(whole, (media, samples)).sound(0, count)
    assert np.array_equal(heard, mixer(cut, (media, samples)).sound(0, count))
    assert np.abs(heard).max() > 0.2


def test_reverse_is_the_same_samples_backwards():
    media, samples = sound("noise", noise(20 * FRAME))
    backwards = clip(media, 10, Fraction(14, 25), speed=Fraction(-1))
    heard = mixer(film(track(backwards, kind=AUDIO)), (media, samples)).sound(0, 10 * FRAME)
    assert np.array_equal(heard, samples[:, 5 * FRAME : 15 * FRAME].T[::-1])


def test_a_held_picture_is_silent():
    media, samples = sound("noise", noise(20 * FRAME))
    held = clip(media, 10, Fraction(1, 25), speed=Fraction(0))
    assert not mixer(film(track(held, kind=AUDIO)), (media, samples)).sound(0, 10 * FRAME).any()


@pytest.mark.parametrize("speed", [Fraction(1, 2), Fraction(3, 2), Fraction(2), Fraction(-2), Fraction(101, 100)])
def test_speed_moves_the_pitch_and_keeps_the_wave(speed: Fraction):
    seconds = np.arange(8 * 48_000) / 48_000
    media, samples = sound("tone", np.repeat((0.5 * np.sin(2 * np.pi * 500 * seconds))[None], 2, 0).astype(np.float32))
    start = Fraction(5)
    played = clip(media, 25, start, speed=speed)
    heard = mixer(film(track(played, kind=AUDIO)), (media, samples)).sound(0, 48_000)[2000:-2000, 0]
    out = (np.arange(48_000) + 0.5)[2000:-2000] / 48_000
    begin = float(start + (abs(speed) / 25 if speed < 0 else 0))
    expected = 0.5 * np.sin(2 * np.pi * 500 * (begin + out * float(speed) - 0.5 / 48_000))
    assert np.abs(heard - expected).max() < 2e-4


def tone_of(pitch: float, seconds: int = 12) -> tuple[Media, NDArray[np.float32]]:
    wave = 0.5 * np.sin(2 * np.pi * pitch * np.arange(seconds * 48_000) / 48_000)
    return sound("tone", np.repeat(wave[None], 2, 0).astype(np.float32))


@pytest.mark.parametrize("speed", [Fraction(1, 2), Fraction(9, 10), Fraction(3, 2), Fraction(4), Fraction(-5, 4)])
def test_a_clip_may_keep_its_pitch_at_another_speed(speed: Fraction):
    """A tone stays one: the same pitch, as loud all the time, without a click where grains or chains meet."""
    media, samples = tone_of(441.0)
    played = clip(media, 60, 11 if speed < 0 else 1, speed=speed, keeps_pitch=True)
    heard = mixer(film(track(played, kind=AUDIO)), (media, samples)).sound(4_000, 100_000)[:, 0].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert abs(np.argmax(spectrum) * 48_000 / len(heard) - 441) < 1
    loud = np.sqrt((heard[: len(heard) // 2400 * 2400].reshape(-1, 2400) ** 2).mean(axis=1)) / (0.5 / np.sqrt(2))
    assert 0.97 < loud.min() <= loud.max() < 1.03
    steepest = 0.5 * 2 * np.pi * 441 / 48_000
    assert np.abs(np.diff(heard)).max() < 1.1 * steepest


def test_sound_that_keeps_its_pitch_stays_with_the_picture():
    """Each click comes where the clip's speed puts it, as near as a grain allows."""
    samples = np.zeros((2, 12 * 48_000), np.float32)
    places = np.arange(1, 11) * 48_000
    samples[:, places] = 0.9
    media, samples = sound("clicks", samples)
    played = clip(media, 150, 0, speed=Fraction(5, 4), keeps_pitch=True)
    heard = np.abs(mixer(film(track(played, kind=AUDIO)), (media, samples)).sound(0, 6 * 48_000)[:, 0])
    for place in places[places * 4 // 5 < 5.9 * 48_000] * 4 // 5:
        near = heard[place - 1500 : place + 1500]
        assert near.max() > 0.1
        assert abs(int(np.argmax(near)) - 1500) <= 1024, "a grain reaches half a hop to each side, and is two wide"


def test_pieces_of_a_stretched_sound_equal_the_whole():
    media, samples = sound("noise", noise(12 * 48_000))
    speed = Fraction(13, 10)
    whole = film(track(clip(media, 100, 1, speed=speed, keeps_pitch=True), kind=AUDIO))
    at_once = mixer(whole, (media, samples)).sound(0, 4 * 48_000)
    parts = mixer(whole, (media, samples))
    ends = [0, 1, 700, 5_000, 5_001, 90_000, 131_072, 192_000]
    assert np.array_equal(at_once, np.concatenate([parts.sound(a, b - a) for a, b in pairwise(ends)]))
    late = mixer(whole, (media, samples)).sound(150_000, 10_000)
    assert np.array_equal(at_once[150_000:160_000], late)
    cut = [clip(media, 50, 1 + n * 50 * speed / 25, speed=speed, keeps_pitch=True) for n in range(2)]
    assert np.array_equal(at_once, mixer(film(track(*cut, kind=AUDIO)), (media, samples)).sound(0, 4 * 48_000))


def test_speeding_up_does_not_fold_high_tones_down():
    seconds = np.arange(4 * 48_000) / 48_000
    media, samples = sound(
        "high", np.repeat((0.5 * np.sin(2 * np.pi * 15_000 * seconds))[None], 2, 0).astype(np.float32)
    )
    played = clip(media, 25, 0, speed=Fraction(2))  # 30 kHz: can't be heard, must not become 18 kHz
    heard = mixer(film(track(played, kind=AUDIO)), (media, samples)).sound(2000, 40_000)
    assert np.abs(heard).max() < 1e-3


def test_crossings_keep_the_power_of_unlike_sounds():
    one, other = sound("one", noise(100 * FRAME, seed=1)), sound("other", noise(100 * FRAME, seed=2))
    crossing = Transition(before=10, after=10)
    sequence = film(track(clip(one[0], 20, 1), clip(other[0], 20, 1, transition=crossing), kind=AUDIO))
    heard = mixer(sequence, one, other).sound(0, 40 * FRAME)
    power = [float(np.mean(heard[n * FRAME : (n + 1) * FRAME] ** 2)) for n in range(40)]
    assert max(power) / min(power) < 1.15
    middle = 20 * FRAME
    want = (one[1][:, 25 * FRAME + middle] + other[1][:, 25 * FRAME]) * np.sqrt(0.5)
    assert np.abs(heard[middle] - want).max() < 1e-4


def test_fades_have_equal_power_and_end_in_silence():
    media, ones = sound("ones", np.full((2, 100 * FRAME), 0.5, np.float32))
    sequence = film(track(clip(media, 20, fade_in=4, fade_out=8), kind=AUDIO))
    heard = mixer(sequence, (media, ones)).sound(0, 20 * FRAME)[:, 0]
    place = (np.arange(4 * FRAME) + 0.5) / (4 * FRAME)
    assert np.allclose(heard[: 4 * FRAME], 0.5 * np.sin(place * np.pi / 2), atol=1e-6)
    assert (heard[4 * FRAME : 12 * FRAME] == 0.5).all()
    assert abs(heard[16 * FRAME] - 0.5 * np.cos(np.pi / 4)) < 1e-4
    assert heard[-1] < 1e-4


def test_volume_and_pan_follow_their_keys():
    media, ones = sound("ones", np.full((2, 100 * FRAME), 0.5, np.float32))
    volume = Parameter(keys=(Key(0, 0.0, Easing.LINEAR), Key(10, -20.0, Easing.HOLD), Key(15, -60.0)))
    pan = Parameter(keys=(Key(0, 0.0), Key(10, 1.0)))
    sequence = film(track(clip(media, 20, values={"volume": volume, "pan": pan}), kind=AUDIO))
    heard = mixer(sequence, (media, ones)).sound(0, 20 * FRAME)
    assert abs(heard[5 * FRAME, 1] - 0.5 * 10**-0.5) < 1e-4  # -10 dB, the near side
    assert abs(heard[5 * FRAME, 0] - 0.5 * 10**-0.5 * np.cos(np.pi / 4)) < 1e-4
    assert np.allclose(heard[12 * FRAME], (0, 0.05), atol=1e-7)
    assert not heard[15 * FRAME :].any()


def test_track_volume_pan_mute_and_solo():
    media, ones = sound("ones", np.full((2, 100 * FRAME), 0.25, np.float32))

    def level(*tracks: dict[str, object]) -> list[float]:
        sequence = film(*(track(clip(media, 2), kind=AUDIO, **options) for options in tracks))
        return [round(float(side), 4) for side in mixer(sequence, (media, ones)).sound(100, 1)[0]]

    assert level({}, {}) == [0.5, 0.5]
    assert level({}, {"muted": True}) == [0.25, 0.25]
    assert level({}, {"soloed": True, "volume_db": -6.0}) == [0.1253, 0.1253]
    assert level({"pan": -1.0}) == [0.25, 0.0]


def test_what_is_too_loud_is_turned_down_around_it_and_nothing_else():
    quiet = noise(48_000, level=0.4)
    loud = quiet.copy()
    loud[:, 20_000:20_100] *= 6
    media, samples = sound("loud", loud)
    heard = mixer(film(track(clip(media, 25), kind=AUDIO)), (media, samples)).sound(0, 48_000)
    assert np.abs(heard).max() <= 1
    assert np.array_equal(heard[:19_000], quiet[:, :19_000].T)
    assert np.array_equal(heard[21_200:], quiet[:, 21_200:].T)
    burst = heard[20_000:20_100] / samples[:, 20_000:20_100].T
    peak = np.abs(samples[:, 20_000:20_100]).max()
    assert burst.max() < 1.02 / peak  # turned down together, not cut off at the top
    assert burst.min() > 0.9 / peak


def busy() -> tuple[Sequence, list[tuple[Media, NDArray[np.float32]]]]:
    """Everything that the mixer can do, at an awkward rate."""
    sounds = [sound(name, noise(150_000, level=0.9, seed=seed)) for seed, name in enumerate("abc")]
    a, b, c = (media for media, _ in sounds)
    volume = Parameter(keys=(Key(-3, -12.0, Easing.EASE), Key(9, 3.0, Easing.EASE_OUT), Key(20, -70.0)))
    cross = Transition(before=3, after=4)
    sequence = film(
        track(
            clip(a, 11, Fraction(1, 7), values={"volume": volume}, fade_in=3),
            clip(b, 9, Fraction(1, 3), speed=Fraction(7, 5), transition=cross, values={"pan": Parameter(0.3)}),
            clip(c, 9, Fraction(2), speed=Fraction(-1), transition=cross, fade_out=5),
            kind=AUDIO,
            pan=-0.2,
        ),
        track(gap(5), clip(b, 20, speed=Fraction(-3, 4)), kind=AUDIO, volume_db=2.0),
        rate=Fraction(24000, 1001),
    )
    return sequence, sounds


BUSY_SAMPLES = 70_000


@pytest.fixture(scope="module")
def whole() -> NDArray[np.float32]:
    sequence, sounds = busy()
    return mixer(sequence, *sounds).sound(-2_000, BUSY_SAMPLES + 2_000)


@given(cuts=st.lists(st.integers(-2_000, BUSY_SAMPLES), max_size=6, unique=True))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_pieces_equal_the_whole_bit_for_bit(whole: NDArray[np.float32], cuts: list[int]):
    sequence, sounds = busy()
    mixed = mixer(sequence, *sounds)
    places = [-2_000, *sorted(cuts), BUSY_SAMPLES]
    pieces = [mixed.sound(a, b - a) for a, b in pairwise(places)]
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


@given(first=st.integers(-3_000, BUSY_SAMPLES), count=st.integers(1, 3_000))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_place_can_be_asked_for_first(whole: NDArray[np.float32], first: int, count: int):
    sequence, sounds = busy()
    count = min(count, BUSY_SAMPLES - first)
    if count <= 0 or first < -2_000:
        return
    heard = mixer(sequence, *sounds).sound(first, count)
    assert heard.tobytes() == whole[first + 2_000 : first + 2_000 + count].tobytes()


@given(
    st.lists(
        st.tuples(st.integers(-50, 50), st.floats(-60, 12), st.sampled_from(Easing)),
        max_size=5,
        unique_by=lambda k: k[0],
    )
)
def test_a_curve_equals_the_parameter_at_each_frame(keys: list[tuple[int, float, Easing]]):
    parameter = Parameter(1.5, tuple(Key(*key) for key in sorted(keys, key=lambda key: key[0])))
    frames = np.linspace(-60, 60, 97)
    assert np.allclose(curve(parameter, frames), [parameter.at(float(frame)) for frame in frames], atol=1e-9)


@pytest.mark.parametrize("rate", [44_100, 96_000, 22_050])
def test_other_sample_rates_keep_time_and_pitch(rendering: Rendering, files: MediaFiles, tmp_path: Path, rate: int):
    seconds = np.arange(rate * 2) / rate
    tone = (0.5 * np.sin(2 * np.pi * 441 * seconds)).astype(np.float32)[None]
    media = files.describe(write_sound(tmp_path / f"{rate}.wav", tone, rate))
    heard = rendering(film(track(clip(media, 25, Fraction(1, 2)), kind=AUDIO)), media).sound(0, 24_000)
    expected = 0.5 * np.sin(2 * np.pi * 441 * (0.5 + np.arange(24_000) / 48_000))
    assert np.abs(heard[:, 0] - expected).max() < 2e-3
    assert np.array_equal(heard[:, 0], heard[:, 1])
