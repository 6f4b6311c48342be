"""How long from starting the engine process to its hello, and to an open store?  Goal: hello within 1 s."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from _engine import PlainEngine
from _report import report

TIMES = 12


def main() -> None:
    hello: list[float] = []
    ready: list[float] = []
    for _ in range(TIMES):
        with tempfile.TemporaryDirectory() as store:
            start = time.perf_counter()
            with PlainEngine(Path(store)) as engine:
                hello.append(time.perf_counter() - start)
                engine.greet()
                ready.append(time.perf_counter() - start)
    report("engine hello after start, a new store each time", hello, goal=1.0)
    report("engine has its store open after start", ready, goal=1.0)


if __name__ == "__main__":
    main()
