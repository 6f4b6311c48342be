"""The loop in the Edit workspace: its panels, its desks and its commands, wired to the open project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDockWidget, QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, ItemId, Media, new_document
from ltxdesktop.document.time import parse_rate
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.project_files import ProjectFiles
from ltxdesktop.ui.editor.sources import Footage
from ltxdesktop.ui.jobs_panel import JobsPanel
from ltxdesktop.ui.loop.arriving import Arriving
from ltxdesktop.ui.loop.becoming import Becoming
from ltxdesktop.ui.loop.desk import LoopDesk
from ltxdesktop.ui.loop.panel import MakePanel
from ltxdesktop.ui.loop.takes_desk import TakesDesk
from ltxdesktop.ui.loop.takes_view import TakesView
from ltxdesktop.ui.memories import Memories
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.selection import Selection

PROJECT_NAME = "Untitled"


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
    """Panels (`make`, `jobs`, `takes_view`) for the docks, and the desks behind them. `close` when the window goes."""

    said = Signal(str)  # for the status bar
    make_asked = Signal()  # the Make panel is to come to the front

    def __init__(self, editor: Editor, session: EngineSession, memories: Memories) -> None:
        super().__init__(editor.window)
        self._editor = editor
        self.make = MakePanel(editor.look, memories.prompts)
        self.takes_view = TakesView(editor.look, editor.actions)
        self._session = session
        self.make.enhance.use(session, self.said.emit)
        self.jobs = self._jobs_panel(session)
        self.desk = LoopDesk(
            session, editor.project, editor.timeline, editor.selection, self.make, memories.waiting,
            self._path, editor.files.as_of_project, editor.files.keeping, lambda: editor.files.is_open, self,
        )  # fmt: skip
        editor.materials.presence_changed.connect(self.desk.refresh)
        self.takes = TakesDesk(
            editor.look, editor.actions, editor.project, editor.selection, self.takes_view,
            self.desk.submit, editor.footage, editor.materials, editor.program, editor.window,
        )  # fmt: skip
        for desk in (self.desk, self.takes):
            desk.said.connect(self.said)
        self.becoming = Becoming(editor.program, self)
        self.desk.previewed.connect(self.becoming.show)
        self.desk.preview_ended.connect(self.becoming.end)
        self.arriving = Arriving(
            editor.program, self.takes.audition, editor.timeline.go_to, lambda: self.make.wish.prompt, self
        )
        self._wire_arriving()
        self._go_to: int | None = None  # once the program shows the film as it is now
        self.desk.landed.connect(self._raise_takes)
        self.desk.placed.connect(self._note_placed)
        editor.program.player.opened.connect(self._go_behind_placed)
        editor.program.moved.connect(self.takes.follow)
        for name, call in (
            ("make.now", self.make.trigger),
            ("make.draft", partial(self.make.trigger, "draft")),
            ("make.panel", self._show_make),
            ("make.enhance", self._enhance),
        ):
            editor.actions.bind(name, call)
            editor.actions[name].setEnabled(True)
        editor.actions.keys_changed.connect(self._show_keys)
        self._show_keys()

    def _wire_arriving(self) -> None:
        editor, desk = self._editor, self.desk
        self._is_awaited = False
        desk.choosing.awaited = lambda: self._is_awaited
        desk.asked.connect(self.arriving.wait)
        desk.landing.connect(self._begin_landing)
        desk.laid.connect(self._end_landing)
        for done in (editor.timeline.scrubbed, editor.project.changed, editor.project.opened, editor.selection.changed):
            done.connect(self._go_on)

    def _go_on(self) -> None:
        """The person does something, unless it's the take itself that changes the film."""
        if not self.desk.is_landing:
            self.arriving.go_on()

    def _begin_landing(self) -> None:
        self._is_awaited = self.arriving.waited_for

    def _end_landing(self, clip_id: str) -> None:
        if self._is_awaited:
            self.arriving.arrive(self._editor.project.document.sequence, ItemId(clip_id))

    def _jobs_panel(self, session: EngineSession) -> JobsPanel:
        """The queue, with what can be done about it, so that nobody has to leave the timeline for that."""
        panel = JobsPanel(self._editor.look, session.jobs, with_keys=False)
        panel.cancel_requested.connect(session.cancel)
        panel.retry_requested.connect(session.retry)
        panel.move_requested.connect(session.move)
        panel.clear_requested.connect(session.clear_ended)
        panel.chosen.connect(self._say_of_job)
        session.view_changed.connect(self._count_jobs)
        return panel

    def _say_of_job(self, job: str) -> None:
        entry = self._session.jobs.entry(job)
        if entry is not None:
            self.said.emit(f"{entry.title}: {entry.status}")

    def _count_jobs(self) -> None:
        """On the tab, which may be behind another."""
        view, dock = self._session.view, self.jobs.parentWidget()
        if isinstance(dock, QDockWidget):
            dock.setWindowTitle(f"Jobs ({view.jobs})" if view.jobs else "Jobs")

    def place(self, take: Take, *, on_timeline: bool) -> None:
        """Put a result of the Generate workspace at the playhead, or into the media only.

        Where no project is open, a new one of its size and rate begins with it.
        """
        call = partial(self.desk.place if on_timeline else self.desk.keep, take)
        files = self._editor.files
        if files.is_open:
            call()
        else:
            files.new(_project_for(take), call)

    def close(self) -> None:
        """Answers that are still on their way find nobody; windows and threads of the loop go."""
        self.becoming.end()
        self.desk.close()
        self.takes.close_all()

    def _path(self, media: Media) -> str:
        """A media's file; "" if it's known to be missing. Asks no disk: the GUI thread would wait for it."""
        return "" if self._editor.materials.is_missing(media.id) else str(self._editor.files.locate(media))

    def _show_make(self) -> None:
        self.make_asked.emit()
        self.make.focus_prompt()

    def _enhance(self) -> None:
        """Where one sees it happen."""
        self.make_asked.emit()
        self.make.enhance.enhance()

    def _show_keys(self) -> None:
        keymap = self._editor.actions.keymap
        now, draft, enhance = ((*keymap.keys(f"make.{name}"), "")[0] for name in ("now", "draft", "enhance"))
        self.make.show_keys(now, draft, enhance)

    def _note_placed(self, frame: int) -> None:
        self._go_to = frame

    def _go_behind_placed(self) -> None:
        """The monitor can stand on frames of the film that it shows only, and gets the longer one on a thread."""
        frame, self._go_to = self._go_to, None
        if frame is not None:
            self._editor.timeline.go_to(frame)

    def _raise_takes(self, clip_id: str) -> None:
        """Where there is something to choose from now, the list comes to the front of its tabs."""
        clip, dock = self._editor.project.document.sequence.clip(ItemId(clip_id)), self.takes_view.parentWidget()
        chosen = clip is not None and clip.id in self._editor.selection.clips
        if clip is not None and chosen and len(clip.takes) > 1 and isinstance(dock, QDockWidget):
            dock.raise_()


def _project_for(take: Take) -> Document:
    """An empty project of a result's size and rate."""
    document, file = new_document(PROJECT_NAME), take.file
    rate = parse_rate(file.rate) if file.rate else document.sequence.rate
    size = (file.width // 2 * 2, file.height // 2 * 2) if file.width and file.height else None
    return edits.change_sequence(document, size=size, rate=rate)
