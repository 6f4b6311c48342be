"""The real window with the real engine process, off screen, on folders of its own: to be driven by its commands.

Nothing is measured here.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

WAIT_S = 120.0
WIDTH, HEIGHT = 1600, 1000


@contextmanager
def scratch_folder() -> Generator[Path]:
    """A folder for all that the program keeps. To be entered before Qt is imported."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        for kind in ("CONFIG", "DATA", "CACHE", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = f"{folder}/{kind.lower()}"
        yield Path(folder)


class OpenWindow:
    """One window, shown in the Edit workspace. `name` is what the benchmark is called."""

    def __init__(self, name: str, folder: Path, backend: str = "test") -> None:
        from PySide6.QtCore import QSettings
        from PySide6.QtWidgets import QApplication

        from ltxdesktop.app import App
        from ltxdesktop.jobs.channel import engine_command
        from ltxdesktop.ui.collecting import Collecting

        self.application = QApplication([name])
        self.collecting = Collecting()  # as the program does
        self.collecting.start()
        settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
        command = engine_command(backends=[backend], store=str(folder / "store"), background=True)
        self.app = App(self.application, command, settings)
        self.app.start()
        self.app.window.resize(WIDTH, HEIGHT)
        self.app.window.show_workspace("edit")
        assert self.app.window.edit is not None
        self.edit = self.app.window.edit

    @property
    def platform(self) -> str:
        """What Qt draws on."""
        return self.application.platformName()

    def trigger(self, name: str) -> None:
        """Do what a command of the Edit workspace does."""
        self.edit.actions_by_name[name].trigger()

    def rest(self, seconds: float) -> None:
        """Let what is under way come to rest."""
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() > end)

    def until(self, so: Callable[[], bool]) -> None:
        """Run the event loop until it's so."""
        from PySide6.QtCore import QEventLoop

        last = time.perf_counter() + WAIT_S
        while not so():
            self.application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
            time.sleep(0.001)
            if time.perf_counter() > last:
                raise SystemExit("waited too long")

    def close(self) -> None:
        """As a person does who doesn't want to save; returns when the engine is gone too."""
        self.edit.project.mark_untouched()
        self.app.window.close()
        self.until(lambda: not self.app.link.process_id)
