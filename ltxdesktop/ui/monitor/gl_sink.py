"""The monitor's OpenGL screen: planes go to the graphics processor as they are, and become RGB and large there.

Only for real graphics hardware (`sinks` decides): a software OpenGL is several times slower than the raster screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QOffscreenSurface, QOpenGLContext, QOpenGLFunctions, QPainter
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget
from shiboken6 import VoidPtr, isValid

from ltxdesktop.ui.monitor.planes import Planes
from ltxdesktop.ui.monitor.sinks import Graphics, Scene, paint_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PRECISION: Final = """
#ifndef GL_ES
#define highp
#endif
"""  # desktop OpenGL's older language has no precisions
_VERTEX: Final = """
attribute highp vec2 corner;
uniform highp vec2 chromaShift;
varying highp vec2 lumaAt;
varying highp vec2 chromaAt;
void main() {
    lumaAt = vec2(corner.x, 1.0 - corner.y);
    chromaAt = lumaAt + chromaShift;
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
"""
# BT.709, 8 bits, limited range (ITU-R BT.709-6, 3.2 to 3.5): Kr = 0.2126, Kb = 0.0722, codes 16..235 and 16..240.
_FRAGMENT: Final = """
varying highp vec2 lumaAt;
varying highp vec2 chromaAt;
uniform sampler2D luma;
uniform sampler2D blue;
uniform sampler2D red;
void main() {
    highp float y = (texture2D(luma, lumaAt).r * 255.0 - 16.0) / 219.0;
    highp float b = (texture2D(blue, chromaAt).r * 255.0 - 128.0) / 224.0;
    highp float r = (texture2D(red, chromaAt).r * 255.0 - 128.0) / 224.0;
    gl_FragColor = vec4(y + 1.5748 * r, y - 0.187324 * b - 0.468124 * r, y + 1.8556 * b, 1.0);
}
"""
_NAMES: Final = ("luma", "blue", "red")
_NOTHING: Final = cast("int", VoidPtr(0))  # see _address
_CORNERS: Final = np.array([0, 0, 1, 0, 0, 1, 1, 1], np.float32)
# Of gl.h, each GL_ and its name here.
_FALSE, _TRIANGLE_STRIP, _COLOR_BUFFER_BIT, _TEXTURE_2D = 0, 0x0005, 0x4000, 0x0DE1
_UNSIGNED_BYTE, _FLOAT, _RED, _R8, _LINEAR, _CLAMP_TO_EDGE = 0x1401, 0x1406, 0x1903, 0x8229, 0x2601, 0x812F
_TEXTURE_MAG_FILTER, _TEXTURE_MIN_FILTER, _TEXTURE_WRAP_S, _TEXTURE_WRAP_T = 0x2800, 0x2801, 0x2802, 0x2803
_UNPACK_ALIGNMENT, _TEXTURE0, _ARRAY_BUFFER = 0x0CF5, 0x84C0, 0x8892
_FRAGMENT_SHADER, _VERTEX_SHADER, _COMPILE_STATUS, _LINK_STATUS = 0x8B30, 0x8B31, 0x8B81, 0x8B82


class GraphicsRefused(RuntimeError):
    def __init__(self, why: str) -> None:
        super().__init__(f"the graphics driver refuses the program: {why}")


class PlanesShader:
    """What lies on the graphics processor for one context: program and textures. It goes when the context goes.

    OpenGL is called through QtGui. QtOpenGL has classes for all this, but its Python side alone is 9 MB of a bundle.
    Raises GraphicsRefused where the driver doesn't take the program.
    """

    def __init__(self, context: QOpenGLContext) -> None:
        """`context` is current."""
        self._context = context
        self._surface = QOffscreenSurface()  # to free textures on: the widget's own goes before its context
        self._surface.setFormat(context.format())
        self._surface.create()
        self._textures: list[int] = []
        self._shapes: list[tuple[int, ...]] = []
        self._uploaded: Planes | None = None
        self._program = _program(context.functions())
        context.aboutToBeDestroyed.connect(self._let_go)

    def draw(self, planes: Planes, box: QRect) -> None:
        """Fill a rectangle of device pixels, counted from the lower left corner."""
        if planes is not self._uploaded:
            self._upload(planes)
        gl, program = self._context.functions(), self._program
        gl.glViewport(box.left(), box.top(), box.width(), box.height())
        gl.glUseProgram(program)
        corner = gl.glGetAttribLocation(program, _name("corner"))
        gl.glBindBuffer(_ARRAY_BUFFER, 0)  # the corners lie in our own memory
        gl.glEnableVertexAttribArray(corner)
        gl.glVertexAttribPointer(corner, 2, _FLOAT, _FALSE, 0, _address(_CORNERS))
        # Chroma of half the columns lies on the left one of two (H.264, HEVC: chroma_loc type 0): a quarter of a texel.
        halved = planes.blue.shape[1] < planes.luma.shape[1]
        shift = 0.25 / planes.blue.shape[1] if halved else 0.0
        gl.glUniform2f(gl.glGetUniformLocation(program, _name("chromaShift")), shift, 0.0)
        for unit, (name, texture) in enumerate(zip(_NAMES, self._textures, strict=True)):
            gl.glActiveTexture(_TEXTURE0 + unit)
            gl.glBindTexture(_TEXTURE_2D, texture)
            gl.glUniform1i(gl.glGetUniformLocation(program, _name(name)), unit)
        gl.glDrawArrays(_TRIANGLE_STRIP, 0, 4)
        for unit in reversed(range(len(_NAMES))):  # the painter that follows expects the first to be the active one
            gl.glActiveTexture(_TEXTURE0 + unit)
            gl.glBindTexture(_TEXTURE_2D, 0)
        gl.glDisableVertexAttribArray(corner)
        gl.glUseProgram(0)

    def _upload(self, planes: Planes) -> None:
        three, gl = (planes.luma, planes.blue, planes.red), self._context.functions()
        shapes = [plane.shape for plane in three]
        if shapes != self._shapes:
            self._destroy_textures()
            self._textures, self._shapes = _textures(gl, shapes), shapes
        gl.glPixelStorei(_UNPACK_ALIGNMENT, 1)
        for texture, plane in zip(self._textures, three, strict=True):
            height, width = plane.shape
            gl.glBindTexture(_TEXTURE_2D, texture)
            gl.glTexSubImage2D(_TEXTURE_2D, 0, 0, 0, width, height, _RED, _UNSIGNED_BYTE, _address(plane))
        gl.glBindTexture(_TEXTURE_2D, 0)
        gl.glPixelStorei(_UNPACK_ALIGNMENT, 4)  # OpenGL's own
        self._uploaded = planes

    def _destroy_textures(self) -> None:
        if self._textures:
            self._context.functions().glDeleteTextures(len(self._textures), self._textures)
        self._textures, self._shapes, self._uploaded = [], [], None

    def free(self) -> None:
        """Give back what lies on the graphics processor; the context is current, or gone with all that it had."""
        if isValid(self._context):
            self._destroy_textures()
            self._context.functions().glDeleteProgram(self._program)

    def _let_go(self) -> None:
        """The context goes by itself: its widget came to another window."""
        if isValid(self._context):
            self._context.makeCurrent(self._surface)
            self.free()
            self._context.doneCurrent()


def _program(gl: QOpenGLFunctions) -> int:
    """The linked program; raises GraphicsRefused."""
    program = gl.glCreateProgram()
    for kind, source in ((_VERTEX_SHADER, _VERTEX), (_FRAGMENT_SHADER, _FRAGMENT)):
        shader = gl.glCreateShader(kind)
        gl.glShaderSource(shader, _PRECISION + source)
        gl.glCompileShader(shader)
        gl.glAttachShader(program, shader)
        gl.glDeleteShader(shader)  # goes with the program
        gl.glGetShaderiv(shader, _COMPILE_STATUS, _out(compiled := np.zeros(1, np.int32)))
        if not compiled[0]:
            raise GraphicsRefused(f"it doesn't compile shader {kind:#x}")
    gl.glLinkProgram(program)
    gl.glGetProgramiv(program, _LINK_STATUS, _out(linked := np.zeros(1, np.int32)))
    if not linked[0]:
        raise GraphicsRefused("it doesn't link the shaders")
    return program


def _textures(gl: QOpenGLFunctions, shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """A texture of one component for each (height, width), still without pixels."""
    names = np.zeros(len(shapes), np.uint32)
    gl.glGenTextures(len(shapes), _out(names))
    for name, (height, width) in zip(names.tolist(), shapes, strict=True):
        gl.glBindTexture(_TEXTURE_2D, name)
        for key, value in (
            (_TEXTURE_MIN_FILTER, _LINEAR),
            (_TEXTURE_MAG_FILTER, _LINEAR),
            (_TEXTURE_WRAP_S, _CLAMP_TO_EDGE),
            (_TEXTURE_WRAP_T, _CLAMP_TO_EDGE),
        ):
            gl.glTexParameteri(_TEXTURE_2D, key, value)
        gl.glTexImage2D(_TEXTURE_2D, 0, _R8, width, height, 0, _RED, _UNSIGNED_BYTE, _NOTHING)
    return names.tolist()


# PySide's stubs and what it really takes differ in three places.


def _address(values: NDArray[np.generic]) -> int:
    return cast("int", VoidPtr(values.ctypes.data))


def _out(values: NDArray[np.generic]) -> Sequence[int]:
    """An array that OpenGL writes into; a list's copy would be written to."""
    return cast("Sequence[int]", values)


def _name(word: str) -> bytes:
    return cast("bytes", word)


class GlSink(QOpenGLWidget):
    """Fills its parent. Where this machine's OpenGL can't do it after all, pictures are painted on it."""

    def __init__(self, scene: Scene, graphics: Graphics, parent: QWidget) -> None:
        super().__init__(parent)
        self._scene, self._graphics = scene, graphics
        self._shader: PlanesShader | None = None
        self._has_drawn = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setGeometry(parent.rect())

    @property
    def takes_planes(self) -> bool:
        return self._graphics.opengl

    def refresh(self) -> None:
        """Something to be shown has changed."""
        self.update()

    def let_go(self) -> None:
        """Draw nothing any more: before the window goes, since PySide lets the context go before it says so."""
        if self._shader is not None:
            self.makeCurrent()
            self._shader.free()
            self.doneCurrent()
            self._shader = None

    def initializeGL(self) -> None:
        """The context is there (again: a widget that moves to another window gets another)."""
        try:
            self._shader = PlanesShader(self.context())
        except GraphicsRefused as exc:
            self._shader = None
            self._graphics.note_failed(str(exc))

    def paintGL(self) -> None:
        functions, ground = self.context().functions(), self._scene.ground
        functions.glClearColor(ground.redF(), ground.greenF(), ground.blueF(), 1.0)
        functions.glClear(_COLOR_BUFFER_BIT)
        shot = self._scene.shot
        by_shader = isinstance(shot, Planes) and self._shader is not None
        if isinstance(shot, Planes) and self._shader is not None:
            self._shader.draw(shot, self._box())
        painter = QPainter(self)
        if not by_shader:
            paint_image(painter, self._scene)
        self._scene.paint_over(painter)
        painter.end()
        if by_shader and not self._has_drawn:
            self._has_drawn = True
            self._graphics.note_drawn()

    def _box(self) -> QRect:
        """Where the picture lies, in device pixels from the lower left corner."""
        box, ratio = self._scene.picture_rect(), self.devicePixelRatioF()
        left, right = round(box.left() * ratio), round(box.right() * ratio)
        top, bottom = round(box.top() * ratio), round(box.bottom() * ratio)
        return QRect(left, round(self.height() * ratio) - bottom, right - left, bottom - top)
