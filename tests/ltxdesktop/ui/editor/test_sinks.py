"""A monitor's two screens show the same picture; which of them a start has follows from machine, wish and history."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from ltxdesktop.playback.source import Size
from ltxdesktop.ui.editor.view import MonitorView
from ltxdesktop.ui.monitor import sinks
from ltxdesktop.ui.monitor.planes import Planes
from ltxdesktop.ui.monitor.sinks import BROKEN, RENDERER, TRYING, WANTED, Graphics
from ltxdesktop.ui.theme import Look

NEAR = 2  # of 255
# swscale's quick conversion of 4:2:0 and 4:2:2 (0.45 ms at 1080p against 29 ms for its exact one) is up to 3 off, and
# takes one chroma sample for two pixels.
NEAR_OF_HALVED = 3
EXACT = 1.5


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def opengl(qapp, settings: QSettings) -> Graphics:
    """OpenGL by force: under Xvfb it's a program, which draws as exactly."""
    if not sinks.renderer_name():
        pytest.skip("there is no OpenGL here (Mesa's software renderer would do)")
    settings.setValue(WANTED, "opengl")
    return Graphics(settings)


def gradient(width: int, height: int, halved: tuple[int, int] = (2, 2)) -> Planes:
    """Brightness rises to the right, one colour downwards, the other to the right."""
    wide, high = -(-width // halved[0]), -(-height // halved[1])
    luma = np.tile(np.linspace(16, 235, width).round().astype(np.uint8), (height, 1))
    blue = np.tile(np.linspace(90, 166, high).round().astype(np.uint8)[:, None], (1, wide))
    red = np.tile(np.linspace(166, 90, wide).round().astype(np.uint8), (high, 1))
    return Planes(luma, np.ascontiguousarray(blue), red)


def exact(planes: Planes) -> np.ndarray:
    """Blue, green and red by BT.709 in floating point, chroma drawn out along straight lines."""

    def drawn_out(plane: np.ndarray, axis: int, length: int) -> np.ndarray:
        across = plane.shape[axis] < length and axis == 1
        at = (np.arange(length) + 0.5) * plane.shape[axis] / length - 0.5 + (0.25 if across else 0)
        return np.apply_along_axis(lambda line: np.interp(at, np.arange(len(line)), line), axis, plane)

    blue, red = (
        (drawn_out(drawn_out(plane.astype(float), 0, planes.height), 1, planes.width) - 128) / 224
        for plane in (planes.blue, planes.red)
    )
    luma = (planes.luma - 16.0) / 219
    rgb = np.stack([luma + 1.8556 * blue, luma - 0.187324 * blue - 0.468124 * red, luma + 1.5748 * red], axis=-1)
    return np.clip(rgb, 0, 1) * 255


def grabbed(view: MonitorView) -> np.ndarray:
    screen = view.findChild(QOpenGLWidget)
    # QWidget.grab sends painters inside of an OpenGL widget elsewhere; what is on the screen is its framebuffer
    image = view.grab().toImage() if screen is None else screen.grabFramebuffer()
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return pixels[:, : image.width(), :3].astype(int)


@pytest.fixture
def views(qapp, qtbot, opengl: Graphics):
    """The same view with either screen, shown."""
    made: list[MonitorView] = []

    def both(width: int, height: int, film: Size) -> tuple[MonitorView, MonitorView]:
        for graphics in (None, opengl):
            view = MonitorView(Look(qapp), graphics)
            view.resize(width, height)
            view.set_film(film)
            view.show()
            qtbot.waitExposed(view)
            made.append(view)
        return made[0], made[1]

    yield both
    for view in made:
        view.let_go()
        view.close()
        view.deleteLater()


@pytest.mark.parametrize("halved", [(2, 2), (2, 1), (1, 1)], ids=["4:2:0", "4:2:2", "4:4:4"])
def test_both_screens_show_the_same_picture(views, settings: QSettings, halved: tuple[int, int]):
    planes = gradient(320, 180, halved)
    raster, gl = views(320, 180, Size(320, 180))
    assert gl.takes_planes
    assert not raster.takes_planes
    raster.show_picture(planes.to_qimage())
    gl.show_picture(planes)
    one, other = grabbed(raster), grabbed(gl)
    assert np.abs(one - other).max() <= (NEAR if halved == (1, 1) else NEAR_OF_HALVED)
    assert np.abs(one - other).mean() <= EXACT
    assert np.abs(other - exact(planes))[:, 2:-2].max() <= EXACT
    assert not settings.contains(TRYING)


def test_both_screens_scale_and_place_it_alike(views):
    planes = gradient(320, 180)
    raster, gl = views(480, 400, Size(320, 180))
    raster.show_picture(planes.to_qimage())
    gl.show_picture(planes)
    one, other = grabbed(raster), grabbed(gl)
    assert np.array_equal(one[:60], other[:60])  # the ground above it
    assert np.abs(one[70:330, 8:-8] - other[70:330, 8:-8]).max() <= 2 * NEAR  # scaled before or after conversion


def test_opengl_shows_painted_pictures_words_and_safe_areas_too(views):
    raster, gl = views(320, 180, Size(320, 180))
    painted = QImage(320, 180, QImage.Format.Format_RGB32)
    painted.fill(QColor(10, 200, 90))
    for view in (raster, gl):
        view.set_safe_areas(True)
        view.show_picture(painted, "2 frames dropped")
    one, other = grabbed(raster), grabbed(gl)
    assert tuple(other[90, 160]) == (90, 200, 10)
    assert np.mean(np.abs(one - other).max(axis=2) > NEAR) < 0.05  # edges are smoothed otherwise
    for view in (raster, gl):
        view.show_hint("Nothing here yet", "")
    assert gl.picture.isNull()
    assert np.array_equal(grabbed(raster)[0], grabbed(gl)[0])


def test_picture_of_planes_is_at_hand_for_whoever_paints_it(views):
    planes = gradient(64, 48)
    _, gl = views(320, 180, Size(64, 48))
    gl.show_picture(planes)
    assert (gl.picture.width(), gl.picture.height()) == (64, 48)


def test_a_view_that_moves_to_another_window_goes_on_showing(views, qtbot):
    planes = gradient(320, 180)
    raster, gl = views(320, 180, Size(320, 180))
    raster.show_picture(planes.to_qimage())
    gl.show_picture(planes)
    before = grabbed(gl)
    other = QWidget()
    gl.setParent(other)
    gl.show()
    other.show()
    qtbot.waitExposed(other)
    assert np.array_equal(grabbed(gl), before)
    gl.setParent(None)
    other.close()


@pytest.mark.parametrize(
    ("wanted", "renderer", "chosen"),
    [
        ("auto", "", False),
        ("auto", "llvmpipe (LLVM 15.0.6, 256 bits)", False),
        ("auto", "GDI Generic", False),
        ("auto", "NVIDIA GeForce RTX 4070/PCIe/SSE2", True),
        ("auto", "Mesa Intel(R) UHD Graphics (CML GT2)", True),
        ("raster", "NVIDIA GeForce RTX 4070/PCIe/SSE2", False),
        ("opengl", "llvmpipe (LLVM 15.0.6, 256 bits)", True),
    ],
)
def test_only_real_graphics_hardware_is_used_unless_it_is_wanted(qapp, settings, wanted, renderer, chosen):
    settings.setValue(WANTED, wanted)
    settings.setValue(RENDERER, renderer)
    assert Graphics(settings).opengl is (chosen and QGuiApplication.platformName() != "offscreen")


def test_driver_that_ended_the_program_is_not_tried_again(qapp, settings: QSettings):
    settings.setValue(RENDERER, "Some GPU")
    if not Graphics(settings).opengl:
        pytest.skip("there is no window system here")
    assert settings.contains(TRYING)  # and the program ends here
    assert not Graphics(settings).opengl
    assert settings.value(BROKEN) == "Some GPU"
    assert not Graphics(settings).opengl
    settings.setValue(RENDERER, "Some other GPU")
    assert Graphics(settings).opengl


def test_what_opengl_is_here_is_kept_for_the_next_start(qapp, settings: QSettings):
    sinks.look_for_hardware(settings)
    assert settings.value(RENDERER, "") == (sinks.renderer_name() if sinks.has_opengl() else "")
