"""kill -9 of the whole program while a paid job is sent, waited for and fetched: it is picked up and paid once.

Real processes: the window, its engine (killed with it, or left to notice), and the fake LTX API in this one. Afterwards
everything that was written is searched for the key.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from engine.backends.remote.ledger import Ledger
from engine.media.probe import probe

LONG_S = 300.0
ROOT = Path(__file__).parents[3]


class Program:
    """One run of the program."""

    def __init__(self, folder: Path, picture: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder), "HOME": str(folder)}
        script = Path(__file__).with_name("killed_app.py")
        self.log = folder / "log.txt"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, script, folder, picture], env=environment, stdout=subprocess.PIPE, stderr=log
            )
        self.command_lines: set[str] = set()

    def engine(self) -> psutil.Process:
        return next(
            each for each in psutil.Process(self.process.pid).children() if "engine" in " ".join(each.cmdline())
        )

    def kill(self, *, engine_too: bool) -> None:
        """As the system does it, without a word. An engine that is left notices that nobody is there any more."""
        engine = self.engine()
        self.command_lines |= {" ".join(engine.cmdline()), " ".join(map(str, self.process.args))}
        if engine_too:
            engine.kill()
        self.process.kill()
        self.process.communicate()
        gone, _ = psutil.wait_procs([engine], timeout=LONG_S)
        assert gone, "the engine outlived the program"

    def take(self) -> Path:
        out, _ = self.process.communicate(timeout=LONG_S)
        assert self.process.returncode == 0, self.log.read_text()
        return Path(out.decode().strip())


def test_a_paid_job_survives_kills_of_the_program_in_every_phase_and_is_paid_once(api: Any, tmp_path: Path) -> None:
    from fake_api import KEY

    picture = tmp_path / "given" / "a.png"
    picture.parent.mkdir()
    Image.new("RGB", (32, 32), (9, 9, 200)).save(picture)
    folder = tmp_path / "home"
    folder.mkdir()

    api.stalled.add("PUT")
    program = Program(folder, picture)
    assert api.stuck.wait(LONG_S), program.log.read_text()
    program.kill(engine_too=True)
    assert api.submits == 0
    api.stalled.clear()

    api.hold.clear()
    for engine_too in (False, True):
        program = Program(folder, picture)
        assert api.begun.wait(LONG_S), program.log.read_text()
        api.polled.clear()
        assert api.polled.wait(LONG_S), program.log.read_text()
        program.kill(engine_too=engine_too)
    api.hold.set()

    api.stuck.clear()
    api.stalled.add("GET file")
    program = Program(folder, picture)
    assert api.stuck.wait(LONG_S), program.log.read_text()
    program.kill(engine_too=True)
    api.stalled.clear()

    take = Program(folder, picture).take()
    info = probe(take, exact=True).require_video()
    assert (info.frames, info.width, info.height) == (9, 256, 144)
    assert api.submits == 1
    assert Ledger(folder / "store").spending().spent_cents == 16

    assert not [line for line in program.command_lines if KEY in line]
    for path in folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
