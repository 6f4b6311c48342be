"""How fast is the timeline with 10,000 clips?  Goals: pan 4 ms, fit-all 10 ms, a drag step 16.7 ms (60 a second).

Every figure is what a person waits for: layout and painting together, in a widget 1,920 px wide. CPU milliseconds stand
beside the wall's, since neighbours disturb only the latter. 10 and 1,000 clips are measured too, so that growth shows.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from _report import report
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QWidget

from ltxdesktop.document.history import History
from ltxdesktop.document.model import (
    Clip,
    Document,
    ItemId,
    LinkId,
    Media,
    MediaId,
    MediaKind,
    Take,
    new_document,
    new_sequence,
)
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.requests import Move, Trim

SIZE = (1920, 560)
RATE = Fraction(25)
TRACKS = 4  # of picture, and as many of sound: every clip has its linked sound
MEDIA = 8
TIMES = 60


def film(clips: int) -> Document:
    """So many clips on 4 + 4 tracks, 2 to 6 s each, from eight sources."""
    media = [
        Media(
            MediaId(f"m{n}"),
            f"take {n}.mov",
            f"take {n}.mov",
            MediaKind.VIDEO,
            RATE,
            90_000,
            1920,
            1080,
            48000,
            172_800_000,
            2,
        )
        for n in range(MEDIA)
    ]
    sequence = new_sequence(video=TRACKS, audio=TRACKS)
    rows: list[list[Clip]] = [[] for _ in range(2 * TRACKS)]
    for n in range(clips // 2):
        take = Take(MediaId(f"m{n % MEDIA}"), Fraction(n % 1000))
        clip = Clip(ItemId(f"v{n}"), f"shot {n:05d}", 50 + n * 37 % 100, (take,), link=LinkId(f"l{n}"))
        rows[n % TRACKS].append(clip)
        rows[TRACKS + n % TRACKS].append(replace(clip, id=ItemId(f"a{n}")))
    tracks = tuple(replace(track, items=tuple(row)) for track, row in zip(sequence.tracks, rows, strict=True))
    return new_document("Benchmark", replace(sequence, tracks=tracks)).with_media(*media)


class Pictures:
    """Pictures and peaks that are all at hand: drawing them is what is measured."""

    def __init__(self) -> None:
        self._picture = QImage(114, 64, QImage.Format.Format_RGB32)
        self._picture.fill(QColor("#557799"))

    def picture(self, media: Media, at_s: Fraction, height_px: int) -> QImage | None:
        return self._picture

    def peaks(self, media: Media, first_s: Fraction, last_s: Fraction, columns: int) -> NDArray[np.float32] | None:
        high = np.abs(np.sin(np.linspace(float(first_s), float(last_s), columns, dtype=np.float32)))
        return np.stack([-high, high, high / 2], axis=1)


def timed(call: Callable[[int], object], *, times: int = TIMES, warm_up: int = 3) -> tuple[list[float], float]:
    """Wall milliseconds of each call, and the CPU milliseconds of an average one."""
    for step in range(warm_up):
        call(step)
    runs: list[float] = []
    cpu = time.process_time()
    for step in range(times):
        start = time.perf_counter()
        call(step + warm_up)
        runs.append((time.perf_counter() - start) * 1e3)
    return runs, (time.process_time() - cpu) / times * 1e3


def measure_film(clips: int, application: QApplication, look: Look) -> None:
    history = History(film(clips))
    window = QWidget()
    pictures = Pictures()
    actions = Actions(window)
    panel = TimelinePanel(look, history, actions, thumbnails=pictures, waveforms=pictures, parent=window)
    panel.resize(*SIZE)
    window.resize(*SIZE)
    window.show()
    application.processEvents()
    view = panel.view
    settings = {
        "clips": clips,
        "tracks": 2 * TRACKS,
        "size": f"{view.width()}x{view.height()}",
        "load": os.getloadavg()[0],
    }

    def pan(step: int) -> None:
        view.show_part(5000.0 + 40 * step, 2.0)
        view.repaint()

    whole = view.viewport.fitted(history.document.sequence.duration).frames_per_px

    def fit(step: int) -> None:
        view.show_part(0.0, whole * (1 + step / 1000))  # never the scale before: everything is drawn
        view.repaint()

    middle = history.document.sequence.tracks[0].items[clips // 2 // TRACKS // 2]
    others = (middle.id, ItemId(middle.id.replace("v", "a")))
    start = history.document.sequence.start_of(middle.id) or 0

    def drag(step: int) -> None:
        tried = view.preview(Move(others, 3 + step, 0))
        assert not tried.refused
        view.repaint()

    def trim(step: int) -> None:
        view.preview(Trim(middle.id, True, -1 - step % 20, ripple=True))
        view.repaint()

    def playhead(step: int) -> None:
        view.set_playhead(start + step)
        application.processEvents()

    questions: list[tuple[str, Callable[[int], object], float, bool]] = [
        ("pan", pan, 4.0, False),
        ("fit-all", fit, 10.0, False),
        ("drag step: move", drag, 16.7, True),
        ("drag step: ripple trim", trim, 16.7, True),
        ("playhead step", playhead, 4.0, True),
    ]
    for what, call, goal, at_middle in questions:
        if at_middle:
            view.show_part(max(0.0, start - 500.0), 2.0)
            view.repaint()
        runs, cpu = timed(call)
        report(f"timeline, {clips} clips: {what}", runs, unit="ms", goal=goal, settings=settings, cpu_ms=round(cpu, 2))
        view.show_document(history.document)
    window.close()


def main() -> None:
    application = QApplication(sys.argv[:1])
    look = Look(application)
    for clips in (10, 1_000, 10_000):
        measure_film(clips, application, look)


if __name__ == "__main__":
    main()
