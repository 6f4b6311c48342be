"""Exports that wait for their turn: done one after the other on one thread, kept on disk so that a restart loses none.

Each entry has a copy of its project as it was when it was queued, so that one can go on editing.

    queue/queue.json      the entries in order
    queue/<id>.otio       the project of one entry, media by absolute path; removed with the entry
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from ltxdesktop.document.model import Document, Media, SequenceId, new_id
from ltxdesktop.document.otio.read import NotAProject, from_text
from ltxdesktop.document.otio.write import to_text
from ltxdesktop.export.before import check_media, check_place
from ltxdesktop.export.errors import BadSettings, Cancelled, ExportError, TargetNotWritable
from ltxdesktop.export.job import Export, Report
from ltxdesktop.export.opening import Locate, prepared
from ltxdesktop.export.progress import Progress
from ltxdesktop.export.settings import Settings
from ltxdesktop.export.target import part_of, remove
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.project.atomic import write_atomically
from ltxdesktop.project.errors import ProjectError
from ltxdesktop.project.places import with_paths

_VERSION: Final = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """Its turn will come."""


@dataclass(frozen=True)
class Running:
    """It's being made; after a restart it waits again."""


@dataclass(frozen=True)
class Done:
    """The file is there. `lines` are for the person."""

    bytes: int = 0
    seconds: float = 0.0
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    why: str


@dataclass(frozen=True)
class Stopped:
    """The person cancelled it."""


