"""The job queue, its history, and how long things took on this machine, in one SQLite file.

Every method is one transaction and safe from any thread. A job's state changes only here, so that whatever is told to a
client is on disk before. Not here: who may open the store (`lock.py`) and what runs when (`engine.server`).
"""

import contextlib
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec

from engine.protocol.messages import (
    Cancelled,
    Done,
    Failed,
    JobRow,
    JobState,
    Queued,
    Running,
    StateName,
    Timing,
)
from engine.protocol.work import AnyWork, mode_of
from engine.store.errors import IdTaken, NoSuchJob, StoreBroken, StoreFull, WrongState
from engine.store.schema import FILE_NAME, prepare

_IN_ORDER: Final = "priority DESC, early DESC, place"
_KEPT_TIMINGS: Final = 20  # per phase: enough for a median, few enough to follow a changed machine
_FULL_CODES: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP)

_works: msgspec.json.Decoder[AnyWork] = msgspec.json.Decoder(AnyWork)
_outcomes: msgspec.json.Decoder[Done | Failed | Cancelled] = msgspec.json.Decoder(Done | Failed | Cancelled)


class NextJob(NamedTuple):
    """The job at the head of the queue."""

    id: str
    work: AnyWork
    attempt: int  # the number that this run will have
    resume: str
    backend: str = ""  # that did the last run


