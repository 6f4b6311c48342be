"""The journal: every edit since the last save, appended as it happens, so that a crash costs a second at most.

One line per edit: a checksum, a blank, JSON. Two kinds of line: a *point* says "here the document is what the project
file with this digest holds", an *edit* says how the next document follows from the one before (`otio.delta`). A line
that a power cut tore has no valid checksum; what is before it counts.

A save writes the point of the coming file first, then replaces the file, then begins the journal anew. Whichever of
these a crash prevents, the last point with the digest of the file that is there tells which edits come on top.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from ltxdesktop.document.model import Document
from ltxdesktop.document.otio.delta import apply_delta, delta_text
from ltxdesktop.project.atomic import sync_folder, write_atomically
from ltxdesktop.project.errors import ProjectError, writing_error

BEHIND_S: Final = 0.1  # until the window has shown an edit: putting it into words needs the lock of Python, too
SYNC_EVERY_S: Final = 1.0  # what a power cut may cost; a crash of the program alone costs nothing that was written
COMPACT_BYTES: Final = 32 << 20  # a longer journal is replaced by one line

_NO_CHANGE: Final = "{}"
_log = logging.getLogger(__name__)


def digest_of(data: bytes) -> str:
    """What tells one saved file from another in the journal."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


# ---- lines -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """Here the document is what the file with this digest holds."""

    digest: str


@dataclass(frozen=True, slots=True)
class Edit:
    """How the document changed. `count` is how many steps of the person that was."""

    name: str
    at: datetime
    count: int
    delta: str


Entry = Point | Edit


def line_of(entry: Entry) -> bytes:
    """An entry as a line of the journal."""
    match entry:
        case Point(digest):
            said = json.dumps({"point": digest})
        case Edit(name, at, count, delta):
            head = json.dumps({"edit": name, "at": at.isoformat(), "count": count})
            said = f'{head[:-1]}, "delta": {delta}}}'
    data = said.encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(data), data)


def read_entries(data: bytes) -> Iterator[Entry]:
    """The entries up to the first line that isn't whole."""
    for line in data.split(b"\n")[:-1]:
        entry = _entry_of(line)
        if entry is None:
            return
        yield entry


def edits_after(data: bytes, digest: str) -> list[Edit] | None:
    """The edits on top of the file with this digest; None if the journal knows nothing of such a file."""
    entries = list(read_entries(data))
    points = [place for place, entry in enumerate(entries) if isinstance(entry, Point) and entry.digest == digest]
    if not points:
        return None
    return [entry for entry in entries[points[-1] :] if isinstance(entry, Edit)]


def replay(document: Document, edits: list[Edit]) -> tuple[Document, int]:
    """The document after the edits, and how many of the entries could be applied.

    All can, unless a journal was changed by hand or by a mistake of ours: then what is before that place is returned.
    """
    for place, edit in enumerate(edits):
        try:
            document = apply_delta(document, edit.delta)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            _log.exception("journal entry %d (%s) doesn't fit", place, edit.name)
            return document, place
    return document, len(edits)


def _entry_of(line: bytes) -> Entry | None:
    mark, _, said = line.partition(b" ")
    try:
        if int(mark, 16) != zlib.crc32(said):
            return None
        tree = cast("dict[str, Any]", json.loads(said))
        if "point" in tree:
            return Point(tree["point"])
        delta = json.dumps(tree["delta"], separators=(",", ":"))
        return Edit(tree["edit"], datetime.fromisoformat(tree["at"]), tree["count"], delta)
    except (ValueError, KeyError, TypeError):
        return None


# ---- the writer ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Note:
    """An edit was made; `grown`: it goes on with the step of the one before."""

    name: str
    at: datetime
    document: Document
    grown: bool


@dataclass(frozen=True, slots=True)
class _Saving:
    """A file with this digest, holding this document, is about to be there."""

    digest: str
    document: Document


@dataclass(frozen=True, slots=True)
class _Saved:
    """The file is there: the journal begins with it."""

    digest: str
    document: Document


@dataclass(frozen=True, slots=True)
class _Sync:
    """Somebody waits for what was written to be on disk."""


_Wish = _Note | _Saving | _Saved | _Sync


