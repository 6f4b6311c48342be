"""An open project: its document, saving it, the journal of what isn't saved yet, and what a crash left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ltxdesktop.document.mending import mended
from ltxdesktop.document.model import Document, Media, MediaId, new_document
from ltxdesktop.document.otio.read import Reading
from ltxdesktop.document.otio.write import to_text
from ltxdesktop.project.atomic import remove_parts, write_atomically
from ltxdesktop.project.backups import NEWEST, Backup, backups_in, keep
from ltxdesktop.project.errors import (
    BrokenProject,
    ChangedElsewhere,
    NoSuchProject,
    NotWritable,
    ProjectError,
    ProjectInUse,
    writing_error,
)
from ltxdesktop.project.journal import Edit, Journal, digest_of, edits_after, replay
from ltxdesktop.project.lock import Lock
from ltxdesktop.project.places import Places, as_written, located, places_of, rebased
from ltxdesktop.project.reading import bytes_of, candidates, reading_of, reading_or_backup

ENDING: Final = ".otio"
_UNSAVED: Final = "unsaved"  # folder of projects that nobody has given a name yet


@dataclass(frozen=True, slots=True)
class Recovery:
    """Edits that were made and not saved when the program ended without saying good-bye."""

    edits: int
    first: datetime
    last: datetime
    names: tuple[str, ...]  # of the last few edits, newest last
    base: Path  # the file that they come on top of: the project, or a backup of it

    def sentence(self) -> str:
        """What would be recovered, for the person."""
        what = "1 edit" if self.edits == 1 else f"{self.edits} edits"
        last = self.last.astimezone()
        is_today = last.date() == datetime.now().astimezone().date()  # where the person is
        when = f"at {last:%H:%M:%S}" if is_today else f"on {last:%d %B at %H:%M}"
        return f"The program ended before {what} could be saved; the last was made {when}."


@dataclass(frozen=True, slots=True)
class _State:
    """The file as it was last read or written here: tells whether somebody else has written it since."""

    modified_ns: int
    size: int

    @classmethod
    def of(cls, path: Path) -> _State | None:
        try:
            facts = path.stat()
        except OSError:
            return None
        return cls(facts.st_mtime_ns, facts.st_size)


class Project:
    """One open project. Made by `open`, `create` or `untitled`; ended by `close`.

    `document` is what was opened; the live one belongs to the history of edits, which tells the project of each edit by
    `note`. Media paths of live documents are relative to `media_folder`, which stays the same when the project is
    saved under another name, so that the history stays good.

    `note` and `locate` return at once; all else may read and write, and belongs off the GUI thread.
    """

    def __init__(
        self,
        path: Path,
        state: Path,
        reading: Reading,
        data: bytes | None,
        *,
        places: Places | None,
        lock: Lock | None,
        read_only: str = "",
        on_trouble: Callable[[ProjectError], None] | None = None,
    ) -> None:
        self.path = path
        self.media_folder = path.parent
        self.document = reading.document
        self.notes = reading.notes
        self.unseen = reading.unseen
        self.foreign = not reading.ours
        self.read_only = read_only  # why it can't be saved here; "" = it can
        self.recovery: Recovery | None = None
        self.newest_backups = NEWEST  # always kept, whatever their age
        self.is_untitled = path.parent.parent == state / _UNSAVED
        self._state_folder = state
        self._on_trouble = on_trouble
        self._places = places
        self._lock = lock
        self._journal: Journal | None = None
        self._found: tuple[Document, str, list[Edit]] | None = None  # base document, its digest, edits after it
        self._on_disk = _State.of(path)
        self._digest = digest_of(data) if data is not None else ""
        self._noted: tuple[str, Document] | None = None  # the newest edit
        self._guard = threading.RLock()  # around `_journal`: edits are noted while another thread saves

    # ---- opening -----------------------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        path: Path,
        state: Path,
        *,
        by_force: bool = False,
        on_trouble: Callable[[ProjectError], None] | None = None,
    ) -> Project:
        """Open a `.otio` file of ours or of another tool. `state` is the program's folder for its own state.

        Look at `recovery` (edits that a crash left behind), `notes` and `read_only` afterwards. `by_force` opens what
        is said to be in use where nobody can tell (`ProjectInUse.certain` is False). A damaged file is replaced by its
        newest good backup, with a note. Raises NoSuchProject, NotReadable, BrokenProject, ProjectInUse.
        """
        path = path.absolute()
        if not path.exists():
            raise NoSuchProject(path)
        places, lock = _claim(path, state, by_force=by_force)
        try:
            if lock is not None:
                remove_parts(path)
            data = bytes_of(path)
            reading, used = reading_or_backup(path, data, places)
            why = _why_read_only(path)
            project = cls(path, state, reading, used, places=places, lock=lock, read_only=why, on_trouble=on_trouble)
            project._look_for_unsaved_edits(data)
            if project.recovery is None:
                project._journal_or_new()
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return project

    @classmethod
    def create(
        cls,
        path: Path,
        document: Document,
        state: Path,
        *,
        on_trouble: Callable[[ProjectError], None] | None = None,
    ) -> Project:
        """A new project file; one that is there already becomes a backup. Raises as `save` does, and ProjectInUse."""
        path = path.absolute()
        places, lock = _claim(path, state)
        reading = Reading(document, ours=True)
        project = cls(path, state, reading, None, places=places, lock=lock, on_trouble=on_trouble)
        try:
            project.save(document, over_changes=True)
        except BaseException:
            project.close()
            raise
        return project

    @classmethod
    def untitled(
        cls,
        state: Path,
        document: Document | None = None,
        *,
        on_trouble: Callable[[ProjectError], None] | None = None,
    ) -> Project:
        """A project that has no name yet, kept safe in the program's own folder until it gets one."""
        folder = state / _UNSAVED / uuid.uuid4().hex[:12]
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise writing_error(folder, error) from error
        return cls.create(folder / f"Untitled{ENDING}", document or new_document(), state, on_trouble=on_trouble)

    # ---- while it is open --------------------------------------------------------------------------------------------

    def note(self, name: str, document: Document, *, grown: bool = False) -> None:
        """An edit was made (or undone): keep it safe from a crash. Returns at once.

        `grown`: it goes on with the person's last step (the next letter of a title) and isn't another one. Edits of an
        earlier session that nobody decided about are set aside in the project's work folder.
        """
        with self._guard:
            self._noted = name, document
            journal = self._journal_or_new()
            if journal is not None:
                journal.note(name, self._as_file(document, self.path), grown=grown)

    def flush(self) -> None:
        """Return when the edits that were noted are on the disk, or couldn't be written. From any thread."""
        with self._guard:
            journal = self._journal
        if journal is not None:
            journal.flush()

    def locate(self, media: Media) -> Path:
        """Where the file of a media should be."""
        return located(media.path, self.media_folder)

    def path_for(self, file: Path) -> str:
        """How the document of this project says a file's path."""
        return as_written(file.absolute(), self.media_folder)

    def missing(self, document: Document) -> frozenset[MediaId]:
        """The media whose files aren't where the document says."""
        return frozenset(key for key, media in document.media.items() if not _is_there(media, self.locate(media)))

    # ---- after a crash -----------------------------------------------------------------------------------------------

    def recover(self) -> Document:
        """The document with the edits that were never saved; they stay in the journal until it is saved."""
        assert self._found is not None
        base, digest, edits = self._found
        document, _ = mended(replay(base, edits)[0])
        with self._guard:
            self.recovery = self._found = None
            self._digest, self.document = digest, document
            self._journal = self._new_journal(digest, base, document, sum(edit.count for edit in edits))
        return document

    def discard_recovery(self) -> None:
        """The person doesn't want the edits of the earlier session."""
        self.recovery = self._found = None
        self._journal_or_new()

    # ---- saving ------------------------------------------------------------------------------------------------------

    def save(self, document: Document, *, over_changes: bool = False) -> None:
        """Write the project file; the file before it becomes a backup.

        Raises NotWritable, DiskFull, and ChangedElsewhere unless `over_changes`; then the file on disk is as it was and
        the journal still holds every edit.
        """
        if self.read_only:
            raise NotWritable(self.path, self.read_only)
        if not over_changes and self._on_disk != _State.of(self.path):
            raise ChangedElsewhere(self.path)
        written = self._as_file(document, self.path)
        data = to_text(written).encode("utf-8")
        digest = digest_of(data)
        journal = self._journal_or_new()
        if journal is not None:
            journal.saving(digest, written)
        self._keep_backup()
        write_atomically(self.path, data)
        self._on_disk = _State.of(self.path)
        self._digest = digest
        self.document = document
        if journal is not None:
            journal.saved(digest, written)

    def save_as(self, document: Document, path: Path) -> None:
        """Go on under another name. Media stay where they are; the file says where that is from its new place.

        Raises as `save`, and ProjectInUse; then the project goes on under its old name.
        """
        path = path.absolute()
        if path == self.path:
            self.save(document, over_changes=True)
            return
        new = Project.create(path, self._as_file(document, path), self._state_folder, on_trouble=self._on_trouble)
        left = self.path.parent if self.is_untitled else None
        with self._guard:
            self.close()
            self.path, self.read_only, self.is_untitled = path, "", False
            self._places, self._lock, self._journal = new._places, new._lock, new._journal
            self._on_disk, self._digest, self.document = new._on_disk, new._digest, document
            if self._noted is not None and self._noted[1] is not document:  # edited meanwhile
                self.note(*self._noted)
        if left is not None:
            shutil.rmtree(left, ignore_errors=True)

    def save_copy(self, document: Document, path: Path) -> None:
        """Write the project under another name and go on under the present one. Raises NotWritable, DiskFull."""
        path = path.absolute()
        write_atomically(path, to_text(self._as_file(document, path)).encode("utf-8"))

    def backups(self) -> list[Backup]:
        """Earlier saves, newest first; `reading.read_project` reads one."""
        return backups_in(self._places.backups) if self._places is not None else []

    def close(self, *, keep_edits: bool = False) -> None:
        """End. The journal goes too, unless `keep_edits`: the next opening then offers them."""
        with self._guard:
            if self._journal is not None:
                self._journal.close(remove=not keep_edits)
                self._journal = None
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def discard(self) -> None:
        """Close a project that never got a name, and remove it."""
        assert self.is_untitled
        self.close()
        shutil.rmtree(self.path.parent, ignore_errors=True)

    # ---- within ------------------------------------------------------------------------------------------------------

    def _as_file(self, document: Document, path: Path) -> Document:
        return rebased(document, self.media_folder, path.parent)

    def _journal_or_new(self) -> Journal | None:
        with self._guard:
            if self._journal is None:
                if self.recovery is not None:
                    self._set_aside()
                self._journal = self._new_journal(self._digest, self._as_file(self.document, self.path))
            return self._journal

    def _new_journal(
        self, digest: str, document: Document, newest: Document | None = None, edits: int = 0
    ) -> Journal | None:
        if self._places is None or self._lock is None:
            return None
        path = self._places.journal
        try:
            return Journal(path, digest, document, newest=newest, edits=edits, on_trouble=self._on_trouble)
        except ProjectError as error:
            if self._on_trouble is not None:
                self._on_trouble(error)
            return None

    def _set_aside(self) -> None:
        """Keep a journal that nobody decided about under another name."""
        assert self._places is not None
        aside = self._places.journal.with_name(f"journal {datetime.now(UTC):%Y-%m-%d %H-%M-%S}")
        with contextlib.suppress(OSError):
            self._places.journal.replace(aside)
        self.recovery = self._found = None

    def _keep_backup(self) -> None:
        if self._places is not None:
            try:
                keep(self.path, self._places.backups, datetime.now(UTC), self.newest_backups)
            except OSError as error:
                raise writing_error(self.path, error) from error

    def _look_for_unsaved_edits(self, data: bytes) -> None:
        """Find edits in the journal that come on top of the file, or of its newest backup that fits."""
        if self._places is None:
            return
        try:
            journal = self._places.journal.read_bytes()
        except OSError:
            return
        for path, content in candidates(self.path, data, self._places):
            digest = digest_of(content)
            edits = edits_after(journal, digest)
            if edits is None:
                continue
            try:
                base = reading_of(path, content).document
            except BrokenProject:
                continue
            document, applied = replay(base, edits)
            if applied and document not in (base, self.document):
                self._found = base, digest, edits[:applied]
                self.recovery = _recovery(edits[:applied], path)
            return


