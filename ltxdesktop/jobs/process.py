"""An engine run by `subprocess`, for scripts and tests: threads read, everything else happens on the owner's thread.

The pieces: `Loop`, a queue of what happened and a list of timers, turned by its owner; `ChildProcess`, which fills it.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO

from ltxdesktop.jobs.supervisor import Run

READ_BYTES = 1 << 18
MOST_WAITING = 64  # pieces of output that wait to be looked at; then the engine has to wait too
LAST_BYTES_S = 2.0  # for reading on after the end, when something else still holds the pipes open


class Loop:
    """What happened, and what is to happen later. `turn` runs it, on the thread of whoever calls."""

    def __init__(self) -> None:
        self._happened: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._reader_waits = False
        self._closed = False
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._numbers = itertools.count()

    def after(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        """Have `call` called once by a later `turn`; what is returned prevents it."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (time.monotonic() + delay_s, number, call))
        return partial(self._cancelled.add, number)

    def post(self, call: Callable[[], None]) -> None:
        """Have `call` called by the next `turn`. From any thread."""
        self._happened.put(call)

    def post_in_turn(self, call: Callable[[], None]) -> None:
        """The same, but wait while much waits already: whoever doesn't turn the loop doesn't fill the memory."""
        if self._happened.qsize() >= MOST_WAITING:
            with self._room:
                self._reader_waits = True
                while self._happened.qsize() >= MOST_WAITING and not self._closed:
                    self._room.wait()
                self._reader_waits = False
        if not self._closed:
            self._happened.put(call)

    def turn(self, wait_s: float | None = None) -> None:
        """Wait for the next thing to happen, at most `wait_s`, and do it, or the timers that are due."""
        due_in = self._due_in()
        wait_s = due_in if wait_s is None else wait_s if due_in is None else min(wait_s, due_in)
        try:
            call = self._happened.get(timeout=wait_s) if wait_s is None or wait_s > 0 else self._happened.get_nowait()
        except queue.Empty:
            self._run_due()
            return
        if self._reader_waits:
            with self._room:
                self._room.notify_all()
        call()
        self._run_due()

    def close(self) -> None:
        """Let readers that wait for room go on; what they bring is of no use any more."""
        with self._room:
            self._closed = True
            self._room.notify_all()

    def _due_in(self) -> float | None:
        while self._timers and self._timers[0][1] in self._cancelled:
            self._cancelled.discard(heapq.heappop(self._timers)[1])
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _run_due(self) -> None:
        while self._due_in() == 0.0:
            heapq.heappop(self._timers)[2]()


class ChildProcess:
    """A process that tells its `Run`, through the loop, what it writes and how it ends."""

    def __init__(self, command: Sequence[str], loop: Loop, run: Run) -> None:
        """Start it. Raises OSError."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._loop, self._run = loop, run
        self._input = _Input(self._process)
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, run.take_output), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr, run.take_log), daemon=True),
        ]
        for each in (*self._readers, threading.Thread(target=self._wait, daemon=True)):
            each.start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def write(self, data: bytes) -> None:
        self._input.write(data)

    def close_input(self) -> None:
        self._input.close()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def _read(self, pipe: IO[bytes], take: Callable[[bytes], None]) -> None:
        with pipe:
            while data := _some(pipe):
                self._loop.post_in_turn(partial(take, data))

    def _wait(self) -> None:
        status = self._process.wait()
        for reader in self._readers:
            reader.join(LAST_BYTES_S)
        self._input.close()
        self._loop.post(partial(self._run.take_end, status))


def _some(pipe: IO[bytes]) -> bytes:
    try:
        return os.read(pipe.fileno(), READ_BYTES)
    except OSError:
        return b""


class _Input:
    """The process's standard input: what it doesn't take at once is written by a thread, so that nobody waits."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        self._pipe = process.stdin
        self._lock = threading.Condition()
        self._backlog: deque[bytes] = deque()
        self._closing = False
        self._thread: threading.Thread | None = None
        if sys.platform != "win32":
            os.set_blocking(self._pipe.fileno(), False)

    def write(self, data: bytes) -> None:
        with self._lock:
            if self._closing:
                return
            rest = data if self._backlog else self._write_now(data)
            if not rest:
                return
            self._backlog.append(rest)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_backlog, daemon=True)
                self._thread.start()
            self._lock.notify_all()

    def close(self) -> None:
        """Close it behind what waits; what nobody will read any more is dropped. May be called twice."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            if self._thread is None:
                self._pipe.close()
            self._lock.notify_all()

    def _write_now(self, data: bytes) -> bytes:
        """Write what goes without waiting; return the rest. On Windows nothing does for certain."""
        if sys.platform == "win32":
            return data
        try:
            return data[os.write(self._pipe.fileno(), data) :]
        except BlockingIOError:
            return data
        except OSError:
            return b""  # it's gone, and its end says so

    def _write_backlog(self) -> None:
        with contextlib.suppress(OSError), self._pipe:
            while (data := self._next()) is not None:
                with memoryview(data) as view:
                    sent = 0
                    while sent < len(view):
                        if sys.platform != "win32":
                            select.select([], [self._pipe], [])
                        sent += os.write(self._pipe.fileno(), view[sent:])
                with self._lock:
                    self._backlog.popleft()
        with self._lock:
            self._closing = True
            self._backlog.clear()

    def _next(self) -> bytes | None:
        """The first of the backlog, which stays there until it's written; None at the end."""
        with self._lock:
            while not self._backlog and not self._closing:
                self._lock.wait()
            return self._backlog[0] if self._backlog else None