class JobStore:
    """The open store of one folder."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time, max_pages: int | None = None) -> None:
        """Open or make the store. `max_pages` limits the size of the file (4096 bytes each), as a full disk would.

        Raises StoreBroken (also its child StoreTooNew), StoreFull.
        """
        self.path = folder / FILE_NAME
        self._now = now
        self._lock = threading.RLock()
        self._rows: dict[str, JobRow] = {}  # those listed before and not changed since: most of a long list
        try:
            self._db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=5.0)
        except sqlite3.Error as exc:
            raise StoreBroken(self.path, str(exc)) from exc
        try:
            with self._errors():
                prepare(self._db, self.path, max_pages)
        except BaseException:
            self._db.close()
            raise

    # --- what is in the queue ---

    def submit(self, job: str, work: AnyWork, priority: int = 0, title: str = "", origin: str = "") -> JobState:
        """Queue a job and return its state. A job that is here already with the same work is left as it is.

        Raises IdTaken, StoreFull.
        """
        text = msgspec.json.encode(work).decode()
        with self._change() as db:
            known = db.execute("SELECT work FROM jobs JOIN works ON job = seq WHERE id = ?", (job,)).fetchone()
            if known is None:
                early = int(work.stage == "draft")
                values = (job, mode_of(work), title, origin, priority, early, self._last_place() + 1.0, self._now())
                seq = db.execute(
                    "INSERT INTO jobs (id, state, mode, title, origin, priority, early, place, submitted_at)"
                    " VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?)",
                    values,
                ).lastrowid
                db.execute("INSERT INTO works (job, work) VALUES (?, ?)", (seq, text))
            elif _works.decode(known[0]) != work:
                raise IdTaken(job)
            return self._state(job)

    def head(self) -> NextJob | None:
        """The job that is to run next; None when none waits.

        A job that this build can't read (a later version queued it) fails here, and the next one is looked at.
        """
        while True:
            with self._read() as db:
                found = db.execute(
                    f"SELECT id FROM jobs WHERE state = 'queued' ORDER BY {_IN_ORDER} LIMIT 1"
                ).fetchone()
            if found is None:
                return None
            if (job := self.waiting(found[0])) is not None:
                return job

    def waiting(self, job: str) -> NextJob | None:
        """A job if it still waits, and can be read by this build; one that can't fails here."""
        with self._read() as db:
            found = db.execute(
                "SELECT id, work, attempt, resume, backend FROM jobs JOIN works ON job = seq"
                " WHERE state = 'queued' AND id = ?",
                (job,),
            ).fetchone()
        if found is None:
            return None
        name, work, attempt, resume, backend = found
        try:
            return NextJob(name, _works.decode(work), attempt + 1, resume, backend)
        except msgspec.DecodeError as exc:
            message = "This version of the program can't read the job; a later version queued it."
            self.finish(name, Failed(kind="unsupported", message=message, detail=str(exc), can_retry=False))
            return None

    def in_line(self) -> list[tuple[str, int]]:
        """All jobs that wait, in the order in which they are to run: id, and the number of the run before."""
        with self._read() as db:
            query = f"SELECT id, attempt FROM jobs WHERE state = 'queued' ORDER BY {_IN_ORDER}"
            return [(job, attempt) for job, attempt in db.execute(query)]

    def state(self, job: str) -> JobState:
        """The state of a job. Raises NoSuchJob."""
        with self._read():
            return self._state(job)

    def work(self, job: str) -> AnyWork:
        """What the job asks for. Raises NoSuchJob."""
        with self._read() as db:
            found = db.execute("SELECT work FROM jobs JOIN works ON job = seq WHERE id = ?", (job,)).fetchone()
        if found is None:
            raise NoSuchJob(job)
        return _works.decode(found[0])

    def row(self, job: str) -> JobRow:
        """The job as in a list. Raises NoSuchJob."""
        with self._read() as db:
            found = db.execute(f"SELECT {_ROW} FROM jobs WHERE id = ?", (job,)).fetchone()
        if found is None:
            raise NoSuchJob(job)
        return _to_row(found)

    def rows(
        self, states: Sequence[StateName] = (), limit: int = 10_000, offset: int = 0
    ) -> tuple[tuple[JobRow, ...], int]:
        """List jobs: running, then waiting in order, then ended with the newest first; and how many there are."""
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        order = (
            _IN_ORDER  # straight from the index
            if tuple(states) == ("queued",)
            else "CASE state WHEN 'running' THEN 0 WHEN 'queued' THEN 1 ELSE 2 END,"
            f" CASE state WHEN 'queued' THEN 0.0 ELSE -ended_at END, {_IN_ORDER}"
        )
        with self._read() as db:
            total = int(db.execute(f"SELECT count(*) FROM jobs {where}", states).fetchone()[0])
            listed = db.execute(
                f"SELECT id FROM jobs {where} ORDER BY {order} LIMIT ? OFFSET ?", (*states, limit, offset)
            )
            jobs = [row[0] for row in listed]
            if unknown := [job for job in jobs if job not in self._rows]:
                few = "WHERE id IN (SELECT value FROM json_each(?))"
                found = db.execute(f"SELECT {_ROW} FROM jobs {few}", (msgspec.json.encode(unknown).decode(),))
                self._rows.update((values[0], _to_row(values)) for values in found)
            return tuple(self._rows[job] for job in jobs), total

    def count_queued(self) -> int:
        """How many jobs wait."""
        with self._read() as db:
            return int(db.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()[0])

    # --- a job's way ---

    def start(self, job: str, backend: str, attempt: int | None = None) -> Running:
        """Mark a waiting job as running. Raises NoSuchJob, WrongState, StoreFull.

        `attempt`: what the caller knows of the job is from when its next run had this number. If it ran since then and
        was queued again, what it remembers is another: WrongState, or it might be paid for twice.
        """
        with self._change(job) as db:
            self._expect(job, ("queued",), "started")
            (runs,) = db.execute("SELECT attempt FROM jobs WHERE id = ?", (job,)).fetchone()
            if attempt is not None and runs + 1 != attempt:
                raise WrongState(job, f"in its run {runs + 1}", f"started as run {attempt}")
            db.execute(
                "UPDATE jobs SET state = 'running', attempt = attempt + 1, backend = ?, started_at = ?, ended_at = 0,"
                " failure = '', message = '' WHERE id = ?",
                (backend, self._now(), job),
            )
            state = self._state(job)
        assert isinstance(state, Running)
        return state

    def finish(self, job: str, outcome: Done | Failed | Cancelled, *, resumable: bool = False) -> None:
        """Mark a running or waiting job as ended; `resumable` keeps what was remembered, for a retry.

        Raises NoSuchJob, WrongState, StoreFull.
        """
        failed = outcome if isinstance(outcome, Failed) else None
        name = outcome.__struct_config__.tag
        message = "" if isinstance(outcome, Done) else outcome.message
        with self._change(job) as db:
            self._expect(job, ("queued", "running"), "ended again")
            db.execute(
                "UPDATE jobs SET state = ?, ended_at = ?, failure = ?, message = ?,"
                " resume = CASE WHEN ? THEN resume ELSE '' END WHERE id = ?",
                (name, self._now(), failed.kind if failed else "", message, resumable, job),
            )
            self._put_outcome(job, outcome)

    def remember(self, job: str, resume: str) -> None:
        """Keep what a later engine needs to pick up this job. Raises NoSuchJob, WrongState, StoreFull."""
        with self._change(job) as db:
            self._expect(job, ("running",), "noted")
            db.execute("UPDATE jobs SET resume = ? WHERE id = ?", (resume, job))

    def recover(self) -> tuple[str, ...]:
        """Bring order into what a dead engine left: return the jobs that it had been running.

        Such a job has failed as interrupted, unless it can be picked up again: then it waits at its old place.
        """
        interrupted = Failed(
            kind="interrupted",
            message="The engine ended while this job was running. Nothing of it was kept; it can be retried.",
        )
        with self._change() as db:
            left = [row[0] for row in db.execute("SELECT id FROM jobs WHERE state = 'running'")]
            self._rows.clear()
            db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running' AND resume != ''")
            for (job,) in db.execute("SELECT id FROM jobs WHERE state = 'running'").fetchall():
                self._put_outcome(job, interrupted)
            db.execute(
                "UPDATE jobs SET state = 'failed', ended_at = ?, failure = ?, message = ? WHERE state = 'running'",
                (self._now(), interrupted.kind, interrupted.message),
            )
        return tuple(left)

    # --- what the person does with the queue ---

    def retry(self, job: str) -> JobState:
        """Queue a failed or cancelled job again, behind the others. Raises NoSuchJob, WrongState, StoreFull."""
        with self._change(job) as db:
            self._expect(job, ("failed", "cancelled"), "retried")
            db.execute(
                "UPDATE jobs SET state = 'queued', place = ?, started_at = 0, ended_at = 0, failure = '', message = ''"
                " WHERE id = ?",
                (self._last_place() + 1.0, job),
            )
            db.execute("DELETE FROM outcomes WHERE job = (SELECT seq FROM jobs WHERE id = ?)", (job,))
            return self._state(job)

    def set_priority(self, job: str, priority: int) -> None:
        """Give a waiting job another priority, behind those that have it. Raises NoSuchJob, WrongState, StoreFull."""
        with self._change(job) as db:
            self._expect(job, ("queued",), "given another priority")
            db.execute(
                "UPDATE jobs SET priority = ?, place = ? WHERE id = ?", (priority, self._last_place() + 1.0, job)
            )

    def move(self, job: str, before: str) -> None:
        """Put a waiting job right before another waiting one, or last if `before` is empty.

        It takes on the priority and earliness of that place. Raises NoSuchJob, WrongState, StoreFull.
        """
        with self._change(job) as db:
            self._expect(job, ("queued",), "moved")
            if before:
                self._expect(before, ("queued",), "moved behind")
            order = [
                row[0]
                for row in db.execute(
                    f"SELECT id FROM jobs WHERE state = 'queued' AND id != ? ORDER BY {_IN_ORDER}", (job,)
                )
            ]
            if before == job or not order:
                return
            at = order.index(before) if before else len(order)
            neighbour = order[min(at, len(order) - 1)]
            priority, early = db.execute("SELECT priority, early FROM jobs WHERE id = ?", (neighbour,)).fetchone()
            order.insert(at, job)
            db.execute("UPDATE jobs SET priority = ?, early = ? WHERE id = ?", (priority, early, job))
            # New numbers for all: priority and earliness still come first, so only the order within them follows these.
            db.executemany("UPDATE jobs SET place = ? WHERE id = ?", ((float(n), id_) for n, id_ in enumerate(order)))

    def clear(self, states: Iterable[StateName], jobs: Sequence[str] = ()) -> tuple[str, ...]:
        """Forget jobs in these states (only those of `jobs`, if any are named); return which. Raises StoreFull.

        A running job is never forgotten.
        """
        gone = [state for state in states if state != "running"]
        with self._change() as db:
            found = db.execute(f"SELECT id FROM jobs WHERE state IN ({', '.join('?' * len(gone))})", gone).fetchall()
            wanted = {row[0] for row in found} & set(jobs) if jobs else {row[0] for row in found}
            db.executemany("DELETE FROM jobs WHERE id = ?", ((job,) for job in wanted))
            self._rows.clear()
        return tuple(wanted)

    # --- how long things took ---

    def record(self, backend: str, model: str, timings: Iterable[tuple[Timing, float]]) -> None:
        """Keep how long phases took: each timing with its amount of work. Raises StoreFull."""
        with self._change() as db:
            for timing, work in timings:
                key = (backend, model, timing.phase)
                db.execute(
                    "INSERT INTO timings (backend, model, phase, work, seconds, at) VALUES (?, ?, ?, ?, ?, ?)",
                    (*key, work, timing.seconds, self._now()),
                )
                db.execute(
                    "DELETE FROM timings WHERE backend = ? AND model = ? AND phase = ? AND id NOT IN (SELECT id FROM"
                    " timings WHERE backend = ? AND model = ? AND phase = ? ORDER BY id DESC LIMIT ?)",
                    (*key, *key, _KEPT_TIMINGS),
                )

    def seconds_per_work(self, backend: str, model: str, phase: str) -> float | None:
        """The median of the last runs of this phase, in seconds per unit of work; None if it never ran."""
        with self._read() as db:
            found = db.execute(
                "SELECT seconds / work FROM timings WHERE backend = ? AND model = ? AND phase = ? AND work > 0",
                (backend, model, phase),
            ).fetchall()
        return statistics.median(row[0] for row in found) if found else None

    # --- the file ---

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @contextlib.contextmanager
    def _read(self) -> Generator[sqlite3.Connection]:
        with self._lock, self._errors():
            yield self._db

    @contextlib.contextmanager
    def _change(self, *jobs: str) -> Generator[sqlite3.Connection]:
        """One transaction: all of it on disk when this is left, or nothing if anything raises.

        `jobs` are those whose rows may be others afterwards.
        """
        with self._lock, self._errors():
            for job in jobs:
                self._rows.pop(job, None)
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite has already rolled back after some errors
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        """Turn SQLite's errors into this room's."""
        try:
            yield
        except sqlite3.Error as exc:
            code = getattr(exc, "sqlite_errorcode", None)
            if code in _FULL_CODES:
                raise StoreFull(self.path) from exc
            raise StoreBroken(self.path, str(exc)) from exc

    def _state(self, job: str) -> JobState:
        found = self._db.execute(
            "SELECT state, attempt, backend, outcome, priority, early, place FROM jobs LEFT JOIN outcomes ON job = seq"
            " WHERE id = ?",
            (job,),
        ).fetchone()
        if found is None:
            raise NoSuchJob(job)
        state, attempt, backend, outcome, *place = found
        if state == "queued":
            ahead = self._db.execute(
                "SELECT count(*) FROM jobs WHERE state = 'queued' AND (-priority, -early, place) < (?, ?, ?)",
                (-place[0], -place[1], place[2]),
            ).fetchone()
            return Queued(position=int(ahead[0]))
        if state == "running":
            return Running(attempt=attempt, backend=backend)
        return _outcomes.decode(outcome)

    def _put_outcome(self, job: str, outcome: Done | Failed | Cancelled) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO outcomes (job, outcome) SELECT seq, ? FROM jobs WHERE id = ?",
            (msgspec.json.encode(outcome).decode(), job),
        )

    def _expect(self, job: str, states: tuple[str, ...], asked: str) -> None:
        found = self._db.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
        if found is None:
            raise NoSuchJob(job)
        if found[0] not in states:
            raise WrongState(job, found[0], asked)

    def _last_place(self) -> float:
        return float(self._db.execute("SELECT coalesce(max(place), 0) FROM jobs").fetchone()[0])


_ROW: Final = "id, mode, state, title, origin, priority, attempt, submitted_at, started_at, ended_at, failure, message"


def _to_row(values: Sequence[Any]) -> JobRow:
    """Build the row of a list from the columns of _ROW; spelled out, since ten thousand of these are made at once."""
    job, mode, state, title, origin, priority, attempt, submitted_at, started_at, ended_at, failure, message = values
    return JobRow(
        job=job,
        mode=mode,
        state=state,
        title=title,
        origin=origin,
        priority=priority,
        attempt=attempt,
        submitted_at=submitted_at,
        started_at=started_at,
        ended_at=ended_at,
        failure=failure,
        message=message,
    )
