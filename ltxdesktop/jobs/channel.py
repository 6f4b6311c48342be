"""The app's end of the channel without any pipe: bytes in, events out; requests in, bytes out.

A `QProcess`, a `subprocess` and a test move the bytes; what they mean is said in `engine/protocol/README.md` and acted
on here once. Not here: starting, watching and ending the process.
"""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Sequence
from typing import NamedTuple

from engine.protocol.errors import ProtocolError, RingError, UnknownMessage
from engine.protocol.framing import EVENT_LIMITS, REQUEST_LIMITS, Fault, FrameReader, pack
from engine.protocol.messages import (
    PROTOCOL,
    ClientHello,
    EngineHello,
    Event,
    ExitStatus,
    Goodbye,
    JobPreview,
    Request,
    decode_event,
    encode,
)
from engine.protocol.ring import RingReader

BUILD = "ltxdesktop 0.1"

log = logging.getLogger(__name__)


class Arrival(NamedTuple):
    """One event and the bytes that belong to it: a preview's pixels, a piece of a file, mostly nothing."""

    event: Event
    body: bytes


class Channel:
    """One connection to one engine process; a new process gets a new one."""

    def __init__(self, *, remote: bool = False, previews: bool = True) -> None:
        self._reader = FrameReader(EVENT_LIMITS)
        self._remote, self._previews = remote, previews
        self._ring: RingReader | None = None
        self.hello: EngineHello | None = None
        self.goodbye: Goodbye | None = None

    def receive(self, data: bytes | memoryview) -> list[Arrival]:
        """The events that these bytes complete, in order. Damaged and unknown messages are logged and left out."""
        arrivals: list[Arrival] = []
        for item in self._reader.feed(data):
            if isinstance(item, Fault):
                log.warning("damaged message from the engine (%s): %s", item.kind, item.detail)
                continue
            try:
                event = decode_event(item.header)
            except UnknownMessage as exc:
                log.info("%s: a newer engine", exc)
                continue
            except ProtocolError as exc:
                log.warning("message from the engine: %s", exc)
                continue
            arrival = self._take(event, item.body)
            if arrival is not None:
                arrivals.append(arrival)
        return arrivals

    def answer_hello(self) -> bytes:
        """The client's hello: the first thing to send, once the engine has said its own."""
        return self.send(ClientHello(protocol=PROTOCOL, build=BUILD, remote=self._remote, previews=self._previews))

    def send(self, request: Request, body: bytes = b"") -> bytes:
        """The bytes of a request. Raises MessageTooLarge."""
        return pack(encode(request), body, REQUEST_LIMITS) + body

    def close(self) -> None:
        """Let go of the preview ring."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    def _take(self, event: Event, body: bytes) -> Arrival | None:
        match event:
            case EngineHello():
                self.hello = event
                self._open_ring(event)
            case Goodbye():
                self.goodbye = event
            case JobPreview() if event.slot >= 0:
                pixels = self._ring.read(event.slot, event.stamp) if self._ring is not None else None
                return Arrival(event, pixels) if pixels is not None else None  # gone: a newer one is on its way
            case _:
                pass
        return Arrival(event, body)

    def _open_ring(self, hello: EngineHello) -> None:
        if hello.ring is None or self._remote:
            return
        try:
            self._ring = RingReader(hello.ring)
        except RingError as exc:
            log.warning("no previews: %s", exc)


class Ending(NamedTuple):
    """How an engine process ended: words for the person, and whether starting it again may help."""

    words: str
    may_restart: bool


def ending_of(status: int, goodbye: Goodbye | None) -> Ending:
    """What the exit status (negative: a signal) and the last message mean."""
    said = f" {goodbye.message}" if goodbye is not None and goodbye.message else ""
    match status:
        case ExitStatus.ENDED:
            return Ending("The engine has ended.", may_restart=True)
        case ExitStatus.STORE_LOCKED:
            return Ending(f"Another window already runs the engine with these jobs.{said}", may_restart=False)
        case ExitStatus.STORE_BROKEN:
            return Ending(f"The list of jobs can't be opened.{said}", may_restart=False)
        case ExitStatus.BAD_PROTOCOL:
            return Ending(f"The engine is of another version than this program.{said}", may_restart=False)
        case ExitStatus.WRONG_USE:
            return Ending("The engine didn't understand how it was started; see the log.", may_restart=False)
        case ExitStatus.BROKEN:
            return Ending(f"The device needs a fresh start of the engine.{said}", may_restart=True)
        case _:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            return Ending(f"The engine stopped unexpectedly ({how}).", may_restart=True)


def engine_command(command: str = "", backends: Sequence[str] = (), store: str = "") -> list[str]:
    """How to start the engine: the one beside this program, or the person's own command (over ssh, say)."""
    if command:
        return shlex.split(command)
    words = [sys.executable, "-m", "engine", "--stdio"]
    for backend in backends:
        words += ["--backend", backend]
    return [*words, *(["--store", store] if store else [])]
