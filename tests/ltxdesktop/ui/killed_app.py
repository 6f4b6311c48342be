"""The whole program in a process of its own, for tests that kill it: asks for one paid clip, and ends with its take.

    python killed_app.py FOLDER PICTURE

Everything lies in FOLDER. A second start finds the job of the first and only waits for it. The take's path is the one
line that it prints.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QApplication

from engine.protocol.work import ImageToVideo, Keyframe
from ltxdesktop.app import App
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.models.take_list import Take


class Person(QObject):
    """Asks once, when the list of jobs is there, and leaves when there is a take."""

    def __init__(self, app: App, picture: Path) -> None:
        super().__init__()
        self._app, self._picture, self._asked = app, picture, False
        app.session.capabilities_changed.connect(self._ask)
        app.session.takes.rowsInserted.connect(self._leave)

    def _ask(self) -> None:
        asked = self._picture.with_suffix(".asked")  # this person's memory
        if asked.exists():
            return
        asked.touch()
        picture = Keyframe(image=str(self._picture))
        work = ImageToVideo(
            width=256, height=144, frames=9, rate="24", keyframes=(picture,), prompt="a private prompt",
            backend="remote", model="ltx-2-3-pro", may_leave=True,
        )  # fmt: skip
        self._app.session.submit(work, "a clip")

    def _leave(self) -> None:
        take: Take = self._app.session.takes.takes()[0]
        print(take.file.path, flush=True)
        self._app.window.close()


def main(folder: Path, picture: Path) -> int:
    application = QApplication([])
    kept = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
    kept.setValue("window/workspace", "generate")
    command = engine_command(backends=["remote"], store=str(folder / "store"))
    app = App(application, command, kept, Settings(folder / "settings.toml"))
    person = Person(app, picture)
    app.start()
    status = application.exec()
    person.deleteLater()
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
