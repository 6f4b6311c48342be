"""Lint, format and types of the whole repository, as tests, so that one command and one summary cover everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "basedpyright"])
def test_the_code_passes(command: str):
    tool, *words = command.split()
    done = subprocess.run([TOOLS / tool, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
