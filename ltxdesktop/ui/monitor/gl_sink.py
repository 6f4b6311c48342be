"""The monitor's OpenGL screen: planes go to the graphics processor as they are, and become RGB and large there.

Only for real graphics hardware (`sinks` decides): a software OpenGL is several times slower than the raster screen.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, cast

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QOffscreenSurface, QOpenGLContext, QPainter, QVector2D
from PySide6.QtOpenGL import (
    QOpenGLBuffer,
    QOpenGLPixelTransferOptions,
    QOpenGLShader,
    QOpenGLShaderProgram,
    QOpenGLTexture,
)
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget
from shiboken6 import VoidPtr, isValid

from ltxdesktop.ui.monitor.planes import Planes
from ltxdesktop.ui.monitor.sinks import Graphics, Scene, paint_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
_CORNERS: Final = struct.pack("8f", 0, 0, 1, 0, 0, 1, 1, 1)
_FLOAT, _TRIANGLE_STRIP, _COLOUR = 0x1406, 0x0005, 0x4000  # of gl.h: GL_FLOAT, GL_TRIANGLE_STRIP, GL_COLOR_BUFFER_BIT


class GraphicsRefused(RuntimeError):
    def __init__(self, why: str) -> None:
        super().__init__(f"the graphics driver refuses the program: {why}")


class PlanesShader:
    """What lies on the graphics processor for one context: program and textures. It goes when the context goes.

    Raises GraphicsRefused where the driver doesn't take the program.
    """

    def __init__(self, context: QOpenGLContext) -> None:
        """`context` is current."""
        self._context = context
        self._surface = QOffscreenSurface()  # to free textures on: the widget's own goes before its context
        self._surface.setFormat(context.format())
        self._surface.create()
        self._textures: list[QOpenGLTexture] = []
        self._uploaded: Planes | None = None
        self._program = QOpenGLShaderProgram()
        kinds = QOpenGLShader.ShaderTypeBit
        if not (
            self._program.addShaderFromSourceCode(kinds.Vertex, _VERTEX)
            and self._program.addShaderFromSourceCode(kinds.Fragment, _FRAGMENT)
            and self._program.link()
        ):
            raise GraphicsRefused(self._program.log().strip())
        self._corners = QOpenGLBuffer()
        self._corners.create()
        self._corners.bind()
        self._corners.allocate(_CORNERS, len(_CORNERS))
        self._corners.release()
        context.aboutToBeDestroyed.connect(self._let_go)

    def draw(self, planes: Planes, box: QRect) -> None:
        """Fill a rectangle of device pixels, counted from the lower left corner."""
        if planes is not self._uploaded:
            self._upload(planes)
        functions, program = self._context.functions(), self._program
        functions.glViewport(box.left(), box.top(), box.width(), box.height())
        program.bind()
        self._corners.bind()
        corner = program.attributeLocation("corner")
        program.enableAttributeArray(corner)
        program.setAttributeBuffer(corner, _FLOAT, 0, 2)
        # Chroma of half the columns lies on the left one of two (H.264, HEVC: chroma_loc type 0): a quarter of a texel.
        halved = planes.blue.shape[1] < planes.luma.shape[1]
        shift = QVector2D(0.25 / planes.blue.shape[1] if halved else 0.0, 0.0)
        program.setUniformValue(program.uniformLocation("chromaShift"), shift)
        for unit, (name, texture) in enumerate(zip(_NAMES, self._textures, strict=True)):
            texture.bind(unit)
            program.setUniformValue1i(program.uniformLocation(name), unit)
        functions.glDrawArrays(_TRIANGLE_STRIP, 0, 4)
        for unit, texture in enumerate(self._textures):
            texture.release(unit)
        self._corners.release()
        program.release()

    def _upload(self, planes: Planes) -> None:
        three = (planes.luma, planes.blue, planes.red)
        wanted = [(plane.shape[1], plane.shape[0]) for plane in three]
        if [(texture.width(), texture.height()) for texture in self._textures] != wanted:
            self._destroy_textures()
            self._textures = [_texture(width, height) for width, height in wanted]
        for texture, plane in zip(self._textures, three, strict=True):
            _fill(texture, plane)
        self._uploaded = planes

    def _destroy_textures(self) -> None:
        for texture in self._textures:
            texture.destroy()
        self._textures, self._uploaded = [], None

    def free(self) -> None:
        """Give back what lies on the graphics processor; the context is current."""
        self._destroy_textures()
        self._corners.destroy()
        self._program.removeAllShaders()

    def _let_go(self) -> None:
        """The context goes by itself: its widget came to another window."""
        if isValid(self._context):
            self._context.makeCurrent(self._surface)
            self.free()
            self._context.doneCurrent()


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
        functions.glClear(_COLOUR)
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


def _texture(width: int, height: int) -> QOpenGLTexture:
    texture = QOpenGLTexture(QOpenGLTexture.Target.Target2D)
    texture.setFormat(QOpenGLTexture.TextureFormat.R8_UNorm)
    texture.setSize(width, height)
    texture.setMipLevels(1)
    texture.allocateStorage(QOpenGLTexture.PixelFormat.Red, QOpenGLTexture.PixelType.UInt8)
    texture.setMinMagFilters(QOpenGLTexture.Filter.Linear, QOpenGLTexture.Filter.Linear)
    texture.setWrapMode(QOpenGLTexture.WrapMode.ClampToEdge)
    return texture


def _fill(texture: QOpenGLTexture, plane: NDArray[np.uint8]) -> None:
    options = QOpenGLPixelTransferOptions()
    options.setAlignment(1)
    pixels = cast("int", VoidPtr(plane.ctypes.data))  # the stubs say int, PySide takes an address only as VoidPtr
    texture.setData(0, QOpenGLTexture.PixelFormat.Red, QOpenGLTexture.PixelType.UInt8, pixels, options)
