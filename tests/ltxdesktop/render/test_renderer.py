"""The picture of a frame: which frame of which media it shows, exactly, whatever lies on the tracks."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from render_samples import SIZE, Rendering, clip, film, gap, number_of, numbered, track, write_film

from ltxdesktop.document.model import Key, Media, Parameter, Solid, Transition, TransitionKind
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import planes_of
from ltxdesktop.render.plan import Route
from ltxdesktop.render.renderer import Renderer


@pytest.fixture
def counted(tmp_path: Path, files: MediaFiles) -> Media:
    """100 numbered frames at 25 per second."""
    return files.describe(write_film(tmp_path / "counted.mkv", [numbered(n) for n in range(100)]))


@pytest.fixture
def tinted(tmp_path: Path, files: MediaFiles) -> Media:
    """100 numbered frames of another colour."""
    return files.describe(write_film(tmp_path / "tinted.mkv", [numbered(n, (90, 190)) for n in range(100)]))


def numbers(renderer: Renderer, frames: range) -> list[int]:
    return [number_of(planes_of(renderer.picture(n).to_frame())[0]) for n in frames]


def test_every_frame_around_cuts_is_the_right_one(rendering: Rendering, counted: Media, tinted: Media):
    sequence = film(track(clip(counted, 5, Fraction(10, 25)), clip(tinted, 4, Fraction(50, 25)), clip(counted, 3)))
    renderer = rendering(sequence, counted, tinted)
    assert numbers(renderer, range(12)) == [10, 11, 12, 13, 14, 50, 51, 52, 53, 0, 1, 2]
    assert planes_of(renderer.picture(6).to_frame())[1][0, 0] == 90


def test_untouched_frames_are_the_decoders_own(rendering: Rendering, counted: Media):
    renderer = rendering(film(track(clip(counted, 50))), counted)
    first = renderer.picture(7)
    assert first.frame is not None
    for plane, stored in zip(planes_of(first.frame), planes_of(numbered(7)), strict=True):
        assert np.array_equal(plane, stored)


@pytest.mark.parametrize(
    ("speed", "start", "expected"),
    [
        (Fraction(2), 10, [10, 12, 14, 16]),
        (Fraction(1, 2), 10, [10, 10, 11, 11]),
        (Fraction(-1), 10, [10, 9, 8, 7]),
        (Fraction(-2), 10, [10, 8, 6, 4]),
        (Fraction(0), 10, [10, 10, 10, 10]),
        (Fraction(-1), 2, [2, 1, 0, 0]),  # held at the media's start
    ],
)
def test_speeds_step_by_exact_frames(
    rendering: Rendering, counted: Media, speed: Fraction, start: int, expected: list[int]
):
    renderer = rendering(film(track(clip(counted, 4, Fraction(start, 25), speed=speed))), counted)
    assert numbers(renderer, range(4)) == expected


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (Fraction(25), [0, 1, 2, 3, 4, 5]),
        (Fraction(50), [0, 0, 1, 1, 2, 2]),
        (Fraction(24), [0, 1, 2, 3, 4, 5]),
        (Fraction(30), [0, 0, 1, 2, 3, 4]),
        (Fraction(30000, 1001), [0, 0, 1, 2, 3, 4]),
        (Fraction(25, 2), [0, 2, 4, 6, 8, 10]),
    ],
)
def test_other_rates_show_what_is_on_screen_at_the_time(
    rendering: Rendering, counted: Media, rate: Fraction, expected: list[int]
):
    renderer = rendering(film(track(clip(counted, 40)), rate=rate), counted)
    assert numbers(renderer, range(6)) == expected


def test_variable_rate_shows_what_is_on_screen_in_the_middle_of_each_frame(
    rendering: Rendering, files: MediaFiles, tmp_path: Path
):
    times = [0, 40, 80, 240, 280, 320, 360, 400, 440, 480]  # the third stays for four frames
    path = write_film(tmp_path / "varying.mkv", [numbered(n) for n in range(10)], times=times)
    media = files.describe(path)
    renderer = rendering(film(track(clip(media, 12))), media)
    assert numbers(renderer, range(9)) == [0, 1, 2, 2, 2, 2, 3, 4, 5]


def test_order_of_asking_does_not_matter(rendering: Rendering, counted: Media, tinted: Media):
    cut = Transition(TransitionKind.DISSOLVE, 3, 3)
    graded = {"colour.exposure": Parameter(keys=(Key(0, 0.0), Key(20, 1.0)))}
    sequence = film(
        track(clip(counted, 20, 1), clip(tinted, 20, 1, transition=cut, values=graded), clip(counted, 10, 2)),
        track(gap(25), clip(tinted, 10, values={"scale": Parameter(0.5), "rotation": Parameter(10)})),
    )
    frames = list(range(50))
    in_order = {n: picture.digest() for n in frames if (picture := rendering(sequence, counted, tinted).picture(n))}
    random.Random(3).shuffle(frames)
    renderer = rendering(sequence, counted, tinted)
    assert {n: renderer.picture(n).digest() for n in frames} == in_order


def test_a_dissolve_mixes_by_the_middle_of_each_frame(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    dark, light = (
        files.describe(write_film(tmp_path / f"{name}.mkv", [numbered(number)] * 30))
        for name, number in (("dark", 0), ("light", 255))
    )
    sequence = film(
        track(clip(dark, 10, Fraction(1, 5)), clip(light, 10, Fraction(1, 5), transition=Transition(before=2, after=2)))
    )
    renderer = rendering(sequence, dark, light)
    levels = [int(planes_of(renderer.picture(n).to_frame())[0][0, 0]) for n in range(7, 13)]
    expected = [16, *((16 * (256 - w) + 235 * w + 128) >> 8 for w in (32, 96, 160, 224)), 235]
    assert levels == expected


@pytest.mark.parametrize(
    ("kind", "lit"),
    [  # of four corners (top left, top right, bottom left, bottom right): which show the new picture halfway
        (TransitionKind.WIPE_LEFT, (False, True, False, True)),
        (TransitionKind.WIPE_RIGHT, (True, False, True, False)),
        (TransitionKind.WIPE_UP, (False, False, True, True)),
        (TransitionKind.WIPE_DOWN, (True, True, False, False)),
    ],
)
@pytest.mark.parametrize("painted", [False, True])
def test_a_wipe_travels_where_its_name_says(
    rendering: Rendering, kind: TransitionKind, lit: tuple[bool, ...], painted: bool
):
    black, white = clip(None, 10, content=Solid("#000000ff")), clip(None, 10, content=Solid("#ffffffff"))
    above = [track(clip(None, 20, content=Solid("#00000000")))] if painted else []
    cut = Transition(kind, 3, 2)
    renderer = rendering(film(track(black, replace(white, transition=cut)), *above))
    assert renderer.plan.span_at(9).route is (Route.RASTER if painted else Route.PLANES)
    luma = planes_of(renderer.picture(9).to_frame())[0]  # exactly halfway
    assert tuple(bool(luma[y, x] > 126) for y in (0, -1) for x in (0, -1)) == lit
    assert np.count_nonzero(luma > 126) == luma.size // 2


def test_a_dip_goes_through_its_colour(rendering: Rendering):
    grey = clip(None, 10, content=Solid("#808080ff"))
    for kind, level in ((TransitionKind.DIP_BLACK, 16), (TransitionKind.DIP_WHITE, 235)):
        other = clip(None, 10, content=Solid("#808080ff"), transition=Transition(kind, 3, 2))
        levels = [
            int(planes_of(rendering(film(track(grey, other))).picture(n).to_frame())[0][0, 0]) for n in range(6, 13)
        ]
        assert levels[3] == level
        assert levels[0] == levels[6] == 126
        assert levels[1:3] == levels[5:3:-1]


def test_fades_rise_from_nothing_and_sink_into_it(rendering: Rendering):
    sequence = film(track(clip(None, 8, content=Solid("#ffffffff"), fade_in=4, fade_out=2)))
    renderer = rendering(sequence)
    levels = [int(planes_of(renderer.picture(n).to_frame())[0][0, 0]) for n in range(8)]
    mix = [(16 * (256 - w) + 235 * w + 128) >> 8 for w in (32, 96, 160, 224)]
    assert levels == [*mix, 235, 235, (16 * 64 + 235 * 192 + 128) >> 8, (16 * 192 + 235 * 64 + 128) >> 8]


def test_other_shapes_are_fitted_with_bars(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    tall = files.describe(write_film(tmp_path / "tall.mkv", [numbered(255, size=(64, 64))] * 3))
    renderer = rendering(film(track(clip(tall, 3)), size=(128, 64)), tall)
    luma = planes_of(renderer.picture(0).to_frame())[0]
    assert (luma[:, :32] == 16).all()
    assert (luma[:, 96:] == 16).all()
    assert (luma[:, 32:96] == 235).all()


def test_a_preview_is_the_scaled_picture(rendering: Rendering, counted: Media, tinted: Media):
    moved = {"scale": Parameter(0.6), "rotation": Parameter(20), "position.x": Parameter(0.1)}
    look = {"colour.exposure": Parameter(0.5), "colour.saturation": Parameter(1.4)}
    for layers in (
        [track(clip(counted, 5, 1, values=look))],
        [track(clip(counted, 5, 1)), track(clip(tinted, 5, values=moved))],
    ):
        renderer = rendering(film(*layers, size=(512, 288)), counted, tinted)
        whole = renderer.picture(2)
        small = renderer.picture(2, (256, 144)).to_rgb().astype(float)
        scaled = renderer.picture(2).to_qimage((256, 144))
        pixels = np.frombuffer(scaled.constBits(), np.uint8).reshape(144, 256, 4)[..., 2::-1].astype(float)
        assert whole.size == (512, 288)
        assert 10 * np.log10(255**2 / np.mean((small - pixels) ** 2)) > 30


def test_transforms_move_by_shares_of_the_frame(rendering: Rendering):
    square = {"scale": Parameter(0.25), "position.x": Parameter(0.25), "position.y": Parameter(-0.25)}
    sequence = film(track(clip(None, 2, content=Solid("#ff0000ff"), values=square)), size=(160, 80))
    pixels = rendering(sequence).picture(0).to_rgb()
    red = np.argwhere(pixels[..., 0] > 128)
    assert red.min(axis=0).tolist() == [10, 100]
    assert red.max(axis=0).tolist() == [29, 139]


def test_an_anchor_keeps_its_place_while_the_picture_grows(rendering: Rendering):
    corner = {"scale": Parameter(0.5), "anchor.x": Parameter(-0.5), "anchor.y": Parameter(-0.5)}
    sequence = film(track(clip(None, 2, content=Solid("#00ff00ff"), values=corner)), size=(160, 80))
    green = np.argwhere(rendering(sequence).picture(0).to_rgb()[..., 1] > 128)
    assert green.min(axis=0).tolist() == [0, 0]
    assert green.max(axis=0).tolist() == [39, 79]


def test_crop_cuts_shares_and_shows_what_is_below(rendering: Rendering):
    below = track(clip(None, 2, content=Solid("#0000ffff")))
    above = track(
        clip(None, 2, content=Solid("#ff0000ff"), values={"crop.left": Parameter(0.25), "crop.top": Parameter(0.5)})
    )
    pixels = rendering(film(below, above, size=(160, 80))).picture(0).to_rgb()
    assert (pixels[40:, 40:, 0] == 255).all()
    assert (pixels[:40, :, 2] == 255).all()
    assert (pixels[:, :40, 2] == 255).all()


def test_both_sides_of_a_dissolve_may_come_from_one_file(rendering: Rendering, counted: Media):
    sequence = film(track(clip(counted, 10, 1), clip(counted, 10, 2, transition=Transition(before=4, after=4))))
    renderer = rendering(sequence, counted)
    mixed = [planes_of(renderer.picture(n).to_frame())[0] for n in range(6, 14)]
    for place, luma in enumerate(mixed):
        weight = (2 * place + 1) * 16
        one, two = (planes_of(numbered(n + place))[0].astype(int) for n in (31, 46))
        assert np.array_equal(luma, (one * (256 - weight) + two * weight + 128) >> 8)


def test_pictures_and_sound_may_be_asked_for_at_once(rendering: Rendering, counted: Media, tinted: Media):
    graded = {"colour.exposure": Parameter(keys=(Key(0, 0.0), Key(30, 1.0)))}
    sequence = film(track(clip(counted, 30, values=graded)), track(clip(tinted, 30, values={"scale": Parameter(0.5)})))
    alone = [rendering(sequence, counted, tinted).picture(n).digest() for n in range(30)]
    renderer = rendering(sequence, counted, tinted)
    with ThreadPoolExecutor(3) as pool:
        sounds = pool.map(lambda n: renderer.sound(n * 1920, 1920).shape, range(30))
        assert list(pool.map(lambda n: renderer.picture(n).digest(), range(30))) == alone
        assert set(sounds) == {(1920, 2)}


def test_opacity_mixes_with_what_is_below(rendering: Rendering):
    below = track(clip(None, 2, content=Solid("#000000ff")))
    above = track(clip(None, 2, content=Solid("#ffffffff"), values={"opacity": Parameter(0.5)}))
    pixels = rendering(film(below, above)).picture(0).to_rgb()
    assert abs(int(pixels[0, 0, 0]) - 128) <= 1


def test_missing_media_show_that_they_are_missing(rendering: Rendering, counted: Media, qapp: object):
    gone = replace(counted, path="/nowhere/film.mkv")
    renderer = rendering(film(track(clip(gone, 5))), gone)
    pixels = renderer.picture(0).to_rgb()
    assert (pixels[0, 0] != 0).any()
    assert gone.id in renderer.missing
    assert renderer.sound(0, 100).shape == (100, 2)


def test_outside_of_the_film_it_is_black(rendering: Rendering, counted: Media):
    renderer = rendering(film(track(gap(3), clip(counted, 5))), counted)
    for frame in (-1, 0, 2, 8, 1000):
        luma, cb, _ = planes_of(renderer.picture(frame).to_frame())
        assert (luma == 16).all()
        assert (cb == 128).all()
        assert luma.shape == SIZE[::-1]
