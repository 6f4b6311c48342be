"""The two streams side by side: whatever exists once for video and once for audio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Pair(NamedTuple, Generic[T]):
    """A value per stream; None where the stream is absent. Random draws go in this order: video, audio."""

    video: T | None
    audio: T | None

    def map(self, function: Callable[[T], U]) -> Pair[U]:
        """The function applied to what is there, video first."""
        video = None if self.video is None else function(self.video)
        return Pair(video, None if self.audio is None else function(self.audio))


V = TypeVar("V")
W = TypeVar("W")


def map2(function: Callable[[T, U], V], a: Pair[T], b: Pair[U]) -> Pair[V]:
    """The function applied per stream where both have it, video first."""
    video = None if a.video is None or b.video is None else function(a.video, b.video)
    audio = None if a.audio is None or b.audio is None else function(a.audio, b.audio)
    return Pair(video, audio)


def map3(function: Callable[[T, U, V], W], a: Pair[T], b: Pair[U], c: Pair[V]) -> Pair[W]:
    """The same over three pairs."""
    video = None if a.video is None or b.video is None or c.video is None else function(a.video, b.video, c.video)
    audio = None if a.audio is None or b.audio is None or c.audio is None else function(a.audio, b.audio, c.audio)
    return Pair(video, audio)
