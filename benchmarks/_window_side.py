"""What benchmarks of the window's side share: a Qt application off screen and an `EngineLink` whose events are kept."""

from __future__ import annotations

import os
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from ltxdesktop.ui.engine_link import EngineLink

application = QApplication.instance() or QApplication([])


class Waiter(QObject):
    """Runs the event loop until somebody says so."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = QEventLoop(self)

    def run(self, limit_s: float = 60.0) -> None:
        QTimer.singleShot(round(limit_s * 1000), self._loop, self._too_late)
        self._loop.exec()

    def quit(self, *_: object) -> None:
        self._loop.quit()

    def _too_late(self) -> None:
        raise SystemExit("waited too long for the engine")


def started(command: list[str]) -> EngineLink:
    """A link whose engine is ready."""
    link = EngineLink(command)
    wait_for(link.ready, link.start)
    return link


def ended(link: EngineLink) -> None:
    wait_for(link.stopped, link.stop)


def wait_for(signal: object, begin: Callable[[], None]) -> None:
    waiter = Waiter()
    signal.connect(waiter.quit)
    QTimer.singleShot(0, begin)
    waiter.run()
