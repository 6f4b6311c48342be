"""An engine for scripts: a child process that is asked and waited for, one thing at a time. No Qt.

Two threads read its output and its log, so that it never stands still; everything else happens on the caller's thread.
"""

from __future__ import annotations

import itertools
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Self

import msgspec

from engine.protocol.messages import EngineHello, EngineState, Event, JobPreview, Request, Shutdown
from ltxdesktop.jobs.channel import Channel, ending_of

LOG_BYTES = 64_000  # of its newest log, for a message when it ends
PATIENCE_S = 5.0  # between asking, terminating and killing


class EngineGone(Exception):
    """The engine ended while something was still wanted of it. `log` is the end of what it wrote."""

    def __init__(self, words: str, log: str) -> None:
        super().__init__(words)
        self.log = log


class PlainEngine:
    """Starts the engine on entering, and ends it on leaving: ask, wait, terminate, wait, kill."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._channel = Channel(previews=False)
        self._calls = itertools.count(1)
        self._arrived: queue.SimpleQueue[Event | None] = queue.SimpleQueue()  # None: end of file
        self._kept: deque[Event] = deque()  # came while a reply was waited for
        self._log = bytearray()

    def __enter__(self) -> Self:
        """Start it, and wait until it's ready. Raises EngineGone, and OSError if the command can't be run."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read_events, self._read_log)]
        for thread in self._threads:
            thread.start()
        try:
            while not isinstance(event := self._next(), EngineState):
                if isinstance(event, EngineHello):
                    self._write(self._channel.answer_hello())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, request: Request) -> Event:
        """Send a request and wait for its reply. Raises EngineGone."""
        call = next(self._calls)
        self._write(self._channel.send(msgspec.structs.replace(request, call=call)))
        while True:
            event = self._next()
            if getattr(event, "call", None) == call:
                return event
            self._kept.append(event)

    def next_event(self) -> Event:
        """The next thing that the engine says unasked. Raises EngineGone."""
        return self._kept.popleft() if self._kept else self._next()

    def _next(self) -> Event:
        event = self._arrived.get()
        if event is None:
            self._arrived.put(None)  # so it stays at its end
            self._process.wait()
            words = ending_of(self._process.returncode, self._channel.goodbye).words
            raise EngineGone(words, self._log.decode(errors="replace"))
        return event

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            _write_all(self._process.stdin, data)
        except OSError:
            return  # it's gone; the end of its output says so

    def _end(self) -> None:
        self._write(self._channel.send(Shutdown()))
        assert self._process.stdin is not None
        self._process.stdin.close()
        for harder in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(PATIENCE_S)
                break
            except subprocess.TimeoutExpired:
                harder()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        self._channel.close()

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        while data := self._process.stdout.read(1 << 16):
            for arrival in self._channel.receive(data):
                if not isinstance(arrival.event, JobPreview):
                    self._arrived.put(arrival.event)
        self._arrived.put(None)

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        while data := self._process.stderr.read(1 << 16):
            self._log += data
            del self._log[:-LOG_BYTES]


def _write_all(pipe: IO[bytes], data: bytes) -> None:
    """Write everything: an unbuffered pipe may take a part at a time."""
    with memoryview(data) as view:
        sent = 0
        while sent < len(view):
            sent += pipe.write(view[sent:]) or 0
