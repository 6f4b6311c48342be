"""Who says how long playback has run: the sound device while it plays, else the machine's own clock."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS = 2


class Clock(Protocol):
    """Tells the seconds since it was started."""

    def elapsed_s(self) -> float: ...


class SteadyClock:
    """The machine's monotonic clock."""

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now_ns = now_ns
        self._began_ns = now_ns()

    def elapsed_s(self) -> float:
        return (self._now_ns() - self._began_ns) / 1e9


class SoundOut(Protocol):
    """Something that takes samples and says how many of them have been heard: the sound device, or a test's."""

    def start(self) -> None:
        """Forget what wasn't heard yet, and count from 0."""
        ...

    def write(self, samples: NDArray[np.float32]) -> None:
        """Queue samples (n, 2)."""
        ...

    def queued_s(self) -> float: ...
    def elapsed_s(self) -> float:
        """How much of what was written since `start` has been heard. Stands still while there is nothing to hear."""
        ...

    def stop(self) -> None: ...
    def close(self) -> None: ...


OpenSound = Callable[[int], SoundOut]  # sample rate -> device; raises OSError when there is none


def opened_device(open_sound: OpenSound, sample_rate: int) -> SoundOut | None:
    """A device at that rate; None where there is none: the machine's clock plays then."""
    try:
        return open_sound(sample_rate)
    except OSError:
        return None


class SoundDevice:
    """The default output of this machine, through PortAudio. Raises OSError without a device or without PortAudio."""

    def __init__(self, sample_rate: int) -> None:
        import sounddevice

        self._rate = sample_rate
        self._guard = threading.Lock()
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._queued = 0
        self._taken = 0
        try:
            self._stream = sounddevice.OutputStream(
                sample_rate, channels=CHANNELS, dtype="float32", callback=self._fill, latency="low"
            )
        except (sounddevice.PortAudioError, ValueError) as exc:
            raise OSError(f"no sound device: {exc}") from exc
        self._latency_s = cast(float, self._stream.latency)  # one stream in one direction: a single number

    def start(self) -> None:
        self.stop()
        with self._guard:
            self._blocks.clear()
            self._queued = self._taken = 0
        self._stream.start()

    def write(self, samples: NDArray[np.float32]) -> None:
        with self._guard:
            self._blocks.append(samples)
            self._queued += len(samples)

    def queued_s(self) -> float:
        with self._guard:
            return self._queued / self._rate

    def elapsed_s(self) -> float:
        with self._guard:
            return max(0.0, self._taken / self._rate - self._latency_s)

    def stop(self) -> None:
        if self._stream.active:
            self._stream.abort()  # stop() would wait until the device has played what it already took

    def close(self) -> None:
        self._stream.close()

    def _fill(self, out: NDArray[np.float32], count: int, _time: object, _status: object) -> None:
        """Called by PortAudio on its own thread: hand over what is queued, and silence where that isn't enough."""
        with self._guard:
            filled = 0
            while filled < count and self._blocks:
                block = self._blocks.popleft()
                run = min(count - filled, len(block))
                out[filled : filled + run] = block[:run]
                if run < len(block):
                    self._blocks.appendleft(block[run:])
                filled += run
            out[filled:] = 0
            self._queued -= filled
            self._taken += filled
