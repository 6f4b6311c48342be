"""The file of the store: its tables, how an earlier version is brought to this one, and where a broken one goes."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from engine.store.errors import StoreBroken, StoreTooNew

FILE_NAME: Final = "jobs.sqlite3"
SCHEMA_VERSION: Final = 1

# One entry per step from version n to n + 1; a store of any earlier version goes through the rest.
UPGRADES: Final = (
    """
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        mode TEXT NOT NULL,
        title TEXT NOT NULL,
        origin TEXT NOT NULL,
        priority INTEGER NOT NULL,
        early INTEGER NOT NULL,     -- 1: a draft, goes before others of its priority
        place REAL NOT NULL,        -- order among those of the same priority and earliness
        attempt INTEGER NOT NULL DEFAULT 0,
        backend TEXT NOT NULL DEFAULT '',
        submitted_at REAL NOT NULL,
        started_at REAL NOT NULL DEFAULT 0,
        ended_at REAL NOT NULL DEFAULT 0,
        failure TEXT NOT NULL DEFAULT '',
        message TEXT NOT NULL DEFAULT '',
        resume TEXT NOT NULL DEFAULT ''
    );
    -- Long texts stand apart: rows that change and rows that are listed stay small.
    CREATE TABLE works (job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, work TEXT NOT NULL);  -- JSON
    CREATE TABLE outcomes (job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, outcome TEXT NOT NULL);  -- JSON
    CREATE INDEX jobs_in_order ON jobs (state, priority DESC, early DESC, place, id);
    CREATE INDEX jobs_by_place ON jobs (place);
    CREATE TABLE timings (
        id INTEGER PRIMARY KEY,
        backend TEXT NOT NULL,
        model TEXT NOT NULL,
        phase TEXT NOT NULL,
        work REAL NOT NULL,
        seconds REAL NOT NULL,
        at REAL NOT NULL
    );
    CREATE INDEX timings_of_a_phase ON timings (backend, model, phase, id DESC);
    """,
)


def prepare(db: sqlite3.Connection, path: Path, max_pages: int | None) -> None:
    """Bring a store that was just opened to the present version. `max_pages`: 4096 bytes each, None for no limit.

    Raises StoreBroken (also its child StoreTooNew), sqlite3.Error.
    """
    db.execute("PRAGMA journal_mode = WAL")
    # FULL: the end of a paid job survives a power cut too. It costs one fsync for each change of state, and those
    # are few.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA cache_size = -16000")  # kB: ten thousand jobs are listed from memory
    if max_pages is not None:
        db.execute(f"PRAGMA max_page_count = {max_pages}")
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > SCHEMA_VERSION:
        raise StoreTooNew(path, found, SCHEMA_VERSION)
    if found and (problem := str(db.execute("PRAGMA quick_check(1)").fetchone()[0])) != "ok":
        raise StoreBroken(path, problem)
    for version in range(found, SCHEMA_VERSION):
        db.executescript(f"BEGIN; {UPGRADES[version]}; PRAGMA user_version = {version + 1}; COMMIT;")


def set_aside(folder: Path) -> Path:
    """Rename a store that can't be used, so that a new one can be made; return its new name. Raises OSError."""
    broken = folder / FILE_NAME
    kept = folder / f"{FILE_NAME}.broken-{time.strftime('%Y%m%d-%H%M%S')}"
    for ending in ("-wal", "-shm"):  # they belong to it; another store must not find them
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{broken}{ending}", f"{kept}{ending}")  # noqa: PTH105
    broken.replace(kept)
    return kept
