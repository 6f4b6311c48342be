"""Rates, shapes, samples and snapping: exact for every rate and length."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol.grid import (
    AUDIO_TIME,
    BadRate,
    Clip,
    FrameRange,
    GridError,
    LatentShape,
    NotOnGrid,
    ScaleFactors,
    VideoShape,
    audio_latents,
    format_rate,
    frame_at_rate,
    latent_of_frame,
    latents_touching,
    mirrored,
    parse_rate,
    sample_of_frame,
    samples_of_frames,
    snap_frames_down,
    snap_frames_up,
    snap_size,
)

NTSC = [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)]
rates = st.one_of(
    st.sampled_from([Fraction(n) for n in (1, 8, 12, 24, 25, 30, 48, 50, 60, 120)] + NTSC),
    st.fractions(min_value=1, max_value=240, max_denominator=2000),
)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", Fraction(24)),
        (25, Fraction(25)),
        ("30000/1001", Fraction(30000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)),
        ("47.952", Fraction(48000, 1001)),
        ("12.5", Fraction(25, 2)),
        ("24.00", Fraction(24)),
        (" 60/2 ", Fraction(30)),
        (Fraction(15), Fraction(15)),
    ],
)
def test_rate_spellings_are_exact(text: str | float | Fraction, rate: Fraction) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "0", "-24", "24/0", "1e3", "nan", 0, -1, 1001, "24/1/1", float("inf")])
def test_what_is_no_rate_is_refused(text: str | float) -> None:
    with pytest.raises(BadRate, match="not a frame rate"):
        parse_rate(text)


@given(rates)
def test_a_rate_survives_its_text(rate: Fraction) -> None:
    assert parse_rate(format_rate(rate)) == rate


@given(rates, st.integers(-(10**6), 10**7), st.integers(0, 10**5))
def test_sample_counts_never_drift(rate: Fraction, start: int, frames: int) -> None:
    samples = samples_of_frames(start, start + frames, rate)
    assert abs(len(samples) - frames * 48000 / rate) <= 1
    assert abs(sample_of_frame(start, rate) - start * 48000 / rate) <= Fraction(1, 2)
    middle = start + frames // 2
    assert samples.stop - samples.start == len(samples_of_frames(start, middle, rate)) + len(
        samples_of_frames(middle, start + frames, rate)
    )


@given(rates, rates, st.integers(0, 10**6))
def test_conforming_shows_the_frame_on_screen(rate: Fraction, other: Fraction, frame: int) -> None:
    shown = frame_at_rate(frame, rate, other)
    assert shown / other <= frame / rate < (shown + 1) / other


@given(st.integers(1, 10**5))
def test_frames_snap_to_the_next_latent_frame(frames: int) -> None:
    up, down = snap_frames_up(frames), snap_frames_down(frames)
    assert down <= frames <= up < frames + 8
    assert up % 8 == down % 8 == 1
    assert (up == down) == (frames % 8 == 1)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 2))
def test_sizes_snap_up_and_crop_back(width: int, height: int, stages: int) -> None:
    size = snap_size(width, height, stages)
    step = 32 * stages
    assert size.made_width % step == size.made_height % step == 0
    assert 0 <= size.made_width - width < step
    assert 0 <= size.made_height - height < step
    assert size.left + width + size.right == size.made_width
    assert size.top + height + size.bottom == size.made_height
    assert bool(size.sentence()) == (not size.exact)
    assert VideoShape(9, size.made_height, size.made_width).latent().pixels() == (9, size.made_height, size.made_width)


def test_a_snap_says_both_sizes() -> None:
    assert snap_size(1920, 1080, 2).sentence() == "1920x1080 is made as 1920x1088 and cropped back to 1920x1080"


@given(st.integers(0, 500))
def test_the_first_latent_frame_stands_for_one_frame_and_each_other_for_eight(frame: int) -> None:
    latents = [latent_of_frame(number) for number in range(frame + 1)]
    assert latents.count(0) == 1
    assert all(latents.count(latent) == 8 for latent in range(1, latents[-1]))
    assert latents == sorted(latents)


def test_shapes_convert_by_the_factors_of_the_autoencoder() -> None:
    assert VideoShape(121, 512, 768).latent() == LatentShape(16, 16, 24)
    assert LatentShape(16, 16, 24).tokens == 6144
    assert LatentShape(3, 2, 2).pixels(ScaleFactors(4, 16, 8)) == VideoShape(9, 32, 16)
    with pytest.raises(NotOnGrid, match=r"frame count 120 .* 113 and 121"):
        VideoShape(120, 512, 768).latent()
    with pytest.raises(NotOnGrid, match=r"height 500 .* 480 and 512"):
        VideoShape(121, 500, 768).latent()


def test_audio_latents_round_half_to_even() -> None:
    assert audio_latents(121, Fraction(24)) == 126
    assert audio_latents(25, Fraction(24)) == 26
    assert audio_latents(1, Fraction(10)) == 2  # 2.5
    assert audio_latents(3, Fraction(50)) == 2  # 1.5
    assert audio_latents(1, Fraction(240)) == 1


def test_audio_steps_of_a_region_are_those_of_the_specification() -> None:
    # 24 fps, 25 frames, 0.5-1.0 s: audio steps 13..25, latent frames 2 and 3 (spec 5.6)
    assert AUDIO_TIME.touching(Fraction(1, 2), Fraction(1), 26) == (13, 26)
    assert latents_touching(FrameRange(12, 24)) == (2, 4)


def test_the_longest_clip_is_twenty_seconds_and_the_closing_frame() -> None:
    assert Clip.longest(Fraction(24)).frames == 481
    assert Clip.longest(Fraction(25)).frames == 497
    assert Clip.longest(Fraction(24000, 1001)).frames == 473


@given(st.integers(-100, 100), st.integers(1, 20))
def test_mirrors_do_not_double_the_end_frames(index: int, length: int) -> None:
    assert 0 <= mirrored(index, length) < length
    assert mirrored(-index, length) == mirrored(index, length)
    assert mirrored(length - 1 + index, length) == mirrored(length - 1 - index, length)
    if 0 <= index < length:
        assert mirrored(index, length) == index


def test_nothing_cannot_be_snapped_or_mirrored() -> None:
    for refuse in (lambda: snap_frames_down(0), lambda: snap_size(0, 5), lambda: mirrored(0, 0)):
        with pytest.raises(GridError):
            refuse()
    with pytest.raises(GridError):
        latents_touching(FrameRange(3, 3))
