"""Decoding for the monitor: pictures and sound around the wanted place, on a thread of its own. No widgets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from engine.protocol.grid import SAMPLE_RATE, samples_of_frames
from ltxdesktop.ui.monitor.clock import Clock, SoundClock, SteadyClock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.media.decode import AudioReader, VideoReader

CACHE_BYTES = 256_000_000
FRAMES_AHEAD = 48
LONGEST_SOUND_S = 120  # longer films play their first two minutes with sound, then go on silently


@dataclass(frozen=True)
class Film:
    """What is being played: size as shown, exact rate and frame count."""

    path: str
    frames: int
    rate: Fraction
    width: int
    height: int
    has_sound: bool


class FilmReader(threading.Thread):
    """Opens one film and its clock, and keeps the pictures around the wanted frame decoded, until `let_go`.

    The three callbacks are called on this thread, with the reader itself first: they should emit a signal and return.
    """

    def __init__(
        self,
        path: str,
        opened: Callable[[FilmReader, Film], None],
        arrived: Callable[[FilmReader, int], None],
        failed: Callable[[FilmReader, str], None],
        sound_path: str = "",
    ) -> None:
        """`sound_path`: where the sound is when it isn't in the film's own file."""
        super().__init__(name=f"film {Path(path).name}")
        self._path, self._sound_path = path, sound_path or path
        self._opened, self._arrived, self._failed = opened, arrived, failed
        self._change = threading.Condition()
        self._pictures: dict[int, QImage] = {}
        self._wanted = 0
        self._loop = (0, 0)
        self._closing = False
        self.clock: Clock | None = None  # set before `opened` is called

    def want(self, frame: int, loop: tuple[int, int]) -> None:
        """Decode `frame` next and then what follows it inside the loop [start, end)."""
        with self._change:
            self._wanted, self._loop = frame, loop
            self._change.notify()

    def picture(self, frame: int) -> QImage | None:
        with self._change:
            return self._pictures.get(frame)

    def let_go(self) -> None:
        """Have the thread end, without waiting: it may be in the middle of opening or of a picture. `join` waits."""
        with self._change:
            self._closing = True
            self._change.notify()

    def run(self) -> None:
        from engine.media.decode import VideoReader
        from engine.media.errors import MediaError

        try:
            with VideoReader(Path(self._path)) as reader:
                film = self._open(reader)
                self._opened(self, film)
                self._read_on(reader, film)
        except (MediaError, OSError) as exc:
            self._failed(self, str(exc))
        finally:
            if isinstance(self.clock, SoundClock):
                self.clock.close()

    def _open(self, reader: VideoReader) -> Film:
        first = reader.rgb(0, 1)[0]
        self._keep(0, _image(first))
        height, width = first.shape[:2]
        rate, frames = reader.rate, reader.index.frames
        sound = self._read_sound(frames, rate)
        self.clock = _clock(rate, sound)
        with self._change:
            self._loop = (0, frames)
        return Film(self._path, frames, rate, width, height, sound is not None)

    def _read_sound(self, frames: int, rate: Fraction) -> NDArray[np.float32] | None:
        from engine.media.decode import AudioReader
        from engine.media.errors import NoAudio

        try:
            with AudioReader(Path(self._sound_path)) as sound:
                return self._sound_of(sound, frames, rate)
        except NoAudio:
            return None

    def _sound_of(self, sound: AudioReader, frames: int, rate: Fraction) -> NDArray[np.float32]:
        samples = samples_of_frames(0, frames, rate)
        return sound.read(0, min(samples.stop, LONGEST_SOUND_S * SAMPLE_RATE), rate=SAMPLE_RATE)

    def _read_on(self, reader: VideoReader, film: Film) -> None:
        while (frame := self._next(film)) is not None:
            pixels = reader.rgb(frame, frame + 1)[0]
            self._keep(frame, _image(pixels))
            self._arrived(self, frame)

    def _next(self, film: Film) -> int | None:
        """The next frame to decode; waits when all near ones are there. None to end."""
        with self._change:
            while not self._closing:
                for frame in self._coming(film):
                    if frame not in self._pictures:
                        return frame
                self._change.wait()
        return None

    def _coming(self, film: Film) -> list[int]:
        start, end = self._loop
        if not start <= self._wanted < end:
            start, end = 0, film.frames
        ahead = min(FRAMES_AHEAD, end - start, max(1, CACHE_BYTES // (film.width * film.height * 3)))
        return [start + (self._wanted - start + step) % (end - start) for step in range(ahead)]

    def _keep(self, frame: int, picture: QImage) -> None:
        with self._change:
            self._pictures[frame] = picture
            room = max(FRAMES_AHEAD // 4, CACHE_BYTES // max(1, picture.sizeInBytes()))
            while len(self._pictures) > room:
                farthest = max(self._pictures, key=lambda each: abs(each - self._wanted))
                del self._pictures[farthest]


def _clock(rate: Fraction, sound: NDArray[np.float32] | None) -> Clock:
    """The sound device as the clock; the machine's own where there is no sound, no device or no PortAudio."""
    if sound is None:
        return SteadyClock(rate)
    try:
        return SoundClock(rate, sound)
    except OSError:
        return SteadyClock(rate)


def _image(pixels: NDArray[np.uint8 | np.uint16]) -> QImage:
    """An RGB array (height, width, 3) as a picture of its own memory."""
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
