"""Pictures of every width have all of their columns on the way to RGB."""

from __future__ import annotations

import numpy as np
import pytest
from av import VideoFrame

from ltxdesktop.render.frames import Scaler, filled, new_frame, packed, planes_of
from ltxdesktop.render.picture import Picture


def litter(width: int, height: int) -> None:
    """Memory of such pictures that isn't empty: what isn't written shows it."""
    for frame in [VideoFrame(width, height, "bgra") for _ in range(8)]:
        packed(frame)[:] = 200


@pytest.mark.parametrize("width", range(96, 114, 2))
def test_rgb_has_its_last_columns(width: int) -> None:
    grey = filled(width, 64, (126, 128, 128))
    litter(width, 64)
    pixels = Picture(frame=grey).to_rgb()
    assert np.ptp(pixels) == 0
    litter(width, 64)
    assert np.ptp(packed(Scaler().drawing(grey))[:, :, :3]) == 0


@pytest.mark.parametrize("width", [100, 104])
def test_rgb_of_neighbouring_widths_is_the_same(width: int) -> None:
    ramp = new_frame(width, 64)
    luma, *colour = planes_of(ramp)
    luma[:] = np.arange(16, 16 + width)
    for plane in colour:
        plane[:] = 128
    found = Picture(frame=ramp).to_rgb()[:, :, 1]
    wanted = np.round(np.arange(width) * 255 / 219)
    assert np.abs(found.astype(int) - wanted).max() <= 1
