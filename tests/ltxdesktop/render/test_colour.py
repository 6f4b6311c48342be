"""Colours end to end against values from the standards: matrices, ranges, depths, high dynamic range, grades, LUTs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from render_samples import Rendering, clip, film, numbered, track, write_film

from engine.media.colour import Matrix
from ltxdesktop.document.model import Effect, Key, Media, Parameter
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.colour import (
    HDR_PEAK_CD,
    SDR_WHITE_CD,
    hlg_to_light,
    light_to_pq,
    pq_to_light,
    tone_mapped,
    yuv_codes,
    yuv_matrix,
)
from ltxdesktop.render.cube import Cube, curve_at, parse_curve, read_cube
from ltxdesktop.render.errors import BadCurve, BadLut
from ltxdesktop.render.frames import new_frame, planes_of

COLOURS = [
    (0, 0, 0),
    (255, 255, 255),
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (128, 128, 128),
    (200, 120, 90),
    (20, 60, 200),
]
CELL = 16


def bars(codes: list[tuple[float, float, float]], bits: int) -> VideoFrame:
    """Columns of colour; codes in 8-bit units."""
    frame = new_frame(CELL * len(codes), 32, "yuv420p" if bits == 8 else "yuv420p10le")
    for number, plane in enumerate(planes_of(frame)):
        width = CELL if number == 0 else CELL // 2
        for place, code in enumerate(codes):
            plane[:, place * width : (place + 1) * width] = min(round(code[number] * 2 ** (bits - 8)), (1 << bits) - 1)
    return frame


def coded(rgb: tuple[int, int, int], matrix: Matrix, *, full: bool) -> tuple[float, float, float]:
    y, cb, cr = yuv_matrix(matrix) @ (np.array(rgb) / 255)
    return (255 * y, 128 + 255 * cb, 128 + 255 * cr) if full else (16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr)


def shown(renderer_picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The colour in the middle of each column."""
    return renderer_picture[16, CELL // 2 :: CELL].astype(np.int64)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("matrix", "tag"), [(Matrix.BT709, 1), (Matrix.SMPTE170M, 6), (Matrix.BT470BG, 5)])
def test_every_coding_shows_the_same_colours(
    rendering: Rendering, files: MediaFiles, tmp_path: Path, matrix: Matrix, tag: int, full: bool, bits: int
):
    frame = bars([coded(rgb, matrix, full=full) for rgb in COLOURS], bits)
    path = write_film(tmp_path / "bars.mkv", [frame], colorspace=tag, color_range=2 if full else 1)
    media = files.describe(path)
    renderer = rendering(film(track(clip(media, 1)), size=(frame.width, frame.height)), media)
    picture = renderer.picture(0)
    assert np.abs(shown(picture.to_rgb()) - COLOURS).max() <= 3
    out = planes_of(picture.to_frame())
    wanted = [yuv_codes(tuple(part / 255 for part in rgb)) for rgb in COLOURS]  # type: ignore[arg-type]
    got = [(int(out[0][16, x * 16 + 8]), int(out[1][8, x * 8 + 4]), int(out[2][8, x * 8 + 4])) for x in range(8)]
    assert np.abs(np.array(got) - wanted).max() <= 1


def test_untagged_small_pictures_are_read_as_601(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    frame = bars([coded(rgb, Matrix.SMPTE170M, full=False) for rgb in COLOURS], 8)
    path = write_film(tmp_path / "bars.mkv", [frame], colorspace=2, color_range=0, color_primaries=2, color_trc=2)
    media = files.describe(path)
    renderer = rendering(film(track(clip(media, 1)), size=(frame.width, frame.height)), media)
    assert np.abs(shown(renderer.picture(0).to_rgb()) - COLOURS).max() <= 3


def test_rgb_films_keep_their_colours(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    pixels = np.zeros((32, CELL * len(COLOURS), 4), np.uint8)
    for place, (red, green, blue) in enumerate(COLOURS):
        pixels[:, place * CELL : (place + 1) * CELL] = (blue, green, red, 255)
    frame = VideoFrame.from_ndarray(pixels, "bgra").reformat(format="bgr0")
    path = write_film(tmp_path / "rgb.mkv", [frame], colorspace=0, color_range=2, color_trc=13)
    media = files.describe(path)
    renderer = rendering(film(track(clip(media, 1)), size=(frame.width, frame.height)), media)
    assert np.abs(shown(renderer.picture(0).to_rgb()) - COLOURS).max() <= 3


def test_bt2020_keeps_greys_and_moves_primaries(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    colours = [(128, 128, 128), (255, 255, 255), (160, 128, 128)]
    frame = bars([coded(rgb, Matrix.BT2020, full=False) for rgb in colours], 10)
    path = write_film(tmp_path / "wide.mkv", [frame], colorspace=9, color_primaries=9, color_trc=14)
    media = files.describe(path)
    renderer = rendering(film(track(clip(media, 1)), size=(frame.width, frame.height)), media)
    grey, white, reddish = shown(renderer.picture(0).to_rgb())
    assert np.abs(grey - 128).max() <= 2
    assert np.abs(white - 255).max() <= 2
    assert reddish[0] > 165  # the same light is a stronger red in BT.709's smaller triangle
    assert reddish[1] < 128


def test_pq_and_light_are_inverse_and_meet_the_standard():
    light = np.array([0.0, 1.0, 100.0, 203.0, 1000.0, 10_000.0], np.float32)
    # ST 2084: 100 cd/m² is signal 0.508, 1000 is 0.752, 10000 is 1. BT.2408: reference white is 58 %.
    assert np.allclose(light_to_pq(light), [0, 0.1500, 0.5081, 0.5806, 0.7518, 1.0], atol=2e-4)
    assert np.allclose(pq_to_light(light_to_pq(light)), light, rtol=1e-3, atol=1e-3)
    # BT.2408: 75 % HLG is reference white on a display of 1000 cd/m².
    assert np.allclose(hlg_to_light(np.full((1, 3), 0.75, np.float32)), SDR_WHITE_CD, rtol=0.01)
    assert np.allclose(hlg_to_light(np.ones((1, 3), np.float32)), HDR_PEAK_CD, rtol=0.001)


def test_tone_mapping_keeps_darks_and_hues_and_ends_at_white():
    grey = np.repeat(np.array([[0.0], [1], [20], [50], [203], [600], [1000], [4000]], np.float32), 3, axis=1)
    mapped = tone_mapped(grey)[:, 0]
    assert np.allclose(mapped[:4], [0, 1, 20, 50], rtol=0.01)
    assert (np.diff(mapped) >= -1e-3).all()
    assert abs(mapped[-2] - SDR_WHITE_CD) < 0.5
    assert mapped[-1] <= SDR_WHITE_CD + 0.5
    orange = tone_mapped(np.array([[800.0, 400.0, 100.0]], np.float32))[0]
    assert np.allclose(orange / orange[0], [1, 0.5, 0.125], rtol=1e-4)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_films_are_shown_within_bt709(rendering: Rendering, files: MediaFiles, tmp_path: Path, transfer: int):
    levels = np.array([0.0, 50.0, SDR_WHITE_CD, HDR_PEAK_CD], np.float32)
    signals = light_to_pq(levels) if transfer == 16 else np.array([0.0, 0.5, 0.75, 1.0], np.float32)
    frame = bars([(16 + 219 * float(signal), 128, 128) for signal in signals], 10)
    path = write_film(tmp_path / "hdr.mkv", [frame], colorspace=9, color_primaries=9, color_trc=transfer)
    media = files.describe(path)
    renderer = rendering(film(track(clip(media, 1)), size=(frame.width, frame.height)), media)
    pixels = shown(renderer.picture(0).to_rgb())
    assert (np.ptp(pixels, axis=1) <= 2).all()  # greys stay grey
    assert pixels[0].max() <= 1
    assert 130 < pixels[1].mean() < 150  # 50 cd/m² of 203: signal 0.56
    assert 200 < pixels[2].mean() < 240  # reference white: light, with room for what shines
    assert pixels[3].min() >= 252


@pytest.fixture
def colourful(tmp_path: Path, files: MediaFiles) -> Media:
    frame = bars([coded(rgb, Matrix.BT709, full=False) for rgb in COLOURS], 8)
    return files.describe(write_film(tmp_path / "colourful.mkv", [frame] * 5))


def graded(rendering: Rendering, media: Media, **others: object) -> NDArray[np.int64]:
    sequence = film(track(clip(media, 5, **others)), size=(media.width, media.height))
    return shown(rendering(sequence, media).picture(2).to_rgb())


def test_exposure_doubles_display_light(rendering: Rendering, colourful: Media):
    pixels = graded(rendering, colourful, values={"colour.exposure": Parameter(-1.0)})
    expected = np.array(COLOURS) * 0.5 ** (1 / 2.4)
    assert np.abs(pixels - expected).max() <= 3


def test_saturation_of_zero_leaves_luma(rendering: Rendering, colourful: Media):
    pixels = graded(rendering, colourful, values={"colour.saturation": Parameter(0.0)})
    luma = np.array(COLOURS) @ [0.2126, 0.7152, 0.0722]
    assert np.abs(pixels - luma[:, None]).max() <= 2


def test_contrast_turns_around_middle_grey(rendering: Rendering, colourful: Media):
    pixels = graded(rendering, colourful, values={"colour.contrast": Parameter(1.5)})
    pivot = 255 * 0.18 ** (1 / 2.4)
    assert np.abs(pixels - np.clip((np.array(COLOURS) - pivot) * 1.5 + pivot, 0, 255)).max() <= 4


def test_temperature_and_tint_keep_white_bright(rendering: Rendering, colourful: Media):
    warm = graded(rendering, colourful, values={"colour.temperature": Parameter(0.5)})
    assert warm[5][0] > 135 > 120 > warm[5][2]
    magenta = graded(rendering, colourful, values={"colour.tint": Parameter(0.5)})
    assert magenta[5][1] < 125 < magenta[5][0]
    for pixels in (warm, magenta):
        light = (pixels[5] / 255) ** 2.4 @ [0.2126, 0.7152, 0.0722]
        assert abs(light ** (1 / 2.4) * 255 - 128) < 3


def test_keyed_grades_change_from_frame_to_frame(rendering: Rendering, colourful: Media):
    rising = {"colour.exposure": Parameter(keys=(Key(0, -2.0), Key(4, 0.0)))}
    sequence = film(track(clip(colourful, 5, values=rising)), size=(colourful.width, colourful.height))
    renderer = rendering(sequence, colourful)
    greys = [int(renderer.picture(n).to_rgb()[16, 5 * CELL + 8, 0]) for n in range(5)]
    expected = [128 * 2 ** (stops / 2.4) for stops in (-2, -1.5, -1, -0.5, 0)]
    assert np.abs(np.array(greys) - expected).max() <= 2


def cube_file(path: Path, size: int, change: object, header: str = "") -> Path:
    lines = [header or f"LUT_3D_SIZE {size}"]
    grid = np.linspace(0, 1, size)
    for blue in grid:
        for green in grid:
            for red in grid:
                lines.append(" ".join(f"{value:.6f}" for value in change(red, green, blue)))  # type: ignore[operator]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def lut(path: Path, **values: float) -> Effect:
    return Effect("e", "lut", {name: Parameter(value) for name, value in values.items()}, {"file": str(path)})


def test_an_identity_lut_changes_no_code(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    frame = numbered(0)
    for seed, plane in enumerate(planes_of(frame)):
        plane[:] = np.random.default_rng(seed).integers(16, 236, plane.shape)
    media = files.describe(write_film(tmp_path / "noise.mkv", [frame]))
    path = cube_file(tmp_path / "same.cube", 9, lambda r, g, b: (r, g, b))
    renderer = rendering(film(track(clip(media, 1, effects=(lut(path),)))), media)
    for got, given in zip(planes_of(renderer.picture(0).to_frame()), planes_of(frame), strict=True):
        assert np.array_equal(got, given)


def test_a_lut_gives_the_values_it_says(rendering: Rendering, colourful: Media, tmp_path: Path):
    path = cube_file(tmp_path / "turned.cube", 17, lambda r, g, b: (g, b, r))
    pixels = graded(rendering, colourful, effects=(lut(path),))
    assert np.abs(pixels - np.roll(np.array(COLOURS), -1, axis=1)).max() <= 8
    half = graded(rendering, colourful, effects=(lut(path, amount=0.5),))
    assert np.abs(half - (np.array(COLOURS) + np.roll(np.array(COLOURS), -1, axis=1)) / 2).max() <= 4


def test_a_cube_interpolates_its_tetrahedra():
    nodes = np.random.default_rng(0).random((3, 3, 3, 3)).astype(np.float32)
    cube = Cube(nodes)
    corners = np.array([[0, 0, 0], [0.5, 1, 0.5], [1, 1, 1]], np.float32)
    assert np.allclose(cube(corners), [nodes[0, 0, 0], nodes[1, 2, 1], nodes[2, 2, 2]], atol=1e-6)
    # r > g > b inside the first cell: 000, 100, 110, 111 with weights 1-r, r-g, g-b, b.
    r, g, b = 0.8, 0.5, 0.2
    wanted = (1 - r) * nodes[0, 0, 0] + (r - g) * nodes[1, 0, 0] + (g - b) * nodes[1, 1, 0] + b * nodes[1, 1, 1]
    assert np.allclose(cube(np.array([[r / 2, g / 2, b / 2]], np.float32))[0], wanted, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LUT_3D_SIZE 2",
        "LUT_3D_SIZE 2\n" + "0 0 0\n" * 7,
        "LUT_3D_SIZE 2\n" + "0 0 nan\n" * 8,
        "LUT_3D_SIZE 2\nLUT_1D_SIZE 8\n" + "0 0 0\n" * 8,
        "LUT_3D_SIZE x",
        "LUT_3D_SIZE 2\n" + "0 0\n" * 8,
        "LUT_3D_SIZE 100000\n0 0 0",
        "LUT_3D_SIZE 2\nDOMAIN_MIN 1 1 1\nDOMAIN_MAX 0 0 0\n" + "0 0 0\n" * 8,
    ],
)
def test_damaged_luts_are_refused_and_leave_the_picture(
    rendering: Rendering, colourful: Media, tmp_path: Path, text: str
):
    path = tmp_path / "bad.cube"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadLut):
        read_cube(path)
    assert np.abs(graded(rendering, colourful, effects=(lut(path),)) - COLOURS).max() <= 3


def test_one_dimensional_luts_work_too(rendering: Rendering, colourful: Media, tmp_path: Path):
    path = tmp_path / "inverted.cube"
    path.write_text('TITLE "x"\nLUT_1D_SIZE 2\n1 1 1\n0 0 0\n', encoding="utf-8")
    assert np.abs(graded(rendering, colourful, effects=(lut(path),)) - (255 - np.array(COLOURS))).max() <= 4


def test_curves_pass_their_points_without_overshoot(rendering: Rendering, colourful: Media):
    points = parse_curve("0,0 0.25,0.6 0.5,0.6 1,1")
    x = np.linspace(0, 1, 201)
    y = curve_at(points, x)
    assert np.allclose(np.interp([0, 0.25, 0.5, 1], x, y), [0, 0.6, 0.6, 1], atol=1e-6)
    assert (np.diff(y) >= -1e-7).all()
    effect = Effect("e", "curves", {}, {"blue": "0,0 0.5,0.25 1,1"})
    pixels = graded(rendering, colourful, effects=(effect,))
    assert np.abs(pixels[5] - [128, 128, 64]).max() <= 2


@pytest.mark.parametrize("text", ["", "0,0", "0,0 0,1", "1,0 0,1", "a,b c,d", "0 1", "0,0 1,inf"])
def test_bad_curves_are_refused(text: str):
    with pytest.raises(BadCurve):
        parse_curve(text)


def test_odd_sizes_are_graded_whole(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    media = files.describe(write_film(tmp_path / "odd.mkv", [numbered(255, size=(65, 37))]))
    sequence = film(track(clip(media, 1, values={"colour.saturation": Parameter(2.0)})), size=(65, 37))
    luma = planes_of(rendering(sequence, media).picture(0).to_frame())[0]
    assert (luma[:, :64] == 235).all()
    assert luma.shape == (37, 65)
    assert Fraction(media.width, media.height) == Fraction(65, 37)
