"""How readily this process gives way to others on the same machine."""

from __future__ import annotations

import os
import sys

import psutil

# With four computing processes on two cores, 20 ms of a window's work took 60 ms (median; worst 100) beside equals,
# 29 ms (worst 40) beside processes of niceness 5, and 24 ms beside this one, with which the engine has a third of the
# time when others compute too. The window's own workers (ltxdesktop/media/workers.py) are in between: see there.
NICENESS = 10


def give_way() -> None:
    """Let the programs that a person looks at go first, for the rest of this process and of its children.

    Alone on the machine it's as quick as ever.
    """
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(NICENESS)
