"""Does memory stay flat over an hour of use?  Goal: less than 5 MB an hour while playing.

An hour of playing is played as fast as it goes: the same player, renderer and decoders as in the window, with pictures
of a monitor's size and sound; the clock is moved on as soon as the picture that is due has been shown, so that none is
left out. Some 42 times there is an edit (the film is swapped under the clock), some seeks and steps back. Then, with
the decoders at rest and what was freed given back, resident memory is read: all that is really held, caches with it.
Growth is the slope of the line through these readings from the second of seven stretches on, when the caches are full.
What stood there before the rest is told beside it: decoded groups come and go by hundreds of MB.
CPU-seconds of a frame stand beside it: playing in time has 1/30 of them on each core.

    python benchmarks/memory_hour.py [--minutes 60]
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import psutil
from _report import report
from playback import RATE, film_of, write_film
from PySide6.QtGui import QGuiApplication, QImage

from ltxdesktop.document.model import Document
from ltxdesktop.media import heap
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.playback.player import Player
from ltxdesktop.playback.source import Size
from ltxdesktop.ui.editor.sources import Footage, SequenceSource

FILM_S = 20
FILM_SIZE = (1280, 720)
SCREEN = Size(960, 540)
GOAL_BYTES = 5_000_000
WAIT_S = 60
STRETCHES = 7  # the first fills the caches
PLAYS = 6  # in each stretch, with an edit and looks elsewhere after it
WAITS = 50  # of a millisecond, until a picture must have come


class HurriedDevice:
    """A sound device that has played what it was given as soon as it's asked to."""

    def __init__(self, sample_rate: int) -> None:
        self._rate, self._written, self._now = sample_rate, 0, Fraction(0)

    def start(self) -> None:
        self._written, self._now = 0, Fraction(0)

    def write(self, samples: np.ndarray) -> None:
        self._written += len(samples)

    def queued_s(self) -> float:
        return float(Fraction(self._written, self._rate) - self._now)

    def elapsed_s(self) -> float:
        return float(min(self._now, Fraction(self._written, self._rate)))

    def pass_time(self, seconds: Fraction) -> None:
        self._now += seconds

    def stop(self) -> None:
        """It's never behind."""

    def close(self) -> None:
        """It holds nothing."""


class Hour:
    """Plays one film over and over, with the work of a person in between."""

    def __init__(self, document: Document, files: MediaFiles) -> None:
        self._document, self._files = document, files
        self._came = threading.Event()
        self._devices: list[HurriedDevice] = []
        self._player: Player[QImage] = Player(
            ready=lambda _: self._came.set(), failed=print, opened=lambda _: self._came.set(), open_sound=self._open
        )
        self._player.set_size(SCREEN)
        self._player.open(self._film(document))
        assert self._came.wait(WAIT_S)
        self._player.set_looping(True)
        self.frames = 0

    def _open(self, sample_rate: int) -> HurriedDevice:
        self._devices.append(HurriedDevice(sample_rate))
        return self._devices[-1]

    def _film(self, document: Document) -> partial[SequenceSource]:
        footage = Footage(document.media, lambda media: Path(media.path), self._files.decoders)
        return partial(SequenceSource, document.sequence, footage)

    def play(self, frames: int) -> None:
        """So many frames, each shown; an edit and some looks elsewhere at the end."""
        player, interval = self._player, Fraction(1, RATE)
        player.play()
        shown = 0
        while shown < frames:
            for waits in count():
                if waits % WAITS == 0 and self._devices:  # again: time that passed before the device began is lost
                    self._devices[-1].pass_time(interval)
                if player.poll() is not None:
                    break
                time.sleep(0.001)
            shown += 1
        self.frames += shown
        sequence = replace(self._document.sequence, name=f"after {self.frames}")
        player.swap(self._film(replace(self._document, sequences=(sequence,))))
        player.pause()
        for place in range(10):
            player.seek(place * RATE * 2)
        for _ in range(10):
            player.step(-1)

    def rest(self) -> None:
        """Let the work in the background end, and give back what was freed."""
        self._files.decoders.finish()
        gc.collect()
        heap.give_back()

    def close(self) -> None:
        self._player.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QGuiApplication([])
    with tempfile.TemporaryDirectory() as folder:
        files = MediaFiles(Path(folder, "cache"))
        path = Path(folder, "film.mp4")
        write_film(path, FILM_SIZE, FILM_S)
        hour = Hour(film_of(files, path, FILM_SIZE), files)
        measure(hour, options.minutes)
        hour.close()
        files.close()
    del application


def measure(hour: Hour, minutes: float) -> None:
    process = psutil.Process()
    readings: list[tuple[float, int]] = []  # hours, bytes
    highest = 0
    before = process.cpu_times()
    for stretch in range(STRETCHES):
        for _ in range(PLAYS):
            hour.play(round(minutes * 60 * RATE / PLAYS / (STRETCHES - 1)))
            highest = max(highest, process.memory_info().rss)
            hour.rest()
            readings.append((hour.frames / RATE / 3600, process.memory_info().rss))
        print(f"{hour.frames} frames: {readings[-1][1]:,} bytes", file=sys.stderr, flush=True)
        if stretch == 0:
            before, hour.frames = process.cpu_times(), 0
            readings.clear()
    used = process.cpu_times()
    played_h = hour.frames / RATE / 3600
    hours, held = zip(*readings, strict=True)
    report(
        "memory over an hour of playing, editing and seeking",
        [statistics.linear_regression(hours, held).slope],
        unit="bytes an hour",
        goal=GOAL_BYTES,
        readings=held,
        highest_bytes=highest,
        cpu_s_a_frame=round((used.user + used.system - before.user - before.system) / hour.frames, 5),
        settings={"film": "x".join(map(str, FILM_SIZE)), "screen": f"{SCREEN.width}x{SCREEN.height}",
                  "minutes": round(played_h * 60, 1)},
    )  # fmt: skip


if __name__ == "__main__":
    main()
