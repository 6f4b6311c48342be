"""Builds the window's objects and hands them to each other. Nothing imports this file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, QStandardPaths
from PySide6.QtWidgets import QApplication

from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.resources import samples
from ltxdesktop.ui.engine_link import EngineLink
from ltxdesktop.ui.icons import app_icon
from ltxdesktop.ui.main_window import WINDOW_GEOMETRY, MainWindow
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.watchdog import Watchdog


class App(QObject):
    """Everything that one running program consists of. Ends when its window is closed and the engine has gone."""

    def __init__(self, application: QApplication, command: list[str], settings: QSettings) -> None:
        super().__init__()
        self._application, self._settings = application, settings
        application.setQuitOnLastWindowClosed(False)  # the engine is ended first
        application.setWindowIcon(app_icon())
        self.look = Look(application, parent=self)
        self.link = EngineLink(command, self)
        self.session = EngineSession(self.link.send, self)
        places = QStandardPaths.StandardLocation
        state, cache = (
            Path(QStandardPaths.writableLocation(place)) for place in (places.AppDataLocation, places.CacheLocation)
        )
        self.window = MainWindow(self.look, self.session, settings, state, cache)
        self.link.ready.connect(self.session.engine_ready)
        self.link.received.connect(self.session.receive)
        self.link.lost.connect(self._tell_lost)
        self.link.stopped.connect(application.quit)
        self.window.restart_engine_requested.connect(self.link.restart)
        self.window.closing.connect(self.link.stop)

    def start(self, *, with_sample: bool = False) -> None:
        """Show the window first; the engine starts behind it. At the very first start there is something to try."""
        self.window.show()
        self._settings.setValue(WINDOW_GEOMETRY, self.window.saveGeometry())  # a start after a crash is no first one
        if with_sample and (shipped := samples()):
            self.window.open_sample(shipped[0])
            if self.window.edit is not None:
                self.window.edit.open_sample()
        self.link.start()

    def _tell_lost(self, words: str, given_up: bool) -> None:
        self.session.engine_lost(words, given_up=given_up)


def run(options: argparse.Namespace) -> int:
    """Run the program until its window is closed; the exit status."""
    application = QApplication(sys.argv[:1])
    application.setApplicationName("ltxdesktop")
    application.setOrganizationName("ltxdesktop")
    application.setDesktopFileName("ltxdesktop")
    settings = QSettings()
    app = App(application, engine_command(options.engine, options.backend, options.store), settings)
    app.start(with_sample=not settings.contains(WINDOW_GEOMETRY))
    watchdog = Watchdog() if os.environ.get("LTXDESKTOP_WATCHDOG") else None
    status = application.exec()
    if watchdog is not None:
        watchdog.stop()
    return status
