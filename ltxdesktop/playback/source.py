"""What a player plays: anything that can say the picture of a frame and the sound of a range."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

P_co = TypeVar("P_co", covariant=True)


class Size(NamedTuple):
    """Width and height in pixels of the screen that a picture is for."""

    width: int
    height: int


class Source(Protocol[P_co]):
    """A film to play. `picture` is called by one thread, `sound` by another, each one call at a time; the picture is
    handed on untouched, whatever it is. `close` is called once, when neither runs."""

    @property
    def frames(self) -> int: ...
    @property
    def rate(self) -> Fraction: ...
    @property
    def size(self) -> Size: ...
    @property
    def sample_rate(self) -> int:
        """0 for a film without sound."""
        ...

    def picture(self, frame: int, size: Size | None) -> P_co:
        """The picture of a frame, no larger than needed for `size` (None: its own). May raise any error."""
        ...

    def sound(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples (count, 2) from `first` on; silence outside of the film. May raise any error."""
        ...

    def close(self) -> None: ...
