"""One engine per store: a second one is told who has it, and a dead one holds nothing."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.store.errors import StoreLocked
from engine.store.lock import StoreLock

HOLDER = """
import sys
from pathlib import Path
from engine.store.lock import StoreLock

lock = StoreLock(Path(sys.argv[1]))
lock.take()
lock.sign("/ring")
print("locked", flush=True)
sys.stdin.read()
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    return holder


def test_a_lock_held_by_another_process_names_it_and_ends_with_it(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        with pytest.raises(StoreLocked, match=str(holder.pid)) as caught:
            StoreLock(tmp_path).take()
        assert caught.value.owner_pid == holder.pid
        holder.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        holder.wait()
        with StoreLock(tmp_path) as lock:
            left = lock.take(wait_s=5)
            assert left is not None
            assert (left.pid, left.ring) == (holder.pid, "/ring")


def test_waiting_for_a_lock_ends_when_the_owner_does(tmp_path: Path) -> None:
    with hold(tmp_path) as holder, StoreLock(tmp_path) as lock:
        told: list[int] = []

        def end_holder(pid: int) -> None:
            told.append(pid)
            assert holder.stdin is not None
            holder.stdin.close()

        lock.take(wait_s=30, on_wait=end_holder)
        assert told == [holder.pid]


def test_a_lock_let_go_in_order_names_nobody(tmp_path: Path) -> None:
    with StoreLock(tmp_path) as lock:
        assert lock.take() is None
        lock.sign("")
    with StoreLock(tmp_path) as lock:
        assert lock.take() is None
