"""How long from the engine having a 1080p picture to the window having it as a QImage, and how long is the window held?

Goals: 2 ms median hand-off, also with 100 progress events a second; no stall of the Qt loop above 20 ms. A stall is the
time from one tick of a timer of 1 ms to the next. On a machine that is full of other work it also holds the time that
others had the processor, so the most processor time that the window's thread used between two ticks is given, too.

First the link alone, then the whole window (off screen), which paints each picture in its monitor.
"""

from __future__ import annotations

import struct
import sys
import tempfile
import time
from pathlib import Path

from _report import report
from _window_side import Waiter, application, ended, started, wait_for
from PySide6.QtCore import QObject, QSettings, Qt, QTimer, Slot
from PySide6.QtGui import QImage

from engine.protocol.messages import Event, JobChanged, JobPreview, JobProgress, Running, Submit
from engine.protocol.work import TextToVideo
from ltxdesktop.app import App
from ltxdesktop.jobs.channel import Pixels
from ltxdesktop.ui.engine_link import EngineLink
from ltxdesktop.ui.previews import pictures_of
from ltxdesktop.ui.session import EngineSession

SECONDS = 8
WORK = TextToVideo(width=1920, height=1080, frames=9, rate="24")


class Watcher(QObject):
    """Takes what comes, and times every busy stretch of the event loop."""

    def __init__(self, link: EngineLink, waiter: Waiter, session: EngineSession | None) -> None:
        super().__init__()
        self._waiter = waiter
        self._copies = session is None  # else the window does, and what it has is looked at
        if session is not None:
            session.preview_arrived.connect(self.take_pictures)
        self.hand_offs_ms: list[float] = []
        self.gaps_ms: list[float] = []
        self.used_ms: list[float] = []
        self.progress = 0
        self._ticked_at = self._used_at = 0.0
        link.received.connect(self.take)
        self._ticks = QTimer(self)
        self._ticks.setTimerType(Qt.TimerType.PreciseTimer)
        self._ticks.timeout.connect(self.tick)
        self._ticks.start(1)

    @Slot(object, object)
    def take(self, event: Event, body: bytes | Pixels) -> None:
        match event:
            case JobPreview() if self._copies:
                if pictures := pictures_of(event, body):
                    self.take_pictures(event.job, pictures, 0.0)
            case JobProgress():
                self.progress += 1
            case JobChanged() if not isinstance(event.state, Running):
                self._waiter.quit()
            case _:
                pass

    @Slot(str, list, float)
    def take_pictures(self, _job: str, pictures: list[QImage], _rate: float) -> None:
        now = time.perf_counter_ns()
        first = [pictures[0].pixelColor(x, 0).getRgb()[:3] for x in range(3)]
        (then,) = struct.unpack_from("<Q", bytes(value for colour in first for value in colour))
        self.hand_offs_ms.append((now - then) / 1e6)

    @Slot()
    def tick(self) -> None:
        now, used = time.perf_counter(), time.thread_time()
        if self._ticked_at:
            self.gaps_ms.append((now - self._ticked_at) * 1e3)
            self.used_ms.append((used - self._used_at) * 1e3)
        self._ticked_at, self._used_at = now, used

    def stop(self) -> None:
        self._ticks.stop()


def run(progress_per_s: int, previews_per_s: int, *, window: bool = False) -> None:
    engine = Path(__file__).with_name("_preview_engine.py")
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, str(engine), store, str(SECONDS), str(progress_per_s), str(previews_per_s)]
        app: App | None = None
        if window:
            app = App(application, command, QSettings(str(Path(store, "settings.ini")), QSettings.Format.IniFormat))
            app.window.resize(1600, 1000)
            wait_for(app.session.capabilities_changed, app.start)
        link = app.link if app is not None else started(command)
        waiter = Waiter()
        watcher = Watcher(link, waiter, app.session if app is not None else None)
        link.send(Submit(call=1, job="shown", work=WORK))
        waiter.run(SECONDS * 4)
        watcher.stop()
        ended(link)
        if app is not None:
            app.window.close()
    settings = {
        "window": window,
        "progress events a second": progress_per_s,
        "previews a second": previews_per_s,
        "seconds": SECONDS,
    }
    facts = {"progress_events": watcher.progress, "previews": len(watcher.hand_offs_ms)}
    report("1080p preview from engine to QImage", watcher.hand_offs_ms, unit="ms", goal=2.0, settings=settings, **facts)
    gaps, used = sorted(watcher.gaps_ms), sorted(watcher.used_ms)
    report(
        "longest stall of the Qt loop",
        [gaps[-1]],
        unit="ms",
        goal=20.0,
        settings=settings,
        next_longest=[round(each, 2) for each in gaps[-4:-1]],
        most_processor_time=round(used[-1], 2),
        median_tick=round(gaps[len(gaps) // 2], 3),
        ticks=len(gaps),
        **facts,
    )


def main() -> None:
    run(progress_per_s=10, previews_per_s=10)
    run(progress_per_s=100, previews_per_s=10)
    run(progress_per_s=100, previews_per_s=50)
    run(progress_per_s=100, previews_per_s=10, window=True)


if __name__ == "__main__":
    main()
