"""Stands in for `ssh HOST COMMAND...`: runs the command behind pipes of its own; bytes come late and in odd pieces."""

import os
import random
import subprocess
import sys
import threading
import time


def carry(source: int, target: int, seed: int) -> None:
    """Carry bytes until there are no more, cut anew, some of them a little late."""
    dice = random.Random(seed)
    while data := os.read(source, dice.choice([1, 19, 777, 65_536])):
        if dice.random() < 0.02:
            time.sleep(0.002)
        view = memoryview(data)
        while view:
            view = view[os.write(target, view[: dice.choice([3, 100, 65_536])]) :]


there = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert there.stdin is not None
assert there.stdout is not None


def carry_in() -> None:
    carry(0, there.stdin.fileno(), 1)
    there.stdin.close()


threading.Thread(target=carry_in, daemon=True).start()
carry(there.stdout.fileno(), 1, 2)
os._exit(there.wait())
