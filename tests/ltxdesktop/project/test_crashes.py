"""A project survives `kill -9` at any moment: while it is saved, and while it is edited.

LTX_CRASH_RUNS says how many runs each (200 and 50 are the promise); by default fewer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from crash_child import CLIPS
from films import film

from ltxdesktop.document.model import Clip, Document
from ltxdesktop.project.project import Project
from ltxdesktop.project.reading import read_project

HERE = Path(__file__).parent
RUNS = os.environ.get("LTX_CRASH_RUNS")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the runs are forked")


def killed_runs(work: str, folder: Path, runs: int) -> list[dict[str, object]]:
    command = [sys.executable, str(HERE / "crash_child.py"), work, str(folder), str(runs), "2026"]
    paths = os.pathsep.join([str(HERE), str(HERE.parents[2])])
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths})
    return [json.loads(line) for line in done.stdout.splitlines()]


def number_of(document: Document) -> int:
    """The number of a film, after looking whether all of it says the same."""
    number = int(document.name.removeprefix("film "))
    clip = document.sequence.tracks[0].items[1]
    assert isinstance(clip, Clip)
    assert clip.duration == 11 + number
    return number


def test_a_kill_while_saving_never_breaks_the_project(tmp_path: Path) -> None:
    for run in killed_runs("saving", tmp_path, int(RUNS or 25)):
        assert run["killed"], run
        path = Path(str(run["folder"]), "film.otio")
        document = read_project(path).document
        number = number_of(document)
        assert document == film(number, CLIPS)
        assert number in (run["last"], int(str(run["last"])) + 1), run  # saved, or just about to be said
        project = Project.open(path, path.parent / "state")
        newest = project.recover() if project.recovery else project.document
        assert newest in (film(number, CLIPS), film(number + 1, CLIPS))
        assert not list(path.parent.glob("*.part")), "what the killed process left is removed"
        project.save(newest)
        project.close()


def test_a_kill_while_editing_costs_a_second_at_most(tmp_path: Path) -> None:
    for run in killed_runs("editing", tmp_path, min(int(RUNS or 6), 50)):
        assert run["killed"], run
        path = Path(str(run["folder"]), "film.otio")
        project = Project.open(path, path.parent / "state")
        document = project.recover() if project.recovery else project.document
        assert number_of(document) >= int(str(run["older_than_a_second"])), run
        assert number_of(document) <= int(str(run["last"])) + 1, run
        project.close()
