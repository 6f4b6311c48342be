"""How far an export is: what it does, frames a second, seconds left. For queues, windows and terminals."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_PACE_S: Final = 5.0  # over which frames a second are counted

Clock = Callable[[], float]


@dataclass(frozen=True)
class Progress:
    """How far it is. `doing` is a short phrase; `frames` counts what `done` counts."""

    doing: str
    done: int
    frames: int
    fps: float = 0.0
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        return self.done / self.frames if self.frames else 0.0


class Pace:
    """Frames a second over the last seconds, and what that leaves."""

    def __init__(self, clock: Clock, frames: int) -> None:
        self._clock, self._frames = clock, frames
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])

    def at(self, doing: str, done: int) -> Progress:
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] < now - _PACE_S:
            self._seen.popleft()
        then, before = self._seen[0]
        fps = (done - before) / (now - then) if now > then else 0.0
        return Progress(doing, done, self._frames, fps, (self._frames - done) / fps if fps else None)
