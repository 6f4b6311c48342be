"""What the service has cost this month, and the limit that the person set: one small file in the engine's own folder.

A job is entered as soon as the service has taken it, under the service's own id, so a job that is picked up again
counts once. The amounts are this program's estimates: what was really charged stands at the service.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from engine.backends.base import DiskFull
from engine.media.errors import is_disk_full
from engine.protocol.messages import Spending

FILE_NAME: Final = "remote-spending.json"
KEPT_ENTRIES: Final = 5_000

_log = logging.getLogger(__name__)


class Entry(Struct, frozen=True, kw_only=True):
    """One job that the service took."""

    at: str  # UTC, ISO 8601
    service_id: str
    job: str
    model: str
    cents: int
    failed: bool = False  # the service said that it failed: not counted


class _Pages(Struct, frozen=True, kw_only=True):
    schema: int = 1
    limit_cents: int | None = None
    entries: tuple[Entry, ...] = ()


class Ledger:
    """The file, read at each question: a person may edit it, and it is small. Safe from any thread.

    Jobs that are on their way to the service, several at a time, are counted against the limit before they're entered.
    """

    def __init__(self, folder: Path | None, now: Callable[[], datetime.datetime] | None = None) -> None:
        """`folder` None keeps everything in memory only."""
        self._file = None if folder is None else folder / FILE_NAME
        self._now = now or (lambda: datetime.datetime.now(datetime.UTC))
        self._lock = threading.Lock()
        self._promising = threading.Lock()  # two jobs don't find the same room
        self._in_memory = _Pages()
        self._promised: dict[str, int] = {}  # job -> cents, while it isn't entered

    def spending(self) -> Spending:
        """This month's sum and the limit."""
        with self._lock:
            pages = self._read()
        month = self._now().strftime("%Y-%m")
        spent = sum(entry.cents for entry in pages.entries if entry.at.startswith(month) and not entry.failed)
        return Spending(month=month, spent_cents=spent, limit_cents=pages.limit_cents)

    def set_limit(self, cents: int | None) -> None:
        """Raises DiskFull."""
        with self._lock:
            self._write(msgspec.structs.replace(self._read(), limit_cents=cents))

    def room_cents(self, job: str = "") -> int | None:
        """What this month may still cost, with what other jobs are about to; None without a limit."""
        spending = self.spending()
        if spending.limit_cents is None:
            return None
        with self._lock:
            promised = sum(cents for each, cents in self._promised.items() if each != job)
        return spending.limit_cents - spending.spent_cents - promised

    def promise(self, job: str, cents: int) -> bool:
        """Set this aside for a job until it's entered or `forget_promise`; False where the limit doesn't allow it."""
        with self._promising:
            room = self.room_cents(job)
            if room is not None and cents > room:
                return False
            with self._lock:
                self._promised[job] = cents
            return True

    def forget_promise(self, job: str) -> None:
        """It isn't on its way any more."""
        with self._lock:
            self._promised.pop(job, None)

    def enter(self, service_id: str, job: str, model: str, cents: int) -> None:
        """Count a job, once for each service id. Raises DiskFull."""
        with self._lock:
            self._promised.pop(job, None)
            pages = self._read()
            if any(entry.service_id == service_id for entry in pages.entries):
                return
            at = self._now().isoformat(timespec="seconds")
            entry = Entry(at=at, service_id=service_id, job=job, model=model, cents=cents)
            self._write(msgspec.structs.replace(pages, entries=(*pages.entries, entry)[-KEPT_ENTRIES:]))

    def mark_failed(self, service_id: str) -> None:
        """Count a job no more, because the service failed at it. Raises DiskFull."""
        with self._lock:
            pages = self._read()
            entries = tuple(
                msgspec.structs.replace(entry, failed=True) if entry.service_id == service_id else entry
                for entry in pages.entries
            )
            if entries != pages.entries:
                self._write(msgspec.structs.replace(pages, entries=entries))

    def _read(self) -> _Pages:
        if self._file is None:
            return self._in_memory
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Pages)
        except FileNotFoundError:
            return _Pages()
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as exc:
            kept = self._file.with_suffix(".broken.json")
            with contextlib.suppress(OSError):
                self._file.replace(kept)
            _log.warning("what was spent can't be read (%s): set aside as %s, and the limit is gone", exc, kept.name)
            return _Pages()

    def _write(self, pages: _Pages) -> None:
        if self._file is None:
            self._in_memory = pages
            return
        part = self._file.with_name(f".{self._file.name}.part")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with part.open("wb") as out:
                out.write(msgspec.json.format(msgspec.json.encode(pages)))
                out.flush()
                os.fsync(out.fileno())
            part.replace(self._file)
        except OSError as exc:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            why = "the disk is full" if is_disk_full(exc) else str(exc.strerror)
            raise DiskFull(f"What was spent can't be written down: {why}.", str(exc)) from exc
