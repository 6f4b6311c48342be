"""Builds the window's objects and hands them to each other. Nothing imports this file."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSettings, QStandardPaths, Qt, QTimer
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from ltxdesktop.diagnostics.keeping import KeptLog
from ltxdesktop.jobs.channel import engine_command, runs_elsewhere, with_models
from ltxdesktop.pack.errors import NoPack
from ltxdesktop.resources import BUNDLED, samples
from ltxdesktop.settings.declared import CACHE_FOLDER, ENGINE_COMMAND, MODELS_FOLDER, PROXY, SCREEN, THEME
from ltxdesktop.settings.errors import NotSaved
from ltxdesktop.settings.store import FILE_NAME, Settings
from ltxdesktop.settings.window import models_folder, use_proxy
from ltxdesktop.ui.collecting import Collecting
from ltxdesktop.ui.engine_link import EngineLink
from ltxdesktop.ui.icons import app_icon
from ltxdesktop.ui.main_window import WINDOW_GEOMETRY, MainWindow
from ltxdesktop.ui.monitor.sinks import WANTED, look_for_hardware
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.setup.in_use import theme_for
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.top_bar import RESTART
from ltxdesktop.ui.trust.windows import Trust
from ltxdesktop.ui.watchdog import Watchdog
from ltxdesktop.words import let_libraries_read_points

if TYPE_CHECKING:
    from ltxdesktop.ui.setup.engine_window import EngineWindow

SWITCH_S = 0.001  # so long does a thread that computes in Python keep the GUI thread waiting; Python itself: 5 ms


class App(QObject):
    """Everything that one running program consists of. Ends when its window is closed and the engine has gone."""

    def __init__(
        self,
        application: QApplication,
        command: list[str],
        settings: QSettings,
        choices: Settings | None = None,
        *,
        find_engine: Callable[[], list[str]] | None = None,
    ) -> None:
        """`settings` keeps how the window lies, `choices` what the person has set; None: nothing, and on no disk.

        `find_engine` looks for the engine again after it was installed; then `command` may be empty: there is none yet.
        """
        super().__init__()
        choices = choices or Settings(None)
        self._settings = settings
        application.setQuitOnLastWindowClosed(False)  # the engine is ended first
        application.setWindowIcon(app_icon())
        if sys.platform == "darwin":  # nobody else sends such events, and each one would pass through here
            application.installEventFilter(self)
        self.look = Look(application, theme_for(choices.get(THEME), application), parent=self)
        self._command, self._choices = command, choices
        use_proxy(choices.get(PROXY))
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
        self.trust = Trust(
            self.look, self.session, choices, state, self.window, command=lambda: self._command, names=self._names
        )
        self.trust.add_to(self.window.help_menu)
        self.window.closing.connect(self.trust.close)
        self.link.ready.connect(self.session.engine_ready)
        self.link.received.connect(self.session.receive)
        self.link.lost.connect(self._tell_lost)
        self.link.stopped.connect(application.quit)
        self._find_engine, self._has_engine = find_engine, bool(command)
        self._engine_window: EngineWindow | None = None
        self.window.restart_engine_requested.connect(self._restart)
        self.window.install_engine_requested.connect(self.install_engine)
        self.window.models_moved.connect(self._use_models)
        application.applicationStateChanged.connect(self._look_for_news)
        self.window.closing.connect(self.session.close)
        self.window.closing.connect(self.link.stop)
        self.window.closing.connect(self._look_for_hardware)

    def start(self, *, with_sample: bool = False) -> None:
        """Show the window first; the engine starts behind it. At the very first start there is something to try."""
        sys.setswitchinterval(SWITCH_S)
        self.window.show()
        self._settings.setValue(WINDOW_GEOMETRY, self.window.saveGeometry())  # a start after a crash is no first one
        if with_sample and (shipped := samples()):
            self.window.generate.open_sample(shipped[0])
            if self.window.edit is not None:
                self.window.edit.open_sample()
        if self._has_engine:
            self.link.start()
        else:
            self._tell_absent()
            self.install_engine()

    def _names(self) -> list[str]:
        """What the open project and its media are called: diagnostics take it out."""
        edit = self.window.edit
        if edit is None:
            return []
        document, path = edit.project.document, edit.project.path
        media = [name for each in document.media.values() for name in (each.name, each.path)]
        return [*([str(path), path.stem] if path is not None else []), document.name, *media]

    def install_engine(self) -> None:
        """Show the dialog that installs the engine of a bundle."""
        if self._engine_window is None:
            from ltxdesktop.ui.setup.engine_window import EngineWindow

            why = "" if self._has_engine else "There is none for this version of the program yet."
            self._engine_window = EngineWindow(self.look, why, self.window)
            self._engine_window.installed.connect(self._use_installed)
            self._engine_window.destroyed.connect(self._forget_engine_window)
        self._engine_window.show()
        self._engine_window.raise_()

    def _forget_engine_window(self) -> None:
        self._engine_window = None

    def _use_installed(self) -> None:
        """Start what was just installed; a running engine is ended first."""
        if self._find_engine is not None:
            self._command = self._find_engine()
            self.link.use(self._command)
            self._has_engine = True
            self.window.top.offer(RESTART)
            self.link.restart()

    def _use_models(self, folder: str) -> None:
        """The models have moved: that is kept, and the engine is started with the other folder."""
        if folder == self._choices.get(MODELS_FOLDER):
            return
        try:
            self._choices.set(MODELS_FOLDER, folder)
        except NotSaved as exc:
            self.window.banner.say(str(exc))
        self._command = with_models(self._command, folder)
        self.link.use(self._command)
        self.link.restart()

    def _restart(self) -> None:
        if self._has_engine:
            self.link.restart()
        else:
            self.install_engine()

    def _tell_absent(self) -> None:
        self.window.top.offer("Install it…")
        self.session.engine_lost("The engine isn't installed", given_up=True)

    def tell_start(self) -> None:
        """For benchmarks: paint, print how long the start took and what it holds, and end."""
        self.window.repaint()
        QTimer.singleShot(0, self, self._say_start)

    def _say_start(self) -> None:
        import psutil

        process = psutil.Process()
        facts = {
            "seconds": time.time() - process.create_time(),
            "bytes": process.memory_info().rss,
            "cpu": sum(process.cpu_times()[:2]),
        }
        print(json.dumps(facts), flush=True)
        self.window.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """macOS names the file to open by an event, also while the program runs."""
        if isinstance(event, QFileOpenEvent) and event.file():
            self.window.open_project(Path(event.file()))
            return True
        return super().eventFilter(watched, event)

    def _look_for_news(self, state: Qt.ApplicationState) -> None:
        """The person comes back, from a terminal or a file manager perhaps: models or a key may be there now."""
        if state == Qt.ApplicationState.ApplicationActive:
            self.session.look_for_news()

    def _look_for_hardware(self) -> None:
        """The window goes, so it holds up nobody: what OpenGL is here counts from the next start."""
        look_for_hardware(self._settings)

    def _tell_lost(self, words: str, given_up: bool) -> None:
        if given_up and BUNDLED and not runs_elsewhere(self._command):
            words = f"{words} Engine › Install the engine… makes it anew."
        self.session.engine_lost(words, given_up=given_up)


def run(options: argparse.Namespace) -> int:
    """Run the program until its window is closed; the exit status."""
    application = QApplication(sys.argv[:1])
    collecting = Collecting()
    collecting.start()
    let_libraries_read_points()
    application.setApplicationName("ltxdesktop")
    application.setOrganizationName("ltxdesktop")
    application.setDesktopFileName("ltxdesktop")
    settings = QSettings()
    config = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation))
    choices = Settings(config / FILE_NAME)
    kept_log = KeptLog(Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)))
    kept_log.start()
    command = options.engine or choices.get(ENGINE_COMMAND)
    find_engine = partial(
        engine_command, command, options.backend, options.store, models_folder(choices), background=True
    )
    try:
        words = find_engine()
    except NoPack:
        words = []
    app = App(application, words, settings, choices, find_engine=find_engine)
    named = Path(options.project).absolute() if options.command == "open" else None
    app.start(with_sample=named is None and not settings.contains(WINDOW_GEOMETRY))
    if named is not None:
        app.window.open_project(named)
    if os.environ.get("LTXDESKTOP_TELL_START"):
        app.tell_start()
    watchdog = Watchdog() if os.environ.get("LTXDESKTOP_WATCHDOG") else None
    status = application.exec()
    if watchdog is not None:
        watchdog.stop()
    collecting.stop()
    kept_log.stop()
    return status
