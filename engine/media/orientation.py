"""How a stored picture is turned for display: the eight orientations of a display matrix or an EXIF tag."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)


class Orientation(NamedTuple):
    """Mirror left-right first (if `mirrored`), then turn clockwise by `quarter_turns` * 90 degrees."""

    quarter_turns: int = 0
    mirrored: bool = False

    @classmethod
    def of_display_matrix(cls, values: Sequence[int]) -> Orientation:
        """From ISO 14496-12's 3x3 matrix (a b u, c d v, x y w): pixel (p, q) is shown at (a p + c q, b p + d q).

        Angles that are no multiple of 90 degrees go to the nearest one, as players do.
        """
        a, b, c, d = values[0], values[1], values[3], values[4]
        mirrored = a * d - b * c < 0
        if mirrored:
            a, b = -a, -b
        return cls(round(math.degrees(math.atan2(b, a)) / 90) % 4, mirrored)

    @property
    def swaps_axes(self) -> bool:
        return self.quarter_turns % 2 == 1

    def apply(self, picture: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Turn an array (rows, columns, ...) for display; a view, not a copy."""
        if self.mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, -self.quarter_turns) if self.quarter_turns else picture

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) as displayed of a stored picture."""
        return (height, width) if self.swaps_axes else (width, height)


UPRIGHT = Orientation()
