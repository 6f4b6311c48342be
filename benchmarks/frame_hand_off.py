"""How long from the engine having a 1080p RGB picture to the client having it?  Goal: median at most 2 ms.

Both ends of the ring and a pipe between them are timed in one process pair: the writer is a child that stamps each
picture's message with the time (one clock for all processes on a machine) at which it began to hand it over.
"""

from __future__ import annotations

import subprocess
import sys
import time

from _report import report

from engine.protocol.messages import Ring
from engine.protocol.ring import RingReader

PICTURES = 300
SIZE = 1920 * 1080 * 3

WRITER = f"""
import os, sys, time
from engine.protocol.ring import RingWriter

with RingWriter() as ring:
    print(ring.description.path, flush=True)
    pictures = [os.urandom({SIZE}) for _ in range(3)]
    for n in range({PICTURES}):
        start = time.perf_counter_ns()
        slot, stamp = ring.write(pictures[n % 3])
        print(slot, stamp, start, flush=True)
        sys.stdin.readline()
"""


def main() -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    runs: list[float] = []
    ring = Ring(path=writer.stdout.readline().strip(), slots=4, slot_bytes=8 << 20)
    with RingReader(ring) as reader:
        for _ in range(PICTURES):
            slot, stamp, start = map(int, writer.stdout.readline().split())
            picture = reader.read(slot, stamp)
            runs.append((time.perf_counter_ns() - start) / 1e6)
            assert picture is not None
            assert len(picture) == SIZE
            writer.stdin.write("next\n")
    writer.communicate()
    report("1080p RGB picture through the ring", runs[20::5], unit="ms", goal=2.0, settings={"pictures": PICTURES})


if __name__ == "__main__":
    main()
