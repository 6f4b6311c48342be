"""Does memory stay flat over an hour of use?  Goal: less than 5 MB an hour while playing.

An hour of playing is played as fast as it goes: the same player, renderer and decoders as in the window, with pictures
of a monitor's size and sound; the clock is moved on as soon as the picture that is due has been shown, so that none is
left out. Some 42 times there is an edit (the film is swapped under the clock), some seeks and steps back. After each of
seven stretches the player is closed, the caches are emptied, and what is then still in use is read: what the C library
has handed out and nobody gave back, and what Python holds. Growth is the slope of the line through these from the
second on. Resident memory stands beside it, as it is while playing (caches and decoded groups come and go by hundreds
of MB) and at rest.
CPU-seconds of a frame stand beside it: playing in time has 1/30 of them on each core.

    python benchmarks/memory_hour.py [--minutes 60]
"""

from __future__ import annotations

import argparse
import ctypes
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
        measure(film_of(files, path, FILM_SIZE), files, path, options.minutes)
        files.close()
    del application


class _Handed(ctypes.Structure):
    """glibc's struct mallinfo2, over the heaps of all threads."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    ]


def in_use() -> int:
    """Bytes that C has handed out, and those of Python's own blocks (taken as 64 bytes each)."""
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Handed
    handed = library.mallinfo2()
    return handed.uordblks + handed.hblkhd + 64 * sys.getallocatedblocks()


def measure(document: Document, files: MediaFiles, path: Path, minutes: float) -> None:
    process = psutil.Process()
    readings: list[tuple[float, int]] = []  # hours, bytes
    at_rest: list[int] = []
    frames = highest = 0
    before = process.cpu_times()
    for stretch in range(STRETCHES):
        hour = Hour(document, files)
        for _ in range(PLAYS):
            hour.play(round(minutes * 60 * RATE / PLAYS / (STRETCHES - 1)))
            highest = max(highest, process.memory_info().rss)
        hour.close()
        frames += hour.frames if stretch else 0
        files.decoders.finish()
        files.decoders.forget(path)
        del hour
        gc.collect()
        used = in_use()
        heap.give_back()
        print(f"{frames} frames: {used:,} bytes in use", file=sys.stderr, flush=True)
        if stretch == 0:  # what is made once is there now
            before = process.cpu_times()
        else:
            readings.append((frames / RATE / 3600, used))
            at_rest.append(process.memory_info().rss)
    spent = process.cpu_times()
    hours, held = zip(*readings, strict=True)
    report(
        "memory over an hour of playing, editing and seeking",
        [statistics.linear_regression(hours, held).slope],
        unit="bytes an hour",
        goal=GOAL_BYTES,
        readings=held,
        resident_at_rest=at_rest,
        resident_highest=highest,
        cpu_s_a_frame=round((spent.user + spent.system - before.user - before.system) / frames, 5),
        settings={"film": "x".join(map(str, FILM_SIZE)), "screen": f"{SCREEN.width}x{SCREEN.height}",
                  "minutes": round(hours[-1] * 60, 1)},
    )  # fmt: skip


if __name__ == "__main__":
    main()
