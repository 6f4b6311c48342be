"""kill -9 in the middle of a real installation: the pack that is used stays whole, and the next try mends the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pack_kit import Server, World, lock_of, make_world

from ltxdesktop.pack import manifest
from ltxdesktop.pack.places import STAGING, in_use_now, packs, write_about
from ltxdesktop.pack.recipe import Variant

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the small Python archive is made of this one's files")

LONG_S = 300
ROOT = Path(__file__).resolve().parents[3]
CPU = Variant("cpu", "")
INSTALL = """
import json, sys
from pathlib import Path
from ltxdesktop.pack.install import Plan, install
from ltxdesktop.pack.recipe import PinnedPython, Recipe, Variant
from ltxdesktop.pack.wheels import Source

asked = json.loads(sys.argv[1])
plan = Plan(
    Path(asked["folder"]), Variant("cpu", ""), Recipe(asked["lock"]), PinnedPython(*asked["pinned"]),
    Source(None, asked["index"], asked["index"]), home=Path(asked["home"]),
)


def tell(step):
    print(step.words, flush=True)
    sys.stdin.readline()  # stands still here until it's told to go on; the end of the input tells so for good


install(plan, tell)
"""


def start(world: World, folder: Path) -> subprocess.Popen[str]:
    """A process of its own that installs, says each of its steps, and waits for a line after each."""
    asked = {
        "folder": str(folder),
        "lock": lock_of(world.server.root / "wheels"),
        "pinned": list(world.pinned),
        "index": f"{world.server.url}/simple/",
        "home": str(world.home),
    }
    words = [sys.executable, "-c", INSTALL, json.dumps(asked)]
    return subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def kill_at(world: World, folder: Path, step: str) -> None:
    """Kill it, and nothing that it started, when it says this."""
    with start(world, folder) as installing:
        assert installing.stdin is not None
        assert installing.stdout is not None
        for line in installing.stdout:
            if line.startswith(step):
                break
            installing.stdin.write("\n")
            installing.stdin.flush()
        else:
            pytest.fail(f"it never came to {step!r}")
        started = psutil.Process(installing.pid).children(recursive=True)
        installing.kill()
        assert installing.wait(LONG_S) != 0
    psutil.wait_procs(started, timeout=LONG_S)  # a pip that was left alone ends by itself


def test_kills_in_every_phase_leave_the_pack_in_use_and_the_next_try_finishes(tmp_path: Path):
    served, folder = tmp_path / "served", tmp_path / "packs"
    served.mkdir()
    with Server(served) as server:
        world = make_world(tmp_path, server)
        key = world.recipe.key(CPU)
        old = folder / f"cpu-{key}-1"
        (old / "python").mkdir(parents=True)
        (old / "python" / "run").symlink_to(sys.executable)
        write_about(old, CPU, key, "python/run", {}, "2026-11-21T00:00:00+00:00")

        for step in ("torch-", "Unpacking", "Listing its files"):
            kill_at(world, folder, step)
            assert in_use_now(folder, world.recipe).folder == old, step
            assert [pack.folder for pack in packs(folder)] == [old], step
        kill_at(world, folder, "Removing older ones")  # the new one is in its place already
        fresh = in_use_now(folder, world.recipe)
        assert fresh.folder.name == f"cpu-{key}-2"
        assert manifest.verify(fresh.folder) == []
        pythons = [asked for asked in server.asked if asked.startswith("python/")]
        assert len(pythons) == 1, "what an earlier try brought isn't fetched again"

        with start(world, folder) as installing:
            installing.communicate(timeout=LONG_S)
        assert installing.returncode == 0
    (last,) = packs(folder)
    assert last.folder.name == f"cpu-{key}-3"
    assert manifest.verify(last.folder) == []
    assert not list(folder.glob(f"{STAGING}*"))
