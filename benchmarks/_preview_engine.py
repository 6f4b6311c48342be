"""A true engine with a backend that does nothing but tell progress and show 1080p pictures, each at a steady rate.

    python _preview_engine.py STORE SECONDS PROGRESS_PER_S PREVIEWS_PER_S

Each picture's first 8 bytes are the time (`time.perf_counter_ns`, one clock for all processes on Linux) at which the
backend began to hand it over.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from pathlib import Path

from engine.backends.base import Job, JobContext, Places, PlannedPhase
from engine.backends.testing import TestBackend
from engine.protocol.messages import Result
from engine.server.engine import Engine, Settings
from engine.server.wire import claim_standard_streams

WIDTH, HEIGHT = 1920, 1080


class Shower(TestBackend):
    """Shows pictures."""

    def run(self, job: Job, context: JobContext) -> Result:
        seconds, progress_per_s, previews_per_s = map(float, sys.argv[2:5])
        picture = bytearray(os.urandom(1 << 16) * (WIDTH * HEIGHT * 3 // (1 << 16) + 1))[: WIDTH * HEIGHT * 3]
        steps = int(seconds * progress_per_s)
        context.plan("shown", [PlannedPhase("stage 1", float(steps), steps)])
        context.phase("stage 1")
        start = time.perf_counter()
        shown = 0
        for step in range(steps):
            time.sleep(max(0.0, start + step / progress_per_s - time.perf_counter()))
            context.step(step + 1)
            if previews_per_s and shown <= step * previews_per_s / progress_per_s:
                struct.pack_into("<Q", picture, 0, time.perf_counter_ns())
                context.preview(picture, WIDTH, HEIGHT)
                shown += 1
        return Result(files=())


def open_backend(places: Places) -> TestBackend:
    return Shower(places)


if __name__ == "__main__":
    store = Path(sys.argv[1])
    settings = Settings(store=store, models=store / "models", cache=store / "cache", openers={"test": open_backend})
    os._exit(Engine(claim_standard_streams(), settings).run())
