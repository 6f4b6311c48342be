"""`ltxdesktop make` with a paid model: nothing is sent before --send, and what it would be is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.media.probe import probe

LONG_S = 300


def test_a_paid_job_is_agreed_to_by_a_word(api: Any, tmp_path: Path):
    command = [sys.executable, "-m", "ltxdesktop", "--backend", "remote", "--store", str(tmp_path), "make"]
    command += ["--prompt", "a red ball", "--frames", "9", "--size", "256x144", "--model", "ltx-2-3-fast"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=LONG_S)
    assert asked.returncode == 1
    for words in ("would get: the prompt (10 characters)", "about $0.06", "Nothing was sent", "--send"):
        assert words in asked.stderr
    assert api.seen == []
    done = subprocess.run([*command, "--send"], capture_output=True, text=True, timeout=LONG_S)
    assert done.returncode == 0, done.stderr
    assert probe(Path(done.stdout.strip()), exact=True).require_video().frames == 9
    assert api.submits == 1