class Journal:
    """Writes the journal of one project on a thread of its own. `note` costs the caller microseconds.

    When writing fails (a full disk) `on_trouble` is called with the error, once until it works again, on the journal's
    thread; nothing is lost meanwhile: the next attempt writes everything since the last line that is on disk.
    """

    def __init__(
        self,
        path: Path,
        digest: str,
        document: Document,
        *,
        newest: Document | None = None,
        edits: int = 0,
        on_trouble: Callable[[ProjectError], None] | None = None,
    ) -> None:
        """Begin a journal over a file with this digest, which holds `document`. Raises NotWritable, DiskFull.

        `newest` is a document that is `edits` steps further (a recovered one): a journal that is there is replaced by
        one that leads to it, all at once.
        """
        self._path = path
        self._on_trouble = on_trouble
        self._base = digest, document  # what the first point of the file says
        self._written = document  # what the last line on disk leads to
        self._newest = newest or document  # what the person sees
        self._edits = edits  # steps from the file to there
        self._missed = 0  # edits that couldn't be written on their own and go into the next line
        self._bytes = 0
        self._unsynced_since: float | None = None
        self._in_trouble = False
        self._file: int | None = None
        self._begin_anew()
        self._wishes: deque[_Wish] = deque()
        self._busy = False
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="project journal", daemon=True)
        self._thread.start()

    def note(self, name: str, document: Document, *, grown: bool = False) -> None:
        """An edit was made. From any one thread; returns at once.

        `grown`: it's still the person's last step, as with each letter that is typed; it's kept, and not counted.
        """
        self._wish(_Note(name, datetime.now(UTC), document, grown))

    def saving(self, digest: str, document: Document) -> None:
        """A file with this digest is about to replace the present one. Returns when that is on disk."""
        self._wish(_Saving(digest, document))
        self.flush()

    def saved(self, digest: str, document: Document) -> None:
        """The file is in place: earlier edits are in it."""
        self._wish(_Saved(digest, document))
        self.flush()

    def flush(self) -> None:
        """Return when everything noted so far is on disk (or couldn't be written). From any thread, also at the end."""
        with self._changed:
            if not self._ending:
                self._wishes.append(_Sync())
                self._changed.notify_all()
            self._changed.wait_for(lambda: not self._wishes and not self._busy)

    def close(self, *, remove: bool) -> None:
        """End the thread after what was noted is written. `remove`: nobody has a use for unsaved edits any more."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()
        self._sync()
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if remove:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _wish(self, wish: _Wish) -> None:
        with self._changed:
            self._wishes.append(wish)
            self._changed.notify_all()

    # ---- on the journal's thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._wishes) or self._ending, self._until_sync())
                self._changed.wait_for(self._is_waited_for, BEHIND_S if self._wishes else 0)
                wishes = list(self._wishes)
                self._wishes.clear()
                self._busy = bool(wishes)
                if not wishes and self._ending:
                    return
            try:
                self._answer(wishes)
                if self._until_sync() == 0:
                    self._sync()
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _is_waited_for(self) -> bool:
        return self._ending or any(not isinstance(wish, _Note) for wish in self._wishes)

    def _until_sync(self) -> float | None:
        """Seconds until what was written has to be forced to disk; None when all is."""
        if self._unsynced_since is None:
            return None
        return max(0.0, self._unsynced_since + SYNC_EVERY_S - time.monotonic())

    def _answer(self, wishes: list[_Wish]) -> None:
        for wish in wishes:
            try:
                match wish:
                    case _Note(name, at, document, grown):
                        self._newest = document
                        self._edits += not grown
                        count = self._missed + (not grown)
                        self._append_edit(Edit(name, at, count, delta_text(self._written, document)), document)
                        self._missed = 0
                    case _Saving(digest, document):
                        self._go_to(document)
                        self._append(line_of(Point(digest)))
                        self._go_to(self._newest)
                        self._sync()
                    case _Saved(digest, document):
                        self._base, self._edits = (digest, document), 0
                        self._begin_anew()
                    case _Sync():
                        self._sync()
                self._in_trouble &= isinstance(wish, _Sync)
            except OSError as error:
                self._missed += isinstance(wish, _Note) and not wish.grown
                self._tell(error)
            except TypeError:  # metadata that JSON has no word for; a save will say so
                _log.exception("an edit couldn't be put into words")
        if self._bytes > COMPACT_BYTES:
            with contextlib.suppress(OSError, ProjectError):
                self._begin_anew()

    def _tell(self, error: OSError) -> None:
        if not self._in_trouble and self._on_trouble is not None:
            self._on_trouble(error if isinstance(error, ProjectError) else writing_error(self._path, error))
        self._in_trouble = True

    def _go_to(self, document: Document) -> None:
        """Make the last line lead to a document that isn't a new step of the person."""
        delta = delta_text(self._written, document)
        self._append_edit(Edit("", datetime.now(UTC), 0, delta), document)

    def _append_edit(self, edit: Edit, document: Document) -> None:
        if edit.delta != _NO_CHANGE or edit.count:
            self._append(line_of(edit))
        self._written = document

    def _append(self, line: bytes) -> None:
        """Write a line whole, or leave the file as it was and raise OSError."""
        if self._file is None:
            self._begin_anew()
        assert self._file is not None
        try:
            done = 0
            while done < len(line):
                done += os.write(self._file, line[done:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._bytes)
            raise
        self._bytes += len(line)
        if self._unsynced_since is None:
            self._unsynced_since = time.monotonic()

    def _sync(self) -> None:
        if self._file is not None and self._unsynced_since is not None:
            self._unsynced_since = None
            with contextlib.suppress(OSError):  # a disk that fails says so at the next write
                os.fsync(self._file)

    def _begin_anew(self) -> None:
        """A journal of two lines at most: the file that it is over, and all that was edited since."""
        digest, document = self._base
        lines = line_of(Point(digest))
        delta = delta_text(document, self._newest)
        if delta != _NO_CHANGE:
            lines += line_of(Edit("", datetime.now(UTC), max(1, self._edits), delta))
        self._open_anew(lines)
        self._written = self._newest

    def _open_anew(self, lines: bytes) -> None:
        write_atomically(self._path, lines)
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._bytes = len(lines)
        self._unsynced_since = None
        sync_folder(self._path.parent)
