"""How long the app's process takes to import everything that its first window needs: at most 0.6 s (warm disk cache).

Each run is a fresh interpreter. Measured are its own imports, without the interpreter's start; torch must not be among
them.
"""

from __future__ import annotations

import json
import subprocess
import sys

from _report import report

GOAL_S = 0.6
RUNS = 15
CODE = """
import json, sys, time
start = time.perf_counter()
import ltxdesktop.app
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "modules": len(sys.modules), "torch": "torch" in sys.modules}))
"""


def main() -> None:
    facts = [one_run() for _ in range(RUNS + 1)][1:]  # the first fills the disk cache and writes .pyc files
    if any(each["torch"] for each in facts):
        raise SystemExit("the app imported torch")
    runs = [each["seconds"] for each in facts]
    report("app imports", runs, goal=GOAL_S, settings={"module": "ltxdesktop.app"}, modules=facts[0]["modules"])


def one_run() -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
