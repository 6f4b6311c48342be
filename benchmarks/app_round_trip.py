"""How long does a small message take from app to engine and back?  Goals: 100 µs for scripts, 200 µs through Qt.

Both go through all of the app's client (supervisor, calls, channel): `PlainEngine` over subprocess, `EngineLink` over
QProcess. The time is from asking to the reply being in the hands of whoever asked.
"""

from __future__ import annotations

import tempfile
import time

from _report import measure, report
from _window_side import Waiter, ended, started
from PySide6.QtCore import QObject, Slot

from engine.protocol.messages import Event, Ping, Pong
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.jobs.plain import PlainEngine
from ltxdesktop.ui.engine_link import EngineLink

TIMES = 3000
WARM_UP = 300


class PingPong(QObject):
    """Sends the next ping when the pong has come."""

    def __init__(self, link: EngineLink, waiter: Waiter) -> None:
        super().__init__()
        self._link, self._waiter = link, waiter
        self._sent_at = 0.0
        self.runs: list[float] = []
        link.received.connect(self.take)

    def begin(self) -> None:
        self._sent_at = time.perf_counter()
        self._link.send(Ping(call=1))

    @Slot(object, object)
    def take(self, event: Event, _: object) -> None:
        if isinstance(event, Pong):
            self.runs.append(time.perf_counter() - self._sent_at)
            if len(self.runs) < TIMES + WARM_UP:
                self.begin()
            else:
                self._waiter.quit()


def through_qt(store: str) -> list[float]:
    link = started(engine_command(backends=["test"], store=store))
    waiter = Waiter()
    player = PingPong(link, waiter)
    player.begin()
    waiter.run()
    ended(link)
    return player.runs[WARM_UP:]


def plain(store: str) -> list[float]:
    with PlainEngine(engine_command(backends=["test"], store=store)) as engine:
        return measure(lambda: engine.ask(Ping()), times=TIMES, warm_up=WARM_UP)


def main() -> None:
    with tempfile.TemporaryDirectory() as store:
        for what, runs, goal in (
            ("ping and pong, plain client", plain(store), 100.0),
            ("ping and pong, through QProcess", through_qt(store), 200.0),
        ):
            ordered = sorted(runs)
            report(
                what,
                [run * 1e6 for run in ordered[:: TIMES // 50]],
                unit="us",
                goal=goal,
                percentile_99=round(ordered[int(TIMES * 0.99)] * 1e6, 1),
                settings={"round trips": TIMES, "shown runs": "every 60th of all, sorted"},
            )


if __name__ == "__main__":
    main()
