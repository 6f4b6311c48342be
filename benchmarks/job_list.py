"""How long does listing 10,000 queued jobs take, from request to decoded reply?  Goal: at most 50 ms."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from _engine import PlainEngine
from _report import measure, report

from engine.protocol.messages import HoldQueue, Jobs, ListJobs, Submit
from engine.protocol.work import Retake

JOBS = 10_000


def fill(store: Path) -> None:
    """Queue one job through the engine, then multiply it in the file."""
    work = Retake(source="/films/kitchen.mov", start=100, end=148, prompt="she turns to the window, rain outside")
    with PlainEngine(store) as engine:
        engine.greet()
        engine.reply(HoldQueue(call=1, hold=True))
        engine.reply(
            Submit(call=2, job="0", work=work, title='Retake 00:00:04:04-00:00:06:04 "kitchen"', origin="x" * 100)
        )
    db = sqlite3.connect(store / "jobs.sqlite3")
    db.executescript(f"""
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {JOBS - 1})
        INSERT INTO jobs (id, state, mode, title, origin, priority, early, place, submitted_at)
            SELECT 'job-' || n, state, mode, title, origin, n % 5, n % 2, n, submitted_at + n FROM jobs, numbers;
        INSERT INTO works (job, work) SELECT seq, (SELECT work FROM works WHERE job = 1) FROM jobs WHERE seq > 1;
    """)
    db.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        fill(store)
        with PlainEngine(store) as engine:
            engine.greet()
            engine.reply(HoldQueue(call=1, hold=True))

            def ask() -> None:
                answer = engine.reply(ListJobs(call=3, states=("queued",)))
                assert isinstance(answer, Jobs)
                assert len(answer.jobs) >= JOBS - 1

            runs = measure(ask, times=30, warm_up=2)
    report("list 10,000 queued jobs", [run * 1e3 for run in runs], unit="ms", goal=50.0, settings={"jobs": JOBS})


if __name__ == "__main__":
    main()
