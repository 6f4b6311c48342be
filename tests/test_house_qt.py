"""Guards for known faults of the Qt binding that this project pins around."""

from __future__ import annotations

import subprocess
import sys

REFERENCES_LOST = """
import sys
from PySide6.QtCore import QObject, Signal

class Switch(QObject):
    turned = Signal(bool)

switch = Switch()
received = []
switch.turned.connect(lambda on: None)
before = sys.getrefcount(True)
for _ in range(2000):
    switch.turned.emit(True)
print(before - sys.getrefcount(True))
"""


def test_emitting_true_keeps_its_references():
    """PySide6 6.12.0 on Python 3.11 drops one reference to True at every emit and crashes after some hundred.

    In a process of its own, because a lost reference would take the whole test run down.
    """
    done = subprocess.run([sys.executable, "-c", REFERENCES_LOST], capture_output=True, text=True)
    assert done.returncode == 0, f"the process ended with {done.returncode}: {done.stderr}"
    assert int(done.stdout) < 100
