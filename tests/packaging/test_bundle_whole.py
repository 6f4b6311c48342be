"""A finished bundle is tried whole. Making one takes minutes, so it's made apart, and named in LTX_BUNDLE."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = os.environ.get("LTX_BUNDLE", "")


@pytest.mark.bundle
@pytest.mark.skipif(not BUNDLE, reason="needs a bundle: packaging/bundle.py makes one; set LTX_BUNDLE to its program")
def test_bundle_says_its_version_exports_and_shows_its_window():
    script = ROOT / "packaging" / "smoke.py"
    done = subprocess.run([sys.executable, script, BUNDLE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
