"""An engine with the test backend as a child, and the plainest way to talk to it: one thread, blocking pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.protocol.framing import EVENT_LIMITS, Frame, FrameReader, pack
from engine.protocol.messages import PROTOCOL, ClientHello, EngineHello, Event, Request, decode_event, encode
from engine.protocol.ring import remove_leftover


class PlainEngine:
    """A running engine; `hello` is what it said first."""

    def __init__(self, store: Path, *options: str) -> None:
        command = [sys.executable, "-m", "engine", "--stdio", "--backend", "test", "--store", str(store)]
        self.process = subprocess.Popen(
            [*command, "--models", str(store / "models"), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._reader = FrameReader(EVENT_LIMITS)
        self._frames: list[tuple[Event, bytes]] = []
        hello, _ = self.receive()
        assert isinstance(hello, EngineHello)
        self.hello = hello

    def greet(self, **more: bool) -> None:
        """Say hello and wait until the engine has opened its store."""
        self.send(ClientHello(protocol=PROTOCOL, build="benchmark", **more))
        while type(self.receive()[0]).__name__ != "EngineState":
            pass

    def send(self, request: Request) -> None:
        """Write one request."""
        os.write(self._in, pack(encode(request)))

    def receive(self) -> tuple[Event, bytes]:
        """Wait for the next event and its body."""
        while not self._frames:
            data = os.read(self._out, 1 << 18)
            if not data:
                raise EOFError("the engine has ended")
            for item in self._reader.feed(data):
                assert isinstance(item, Frame)
                self._frames.append((decode_event(item.header), item.body))
        return self._frames.pop(0)

    def reply(self, request: Request) -> Event:
        """Send a request with a call and wait for its answer."""
        self.send(request)
        while getattr((event := self.receive()[0]), "call", 0) != request.call:
            pass
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()
        if self.hello.ring is not None:
            remove_leftover(Path(self.hello.ring.path))
