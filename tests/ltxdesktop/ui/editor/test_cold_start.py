"""A project that is opened before anything was loaded doesn't have the GUI thread load it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_first_project_is_loaded_by_a_worker(film: Path, tmp_path: Path):
    script = Path(__file__).with_name("open_cold.py")
    line = [sys.executable, str(script), str(film), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["shown"]
