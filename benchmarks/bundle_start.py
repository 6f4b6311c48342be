"""How long from the frozen program's start to a window that can be used?  Goal: 1 s (warm disk), without torch.

The program is `build/dist/ltxdesktop/ltxdesktop` (packaging/bundle.py makes it) or the one in LTX_BUNDLE. Each run is a
fresh process with a scratch profile and no engine: the program itself says when its window has been painted and the
event loop has come round once. `cpu_seconds` says more than the wall where others use the machine. The bundle's size is
a fact beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _report import report

ROOT = Path(__file__).resolve().parent.parent
GOAL_S, GOAL_BYTES = 1.0, 200_000_000
RUNS = 7


def main() -> None:
    program = Path(os.environ.get("LTX_BUNDLE", ROOT / "build/dist/ltxdesktop/ltxdesktop"))
    if not program.exists():
        print(f"no bundle at {program}: python3 packaging/bundle.py linux --only folder", file=sys.stderr)
        return
    facts = [one_run(program) for _ in range(RUNS + 1)][1:]  # the first fills the disk cache
    files = (path for path in program.resolve().parent.rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(path.stat().st_size for path in files)
    report(
        "start of the bundle to a usable window",
        [each["seconds"] for each in facts],
        goal=GOAL_S,
        cpu_seconds=[round(each["cpu"], 3) for each in facts],
        memory_bytes=max(each["bytes"] for each in facts),
        bundle_bytes=size,
        bundle_goal_bytes=GOAL_BYTES,
        bundle_reached=size <= GOAL_BYTES,
        load_before=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        settings={"platform": os.environ.get("QT_QPA_PLATFORM", "offscreen")},
    )


def one_run(program: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        scratch = {f"XDG_{kind}_HOME": f"{folder}/{kind.lower()}" for kind in ("CONFIG", "DATA", "CACHE", "STATE")}
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, **scratch, "LTXDESKTOP_TELL_START": "1"}
        done = subprocess.run([str(program)], check=True, capture_output=True, text=True, env=environment)
        return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
