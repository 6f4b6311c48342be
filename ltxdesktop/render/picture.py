"""One rendered picture: planes ready for an encoder, or a painted image; converted when something else is asked for."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from ltxdesktop.render.frames import WORKING, as_bytes, packed, scaler_for, tagged

_OPAQUE: Final = QImage.Format.Format_RGB32


class Picture:
    """The picture of one frame; BT.709, limited range where it's YUV. Never changes, may be shared between threads.

    Exactly one of `frame` (planar YUV) and `image` (painted: RGB32, or premultiplied where it may be see-through) is
    there; everything else is made of it when it's asked for.
    """

    __slots__ = ("frame", "image")

    def __init__(self, *, frame: VideoFrame | None = None, image: QImage | None = None) -> None:
        assert (frame is None) != (image is None)
        self.frame, self.image = frame, image

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        if self.frame is not None:
            return self.frame.width, self.frame.height
        assert self.image is not None
        return self.image.width(), self.image.height()

    def to_qimage(self, size: tuple[int, int] | None = None) -> QImage:
        """Opaque RGB32 of the picture's own or another size; the only conversion on the way to a screen."""
        width, height = size or self.size
        if self.frame is not None:
            return image_of(
                scaler_for(self.frame.format.name, self.size, width, height).to_rgb(self.frame, width, height)
            )
        assert self.image is not None
        if (width, height) == self.size:
            return self.image
        return self.image.scaled(
            width, height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        )

    def to_frame(self, form: str = WORKING) -> VideoFrame:
        """As planar YUV for an encoder; the frame itself where it has that format already."""
        if self.frame is None:
            assert self.image is not None
            return scaler_for(self.size, form).from_rgb(frame_over(self.image), form)
        if self.frame.format.name == form:
            return self.frame
        return tagged(scaler_for(self.frame.format.name, self.size, form).scaled(self.frame, *self.size, form))

    def to_rgb(self) -> NDArray[np.uint8]:
        """(height, width, 3), full range: what a network or a picture file takes."""
        image = self.to_qimage()
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
        return np.ascontiguousarray(pixels[:, : image.width(), 2::-1])

    def digest(self) -> str:
        """Equal for equal pictures: what preview and export are compared by."""
        if self.frame is not None:
            return hashlib.sha256(as_bytes(self.frame)).hexdigest()
        assert self.image is not None
        head = f"rgb32 {self.image.width()} {self.image.height()} ".encode()
        return hashlib.sha256(head + bytes(self.image.constBits())).hexdigest()


def image_of(frame: VideoFrame) -> QImage:
    """A bgra frame as an opaque image with memory of its own."""
    plane = frame.planes[0]
    return QImage(memoryview(plane), frame.width, frame.height, plane.line_size, _OPAQUE).copy()


def frame_over(image: QImage) -> VideoFrame:
    """A 32-bit image as a bgra frame over the same memory; alpha isn't looked at. The image must outlive the frame."""
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return VideoFrame.from_numpy_buffer(pixels, "bgra", image.width())


def straight_image(frame: VideoFrame) -> QImage:
    """A bgra frame with straight alpha as a premultiplied image."""
    pixels = packed(frame)
    image = QImage(
        memoryview(frame.planes[0]),
        pixels.shape[1],
        pixels.shape[0],
        frame.planes[0].line_size,
        QImage.Format.Format_ARGB32,
    )
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
