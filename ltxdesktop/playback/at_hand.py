"""The pictures of a film that were made ahead and are kept for a while: how many, and which go first. No threads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, NamedTuple, TypeVar

from ltxdesktop.playback.shuttle import Run
from ltxdesktop.playback.source import Size

P = TypeVar("P")

MOST_AHEAD = 24  # pictures made before they're due
LEAST_KEPT = 6  # however large they are
BYTES_A_PIXEL = 4
SLOWNESS_KEPT = 0.8  # of the former mean, when a picture's cost is added to it


class Due(NamedTuple, Generic[P]):
    """A picture that has become due in a run."""

    step: int
    frame: int
    picture: P


class AtHand(Generic[P]):
    """Pictures by frame, the frames whose picture can't be made, and what one costs. Its owner guards it by a lock."""

    def __init__(self, limit_bytes: int) -> None:
        self.size: Size | None = None  # of the screen they're for; None: the film's own
        self.cost_s = 0.0  # mean time to make one
        self._limit_bytes = limit_bytes
        self._pictures: dict[int, P] = {}
        self._broken: set[int] = set()

    def get(self, frame: int) -> P | None:
        return self._pictures.get(frame)

    def is_done(self, frame: int) -> bool:
        """Whether nothing more is to be made of it."""
        return frame in self._pictures or frame in self._broken

    def is_broken(self, frame: int) -> bool:
        return frame in self._broken

    def newest(self, run: Run, due: int, shown: int) -> Due[P] | None:
        """The newest picture after step `shown` that is due at step `due`, if one is at hand."""
        for step in range(due, max(shown, due - MOST_AHEAD), -1):
            frame = run.frame_at(step)
            if frame in self._pictures:
                return Due(step, frame, self._pictures[frame])
        return None

    def room(self, film: Size) -> int:
        """How many may be kept."""
        width, height = film
        if self.size is not None:
            width, height = min(width, self.size.width), min(height, self.size.height)
        return max(LEAST_KEPT, self._limit_bytes // max(1, width * height * BYTES_A_PIXEL))

    def ahead(self, film: Size) -> int:
        """How many should be made before they're due."""
        return min(MOST_AHEAD, self.room(film) - 2)

    def put(self, frame: int, picture: P, cost_s: float) -> None:
        self.cost_s = cost_s if not self.cost_s else SLOWNESS_KEPT * self.cost_s + (1 - SLOWNESS_KEPT) * cost_s
        self._pictures[frame] = picture

    def give_up(self, frame: int) -> None:
        """The picture of a frame can't be made."""
        self._broken.add(frame)

    def forget_some(self, wanted: Collection[int], film: Size) -> None:
        """Let go what there's no room for: the oldest first, but none of those that are wanted."""
        room = self.room(film)
        for frame in list(self._pictures):  # oldest first
            if len(self._pictures) <= room:
                break
            if frame not in wanted:
                del self._pictures[frame]

    def resize(self, size: Size | None) -> bool:
        """Pictures are for another screen from now on; whether it is another."""
        if size == self.size:
            return False
        self.size = size
        self._pictures.clear()
        return True

    def clear(self) -> None:
        """Another film."""
        self._pictures.clear()
        self._broken.clear()
        self.cost_s = 0.0
