"""A picture as brightness and two colours, as films store it: what a screen that converts by itself is handed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltxdesktop.render.picture import Picture


@dataclass(frozen=True, eq=False)
class Planes:
    """Y, Cb and Cr of 8 bits, BT.709, limited range, each (rows, columns) without a gap between rows. The colours may
    have fewer of both. The memory is its own, so that any thread may convert it."""

    luma: NDArray[np.uint8]
    blue: NDArray[np.uint8]
    red: NDArray[np.uint8]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.luma.shape[1]

    @property
    def height(self) -> int:
        return self.luma.shape[0]

    def to_qimage(self) -> QImage:
        """As the raster screen would show it; takes some milliseconds."""
        from av import VideoFrame

        from ltxdesktop.render.frames import planes_of, tagged
        from ltxdesktop.render.picture import Picture

        across, down = self.luma.shape[1] > self.blue.shape[1], self.luma.shape[0] > self.blue.shape[0]
        form = {(True, True): "yuv420p", (True, False): "yuv422p", (False, True): "yuv440p", (False, False): "yuv444p"}
        frame = tagged(VideoFrame(self.width, self.height, form[across, down]))
        for target, plane in zip(planes_of(frame), (self.luma, self.blue, self.red), strict=True):
            target[:] = plane
        return Picture(frame=frame).to_qimage()


Shot = QImage | Planes  # what a monitor shows


def shot_of(picture: Picture) -> Shot:
    """A rendered picture for a screen that takes planes; painted ones stay what they are."""
    import numpy as np

    from ltxdesktop.render.frames import WORKING, depth_of, is_planar_yuv, planes_of

    if picture.frame is None:
        return picture.to_qimage()
    plain = is_planar_yuv(picture.frame) and depth_of(picture.frame) == 8
    frame = picture.frame if plain else picture.to_frame(WORKING)
    return Planes(*(np.array(plane, np.uint8, order="C", copy=True) for plane in planes_of(frame)))


def image_of(shot: Shot) -> QImage:
    """A picture for whoever paints, saves or measures it."""
    return shot.to_qimage() if isinstance(shot, Planes) else shot
