"""Measuring pictures: waveform, vectorscope and histogram as small images, drawn by libavfilter."""

from __future__ import annotations

from enum import Enum
from typing import Final

from PySide6.QtGui import QImage

from ltxdesktop.render.chain import Chain, Step
from ltxdesktop.render.frames import Scaler
from ltxdesktop.render.picture import Picture, image_of

_WIDEST: Final = 640  # pixels of the picture that are measured across: enough for a scope, a fifth of the work


class Scope(Enum):
    """What is shown of a picture."""

    WAVEFORM = "waveform"  # luma over the width, black at the bottom
    PARADE = "parade"  # the same of red, green and blue, side by side
    VECTORSCOPE = "vectorscope"  # Cb to the right, Cr upwards
    HISTOGRAM = "histogram"  # how often each level of red, green and blue occurs


# What each is measured on, and by which filter. Formats are converted here, since libavfilter would take BT.601 for it.
_MEASURED: Final[dict[Scope, tuple[str, Step]]] = {
    Scope.WAVEFORM: ("yuv420p", ("waveform", "mode=column:components=1:intensity=0.08:graticule=none")),
    Scope.PARADE: ("gbrp", ("waveform", "mode=column:components=7:display=parade:intensity=0.08:graticule=none")),
    Scope.VECTORSCOPE: ("yuv444p", ("vectorscope", "mode=color4:intensity=0.05:graticule=none")),
    Scope.HISTOGRAM: ("gbrp", ("histogram", "display_mode=overlay:level_height=200:scale_height=0")),
}


def scope(picture: Picture, kind: Scope) -> QImage:
    """The scope of a picture: 256 rows (the histogram 200), as wide as it comes; the widget scales it.

    Levels are 8-bit codes: in the waveform black lies at 16 and white at 235 rows from the bottom.
    """
    width, height = picture.size
    if width > _WIDEST:
        width, height = _WIDEST, max(2, round(height * _WIDEST / width / 2) * 2)
    form, step = _MEASURED[kind]
    frame = Scaler().scaled(picture.to_frame(), width, height, "yuv420p" if form == "gbrp" else form)
    if form == "gbrp":
        frame = Scaler().to_rgb(frame, width, height, form)
    return image_of(Scaler().drawing(Chain.over(frame, [step]).flushed(frame)))
