"""How a transfer is steered from outside: cancel, pause, limit; and what it says of itself."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Final, Literal, NamedTuple

from engine.fetching.errors import Stopped

_WINDOW_S: Final = 10.0  # over which the speed is measured
_NAP_S: Final = 0.5  # longest sleep of the speed limit, so that a changed limit counts soon

Phase = Literal["checking", "downloading", "linking", "moving"]


class Progress(NamedTuple):
    """How far a set of files is."""

    place: str  # the file at hand
    phase: Phase
    done_bytes: int
    total_bytes: int
    bytes_per_second: float
    seconds_left: float | None  # None while nothing can be said


class Control:
    """Cancel, pause and speed limit; every method may be called from any thread."""

    def __init__(self, bytes_per_second: float = 0, clock: Callable[[], float] = time.monotonic) -> None:
        """`bytes_per_second`: no more than this; 0 is no limit."""
        self.bytes_per_second = bytes_per_second
        self._clock = clock
        self._changed = threading.Condition()
        self._cancelled = False
        self._paused = False
        self._cut: Callable[[], None] | None = None
        self._next = 0.0  # when the next byte may come, on the clock

    def cancel(self) -> None:
        """End the transfer at once, also one that waits for a server; what has come is kept."""
        self._change(cancelled=True)

    def pause(self) -> None:
        """Let go of the connection and wait."""
        self._change(paused=True)

    def resume(self) -> None:
        """Go on where it was paused."""
        self._change(paused=False)

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    @property
    def paused(self) -> bool:
        return self._paused

    def check(self) -> None:
        """Raises Stopped after `cancel`."""
        if self._cancelled:
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep. Raises Stopped as soon as it's cancelled."""
        with self._changed:
            self._changed.wait_for(lambda: self._cancelled, seconds)
        self.check()

    def wait_resumed(self) -> None:
        """Return when it's not paused. Raises Stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._cancelled or not self._paused)
        self.check()

    @contextlib.contextmanager
    def cutting(self, cut: Callable[[], None]) -> Generator[None]:
        """While inside, `cancel` and `pause` call `cut`, which wakes whoever reads from a connection."""
        with self._changed:
            self._cut = cut
            stopped = self._cancelled or self._paused
        try:
            if stopped:
                cut()
            yield
        finally:
            with self._changed:
                self._cut = None

    def throttle(self, count: int) -> None:
        """Account for bytes that came, and sleep as the limit wants. Raises Stopped."""
        if self.bytes_per_second <= 0:
            return
        now = self._clock()
        self._next = max(self._next, now) + count / self.bytes_per_second
        while (left := self._next - self._clock()) > 0 and not self._paused and self.bytes_per_second > 0:
            self.wait(min(left, _NAP_S))

    def _change(self, *, cancelled: bool = False, paused: bool | None = None) -> None:
        with self._changed:
            self._cancelled = self._cancelled or cancelled
            if paused is not None:
                self._paused = paused
            cut = self._cut if self._cancelled or self._paused else None
            self._changed.notify_all()
            if cut is not None:
                cut()


class Meter:
    """Adds up what comes for a set of files and tells it on, with speed and seconds left."""

    def __init__(
        self, total_bytes: int, tell: Callable[[Progress], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total_bytes
        self._tell = tell
        self._clock = clock
        self._finished = 0  # bytes of files that are done
        self._seen: deque[tuple[float, int]] = deque()
        self._doing: tuple[str, Phase] | None = None

    def told(self, place: str, phase: Phase, done_bytes: int) -> None:
        """`done_bytes` of the file at hand."""
        if self._doing != (place, phase):
            self._doing = place, phase
            self._seen.clear()  # what lay on disk already isn't speed
        now, done = self._clock(), self._finished + done_bytes
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()
        since, before = self._seen[0]
        rate = (done - before) / (now - since) if now > since else 0.0
        left = (self._total - done) / rate if rate > 0 and phase != "checking" else None
        self._tell(Progress(place, phase, done, self._total, rate, left))

    def finished(self, size_bytes: int) -> None:
        """The file at hand is whole."""
        self._finished += size_bytes
