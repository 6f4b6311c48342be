"""The smallest client there is: a true engine as a child process, one thread that reads, and waiting for events.

Tests of the engine speak through this, so that they hold the engine to its specification and not to the app's client.
"""

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from engine.backends.testing import Orders
from engine.protocol.framing import EVENT_LIMITS, Frame, FrameReader, pack
from engine.protocol.messages import (
    PROTOCOL,
    Cancelled,
    ClientHello,
    Done,
    EngineHello,
    Event,
    Failed,
    JobChanged,
    JobState,
    Request,
    Submit,
    decode_event,
    encode,
)
from engine.protocol.ring import remove_leftover
from engine.protocol.work import TextToVideo

LONG_S = 300.0  # an upper bound for what should take no time at all, on a machine that is busy with something else
E = TypeVar("E", bound=msgspec.Struct)


def work(prompt: str = "", **orders: Any) -> TextToVideo:
    """A small job for the test backend, with orders if there are any."""
    text = msgspec.json.encode(Orders(**orders)).decode() if orders else prompt
    return TextToVideo(prompt=text, width=32, height=32, frames=9, rate="30000/1001")


class EngineProcess:
    """A running engine and all that it has said."""

    def __init__(self, store: Path, *options: str, command: Sequence[str] = (), stop_reading: bool = False) -> None:
        """Start an engine with the test backend. With `stop_reading` its output is read only from `read_on` on."""
        own = [sys.executable, "-m", "engine", "--stdio", "--backend", "test", "--store", str(store)]
        own += ["--models", str(store / "models"), *options]
        environment = dict(os.environ, PYTHONPATH=str(Path(__file__).resolve().parents[3]))
        self.process = subprocess.Popen(
            [*command, *own], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._in = self.process.stdin.fileno()
        self._out = self.process.stdout.fileno()
        self._err = self.process.stderr.fileno()
        self._calls = itertools.count(1)
        self._told = threading.Condition()
        self.events: list[tuple[Event, bytes]] = []
        self.log = bytearray()
        self.ended = False
        self._closed = False
        self._may_read = threading.Event()
        if not stop_reading:
            self._may_read.set()
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._read_log)]
        for thread in self._threads:
            thread.start()

    # --- speaking ---

    def send_bytes(self, data: bytes) -> None:
        with memoryview(data) as view:
            sent = 0
            while sent < len(view):
                sent += os.write(self._in, view[sent:])

    def send(self, request: Request, body: bytes = b"") -> None:
        self.send_bytes(pack(encode(request), body) + body)

    def ask(self, request: Request, reply: type[E], body: bytes = b"") -> E:
        """Send a request and wait for its reply, which has to be of this class."""
        call = next(self._calls)
        self.send(msgspec.structs.replace(request, call=call), body)
        answer = self.wait_for(lambda event: getattr(event, "call", 0) == call)
        assert isinstance(answer, reply), answer
        return answer

    def hello(self, **more: Any) -> EngineHello:
        hello = self.wait_for(lambda event: isinstance(event, EngineHello))
        assert isinstance(hello, EngineHello)
        self.send(ClientHello(protocol=PROTOCOL, build="test", **more))
        return hello

    def submit(self, job: str, **orders: Any) -> None:
        self.send(Submit(job=job, work=work(**orders)))

    # --- listening ---

    def wait_for(self, wanted: Callable[[Event], bool], since: int = 0) -> Event:
        """The first event of this kind, from number `since` on; waits for it, and fails if the engine ends before."""
        deadline = time.monotonic() + LONG_S
        at = since
        with self._told:
            while True:
                for event, _ in self.events[at:]:
                    if wanted(event):
                        return event
                at = len(self.events)
                assert not self.ended, f"the engine ended; its log:\n{self.log.decode(errors='replace')}"
                left = deadline - time.monotonic()
                assert left > 0, f"waited too long; got {[type(event).__name__ for event, _ in self.events][-20:]}"
                self._told.wait(left)

    def body_of(self, wanted: Event) -> bytes:
        return next(body for event, body in self.events if event is wanted)

    def wait_for_state(self, job: str, *kinds: type[JobState]) -> Any:
        event = self.wait_for(
            lambda event: isinstance(event, JobChanged) and event.job == job and isinstance(event.state, kinds)
        )
        assert isinstance(event, JobChanged)
        return event.state

    def wait_for_end(self, job: str) -> Done | Failed | Cancelled:
        return self.wait_for_state(job, Done, Failed, Cancelled)

    def all_of(self, kind: type[E]) -> list[E]:
        return [event for event, _ in self.events if isinstance(event, kind)]

    def read_on(self) -> None:
        self._may_read.set()

    def resident_bytes(self) -> int:
        import psutil

        return psutil.Process(self.process.pid).memory_info().rss

    # --- ending ---

    def hang_up(self) -> None:
        """Close the engine's input, as the end of the app does."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait_until_ended(self) -> int:
        status = self.process.wait(LONG_S)
        self.close()
        return status

    def kill(self, leave_ring: bool = False) -> None:
        self.process.kill()
        self.process.wait(LONG_S)
        self.close(leave_ring)

    def close(self, leave_ring: bool = False) -> None:
        """End it, however it is; remove the ring that a killed engine couldn't."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._may_read.set()
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        for hello in self.all_of(EngineHello):
            if hello.ring is not None and not leave_ring and not self._closed:
                remove_leftover(Path(hello.ring.path))
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _read(self) -> None:
        reader = FrameReader(EVENT_LIMITS)
        self._may_read.wait()
        while data := os.read(self._out, 1 << 16):
            items = reader.feed(data)
            with self._told:
                for item in items:
                    assert isinstance(item, Frame), item
                    self.events.append((decode_event(item.header), item.body))
                self._told.notify_all()
        with self._told:
            self.ended = True
            self._told.notify_all()

    def _read_log(self) -> None:
        while data := os.read(self._err, 1 << 16):
            self.log += data
