"""The frame index: numbers, times and rates are exact, by each way of building it and after keeping it."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import CLIPS

from engine.media.errors import StaleIndex
from engine.media.index import VideoIndex, build_index
from engine.media.rates import STANDARD_RATES, fits, measure_rate

Clips = Callable[[str], Path]
IN_HEADER = [c.name for c in CLIPS if c.name.endswith((".mp4", ".mov")) and not c.fragmented]
TIMED = [c.name for c in CLIPS if c.name not in ("raw.h264", "h264.avi")]


def same(one: VideoIndex, other: VideoIndex) -> bool:
    arrays = all(np.array_equal(getattr(one, n), getattr(other, n)) for n in ("pts", "key_pts", "key_dts"))
    return arrays and (one.rate, one.is_constant) == (other.rate, other.is_constant)


@pytest.mark.parametrize("name", IN_HEADER)
def test_header_and_packets_tell_the_same(clip: Clips, name: str):
    path = clip(name)
    assert build_index(path).source == "header"
    assert same(build_index(path, source="header"), build_index(path, source="packets"))


@pytest.mark.parametrize("name", TIMED)
def test_every_way_numbers_the_frames_alike(clip: Clips, name: str):
    path = clip(name)
    assert np.array_equal(build_index(path).pts, build_index(path, source="decoding").pts)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("fragments.mp4", "packets"),
        ("cut_open_gop.ts", "packets"),
        ("cut_open_gop.mp4", "header"),
        ("vp8.webm", "decoding"),
        ("mpeg4.avi", "decoding"),
        ("raw.h264", "decoding"),
    ],
)
def test_the_cheapest_reliable_way_is_taken(clip: Clips, name: str, source: str):
    assert build_index(clip(name)).source == source


@pytest.mark.parametrize("name", [c.name for c in CLIPS])
def test_frames_rate_and_constancy_are_facts(clip: Clips, name: str):
    made = next(c for c in CLIPS if c.name == name)
    index = build_index(clip(name))
    assert index.frames == made.shown
    assert index.is_constant is (made.times is None)
    if made.times is None:
        assert index.rate == made.rate
        assert index.duration_seconds == index.frames / made.rate
        assert index.seconds(7) == 7 / made.rate


def test_variable_rate_keeps_each_frames_own_time(clip: Clips):
    made = next(c for c in CLIPS if c.name == "variable.mp4")
    assert made.times is not None
    index = build_index(clip("variable.mp4"))
    for number in range(index.frames):
        seconds = Fraction(made.times(number), 100 * 30)
        assert index.seconds(number) == seconds
        assert index.frame_at(seconds) == number
        assert index.frame_at(seconds - Fraction(1, 10_000)) == max(0, number - 1)


@pytest.mark.parametrize("name", ["film.mp4", "ntsc.mkv", "variable.mkv", "edited.mp4", "raw.h264"])
def test_a_kept_index_is_the_same_index(clip: Clips, name: str):
    path = clip(name)
    index = build_index(path)
    kept = VideoIndex.from_bytes(index.to_bytes(), path)
    assert same(index, kept)
    assert (kept.time_base, kept.timed, kept.source, kept.last_duration) == (
        index.time_base,
        index.timed,
        index.source,
        index.last_duration,
    )


def test_a_kept_index_is_refused_when_the_file_changed(clip: Clips, tmp_path: Path):
    path = tmp_path / "film.mp4"
    path.write_bytes(clip("film.mp4").read_bytes())
    kept = build_index(path).to_bytes()
    os.utime(path, ns=(1, 1))
    with pytest.raises(StaleIndex, match="changed"):
        VideoIndex.from_bytes(kept, path)


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_kept_index_is_refused(noise: bytes, position: int, value: int):
    path = Path("gone.mp4")
    index = VideoIndex(
        Fraction(1, 90_000), np.arange(9) * 3003, np.zeros(1, np.int64), np.zeros(1, np.int64), 3003,
        Fraction(30000, 1001), True, True, "packets", 0, (1, 1),  # pyright: ignore
    )  # fmt: skip
    good = index.to_bytes()
    for bad in (noise, good[: position % len(good)], _replaced(good, position % len(good), value)):
        if bad != good:
            with pytest.raises(StaleIndex):
                VideoIndex.from_bytes(bad, path)


def _replaced(data: bytes, position: int, value: int) -> bytes:
    changed = bytearray(data)
    changed[position] = value
    return bytes(changed)


TIME_BASES = [Fraction(1, d) for d in (1000, 90_000, 600, 1_000_000, 48_000)]


@given(
    st.sampled_from(STANDARD_RATES).filter(lambda r: r <= 120),
    st.sampled_from(TIME_BASES),
    st.integers(30, 400),
    st.integers(-(10**6), 10**6),
    st.booleans(),
)
def test_a_constant_rate_is_found_through_the_containers_rounding(
    rate: Fraction, base: Fraction, frames: int, start: int, down: bool
):
    ideal = [n / (rate * base) for n in range(frames)]
    pts = np.array([start + (t.numerator // t.denominator if down else round(t)) for t in ideal], np.int64)
    found = measure_rate(pts, base, [rate])
    assert found == (rate, True)
    assert fits(pts, base, rate)


def test_a_rounded_claim_does_not_beat_the_standard_rate():
    pts = np.array([round(n * 1001 / 24) for n in range(300)], np.int64)
    assert measure_rate(pts, Fraction(1, 1000), [Fraction(2997, 125)]).rate == Fraction(24000, 1001)


def test_one_dropped_frame_makes_the_rate_variable():
    pts = np.delete(np.arange(100, dtype=np.int64) * 1001, 50)
    found = measure_rate(pts, Fraction(1, 30000), [Fraction(30000, 1001)])
    assert found == (Fraction(30000, 1001), False)


def test_more_than_rounding_is_a_variable_rate():
    pts = np.arange(100, dtype=np.int64) * 1001
    pts[40] += 2
    assert measure_rate(pts, Fraction(1, 30000), [Fraction(30000, 1001)]) == (Fraction(30000, 1001), False)
    pts[40] -= 1
    assert measure_rate(pts, Fraction(1, 30000), [Fraction(30000, 1001)]).constant


PAL, FILM, NTSC = Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001)


@pytest.mark.parametrize("base", [Fraction(1, 1000), Fraction(1, 90_000)], ids=["ms", "90 kHz"])
@pytest.mark.parametrize(
    ("lengths", "rate"),  # of the pictures, in seconds
    [
        ([1 / PAL] * 50 + [Fraction(1, 10)] * 20, PAL),
        ([1 / PAL] * 20 + [Fraction(1, 10)] * 60, PAL),
        (([1 / PAL] * 5 + [Fraction(1, 10)] * 5) * 8, PAL),
        ([1 / PAL] * 20 + [2 / PAL] * 40, PAL),
        ([(1 if n % 3 else 2) / PAL for n in range(80)], PAL),
        ([(1 if n % 3 == 0 else 2) / NTSC for n in range(90)], NTSC),
        ([1 / FILM] * 100 + [1 / NTSC] * 60, NTSC),
        ([(1 if n % 4 else 15) / Fraction(60) for n in range(80)], Fraction(60)),
        ([Fraction(1, 30) + Fraction((n * 7919) % 13 - 6, 500) for n in range(200)], Fraction(30)),
        ([Fraction(1)] * 10 + [Fraction(3)] * 3, Fraction(1)),
    ],
    ids=["fast, slow", "mostly slow", "in turns", "half rate", "one of 4 gone", "two of 5 gone", "film and TV",
         "screen", "trembling", "slides"],
)  # fmt: skip
def test_the_nominal_rate_of_a_variable_one_leaves_no_picture_out(
    lengths: list[Fraction], rate: Fraction, base: Fraction
):
    times = [sum(lengths[:n], Fraction(0)) for n in range(len(lengths))]
    pts = np.array([int(time / base) for time in times], np.int64)
    assert measure_rate(pts, base, []) == (rate, False)
