"""Frames on the model's grid and back: the same pixels where nothing is scaled, the same place where something is."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.conform import cover, fit_to_grid, reflected, resize, resize_uint8
from engine.protocol.grid import mirrored


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([32, 64]), st.integers(0, 2**32 - 1))
def test_padding_and_cutting_back_gives_the_same_pixels(height: int, width: int, multiple: int, seed: int):
    frames = np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    fit = fit_to_grid(height, width, multiple)
    grid = fit.to_grid(frames)
    assert grid.shape[1] % multiple == grid.shape[2] % multiple == 0
    assert (grid.shape[1] - height, grid.shape[2] - width) < (multiple, multiple)
    assert np.array_equal(fit.from_grid(grid), frames)


@given(st.integers(1, 40), st.integers(0, 100), st.integers(0, 100))
def test_reflection_is_the_grids_mirror(length: int, before: int, after: int):
    expected = [mirrored(n, length) for n in range(-before, length + after)]
    assert reflected(length, before, after).tolist() == expected


@given(st.integers(8, 4000), st.integers(8, 4000), st.sampled_from([32, 64]), st.integers(64 * 64, 2_000_000))
def test_a_large_source_is_scaled_evenly_below_the_limit(height: int, width: int, multiple: int, limit: int):
    fit = fit_to_grid(height, width, multiple, pixels_limit=limit)
    if fit.inner == (height, width):
        return
    # A very long strip may stay one multiple high: then its padded length decides alone.
    assert fit.grid[0] * fit.grid[1] <= max(limit, multiple * multiple)
    longer, shorter = max(fit.inner), min(fit.inner)
    exact = longer * min(height, width) / max(height, width)
    assert abs(shorter - max(1, exact)) <= 0.5 + 1e-9  # never another aspect than rounding makes


def test_scaling_down_and_up_keeps_a_smooth_picture():
    rows, columns = np.mgrid[:270, :480]
    smooth = np.stack([128 + 90 * np.sin(columns / 60), 128 + 90 * np.cos(rows / 50), (rows + columns) / 4], axis=-1)
    frames = np.rint(smooth[None]).astype(np.uint8)
    fit = fit_to_grid(270, 480, 32, pixels_limit=40_000)
    back = fit.from_grid(fit.to_grid(frames))
    assert back.shape == frames.shape
    assert np.abs(back.astype(int) - frames)[:, 4:-4, 4:-4].max() <= 3


def test_resize_without_prefilter_is_plain_bilinear():
    """A line through the pixel centres stays a line, and edges repeat: the definition, worked out by hand."""
    line = np.array([0.0, 10.0, 20.0, 30.0], np.float32).reshape(1, 1, 4, 1)
    wide = resize(line, 1, 8, prefilter=False)[0, 0, :, 0]
    assert np.allclose(wide, [0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 30])
    half = resize(line, 1, 2, prefilter=False)[0, 0, :, 0]
    assert np.allclose(half, [5, 25])


def test_prefilter_keeps_the_mean_of_fine_detail():
    stripes = np.tile(np.array([0, 255], np.uint8), 60)[None, None, :, None].repeat(12, 1).repeat(3, 3)
    small = resize_uint8(stripes, 3, 30)
    assert np.abs(small[:, :, 2:-2].astype(int) - 128).max() <= 2


def test_resize_agrees_with_swscale_on_a_photo_like_picture():
    rng = np.random.default_rng(0)
    picture = np.rint(resize(rng.uniform(0, 255, (1, 12, 16, 3)).astype(np.float32), 96, 128)[0]).astype(np.uint8)
    ours = resize_uint8(picture[None], 60, 80)[0].astype(int)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    theirs = frame.reformat(width=80, height=60, interpolation="BILINEAR").to_ndarray().astype(int)
    assert np.abs(ours - theirs).max() <= 3


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 90), st.integers(1, 90))
def test_cover_has_the_target_size(height: int, width: int, wanted_height: int, wanted_width: int):
    frames = np.full((1, height, width, 3), 200, np.uint8)
    covered = cover(frames, wanted_height, wanted_width)
    assert covered.shape == (1, wanted_height, wanted_width, 3)
    assert np.allclose(covered, 200 / 127.5 - 1, atol=1e-5)


def test_cover_cuts_around_the_centre():
    frames = np.zeros((1, 10, 30, 3), np.uint8)
    frames[:, :, 10:20] = 255
    assert (cover(frames, 10, 10) == 1).all()


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="hold no"):
        fit_to_grid(2000, 2000, 64, pixels_limit=100)
    with pytest.raises(ValueError, match="expected"):
        fit_to_grid(10, 10, 32).to_grid(np.zeros((1, 9, 10, 3), np.uint8))
