"""Opening, saving and keeping safe the open project: all of it off the GUI thread, one thing after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document.model import Document, Media, MediaId, new_document
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.editor.materials import load_rooms
from ltxdesktop.ui.editor.open_project import OpenProject

if TYPE_CHECKING:
    from ltxdesktop.project.project import Project
    from ltxdesktop.project.recent import RecentProject, RecentProjects


class ProjectFiles(QObject):
    """Keeps the file of the open project. Every answer comes as a signal, on this thread."""

    opened = Signal()  # `project` holds another document now
    saved = Signal(object)  # Path
    failed = Signal(str, object)  # a sentence, the error
    noted = Signal(str)  # something about an opened file that a person should know
    recovery_found = Signal(object)  # project.Recovery: answer with `recover` or `discard_recovery`
    busy_changed = Signal(str)  # what is being done; "" = nothing
    recent_changed = Signal()
    found = Signal(object, int)  # media id -> path of files that were missing; how many still are
    _trouble = Signal(object)  # from the journal's thread

    def __init__(self, project: OpenProject, state: Path, parent: QObject | None = None) -> None:
        """`state`: the program's folder for journals of unnamed projects and the list of recent ones."""
        super().__init__(parent)
        self._project, self._state = project, state
        self._file: Project | None = None
        self._background = Background(threads=1, parent=self)
        self._recent: list[RecentProject] = []
        self._backups: int | None = None
        self._closing = False
        self._noted = 0  # index of the history's step that was noted last
        project.changed.connect(self._note)
        self._trouble.connect(self._tell_trouble)

    # What is open

    @property
    def is_open(self) -> bool:
        return self._file is not None

    @property
    def path(self) -> Path | None:
        """Where the project is saved; None while it has no name."""
        return self._file.path if self._file is not None and not self._file.is_untitled else None

    @property
    def recent(self) -> list[RecentProject]:
        return self._recent

    def locate(self, media: Media) -> Path:
        """Where a media's file lies (or should)."""
        return self._file.locate(media) if self._file is not None else Path(media.path)

    def as_of_project(self, media: Media) -> Media:
        """A media whose path is said the way the project says it."""
        return replace(media, path=self._file.path_for(Path(media.path))) if self._file is not None else media

    def keeping(self) -> Callable[[], None]:
        """A call for a worker thread that returns when the steps so far are safe from a crash."""
        return self._file.flush if self._file is not None else lambda: None

    def missing(self, document: Document) -> frozenset[MediaId]:
        """For a worker thread: which media's files aren't there."""
        return self._file.missing(document) if self._file is not None else frozenset()

    # Asked by a person

    def new(self, document: Document | None = None, then: Callable[[], None] | None = None) -> None:
        """Begin a project that has no name yet; it's kept safe from a crash all the same. `then` is called once it's
        open, and never if it can't be made."""
        made = document or new_document()

        def work() -> Project:
            from ltxdesktop.project.project import Project

            return Project.untitled(self._state, made, on_trouble=self._trouble.emit)

        def take(file: Project) -> None:
            self._take(file)
            if then is not None:
                then()

        self._run("Making a project…", work, take)

    def open(self, path: Path, *, by_force: bool = False) -> None:
        def work() -> Project:
            from ltxdesktop.project.project import Project

            return Project.open(path, self._state, by_force=by_force, on_trouble=self._trouble.emit)

        self._run(f"Opening {path.name}…", work, self._take)

    def take_over(self, path: Path) -> None:
        """Begin a project with another program's film. What couldn't be taken over is said by `noted`."""
        state, tell = self._state, self._trouble.emit

        def work() -> tuple[Project, tuple[str, ...]]:
            from ltxdesktop.project.interchange.exchange import import_film
            from ltxdesktop.project.project import Project

            project = Project.untitled(state, on_trouble=tell)
            try:
                imported = import_film(path, project.media_folder)
                project.document = imported.document
            except BaseException:
                project.discard()
                raise
            return project, imported.notes

        self._run(f"Opening {path.name}…", work, self._take_foreign)

    def _take_foreign(self, made: tuple[Project, tuple[str, ...]]) -> None:
        project, notes = made
        self._take(project)
        self._project.do("Take over", replace(project.document))
        for note in notes:
            self.noted.emit(note)

    def export(self, path: Path) -> None:
        """Write the open sequence for another program; the ending says which."""
        file, document = self._file, self._project.document
        if file is None:
            return

        def work() -> tuple[str, ...]:
            from ltxdesktop.project.interchange.exchange import export_film

            if path.suffix.lower() == ".otio":
                file.save_copy(document, path)
                return ()
            return export_film(document, path, file.locate).notes

        self._run("Exporting…", work, self._say_notes)

    def _say_notes(self, notes: tuple[str, ...]) -> None:
        if notes:
            self.noted.emit(" ".join(notes))
        else:
            self.busy_changed.emit("Exported; nothing was left out.")

    def find(self, missing: Iterable[MediaId], folder: Path) -> None:
        """Look for lost files in a folder, and where they're likely to be; `found` follows."""
        file, document = self._file, self._project.document
        lost = [document.media[each] for each in missing if each in document.media]
        if file is None or not lost:
            return

        def work() -> dict[MediaId, Path]:
            from ltxdesktop.project.relink import find, likely_folders

            folders = [folder, *likely_folders(document, file.media_folder)]
            return {media: match.path for media, match in find(lost, folders).items()}

        def tell(paths: dict[MediaId, Path]) -> None:
            self.found.emit(paths, len(lost) - len(paths))

        self._run("Looking for files…", work, tell)

    def relinked(self, document: Document, paths: Mapping[MediaId, Path]) -> Document:
        """The document with its media in other places."""
        from ltxdesktop.project.relink import relinked

        return relinked(document, paths, self._file.media_folder) if self._file is not None else document

    def save(self, *, over_changes: bool = False) -> None:
        """Save under the present name; without one `failed` isn't said: ask for a name first (`path` is None)."""
        file, document = self._file, self._project.document
        if file is None:
            return

        def work() -> Document:
            file.save(document, over_changes=over_changes)
            return document

        self._run("Saving…", work, self._take_saved)

    def save_as(self, path: Path) -> None:
        file, document = self._file, self._project.document
        if file is None:
            return

        def work() -> Document:
            file.save_as(document, path)
            return document

        self._run("Saving…", work, self._take_saved)

    def recover(self) -> None:
        """Take over the edits that a crash left behind."""
        file = self._file
        if file is not None:
            self._run("Recovering…", file.recover, self._take_recovered)

    def discard_recovery(self) -> None:
        file = self._file
        if file is not None:
            self._run("", file.discard_recovery, self._nothing)

    def read_recent(self) -> None:
        """Find out which projects were open last; `recent_changed` follows."""
        self._run("", self._all_recent, self._take_recent)

    def forget(self, path: Path) -> None:
        """Take a project off the list of recent ones."""

        def work() -> list[RecentProject]:
            self._list().forget(path)
            return self._all_recent()

        self._run("", work, self._take_recent)

    def throw_away(self, path: Path) -> None:
        """Remove work that was never saved and that a crash left behind."""

        def work() -> list[RecentProject]:
            from ltxdesktop.project.project import throw_away

            throw_away(path, self._state)
            return self._all_recent()

        self._run("", work, self._take_recent)

    def close_project(self, *, keep_edits: bool = False) -> None:
        """Let the file go. An unnamed project's edits are thrown away, unless they're to be kept."""
        file, self._file = self._file, None
        if file is not None:
            self._run("", lambda: _close(file, keep_edits=keep_edits), self._nothing)

    def close(self, *, keep_edits: bool = False) -> None:
        """The program ends: waits for what is being written."""
        self._closing = True
        file, self._file = self._file, None
        self._background.finish_and_close()
        if file is not None:
            _close(file, keep_edits=keep_edits)

    # Answers

    def keep_backups(self, newest: int) -> None:
        """How many of the newest saves are always kept."""
        self._backups = newest
        if self._file is not None:
            self._file.newest_backups = newest

    def _take(self, file: Project) -> None:
        before, self._file = self._file, file
        if self._backups is not None:
            file.newest_backups = self._backups
        if before is not None:
            self._run("", lambda: _close(before, keep_edits=False), self._nothing)
        self._noted = 0
        self._project.open(file.document, None if file.is_untitled else file.path)
        self.opened.emit()
        for note in file.notes:
            self.noted.emit(note)
        if file.read_only:
            self.noted.emit(f"This project can't be saved here: {file.read_only}. Save it under another name.")
        if file.recovery is not None:
            self.recovery_found.emit(file.recovery)
        self._remember()

    def _take_saved(self, document: Document) -> None:
        assert self._file is not None
        self._project.mark_saved(self._file.path, document)
        self.saved.emit(self._file.path)
        self._remember()

    def _take_recovered(self, document: Document) -> None:
        self._project.open(document, self.path, clean=False)
        self.opened.emit()

    def _take_recent(self, found: list[RecentProject]) -> None:
        self._recent = found
        self.recent_changed.emit()

    def _remember(self) -> None:
        path, name = self.path, self._project.document.name
        if path is None:
            return

        def work() -> list[RecentProject]:
            self._list().add(path, name)
            return self._all_recent()

        self._run("", work, self._take_recent)

    def _all_recent(self) -> list[RecentProject]:
        """For a worker thread: what a crash left behind without a name, then what was opened last."""
        from ltxdesktop.project.project import unsaved_projects
        from ltxdesktop.project.recent import left_behind

        return [*map(left_behind, unsaved_projects(self._state)), *self._list().all()]

    def _list(self) -> RecentProjects:
        from ltxdesktop.project.recent import RecentProjects

        return RecentProjects(self._state / "recent.json")

    def _note(self, before: Document, after: Document, name: str) -> None:
        """Keep a step safe from a crash. Previews of a drag are none."""
        history = self._project.history
        if self._file is None or history.dragging:
            return
        grown = bool(history.entry.merge) and history.index == self._noted
        self._noted = history.index
        self._file.note(name, after, grown=grown)

    def _run(self, words: str, work: Callable[[], object], done: Callable[..., None]) -> None:
        if words:
            self.busy_changed.emit(words)
            self._background.run(load_rooms, self._nothing, self._fail)  # `done` shows a film with them

        def finish(result: object) -> None:
            if words:
                self.busy_changed.emit("")
            done(result)

        self._background.run(work, finish, self._fail)

    def _fail(self, problem: Exception) -> None:
        self.busy_changed.emit("")
        self.failed.emit(str(problem), problem)

    def _tell_trouble(self, problem: Exception) -> None:
        self.failed.emit(str(problem), problem)

    def _nothing(self, result: object) -> None:
        """Done, and nobody waits for it."""


def _close(file: Project, *, keep_edits: bool) -> None:
    if file.is_untitled and not keep_edits:
        file.discard()
    else:
        file.close(keep_edits=keep_edits)
