"""The loop in the Edit workspace: its panels, its desks and its commands, wired to the open project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDockWidget, QWidget

from ltxdesktop.document.model import Document, ItemId, Media
from ltxdesktop.loop.pending import PendingTakes
from ltxdesktop.loop.prompts import PromptHistory
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.project_files import ProjectFiles
from ltxdesktop.ui.editor.sources import Footage
from ltxdesktop.ui.loop.desk import LoopDesk
from ltxdesktop.ui.loop.panel import MakePanel
from ltxdesktop.ui.loop.takes_desk import TakesDesk
from ltxdesktop.ui.loop.takes_view import TakesView
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.selection import Selection

WAITING = "takes.json"  # in the program's folder: which job belongs to which place
PROMPTS = "prompts.json"  # beside it: what was asked for before


@dataclass(frozen=True)
class Editor:
    """What of the Edit workspace the loop works with."""

    look: Look
    actions: Actions
    project: OpenProject
    files: ProjectFiles
    materials: Materials
    timeline: TimelinePanel
    selection: Selection
    program: EditMonitor
    footage: Callable[[Document], Footage]  # how a document is rendered
    window: QWidget


class LoopInEditor(QObject):
    """Panels (`make`, `takes_view`) for the docks, and the desks behind them. `close` before the window goes."""

    said = Signal(str)  # for the status bar
    make_asked = Signal()  # the Make panel is to come to the front

    def __init__(self, editor: Editor, session: EngineSession, state: Path) -> None:
        """`state`: the program's folder for what has to survive a crash."""
        super().__init__(editor.window)
        self._editor = editor
        self.make = MakePanel(editor.look, PromptHistory(state / PROMPTS))
        self.takes_view = TakesView(editor.look, editor.actions)
        self.desk = LoopDesk(
            session, editor.project, editor.timeline, editor.selection, self.make, PendingTakes(state / WAITING),
            self._path, editor.files.as_of_project, self,
        )  # fmt: skip
        editor.materials.presence_changed.connect(self.desk.refresh)
        self.takes = TakesDesk(
            editor.look, editor.actions, editor.project, editor.selection, self.takes_view,
            self.desk.submit, editor.footage, editor.materials, editor.program, editor.window,
        )  # fmt: skip
        for desk in (self.desk, self.takes):
            desk.said.connect(self.said)
        self.desk.previewed.connect(self._show_becoming)
        self.desk.landed.connect(self._raise_takes)
        editor.program.moved.connect(self.takes.follow)
        for name, call in (
            ("make.now", self.make.trigger),
            ("make.draft", partial(self.make.trigger, "draft")),
            ("make.panel", self._show_make),
        ):
            editor.actions.bind(name, call)
            editor.actions[name].setEnabled(True)

    def close(self) -> None:
        """Answers that are still on their way find nobody; windows and threads of the loop go."""
        self.desk.close()
        self.takes.close_all()

    def _path(self, media: Media) -> str:
        """A media's file; "" if it's known to be missing. Asks no disk: the GUI thread would wait for it."""
        return "" if self._editor.materials.is_missing(media.id) else str(self._editor.files.locate(media))

    def _show_make(self) -> None:
        self.make_asked.emit()
        self.make.focus_prompt()

    def _raise_takes(self, clip_id: str) -> None:
        """Where there is something to choose from now, the list comes to the front of its tabs."""
        clip, dock = self._editor.project.document.sequence.clip(ItemId(clip_id)), self.takes_view.parentWidget()
        if clip is not None and len(clip.takes) > 1 and isinstance(dock, QDockWidget):
            dock.raise_()

    def _show_becoming(self, picture: QImage | None) -> None:
        """What a running job has so far, over the program; its own picture again when the job has ended."""
        program = self._editor.program
        if program.player.playing or program.player.film is None:
            return
        if picture is not None:
            program.view.show_picture(picture, "Becoming")
        else:
            program.seek(program.frame)
