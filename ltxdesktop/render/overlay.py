"""Drawn images laid over YUV planes: text over film without a way through RGB; all around it stays untouched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from engine.media.colour import Matrix
from ltxdesktop.render.colour import Floats, yuv_matrix
from ltxdesktop.render.frames import new_frame, planes_of

_UNIT: Final = 1 << 15  # alpha and colours are integers of this; 8-bit codes times it stay within 32 bits
_GROUND: Final = (16.0, 128.0, 128.0)  # codes of black
_SPAN: Final = (219.0, 224.0, 224.0)

_Fixed = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Overlay:
    """The inked part of an image in 4:2:0: per plane, what is kept of the film and what is added, in 1 / `_UNIT`.

    result = film * (1 - alpha) + colour, with `colours` premultiplied and in codes.
    """

    left: int  # even, in luma pixels
    top: int
    alphas: tuple[_Fixed, _Fixed, _Fixed]
    colours: tuple[_Fixed, _Fixed, _Fixed]

    @classmethod
    def of(cls, image: QImage) -> Overlay | None:
        """From a premultiplied image as large as the film; None where nothing is drawn."""
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
        rows, columns = (np.flatnonzero(pixels[..., 3].any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        top, left = int(rows[0]) & ~1, int(columns[0]) & ~1
        inked = pixels[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1].astype(np.float32) / 255
        alpha = inked[..., 3]
        yuv = inked[..., 2::-1] @ yuv_matrix(Matrix.BT709).T.astype(np.float32)
        alphas: list[_Fixed] = []
        colours: list[_Fixed] = []
        for plane, (ground, span) in enumerate(zip(_GROUND, _SPAN, strict=True)):
            covered, colour = alpha, yuv[..., plane] * span + alpha * ground
            if plane:
                covered, colour = _halved(covered), _halved(colour)
            alphas.append(np.rint(covered * _UNIT).astype(np.int32))
            colours.append(np.rint(colour * _UNIT).astype(np.int32))
        return cls(left, top, (alphas[0], alphas[1], alphas[2]), (colours[0], colours[1], colours[2]))


def laid_over(frame: VideoFrame, overlay: Overlay, opacity: float = 1.0) -> VideoFrame:
    """A new frame: `frame` (yuv420p) with an overlay at some opacity over it."""
    made = new_frame(frame.width, frame.height)
    strength = round(min(max(opacity, 0.0), 1.0) * 256)
    for number, (target, source) in enumerate(zip(planes_of(made), planes_of(frame), strict=True)):
        target[:] = source
        top, left = (overlay.top, overlay.left) if number == 0 else (overlay.top // 2, overlay.left // 2)
        alpha, colour = overlay.alphas[number], overlay.colours[number]
        if strength < 256:
            alpha, colour = alpha * strength >> 8, colour * strength >> 8
        part = slice(top, top + alpha.shape[0]), slice(left, left + alpha.shape[1])
        mixed = source[part].astype(np.int32) * (_UNIT - alpha)
        mixed += colour
        mixed += _UNIT // 2
        mixed >>= 15
        target[part] = mixed
    return made


def _halved(values: Floats) -> Floats:
    """The mean of each 2 x 2 pixels; a last odd row or column counts for two."""
    values = np.pad(values, [(0, length % 2) for length in values.shape], mode="edge")
    return (values[0::2, 0::2] + values[1::2, 0::2] + values[0::2, 1::2] + values[1::2, 1::2]) / 4
