"""How far a clip reaches into its media: what it can show, and the handles beyond its in and out."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from ltxdesktop.document.model import Clip, ItemId, Media, MediaId, MediaKind, Take

UNLIMITED = 1 << 40  # frames; of stills, freezes, titles


class Handles(NamedTuple):
    """Frames of the sequence that a clip could show before its first frame and after its last."""

    before: int
    after: int


def is_endless(clip: Clip, media: Media | None) -> bool:
    """Whether a clip can be of any length: drawn content, stills, held pictures."""
    return media is None or not clip.takes or clip.speed == 0 or media.kind is MediaKind.STILL


def handles(clip: Clip, media: Mapping[MediaId, Media], rate: Fraction) -> Handles:
    """The handles of what a clip shows now; negative where it reaches beyond its media."""
    take = clip.take
    return UNLIMITED_HANDLES if take is None else handles_of_take(clip, take, media.get(take.media), rate)


def handles_of_take(clip: Clip, take: Take, media: Media | None, rate: Fraction) -> Handles:
    """The handles that a clip has with one of its takes.

    Frame n is there if the time at which it begins, `start_s + n * speed / rate`, lies in [0, duration): a last frame
    that is only partly covered counts, so that no picture of the media is out of reach.
    """
    if media is None or is_endless(clip, media):
        return UNLIMITED_HANDLES
    length_s = media.duration_s
    assert length_s is not None
    per_frame = clip.speed / rate
    if per_frame > 0:
        first, last = ceil(-take.start_s / per_frame), ceil((length_s - take.start_s) / per_frame) - 1
    else:
        first, last = floor((length_s - take.start_s) / per_frame) + 1, floor(-take.start_s / per_frame)
    return Handles(-first, last - (clip.duration - 1))


def frames_from(media: Media, start_s: Fraction, rate: Fraction, speed: Fraction = Fraction(1)) -> int:
    """How many frames of a sequence there are from a time of the media on."""
    probe = Clip(id=NO_ID, name="", duration=1, takes=(Take(media.id, start_s),), speed=speed)
    return 1 + handles_of_take(probe, probe.takes[0], media, rate).after


UNLIMITED_HANDLES = Handles(UNLIMITED, UNLIMITED)
NO_ID = ItemId("")
