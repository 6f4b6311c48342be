"""Makes the modules of `packaging/` importable, as they are for `packaging/bundle.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "packaging"))
