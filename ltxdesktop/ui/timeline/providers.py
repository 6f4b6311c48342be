"""What the timeline needs from others in order to show pictures and waveforms: they answer at once, or later.

An answer of None means "not at hand, and asked for": a placeholder is drawn, and whoever made the picture meanwhile
calls the view's `show_new_media`. What was answered is kept while the media are the same. Nothing here decodes.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from ltxdesktop.document.model import Media, MediaId


class Thumbnails(Protocol):
    """Small pictures of media."""

    def picture(self, media: Media, at_s: Fraction, height_px: int) -> QImage | None:
        """The picture at a media time, about `height_px` device pixels high."""
        ...


class Waveforms(Protocol):
    """Peaks of a media's sound."""

    def peaks(self, media: Media, first_s: Fraction, last_s: Fraction, columns: int) -> NDArray[np.float32] | None:
        """(columns, 3): lowest, highest and RMS of each column's samples, -1..1, all channels together."""
        ...


class NoPictures:
    """No thumbnails: placeholders stay."""

    def picture(self, media: Media, at_s: Fraction, height_px: int) -> QImage | None:
        return None


class NoPeaks:
    """No waveforms: placeholders stay."""

    def peaks(self, media: Media, first_s: Fraction, last_s: Fraction, columns: int) -> NDArray[np.float32] | None:
        return None


class Presence(Protocol):
    """Whether media can be found on disk, and all that is shown of them."""

    def is_missing(self, media: MediaId) -> bool: ...

    def too_short(self, media: MediaId) -> Media | None:
        """What the file is now, where it's another one that has less than clips show; else None."""
        ...


class AllPresent:
    """Nothing is known to be missing."""

    def is_missing(self, media: MediaId) -> bool:
        return False

    def too_short(self, media: MediaId) -> Media | None:
        return None
