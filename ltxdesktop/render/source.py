"""What rendering needs of media: decoded pictures and samples by number. `ltxdesktop.media.Decoders` is one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from engine.media.colour import ColourTags
from engine.media.orientation import Orientation
from ltxdesktop.document.model import Media


class Decoded(Protocol):
    """A stored picture: shared, never to be written to, not turned or scaled."""

    @property
    def frame(self) -> VideoFrame: ...
    @property
    def number(self) -> int: ...
    @property
    def colour(self) -> ColourTags: ...
    @property
    def orientation(self) -> Orientation: ...
    @property
    def sample_aspect(self) -> Fraction: ...
    @property
    def is_proxy(self) -> bool: ...


class Source(Protocol):
    """Exact pictures and samples of files. Both raise `engine.media.errors.MediaError`."""

    def picture(
        self, media: Media, path: Path, frame: int, *, original: bool = False, keep: bool = True
    ) -> Decoded: ...

    def samples(
        self, path: Path, first: int, count: int, *, rate: int = 48_000, channels: int = 2
    ) -> NDArray[np.float32]: ...
