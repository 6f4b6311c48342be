"""What a person asks of projects: begin, open, save, leave, find lost files, hand on; and what they are asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import MediaId, Sequence, TrackKind, new_document
from ltxdesktop.resources import samples
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.dialogs import FilmDialog, ask, ask_unsaved
from ltxdesktop.ui.editor.importing import Folders, Importing
from ltxdesktop.ui.editor.materials import Imported, Materials
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.project_files import ProjectFiles
from ltxdesktop.ui.timeline.drops import parted
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.words import counted

if TYPE_CHECKING:
    from ltxdesktop.project.project import Recovery

PROJECTS = "Projects and timelines (*.otio *.xml *.edl);;All files (*)"
EXPORTS = (
    "Final Cut Pro 7 XML (*.xml);;CMX 3600 edit list (*.edl);;Final Cut Pro X XML (*.fcpxml);;OpenTimelineIO (*.otio)"
)

NEED_PROJECT = frozenset({"edit", "clip", "make", "sequence", "mark", "source"})  # groups of commands


class ProjectDesk(QObject):
    """Asks, and has `ProjectFiles` do it; hears what became of it."""

    said = Signal(str)  # for the status bar
    problem = Signal(str)  # what a person has to know
    title_changed = Signal()
    left = Signal()  # the project may go now: whoever shows it lets go of it
    sample_opened = Signal(str)  # words that go with the marked range of the sample

    def __init__(
        self, project: OpenProject, files: ProjectFiles, materials: Materials, importing: Importing,
        timeline: TimelinePanel, folders: Folders, window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._project, self._files, self._materials = project, files, materials
        self._importing, self._timeline, self._folders, self._window = importing, timeline, folders, window
        self._after_save: Callable[[], object] | None = None  # what a person wanted before it had to be saved
        files.saved.connect(self.say_saved)
        files.failed.connect(self.say_failed)
        files.noted.connect(self.problem)
        files.recovery_found.connect(self.offer_recovery)
        files.busy_changed.connect(self.said)
        files.found.connect(self.relink)

    @property
    def is_open(self) -> bool:
        """Whether there is a project."""
        return self._files.is_open

    def bind(self, actions: Actions) -> None:
        """Have the application's actions do all this."""
        calls: dict[str, Callable[[], object]] = {
            "project.new": self.new_project,
            "project.open": self.open_project,
            "project.save": self.save,
            "project.save_as": self.save_as,
            "project.close": self.close_project,
            "project.relink": self.find_missing,
            "project.export_timeline": self.export_timeline,
        }
        for name, call in calls.items():
            actions.bind(name, call)
        actions.bar(self._lacks_project)

    def _lacks_project(self, command: str) -> bool:
        """Whether a command would change a film that isn't there."""
        lacks = not self.is_open and command.partition(".")[0] in NEED_PROJECT
        if lacks:
            self.said.emit("Open a project first, or begin one.")
        return lacks

    def new_project(self) -> None:
        """Ask for a film, and begin."""
        if not self._may_leave(self.new_project):
            return
        dialog = FilmDialog(
            "New project", new_document().sequence, self._window.window(), name="Untitled", may_follow=True
        )
        if dialog.exec():
            self.begin_chosen(dialog.name.text(), dialog.sequence(), follows=dialog.follows.isChecked())

    def begin_chosen(self, name: str, sequence: Sequence, *, follows: bool) -> None:
        """A new project as a person has said; `follows`: the first films decide its size and rate."""
        if not follows:
            self._importing.keep_format(sequence)
        self._files.new(new_document(name.strip() or "Untitled", sequence))

    def open_project(self) -> None:
        if not self._may_leave(self.open_project):
            return
        path, _ = QFileDialog.getOpenFileName(self._window, "Open", self._folders.of("project"), PROJECTS)
        if path:
            self._folders.remember("project", Path(path).parent)
            self.open_path(Path(path))

    def open_path(self, path: Path) -> None:
        """A project, or another program's film, which becomes a project without a name."""
        if path.suffix.lower() == ".otio":
            self._files.open(path)
        else:
            self._files.take_over(path)

    def export_timeline(self) -> None:
        """Write the open sequence for another program."""
        if not self.is_open:
            return
        start = str(Path(self._folders.of("export"), f"{self._project.name}.xml"))
        path, kind = QFileDialog.getSaveFileName(self._window, "Export timeline", start, EXPORTS)
        if path:
            ending = kind[kind.find("*") + 1 : kind.rfind(")")]
            chosen = Path(path) if Path(path).suffix else Path(f"{path}{ending}")
            self._folders.remember("export", chosen.parent)
            self._files.export(chosen)

    def find_missing(self) -> None:
        """Look for files that were moved, in a folder that a person names and in those that are likely."""
        if not self._materials.missing:
            self.said.emit("No file is missing.")
            return
        folder = QFileDialog.getExistingDirectory(self._window, "Look for missing files in", self._folders.of("import"))
        if folder:
            self._files.find(self._materials.missing, Path(folder))

    def relink(self, found: dict[MediaId, Path], still: int) -> None:
        if found:
            words = f"Found {counted(len(found), 'file')}"
            self._project.edit(words, lambda document: self._files.relinked(document, found))
        self.said.emit(f"{counted(len(found), 'file')} found, {still} still missing")

    def open_sample(self) -> None:
        """A project with the clips that come with the program, one behind the other; the middle of the first is marked
        and words for it are written, so that one button shows what this is for."""
        self.begin([sample.clip for sample in samples()], "Sample", place=True, mark=True)

    def mark_sample(self) -> None:
        """The middle half of the first clip, and the words that come with it."""
        clip = next(iter(self._project.document.sequence.of_kind(TrackKind.VIDEO)[0].clips), None)
        if clip is None:
            return
        first, last = clip.duration // 4, clip.duration * 3 // 4
        self._project.edit("Mark", lambda document: edits.set_range(document, first, last))
        self._timeline.go_to(first)
        self.sample_opened.emit(samples()[0].prompt)

    def begin_with_files(self, paths: list[Path]) -> None:
        projects = [path for path in paths if path.suffix.lower() in (".otio", ".xml", ".edl")]
        if projects:
            self.open_path(projects[0])
        else:
            self.begin(paths, "Untitled", place=False)

    def begin(self, paths: list[Path], name: str, *, place: bool, mark: bool = False) -> None:
        """A new project, and these files in it once it's open; on its timeline too, and marked as the sample is."""
        subtitles, others = parted(paths)

        def fill() -> None:
            self._materials.import_files(others, added)

        def added(imported: Imported) -> None:
            media = self._importing.add(imported)
            if place and media:
                self._importing.append_media(media)
                self._timeline.view.zoom_to_fit()
            if mark:
                self.mark_sample()
                self._project.mark_untouched()
            self._importing.import_paths(subtitles)

        self._files.new(new_document(name), fill)

    def save(self) -> None:
        if self._files.path is None:
            self.save_as()
        else:
            self._files.save()

    def save_as(self) -> None:
        if not self.is_open:
            return
        name = f"{self._project.name}.otio"
        start = str(Path(self._folders.of("project"), name)) if self._files.path is None else str(self._files.path)
        path, _ = QFileDialog.getSaveFileName(self._window, "Save as", start, "Projects (*.otio)")
        if path:
            chosen = Path(path) if path.lower().endswith(".otio") else Path(f"{path}.otio")
            self._folders.remember("project", chosen.parent)
            self._files.save_as(chosen)
        else:
            self._after_save = None

    def close_project(self) -> None:
        if self.is_open and self._may_leave(self.close_project):
            self.left.emit()

    def may_close(self) -> bool:
        """Whether the window may go: asks what to do with unsaved work. After saving it's closed by itself."""
        return self._may_leave(self._window.window().close)

    def _may_leave(self, again: Callable[[], object]) -> bool:
        """Whether the project may be left now. Where it has to be saved first, `again` is called when that's done."""
        if not self.is_open or self._project.clean:
            return True
        match ask_unsaved(self._window.window(), self._project.name):
            case "save":
                self._after_save = again
                self.save()
                return False
            case "discard":
                return True
            case "cancel":
                return False

    def say_saved(self, path: Path) -> None:
        self.said.emit(f"Saved {path.name}")
        self.title_changed.emit()
        again, self._after_save = self._after_save, None
        if again is not None:
            again()

    def say_failed(self, words: str, problem: Exception) -> None:
        from ltxdesktop.project.errors import ChangedElsewhere, ProjectInUse

        self._after_save = None
        if isinstance(problem, ChangedElsewhere) and ask(
            self._window.window(), "Changed elsewhere", words, "Save over it", "Don't save"
        ):
            self._files.save(over_changes=True)
        elif isinstance(problem, ProjectInUse) and not problem.certain:
            if ask(self._window.window(), "In use", words, "Open all the same", "Don't open"):
                self._files.open(problem.path, by_force=True)
        elif not isinstance(problem, ChangedElsewhere):
            self.problem.emit(words)

    def offer_recovery(self, recovery: Recovery) -> None:
        if ask(self._window.window(), "Unsaved work was found", recovery.sentence(), "Recover it", "Forget it"):
            self._files.recover()
        else:
            self._files.discard_recovery()

    def throw_away(self, path: Path) -> None:
        words = "This work was never saved. Once it is thrown away nothing brings it back."
        if ask(self._window.window(), "Throw away", words, "Throw it away", "Keep it"):
            self._files.throw_away(path)
