"""Titles, stills and effects: where their pixels lie, and that a small preview is the large picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from render_samples import Rendering, clip, film, numbered, track, write_film

from ltxdesktop.document.model import Effect, Key, Media, Parameter, Solid, Title, TrackKind
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import new_frame, planes_of
from ltxdesktop.render.renderer import Tools
from ltxdesktop.render.titles import colour_of, draw, laid_out

pytestmark = pytest.mark.usefixtures("qapp")


def pixels_of(image: QImage) -> NDArray[np.uint8]:
    """(height, width, 4) as blue, green, red, alpha; premultiplied."""
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


def ink(image: QImage) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is drawn."""
    places = np.argwhere(pixels_of(image)[..., 3] > 127)
    (top, left), (bottom, right) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
    return left, top, right, bottom


def test_a_title_lies_around_its_place():
    left, top, right, bottom = ink(draw(Title("HHH", x=0.25, y=0.75, size=0.1), 640, 360))
    assert abs((left + right) / 2 - 160) <= 3
    assert abs((top + bottom) / 2 - 270) <= 8
    assert 20 <= bottom - top <= 30  # capitals of 36 px letters


def test_titles_of_any_size_are_the_same_drawing():
    title = Title("Straße, Ωmega\nsecond line", size=0.12, outline=0.01, shadow=0.02, background="#10203080")
    large = draw(title, 1280, 720).scaled(320, 180, mode=Qt.TransformationMode.SmoothTransformation)
    small = draw(title, 320, 180)
    difference = np.abs(pixels_of(large).astype(int) - pixels_of(small))
    assert difference.mean() < 2
    assert np.percentile(difference, 99) < 45


def test_alignment_moves_short_lines_inside_the_box():
    def places(align: str) -> tuple[int, int]:
        image = draw(Title("HHHHHHHH\nH", align=align, size=0.1), 640, 360)
        rows = pixels_of(image)[..., 3] > 127
        lower = np.argwhere(rows[185:])
        return int(lower[:, 1].min()), int(lower[:, 1].max())

    box = laid_out(Title("HHHHHHHH\nH", size=0.1), 640, 360).box
    assert abs(places("left")[0] - box.left()) < 6
    assert abs(places("right")[1] - box.right()) < 6
    assert abs(sum(places("centre")) / 2 - 320) < 3


