"""The whole program in a process of its own, for a test that kills it: a take lands, another job waits.

    python killed_loop.py FOLDER NAME

NAME is the program's. It saves the sample as FOLDER/film.otio, has a range made again, and asks for another that waits
for FOLDER/gate; when its place is written down it says "ready" and goes on until it's killed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop, QSettings, QStandardPaths
from PySide6.QtWidgets import QApplication

from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.ui.memories import WAITING

LANDS = "A blue box slides to the right."


def main(folder: Path, name: str) -> None:
    application = QApplication([])
    application.setApplicationName(name)  # so that it keeps its state where the test's own program looks for it
    settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    app = App(application, engine_command("", ["test"], str(folder / "store")), settings)
    app.start()
    app.window.show_workspace("edit")
    edit = app.window.edit
    assert edit is not None

    def until(so: Callable[[], bool]) -> None:
        while not so():
            application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)

    def ask(first: int, last: int, prompt: str) -> None:
        edit.project.edit("Mark", lambda document: edits.set_range(document, first, last))
        edit.make.write(prompt)
        until(lambda: edit.make.ready)
        edit.actions_by_name["make.now"].trigger()

    edit.open_sample()
    until(lambda: edit.project.document.sequence.duration > 0 and bool(app.session.backends))
    edit.files.save_as(folder / "film.otio")
    until(lambda: edit.project.path is not None)
    landed: list[str] = []
    edit.loop.landed.connect(landed.append)
    ask(20, 60, LANDS)
    until(lambda: bool(landed))
    ask(110, 150, json.dumps({"wait_at": "stage 1", "gate": str(folder / "gate")}))
    until(lambda: any(each.state == "running" for each in app.session.jobs.entries()))
    places = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation), WAITING)
    *_, asked = edit.loop._waiting
    until(lambda: places.exists() and asked.job in places.read_text(encoding="utf-8"))
    print("ready", flush=True)
    until(lambda: False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
