"""The sound of a run, block after block: backwards, in loops, faster and slower with its pitch kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ltxdesktop.document.time import samples_at
from ltxdesktop.playback.shuttle import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltxdesktop.playback.stretch import Stretch

Read = Callable[[int, int], "NDArray[np.float32]"]

BLOCK_S = 0.08  # of hearing: how much sound is made at once
TOUCH_S = 0.06  # of sound at a place that is scrubbed over


class Piece(NamedTuple):
    """Samples [first, end) in the order of hearing; first > end means backwards. `silent`: outside of the run."""

    first: int
    end: int
    silent: bool = False


class Feed:
    """What is heard of a run. It never ends: behind its end there is silence, so that the clock goes on to the end of
    the last picture, and so that a film that an edit made longer is heard in time."""

    def __init__(self, run: Run, sample_rate: int) -> None:
        self.run, self.sample_rate = run, sample_rate
        self._place = samples_at(run.start, run.rate, sample_rate)
        self._stretch: Stretch | None = None

    def keep_to(self, run: Run) -> None:
        """Go on inside other bounds, after an edit: same speed and rate. May be called while another thread reads."""
        assert (run.speed, run.rate) == (self.run.speed, self.run.rate)
        self.run = run

    def next_piece(self) -> Piece:
        """The next samples to be heard."""
        run, place = self.run, self._place
        low, high = (samples_at(each, run.rate, self.sample_rate) for each in (run.first, run.end))
        block = max(1, round(BLOCK_S * self.sample_rate * abs(run.speed)))
        if run.loops and low < high:
            place = self._inside(place, low, high)
        if run.speed > 0:
            silent = not low <= place < high
            end = place + block if place >= high else min(place + block, high if place >= low else low)
        else:
            silent = not low < place <= high
            end = place - block if place <= low else max(place - block, low if place <= high else high)
        self._place = end
        return Piece(place, end, silent)

    def next_block(self, read: Read) -> NDArray[np.float32]:
        """The next samples (n, 2) for the device; perhaps none. `read` gives (count, 2) samples from a first one on."""
        import numpy as np

        first, end, silent = self.next_piece()
        if silent:
            samples = np.zeros((abs(end - first), 2), np.float32)
        else:
            samples = read(first, end - first) if first < end else read(end, first - end)[::-1]
        if abs(self.run.speed) == 1:
            return samples
        if self._stretch is None:
            from ltxdesktop.playback.stretch import Stretch

            self._stretch = Stretch(self.sample_rate, abs(self.run.speed))
        return self._stretch.push(samples)

    def _inside(self, place: int, low: int, high: int) -> int:
        """Round a loop: its end is its beginning, and the other way round backwards."""
        if self.run.speed > 0:
            return low + (place - low) % (high - low)
        return high - (high - place) % (high - low)


def touch(read: Read, first: int, sample_rate: int) -> NDArray[np.float32]:
    """A place that is scrubbed over: a short piece of sound, softly begun and ended."""
    import numpy as np

    count = round(TOUCH_S * sample_rate)
    ramp = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / (count / 8))
    return (read(first, count) * ramp[:, None]).astype(np.float32)
