"""Builds the window's objects and hands them to each other. Nothing imports this file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, QStandardPaths
from PySide6.QtWidgets import QApplication

from ltxdesktop.jobs.channel import engine_command, runs_elsewhere
from ltxdesktop.resources import samples
from ltxdesktop.settings.declared import CACHE_FOLDER, ENGINE_COMMAND, MODELS_FOLDER, SCREEN, THEME
from ltxdesktop.settings.store import FILE_NAME, Settings
from ltxdesktop.ui.engine_link import EngineLink
from ltxdesktop.ui.icons import app_icon
from ltxdesktop.ui.main_window import WINDOW_GEOMETRY, MainWindow
from ltxdesktop.ui.monitor.sinks import WANTED, look_for_hardware
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.setup.in_use import theme_for
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.watchdog import Watchdog


class App(QObject):
    """Everything that one running program consists of. Ends when its window is closed and the engine has gone."""

    def __init__(
        self, application: QApplication, command: list[str], settings: QSettings, choices: Settings | None = None
    ) -> None:
        """`settings` keeps how the window lies, `choices` what the person has set; None: nothing, and on no disk."""
        super().__init__()
        choices = choices or Settings(None)
        self._application, self._settings = application, settings
        application.setQuitOnLastWindowClosed(False)  # the engine is ended first
        application.setWindowIcon(app_icon())
        self.look = Look(application, theme_for(choices.get(THEME), application), parent=self)
        self.link = EngineLink(command, self)
        self.session = EngineSession(self.link.send, self)
        places = QStandardPaths.StandardLocation
        state, cache = (
            Path(QStandardPaths.writableLocation(place)) for place in (places.AppDataLocation, places.CacheLocation)
        )
        if chosen := choices.get(CACHE_FOLDER):
            cache = Path(chosen).expanduser()
        settings.setValue(WANTED, choices.get(SCREEN))  # before the monitors are made
        elsewhere = runs_elsewhere(command)
        self.window = MainWindow(self.look, self.session, settings, state, cache, choices, elsewhere=elsewhere)
        self.link.ready.connect(self.session.engine_ready)
        self.link.received.connect(self.session.receive)
        self.link.lost.connect(self._tell_lost)
        self.link.stopped.connect(application.quit)
        self.window.restart_engine_requested.connect(self.link.restart)
        self.window.closing.connect(self.link.stop)
        self.window.closing.connect(self._look_for_hardware)

    def start(self, *, with_sample: bool = False) -> None:
        """Show the window first; the engine starts behind it. At the very first start there is something to try."""
        self.window.show()
        self._settings.setValue(WINDOW_GEOMETRY, self.window.saveGeometry())  # a start after a crash is no first one
        if with_sample and (shipped := samples()):
            self.window.open_sample(shipped[0])
            if self.window.edit is not None:
                self.window.edit.open_sample()
        self.link.start()

    def _look_for_hardware(self) -> None:
        """The window goes, so it holds up nobody: what OpenGL is here counts from the next start."""
        look_for_hardware(self._settings)

    def _tell_lost(self, words: str, given_up: bool) -> None:
        self.session.engine_lost(words, given_up=given_up)


def run(options: argparse.Namespace) -> int:
    """Run the program until its window is closed; the exit status."""
    application = QApplication(sys.argv[:1])
    application.setApplicationName("ltxdesktop")
    application.setOrganizationName("ltxdesktop")
    application.setDesktopFileName("ltxdesktop")
    settings = QSettings()
    config = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation))
    choices = Settings(config / FILE_NAME)
    command = options.engine or choices.get(ENGINE_COMMAND)
    models = str(Path(folder).expanduser()) if (folder := choices.get(MODELS_FOLDER)) else ""
    app = App(application, engine_command(command, options.backend, options.store, models), settings, choices)
    app.start(with_sample=not settings.contains(WINDOW_GEOMETRY))
    watchdog = Watchdog() if os.environ.get("LTXDESKTOP_WATCHDOG") else None
    status = application.exec()
    if watchdog is not None:
        watchdog.stop()
    return status
