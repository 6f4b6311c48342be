"""Who says how far playback is: the sound device while it plays, else the machine's own clock."""

from __future__ import annotations

import threading
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, cast

from engine.protocol.grid import SAMPLE_RATE, sample_of_frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Clock(Protocol):
    """Runs from `start` to `stop` and tells the position in frames since frame 0, loops already unrolled."""

    def start(self, frame: int, loop: tuple[int, int]) -> None: ...
    def frame(self) -> int: ...
    def stop(self) -> None: ...


class SteadyClock:
    """Frames by the machine's monotonic clock."""

    def __init__(self, rate: Fraction, now: Any = time.monotonic_ns) -> None:
        self._rate = rate
        self._now = now
        self._from = 0
        self._began_ns = 0
        self._loop = (0, 1)

    def start(self, frame: int, loop: tuple[int, int]) -> None:
        self._from, self._loop, self._began_ns = frame, loop, self._now()

    def frame(self) -> int:
        passed = int((self._now() - self._began_ns) * self._rate / 1_000_000_000)
        return looped(self._from + passed, self._loop)

    def stop(self) -> None:
        """Nothing runs."""


class SoundClock:
    """Plays the film's sound and counts the samples that the device has taken. Raises OSError without a device."""

    def __init__(self, rate: Fraction, sound: NDArray[np.float32]) -> None:
        import sounddevice

        self._rate = rate
        self._sound = sound
        self._guard = threading.Lock()
        self._sample = 0
        self._loop = (0, sound.shape[1])
        self._frames = (0, 1)
        self.muted = False
        try:
            self._stream = sounddevice.OutputStream(SAMPLE_RATE, channels=2, dtype="float32", callback=self._fill)
        except (sounddevice.PortAudioError, ValueError) as exc:
            raise OSError(f"no sound device: {exc}") from exc
        self._latency_s = cast(float, self._stream.latency)  # one stream in one direction: a single number

    def start(self, frame: int, loop: tuple[int, int]) -> None:
        with self._guard:
            self._sample = sample_of_frame(frame, self._rate)
            self._frames = loop
            self._loop = (sample_of_frame(loop[0], self._rate), sample_of_frame(loop[1], self._rate))
        self._stream.start()

    def frame(self) -> int:
        with self._guard:
            heard = self._sample - round(self._latency_s * SAMPLE_RATE)
        return looped(int(max(heard, self._loop[0]) * self._rate / SAMPLE_RATE), self._frames)

    def stop(self) -> None:
        self._stream.abort()  # stop() would wait until the device has played what it already took

    def close(self) -> None:
        self._stream.close()

    def _fill(self, out: NDArray[np.float32], count: int, _time: object, _status: object) -> None:
        """Called by PortAudio on its own thread: copy the next samples, going round at the loop's end."""
        with self._guard:
            filled = 0
            while filled < count:
                start, end = self._loop
                if not start <= self._sample < end:
                    self._sample = start
                run = min(count - filled, end - self._sample)
                part = self._sound[:, self._sample : self._sample + run]
                out[filled : filled + run] = 0
                if not self.muted and part.shape[1]:
                    out[filled : filled + part.shape[1]] = part.T
                self._sample += run
                filled += run


def looped(frame: int, loop: tuple[int, int]) -> int:
    """The frame of the loop [start, end) that an unrolled count stands for."""
    start, end = loop
    return start + (frame - start) % (end - start) if frame >= start else frame
