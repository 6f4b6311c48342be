"""Opens a film in a fresh process and prints which heavy rooms the GUI thread imported itself: run by a test."""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib.abc import MetaPathFinder
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

HEAVY = ("ltxdesktop.render", "ltxdesktop.media.files", "ltxdesktop.media.decoders", "ltxdesktop.project.project", "av")
PATIENCE_S = 300


class Witness(MetaPathFinder):
    """Finds nothing; notes who asks for what."""

    def __init__(self) -> None:
        self.by_gui: list[str] = []

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if threading.current_thread() is threading.main_thread() and name.startswith(HEAVY):
            self.by_gui.append(name)


def main(film: str, folder: str) -> None:
    application = QApplication([])
    from ltxdesktop.ui.editor.workspace import EditWorkspace
    from ltxdesktop.ui.theme import Look

    home = Path(folder)
    settings = QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat)
    edit = EditWorkspace(Look(application), settings, home / "state", home / "cache")
    edit.show()
    witness = Witness()
    sys.meta_path.insert(0, witness)
    edit.desk.begin([Path(film)], "Cold", place=True)
    end = time.monotonic() + PATIENCE_S
    while edit.program.view.picture.isNull() and time.monotonic() < end:
        application.processEvents()
    shown = not edit.program.view.picture.isNull()
    edit.close_all()
    print("shown" if shown else "not shown", *witness.by_gui, flush=True)
    os._exit(0)


main(*sys.argv[1:])
