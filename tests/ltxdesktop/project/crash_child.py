"""A process that forks children which save or edit a project, and kills each with SIGKILL at a random moment.

Forking from one process that has everything imported makes a run cost milliseconds. Not a test; run by
`test_crashes.py` as `crash_child.py saving|editing FOLDER RUNS SEED`, prints one JSON line per run.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import struct
import sys
import time
from pathlib import Path

from films import edited, film

from ltxdesktop.project.project import Project

CLIPS = 150
MARK = struct.Struct("<id")  # number of the version or edit, time


def save_for_ever(path: Path, state: Path, tell: int) -> None:
    """Save version after version; say each when it is safe."""
    project = Project.open(path, state)
    for number in range(1, 10_000):
        document = film(number, CLIPS)
        project.note("Edit", document)
        project.save(document)
        os.write(tell, MARK.pack(number, time.monotonic()))


def edit_for_ever(path: Path, state: Path, tell: int) -> None:
    """Edit after edit without pause, some saves between; say each edit when it is made."""
    project = Project.open(path, state)
    document = project.document
    chance = random.Random(os.getpid())
    for number in range(1, 100_000):
        document = edited(document, number)
        project.note("Edit", document)
        os.write(tell, MARK.pack(number, time.monotonic()))
        if chance.random() < 0.02:
            project.save(document)


def killed_run(work: str, folder: Path, delay_s: float) -> dict[str, object]:
    """One child from its first mark to its violent end; what it said last, and when it was killed."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        run = save_for_ever if work == "saving" else edit_for_ever
        try:
            run(folder / "film.otio", folder / "state", write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    marks = [os.read(read_end, MARK.size)]  # it has begun
    end = time.monotonic() + delay_s
    while (left := end - time.monotonic()) > 0:
        if select.select([read_end], [], [], left)[0]:
            marks.append(os.read(read_end, MARK.size))
            if not marks[-1]:
                break
    killed_at = time.monotonic()
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while more := os.read(read_end, MARK.size):
        marks.append(more)
    os.close(read_end)
    said = [MARK.unpack(mark) for mark in marks if len(mark) == MARK.size]
    safe = [number for number, at in said if at <= killed_at - 1]
    return {
        "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
        "last": said[-1][0] if said else 0,
        "older_than_a_second": safe[-1] if safe else 0,
    }


def main() -> None:
    work, folder, runs, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    chance = random.Random(seed)
    for run in range(runs):
        place = folder / f"run {run}"
        place.mkdir(parents=True)
        Project.create(place / "film.otio", film(0, CLIPS), place / "state").close()
        longest = 0.06 if work == "saving" else 1.4
        print(json.dumps({"folder": str(place), **killed_run(work, place, chance.uniform(0, longest))}), flush=True)


if __name__ == "__main__":
    main()