def test_colours_outline_shadow_and_background_are_drawn():
    plain = pixels_of(draw(Title("H", colour="#ff000080", size=0.5), 320, 180))
    assert tuple(plain[plain[..., 3].argmax() // 320, plain[..., 3].argmax() % 320]) == (0, 0, 128, 128)
    outlined = pixels_of(draw(Title("H", outline=0.02, outline_colour="#00ff00ff", size=0.5), 320, 180))
    assert ((outlined[..., 1] > 200) & (outlined[..., 2] < 50)).any()
    shaded = pixels_of(draw(Title("H", shadow=0.05, size=0.5), 320, 180))
    assert ((shaded[..., 3] > 40) & (shaded[..., 2] < 10)).any()
    backed = pixels_of(draw(Title("H", background="#0000ffff", size=0.3), 320, 180))
    assert (backed[90, 160] == (255, 255, 255, 255)).all() or backed[90, 160, 0] == 255
    assert np.count_nonzero((backed[..., 0] == 255) & (backed[..., 2] == 0)) > 500


@pytest.mark.parametrize("text", ["", "#", "#12345", "red", "#gg0000"])
def test_a_colour_that_is_none_is_black(text: str):
    assert colour_of(text).name() == "#000000"


def test_titles_and_subtitles_lie_over_the_picture(rendering: Rendering):
    sequence = film(
        track(clip(None, 4, content=Solid("#202020ff"))),
        track(clip(None, 4, content=Title("HHH", size=0.3, y=0.3))),
        track(clip(None, 2, content=Title("HHH", size=0.2, y=0.8)), kind=TrackKind.SUBTITLE),
        size=(320, 180),
    )
    renderer = rendering(sequence)
    both, one = renderer.picture(0).to_rgb(), renderer.picture(3).to_rgb()
    assert both[:90].max() == one[:90].max() == 255
    assert both[120:].max() == 255
    assert one[120:].max() in (31, 32)


@pytest.fixture
def edge(tmp_path: Path, files: MediaFiles) -> Media:
    """Black on the left, white on the right."""
    frame = new_frame(128, 72)
    y, cb, cr = planes_of(frame)
    y[:, :64], y[:, 64:] = 16, 235
    cb[:], cr[:] = 128, 128
    return files.describe(write_film(tmp_path / "edge.mkv", [frame] * 4))


def effect(kind: str, **values: float | Parameter) -> Effect:
    given = {name: v if isinstance(v, Parameter) else Parameter(v) for name, v in values.items()}
    return Effect("e", kind, given)


def test_blur_is_a_gaussian_of_the_shares_it_says(rendering: Rendering, edge: Media):
    renderer = rendering(film(track(clip(edge, 4, effects=(effect("blur", radius=0.05),)))), edge)
    row = planes_of(renderer.picture(0).to_frame())[0][36].astype(float)
    steps = np.diff(row)
    place = np.arange(len(steps)) - 63
    spread = np.sqrt((steps * place**2).sum() / steps.sum())
    assert abs(spread - 0.05 * 72) < 0.6
    small = rendering(film(track(clip(edge, 4, effects=(effect("blur", radius=0.05),)))), edge).picture(0, (64, 36))
    half = planes_of(small.to_frame())[0][18].astype(float)
    assert np.abs(half - row.reshape(-1, 2).mean(axis=1)).max() < 8


def test_sharpen_steepens_edges_and_keyed_effects_move(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    frame = new_frame(128, 72)
    y, cb, cr = planes_of(frame)
    y[:] = np.clip((np.arange(128) - 54) * 8 + 16, 60, 180)
    cb[:], cr[:] = 128, 128
    media = files.describe(write_film(tmp_path / "slope.mkv", [frame] * 5))
    rising = effect("sharpen", amount=Parameter(keys=(Key(0, 0.0), Key(4, 5.0))), radius=0.03)
    renderer = rendering(film(track(clip(media, 5, effects=(rising,)))), media)
    tops = [int(planes_of(renderer.picture(n).to_frame())[0].max()) for n in range(5)]
    assert tops[0] == 180
    assert tops == sorted(tops)
    assert tops[-1] > 186


def test_a_vignette_darkens_corners_only(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    media = files.describe(write_film(tmp_path / "white.mkv", [numbered(255, (90, 190))]))
    dark = effect("vignette", amount=0.8, size=0.75, softness=0.4)
    y, cb, cr = planes_of(rendering(film(track(clip(media, 1, effects=(dark,)))), media).picture(0).to_frame())
    assert y[36, 64] == 235
    assert abs(int(y[0, 0]) - (16 + 219 * 0.2)) <= 3
    assert abs(int(cb[0, 0]) - (128 - 38 * 0.2)) <= 2
    assert (y == y[::-1]).all()
    assert (y == y[:, ::-1]).all()
    assert int(cr[18, 32]) == 190


def test_effects_work_on_painted_layers_too(rendering: Rendering, edge: Media):
    moved = clip(edge, 4, effects=(effect("blur", radius=0.1),), values={"scale": Parameter(0.5)})
    pixels = rendering(film(track(moved)), edge).picture(0).to_rgb()
    assert len(set(pixels[36, 40:88, 0].tolist())) > 10
    assert pixels[5].max() == 0


def still(path: Path, alpha: bool) -> Path:
    image = QImage(128, 72, QImage.Format.Format_ARGB32 if alpha else QImage.Format.Format_RGB32)
    image.fill(0x8000FF00 if alpha else 0xFF00FF00)
    assert image.save(str(path))
    return path


def test_stills_keep_their_alpha_and_their_colour(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    below = track(clip(None, 2, content=Solid("#ff0000ff")))
    for alpha, expected in ((True, (127, 128, 0)), (False, (0, 255, 0))):
        media = files.describe(still(tmp_path / f"{alpha}.png", alpha))
        pixels = rendering(film(below, track(clip(media, 2))), media).picture(0).to_rgb()
        assert np.abs(pixels[36, 64].astype(int) - expected).max() <= 2


def test_large_stills_are_not_kept_large(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    image = QImage(1280, 720, QImage.Format.Format_RGB32)
    columns = np.frombuffer(image.bits(), np.uint8).reshape(720, 1280, 4)
    columns[:, 0::2], columns[:, 1::2] = 0, 255  # one black, one white: grey when seen from afar
    assert image.save(str(tmp_path / "stripes.png"))
    media = files.describe(tmp_path / "stripes.png")
    tools = Tools()
    pixels = rendering(film(track(clip(media, 2))), media, tools=tools).picture(0).to_rgb()
    assert np.abs(pixels.astype(int) - 128).max() <= 3
    assert len(tools.stills) == 1


def test_a_graded_still_is_graded(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    media = files.describe(still(tmp_path / "green.png", alpha=False))
    grey = clip(media, 2, values={"colour.saturation": Parameter(0.0)})
    pixels = rendering(film(track(grey)), media).picture(0).to_rgb()
    assert np.abs(pixels[36, 64].astype(int) - round(0.7152 * 255)).max() <= 2


def test_a_film_with_alpha_shows_what_is_below(rendering: Rendering, files: MediaFiles, tmp_path: Path):
    pixels = np.zeros((72, 128, 4), np.uint8)
    pixels[:, 64:] = (255, 0, 0, 255)  # blue on the right, nothing on the left
    frames = [VideoFrame.from_ndarray(pixels, "bgra") for _ in range(3)]
    media = files.describe(write_film(tmp_path / "alpha.mkv", frames, colorspace=0, color_range=2, color_trc=13))
    sequence = film(track(clip(None, 3, content=Solid("#ff0000ff"))), track(clip(media, 3)))
    shown = rendering(sequence, media).picture(1).to_rgb()
    assert np.abs(shown[36, 10].astype(int) - (255, 0, 0)).max() <= 2
    assert np.abs(shown[36, 100].astype(int) - (0, 0, 255)).max() <= 2