def unsaved_projects(state: Path) -> list[Path]:
    """Projects without a name that an ended session left behind, newest first. Those open elsewhere aren't listed."""
    found: list[Path] = []
    with contextlib.suppress(OSError):
        for path in (state / _UNSAVED).glob(f"*/*{ENDING}"):
            with contextlib.suppress(ProjectInUse, OSError):
                Lock.take(places_of(path, state).lock, path).release()
                found.append(path)
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def throw_away(path: Path, state: Path) -> None:
    """Remove a project without a name that an ended session left behind. Raises ProjectInUse, NotWritable."""
    if path.parent.parent != state / _UNSAVED:
        raise ValueError(f"{path} is no project without a name")
    Lock.take(places_of(path, state).lock, path).release()
    try:
        shutil.rmtree(path.parent)
    except OSError as error:
        raise writing_error(path.parent, error) from error


def _claim(path: Path, state: Path, *, by_force: bool = False) -> tuple[Places | None, Lock | None]:
    """The places of a project, and its lock. Neither where nothing at all can be written."""
    try:
        places = places_of(path, state)
        return places, Lock.take(places.lock, path, by_force=by_force)
    except ProjectInUse:
        raise
    except OSError:
        return None, None


def _recovery(edits: list[Edit], base: Path) -> Recovery:
    steps = [edit for edit in edits if edit.count] or edits
    count = sum(edit.count for edit in edits) or 1
    last = next((edit for edit in reversed(edits) if edit.name), steps[-1])  # it may have grown since it was begun
    return Recovery(count, steps[0].at, last.at, tuple(edit.name for edit in steps[-5:]), base)


def _why_read_only(path: Path) -> str:
    if not os.access(path.parent, os.W_OK):
        return "the folder is read-only for this account"
    if not os.access(path, os.W_OK):
        return "the file is read-only for this account"
    return ""


def _is_there(media: Media, path: Path) -> bool:
    if not media.path or "://" in media.path:
        return bool(media.path)
    with contextlib.suppress(OSError, ValueError):
        return path.exists()
    return False
