"""Effects on planar YUV that see more than one pixel: blur and sharpen by libavfilter, vignette by a mask.

Each frame is done by itself, so the order in which frames are asked for never matters. Lengths are shares of the
picture's height: a small preview looks like the large picture.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from ltxdesktop.document.model import Clip
from ltxdesktop.document.parameters import EFFECTS
from ltxdesktop.render.chain import Chain
from ltxdesktop.render.frames import new_frame, planes_of, tagged
from ltxdesktop.render.recent import Recent
from ltxdesktop.render.values import FILTER_KINDS, effect_value

_KEPT: Final = 6  # graphs and masks
_ROWS: Final = 64  # of the vignette at once: what is at work stays in the processor's cache
_UNSHARP_SIDES: Final = (3, 23)  # pixels; what libavfilter's unsharp takes
_UNIT: Final = 256  # of a vignette's mask


class Filter(NamedTuple):
    """An effect at one frame: its kind, and its values in the order in which they are declared."""

    kind: str
    values: tuple[float, ...]


class Filters:
    """Applies effects; keeps the graphs and masks of the last few settings. For one thread at a time."""

    def __init__(self) -> None:
        self._graphs: Recent[tuple[int, int, str, Filter], Chain] = Recent(_KEPT)
        self._masks: Recent[tuple[int, int, Filter], NDArray[np.int32]] = Recent(_KEPT)

    def apply(self, frame: VideoFrame, filters: tuple[Filter, ...]) -> VideoFrame:
        """A new frame of the same size and format (8-bit planar YUV)."""
        for effect in filters:
            frame = self._vignette(frame, effect) if effect.kind == "vignette" else self._through_graph(frame, effect)
        return frame

    def _through_graph(self, frame: VideoFrame, effect: Filter) -> VideoFrame:
        key = (frame.width, frame.height, frame.format.name, effect)
        return tagged(self._graphs.get_or_make(key, lambda: _open(frame, effect)).frame(frame))

    def _vignette(self, frame: VideoFrame, effect: Filter) -> VideoFrame:
        made = new_frame(frame.width, frame.height, frame.format.name)
        grounds = (16, 128, 128)  # black: what a mask of 0 leaves of each plane
        for target, plane, ground in zip(planes_of(made), planes_of(frame), grounds, strict=True):
            height, width = plane.shape
            mask = self._masks.get_or_make((width, height, effect), lambda w=width, h=height: vignette(w, h, effect))
            for top in range(0, height, _ROWS):
                part = slice(top, top + _ROWS)
                shifted = (plane[part].astype(np.int32) - ground) * mask[part]
                shifted += ground * _UNIT + _UNIT // 2
                shifted >>= 8
                target[part] = np.clip(shifted, 1, 254, out=shifted)
        return made


def filters_at(clip: Clip, frame: float) -> tuple[Filter, ...]:
    """The clip's effects of these kinds at one of its frames, in their order; those that do nothing are left out."""
    found: list[Filter] = []
    for effect in clip.effects:
        if effect.enabled and effect.kind in FILTER_KINDS:
            values = tuple(effect_value(effect, name, frame) for name in EFFECTS[effect.kind].parameters)
            if values[0] != 0:  # radius or amount
                found.append(Filter(effect.kind, values))
    return tuple(found)


def vignette(width: int, height: int, effect: Filter) -> NDArray[np.int32]:
    """What each pixel's distance from black is multiplied by, in 256ths; rings around the middle.

    Distance is 1 in the corners. From `size` on it takes `softness` of the way outwards until the whole amount acts.
    """
    amount, size, softness = effect.values
    y = (np.arange(height) + 0.5)[:, None] * 2 / height - 1
    x = (np.arange(width) + 0.5)[None, :] * 2 / width - 1
    distance = np.sqrt((x * x + y * y) / 2)
    way = np.clip((distance - size + softness / 2) / max(softness, 1e-3), 0, 1)
    smooth = way * way * (3 - 2 * way)
    return np.rint(_UNIT * (1 - amount * smooth)).astype(np.int32)


def _open(frame: VideoFrame, effect: Filter) -> Chain:
    return Chain.over(frame, [_libavfilter(effect, frame.height), ("format", frame.format.name)])


def _libavfilter(effect: Filter, height: int) -> tuple[str, str]:
    if effect.kind == "blur":
        return "gblur", f"sigma={min(max(effect.values[0] * height, 0.01), 1024):.6f}:steps=2"
    amount, radius = effect.values
    low, high = _UNSHARP_SIDES
    side = min(max(2 * round(radius * height) + 1, low), high)
    return "unsharp", f"{side}:{side}:{min(amount, 5):.6f}:{side}:{side}:0"
