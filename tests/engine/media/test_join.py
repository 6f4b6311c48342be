"""Joining a take: exact counts, a smooth way in and out, and not one bit touched outside."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.join import Handles, frame_weights, join_frames, join_samples, sound_weights
from engine.protocol.grid import samples_of_frames

RATES = st.sampled_from(
    [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(60)]
)


@st.composite
def retakes(draw: st.DrawFn):
    """(frames of the media, first, end, handles, blend)"""
    frames = draw(st.integers(1, 60))
    first = draw(st.integers(0, frames - 1))
    end = draw(st.integers(first + 1, frames))
    handles = Handles.around(first, end, wanted=draw(st.integers(0, 8)), available=frames)
    return frames, first, end, handles, draw(st.integers(0, 10))


@given(retakes(), st.integers(0, 2**32 - 1))
def test_frames_outside_the_blend_are_the_sources_bit_for_bit(retake, seed: int):
    frames, first, end, handles, blend = retake
    rng = np.random.default_rng(seed)
    media = rng.integers(0, 256, (frames, 2, 3, 3), dtype=np.uint8)
    low, high = first - handles.before, end + handles.after
    take = rng.integers(0, 256, (high - low, 2, 3, 3), dtype=np.uint8)
    joined = media.copy()
    joined[low:high] = join_frames(media[low:high], take, frame_weights(end - first, handles, blend))
    assert np.array_equal(joined[first:end], take[handles.before : handles.before + end - first])
    assert np.array_equal(joined[: max(0, first - blend)], media[: max(0, first - blend)])
    assert np.array_equal(joined[end + blend :], media[end + blend :])
    if blend == 0:
        assert np.array_equal(joined[:first], media[:first])
        assert np.array_equal(joined[end:], media[end:])


@given(retakes(), RATES, st.integers(0, 4000), st.integers(0, 2**32 - 1))
def test_samples_outside_the_fade_are_the_sources_bit_for_bit(retake, rate: Fraction, fade: int, seed: int):
    frames, first, end, handles, _ = retake
    rng = np.random.default_rng(seed)
    total = samples_of_frames(0, frames, rate).stop
    media = rng.normal(0, 0.3, (2, total)).astype(np.float32)
    inner = samples_of_frames(first, end, rate)
    outer = samples_of_frames(first - handles.before, end + handles.after, rate)
    wide = handles.in_samples(first, end, rate, 48_000)
    take = rng.normal(0, 0.3, (2, len(outer))).astype(np.float32)
    gains = sound_weights(len(inner), wide, fade)
    joined = media.copy()
    joined[:, outer.start : outer.stop] = join_samples(media[:, outer.start : outer.stop], take, gains)
    assert np.array_equal(joined[:, inner.start : inner.stop], take[:, wide.before : wide.before + len(inner)])
    before, after = max(outer.start, inner.start - fade), min(outer.stop, inner.stop + fade)
    assert np.array_equal(joined[:, :before], media[:, :before])
    assert np.array_equal(joined[:, after:], media[:, after:])


def test_the_way_in_and_out_is_even():
    weights = frame_weights(2, Handles(4, 2), 3)
    assert np.allclose(weights, [0, 0.25, 0.5, 0.75, 1, 1, 2 / 3, 1 / 3])


@given(st.integers(1, 50), st.integers(0, 40), st.integers(0, 40), st.integers(0, 60))
def test_sound_keeps_its_power(length: int, before: int, after: int, fade: int):
    source, take = sound_weights(length, Handles(before, after), fade)
    assert np.allclose(source**2 + take**2, 1, atol=1e-6)
    assert (take[before : before + length] == 1).all()
    assert (np.diff(take[:before]) >= 0).all()


def test_a_take_like_its_source_joins_without_a_trace():
    media = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    assert np.array_equal(join_frames(media, media, frame_weights(8, Handles(6, 6), 4)), media)


def test_brightness_moves_evenly_across_the_join():
    source, take = np.full((9, 1, 1, 3), 100, np.uint8), np.full((9, 1, 1, 3), 120, np.uint8)
    joined = join_frames(source, take, frame_weights(1, Handles(4, 4), 4))
    assert joined[:, 0, 0, 0].tolist() == [104, 108, 112, 116, 120, 116, 112, 108, 104]


def test_wrong_lengths_are_refused():
    frames = np.zeros((5, 2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="weights"):
        join_frames(frames, frames, frame_weights(2, Handles(1, 1), 1))
