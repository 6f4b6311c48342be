"""How long does a small message take to the engine and back, with a plain client?  Goal: median at most 100 µs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from _engine import PlainEngine
from _report import measure, report

from engine.protocol.messages import Ping

TIMES = 5000


def main() -> None:
    with tempfile.TemporaryDirectory() as store, PlainEngine(Path(store)) as engine:
        engine.greet()
        runs = measure(lambda: engine.reply(Ping(call=1)), times=TIMES, warm_up=500)
    slowest = sorted(runs)[int(TIMES * 0.99)]
    report(
        "ping and pong over pipes, plain client",
        [run * 1e6 for run in runs[:: TIMES // 50]],
        unit="us",
        goal=100.0,
        percentile_99=round(slowest * 1e6, 1),
        settings={"round trips": TIMES, "shown runs": "every 100th"},
    )


if __name__ == "__main__":
    main()