State = Waiting | Running | Done | Failed | Stopped
_STATES: Final[Mapping[str, type[State]]] = {
    "waiting": Waiting, "running": Running, "done": Done, "failed": Failed, "stopped": Stopped,
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One export in the queue."""

    id: str
    project: str  # its name, for the person
    sequence: SequenceId
    settings: Settings
    target: Path
    state: State = Waiting()

    @property
    def is_over(self) -> bool:
        return isinstance(self.state, Done | Failed | Stopped)


class ExportQueue:
    """Runs entries in order. Thread-safe; `close` stops what runs (it will run again at the next start).

    `on_change` gets all entries whenever one of them changes, `on_progress` an entry's id and how far it is: both on
    whatever thread it happened, and not with the queue's lock held.
    """

    def __init__(
        self,
        folder: Path,
        files: MediaFiles,
        on_change: Callable[[tuple[Entry, ...]], None] = lambda entries: None,
        on_progress: Callable[[str, Progress], None] = lambda entry, progress: None,
    ) -> None:
        """Nothing runs before `start`. What can't be read in the folder is left alone."""
        self._folder, self._files = folder, files
        self._on_change, self._on_progress = on_change, on_progress
        self._changed = threading.Condition()
        found = _read(folder)
        killed = [entry for entry in found if isinstance(entry.state, Running)]
        self._entries = [replace(entry, state=Waiting()) if entry in killed else entry for entry in found]
        self._left = [part_of(entry.target, entry.id) for entry in killed]
        self._running: Export | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        with self._changed:
            return tuple(self._entries)

    def start(self) -> None:
        """Begin with what waits."""
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="export queue", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop the export that runs, and wait until its thread has ended."""
        with self._changed:
            self._closed = True
            running, thread = self._running, self._thread
            self._changed.notify_all()
        if running is not None:
            running.cancel()
        if thread is not None:
            thread.join()

    def add(
        self, document: Document, settings: Settings, target: Path, locate: Locate, sequence: SequenceId | None = None
    ) -> Entry:
        """Put an export at the end.

        Raises what `before` finds, and NotWritable, DiskFull of `project.errors` when it can't be kept.
        """
        chosen = next(each for each in document.sequences if each.id == (sequence or document.active))
        shape = check_place(chosen, document.media, settings, target, locate)
        check_media(chosen, document.media, shape, locate)
        if any(each.target == target and not each.is_over for each in self.entries):
            raise TargetNotWritable(target, "an export in the queue goes there")
        entry = Entry(new_id(), document.name, sequence or document.active, settings, target)
        absolute = with_paths(document, lambda path: _absolute(document, path, locate))
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._project(entry.id), to_text(absolute).encode("utf-8"))
        self._change(lambda entries: [*entries, entry])
        return entry

    def cancel(self, entry_id: str) -> None:
        """Stop it, or take it out of the line; it stays in the list."""
        with self._changed:
            running = self._running if self._state_of(entry_id) == Running() else None
        if running is not None:
            running.cancel()
        else:
            self._set(entry_id, Stopped(), unless=(Done, Failed))

    def retry(self, entry_id: str) -> None:
        """Have it made (again) when its turn comes."""
        self._set(entry_id, Waiting(), unless=(Running,))

    def remove(self, entry_id: str) -> None:
        """Forget an entry; one that runs is stopped first and stays until then. The film that it made stays."""
        with self._changed:
            if self._state_of(entry_id) == Running():
                return
        self._change(lambda entries: [entry for entry in entries if entry.id != entry_id])
        self._project(entry_id).unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget all that is over."""
        for entry in self.entries:
            if entry.is_over:
                self.remove(entry.id)

    def move(self, entry_id: str, places: int) -> None:
        """Let it take its turn earlier (below 0) or later."""

        def moved(entries: list[Entry]) -> list[Entry]:
            place = next((at for at, entry in enumerate(entries) if entry.id == entry_id), None)
            if place is None:
                return entries
            rest = entries[:place] + entries[place + 1 :]
            to = min(max(0, place + places), len(rest))
            return [*rest[:to], entries[place], *rest[to:]]

        self._change(moved)

    def finish(self) -> None:
        """Wait until nothing waits or runs: for tests and for commands without a window."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or all(entry.is_over for entry in self._entries))

    # ---- within ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        for part in self._left:  # by a program that was killed
            remove(part)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next() is not None)
                entry = self._next()
                if self._closed or entry is None:
                    return
            self._set(entry.id, Running())
            state = self._made(entry)
            self._set(entry.id, Waiting() if self._closed and state == Stopped() else state)

    def _made(self, entry: Entry) -> State:
        """What became of an entry."""
        try:
            document = from_text(self._project(entry.id).read_text(encoding="utf-8")).document
            asked = (document, entry.settings, entry.target)
            with prepared(*asked, self._files, _located, entry.sequence, entry.id) as job:
                export = Export(job, lambda progress: self._on_progress(entry.id, progress))
                with self._changed:
                    self._running = export
                    if self._closed:
                        return Stopped()
                report: Report = export.run()
        except Cancelled:
            return Stopped()
        except (ExportError, NotAProject) as error:
            return Failed(str(error))
        except FileNotFoundError:
            return Failed("The copy of the project that was kept for this export is gone.")
        except Exception as error:  # the boundary of this thread: the next export must still run
            _log.exception("an export failed")
            return Failed(f"The program made a mistake during this export ({error}); the log has the details.")
        finally:
            with self._changed:
                self._running = None
        return Done(report.bytes, report.seconds, tuple(report.lines()))

    def _next(self) -> Entry | None:
        return next((entry for entry in self._entries if entry.state == Waiting()), None)

    def _state_of(self, entry_id: str) -> State | None:
        return next((entry.state for entry in self._entries if entry.id == entry_id), None)

    def _set(self, entry_id: str, state: State, unless: tuple[type[State], ...] = ()) -> None:
        def changed(entries: list[Entry]) -> list[Entry]:
            return [
                replace(entry, state=state) if entry.id == entry_id and not isinstance(entry.state, unless) else entry
                for entry in entries
            ]

        self._change(changed)

    def _change(self, edit: Callable[[list[Entry]], list[Entry]]) -> None:
        with self._changed:
            self._entries = edit(self._entries)
            entries = tuple(self._entries)
            self._changed.notify_all()
            try:
                _write(self._folder, entries)
            except (ProjectError, OSError) as error:  # the exports themselves go on
                _log.warning("the export queue can't be kept: %s", error)
        self._on_change(entries)

    def _project(self, entry_id: str) -> Path:
        return self._folder / f"{entry_id}.otio"


def _absolute(document: Document, path: str, locate: Locate) -> str:
    media = next(media for media in document.media.values() if media.path == path)
    return locate(media).absolute().as_posix()


def _located(media: Media) -> Path:
    return Path(media.path)


# ---- the file --------------------------------------------------------------------------------------------------------


def _write(folder: Path, entries: Iterable[Entry]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tree = {"version": _VERSION, "entries": [_entry_tree(entry) for entry in entries]}
    write_atomically(folder / "queue.json", json.dumps(tree, indent=1).encode("utf-8"))


def _entry_tree(entry: Entry) -> dict[str, Any]:
    name = next(name for name, kind in _STATES.items() if kind is type(entry.state))
    return {
        "id": entry.id,
        "project": entry.project,
        "sequence": entry.sequence,
        "settings": entry.settings.to_dict(),
        "target": str(entry.target),
        "state": {"is": name, **entry.state.__dict__},
    }


def _read(folder: Path) -> list[Entry]:
    """The entries of the last session; those that can't be read are left out."""
    try:
        tree = cast("dict[str, Any]", json.loads((folder / "queue.json").read_bytes()))
        said = cast("list[dict[str, Any]]", tree["entries"]) if tree["version"] == _VERSION else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
    found: list[Entry] = []
    for each in said:
        with contextlib.suppress(BadSettings, KeyError, TypeError):
            found.append(_entry_of(each))
    return found


def _entry_of(said: dict[str, Any]) -> Entry:
    facts = dict(said["state"])
    kind = _STATES[facts.pop("is")]
    if kind is Done:
        facts["lines"] = tuple(facts["lines"])
    return Entry(
        said["id"],
        said["project"],
        SequenceId(said["sequence"]),
        Settings.from_dict(said["settings"]),
        Path(said["target"]),
        kind(**facts),
    )
