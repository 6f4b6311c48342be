"""The export queue for widgets: changes and progress arrive on the GUI thread, no more often than eyes can follow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document.model import Document
from ltxdesktop.export.before import shortage
from ltxdesktop.export.opening import Locate
from ltxdesktop.export.progress import Progress
from ltxdesktop.export.queue import Entry, ExportQueue
from ltxdesktop.export.settings import Settings, shape_of
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.deliver.waiting import FOLDER

_EVERY_S: Final = 0.05


class Exports(QObject):
    """Owns the queue and its media files. What writes to the disk is done elsewhere than on the GUI thread."""

    changed = Signal()
    progressed = Signal(str)  # an entry's id
    refused = Signal(str)  # why an export can't be queued
    warned = Signal(str)  # what may go wrong with one that was queued
    ended = Signal(object)  # an entry that was made, failed or was cancelled just now
    _changed = Signal(object)
    _progressed = Signal(str, object)

    def __init__(self, state: Path, cache: Path, parent: QObject | None = None) -> None:
        """`state` is the program's folder for its own state, `cache` for what can be made again."""
        super().__init__(parent)
        self._files = MediaFiles(cache)
        self._background = Background(threads=1, parent=self)
        self._told_s = 0.0
        self._lock = threading.Lock()
        self._progress: dict[str, Progress] = {}
        self._changed.connect(self._take_entries)
        self._progressed.connect(self._take_progress)
        self._queue = ExportQueue(state / FOLDER, self._files, self._changed.emit, self._tell_progress)
        self._entries = self._queue.entries

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self._entries

    def progress(self, entry_id: str) -> Progress | None:
        """How far an entry is, while it runs."""
        return self._progress.get(entry_id)

    def start(self) -> None:
        """Begin with what waits, from this session or an earlier one."""
        self._queue.start()

    def add(self, document: Document, settings: Settings, target: Path, locate: Locate) -> None:
        """Queue an export of the document as it is now."""

        def add() -> str:
            self._queue.add(document, settings, target, locate)
            return shortage(shape_of(document.sequence, settings), settings, target)

        self._background.run(add, self._added, self._refuse)

    def cancel(self, entry_id: str) -> None:
        self._do(lambda: self._queue.cancel(entry_id))

    def retry(self, entry_id: str) -> None:
        self._do(lambda: self._queue.retry(entry_id))

    def move(self, entry_id: str, places: int) -> None:
        self._do(lambda: self._queue.move(entry_id, places))

    def clear(self) -> None:
        self._do(self._queue.clear)

    def close(self) -> None:
        """Stop what runs (the next start of the program goes on with it) and end all threads."""
        self._background.finish_and_close()
        self._queue.close()
        self._files.close()

    def _do(self, work: Callable[[], None]) -> None:
        self._background.run(work, self._nothing, self._refuse)

    def _added(self, short: str) -> None:
        self.start()
        if short:
            self.warned.emit(f"{short} It's in the queue all the same.")

    def _nothing(self, result: object) -> None:
        """The change comes by its signal."""

    def _refuse(self, error: Exception) -> None:
        self.refused.emit(str(error))

    def _tell_progress(self, entry_id: str, progress: Progress) -> None:
        """On the queue's thread, for each frame."""
        now = time.monotonic()
        with self._lock:
            if now - self._told_s < _EVERY_S and progress.done < progress.frames:
                return
            self._told_s = now
        self._progressed.emit(entry_id, progress)

    def _take_entries(self, entries: tuple[Entry, ...]) -> None:
        before = {entry.id for entry in self._entries if entry.is_over}
        self._entries = entries
        for entry in entries:
            if entry.is_over and entry.id not in before:
                self._progress.pop(entry.id, None)
                self.ended.emit(entry)
        self.changed.emit()

    def _take_progress(self, entry_id: str, progress: Progress) -> None:
        self._progress[entry_id] = progress
        self.progressed.emit(entry_id)
