"""Pictures with what is see-through in them, as ProRes 4444 and PNG store them: straight alpha, not premultiplied."""

from __future__ import annotations

from typing import Final

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from ltxdesktop.render.frames import Scaler, new_frame, planes_of
from ltxdesktop.render.picture import Picture

RGBA: Final = "rgba"
YUVA: Final = "yuva444p10le"
_OPAQUE: Final = 1023  # in 10 bits
_CLEAR: Final = (64, 512, 512, 0)  # black that isn't seen


def as_rgba(picture: Picture) -> NDArray[np.uint8]:
    """(height, width, 4), full range."""
    if picture.image is None or not picture.image.hasAlphaChannel():
        pixels = picture.to_rgb()
        return np.dstack((pixels, np.full(pixels.shape[:2], 255, np.uint8)))
    image = picture.image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, : image.width()].copy()


def as_yuva(picture: Picture, scaler: Scaler) -> VideoFrame:
    """BT.709, limited range. swscale would make 1020 of an opaque 255: alpha is widened here."""
    if picture.frame is not None:
        colours = scaler.scaled(picture.frame, *picture.size, "yuv444p10le")
        alpha = np.full((colours.height, colours.width), _OPAQUE, np.uint16)
    else:
        pixels = as_rgba(picture)
        opaque = VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:, :, :3]), "rgb24")
        colours = scaler.from_rgb(opaque, "yuv444p10le")
        alpha = (pixels[:, :, 3].astype(np.uint16) * np.uint16(4)) + (pixels[:, :, 3] >> 6)  # 255 becomes 1023
    made = new_frame(colours.width, colours.height, YUVA)
    for target, plane in zip(planes_of(made), (*planes_of(colours), alpha), strict=True):
        target[:] = plane
    return made


def clear_yuva(width: int, height: int) -> VideoFrame:
    """A picture in which nothing is seen."""
    made = new_frame(width, height, YUVA)
    for plane, code in zip(planes_of(made), _CLEAR, strict=True):
        plane[:] = code
    return made
