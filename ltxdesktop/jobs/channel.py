"""The app's end of the channel without any pipe: bytes in, events out; requests in, bytes out.

A `QProcess`, a `subprocess` and a test move the bytes; what they mean is said in `engine/protocol/README.md` and acted
on here once. Not here: starting, watching and ending the process.
"""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import PurePath
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
    compatible,
    decode_event,
    encode,
)
from engine.protocol.ring import RingReader
from ltxdesktop.resources import BUNDLED

BUILD = "ltxdesktop 0.1"
FAULTS_LOGGED = 5

log = logging.getLogger(__name__)


class Pixels:
    """A preview's pixels where the engine put them: to be made into something at once, before newer ones come."""

    def __init__(self, ring: RingReader, slot: int, stamp: int) -> None:
        self._ring, self._slot, self._stamp = ring, slot, stamp

    def copy(self) -> bytes | None:
        """All of them; None when a newer picture has taken their place."""
        return self._ring.read(self._slot, self._stamp)

    def lend(self) -> memoryview | None:
        """Where they lie, read-only; None when they're gone. Release it soon, and ask `held` afterwards."""
        return self._ring.lend(self._slot, self._stamp)

    @property
    def held(self) -> bool:
        """Whether no newer picture has taken their place till now."""
        return self._ring.holds(self._slot, self._stamp)


class Arrival(NamedTuple):
    """One event and the bytes that belong to it: a piece of a file, a preview's pixels, mostly nothing."""

    event: Event
    body: bytes | Pixels


class Channel:
    """One connection to one engine process; a new process gets a new one."""

    def __init__(self, *, remote: bool = False, previews: bool = True) -> None:
        self._reader = FrameReader(EVENT_LIMITS)
        self.remote = remote
        self._previews = previews
        self._ring: RingReader | None = None
        self.hello: EngineHello | None = None
        self.goodbye: Goodbye | None = None
        self.greeted = False  # both hellos are said: the engine answers requests
        self.faults = 0  # stretches of bytes that were no messages

    @property
    def mismatch(self) -> str:
        """Why this engine can't be spoken to, in words for the person; "" if it can."""
        if self.hello is None or compatible(self.hello.protocol):
            return ""
        theirs, ours = (".".join(map(str, version)) for version in (self.hello.protocol, PROTOCOL))
        return (
            f"The engine ({self.hello.build}) speaks version {theirs} of the protocol and this program ({BUILD}) "
            f"version {ours}. Both have to be of the same release."
        )

    def receive(self, data: bytes | memoryview) -> list[Arrival]:
        """The events that these bytes complete, in order. Damaged and unknown messages are logged and left out."""
        arrivals: list[Arrival] = []
        for item in self._reader.feed(data):
            if isinstance(item, Fault):
                self._count_fault(f"{item.kind}: {item.detail}")
                continue
            try:
                event = decode_event(item.header)
            except UnknownMessage as exc:
                log.info("%s: a newer engine", exc)
                continue
            except ProtocolError as exc:
                self._count_fault(str(exc))
                continue
            arrival = self._take(event, item.body)
            if arrival is not None:
                arrivals.append(arrival)
        return arrivals

    def answer_hello(self) -> bytes:
        """The client's hello: the first thing to send, once the engine has said its own."""
        self.greeted = True
        return self.send(ClientHello(protocol=PROTOCOL, build=BUILD, remote=self.remote, previews=self._previews))

    @staticmethod
    def send(request: Request, body: bytes = b"") -> bytes:
        """The bytes of a request. Raises MessageTooLarge."""
        return pack(encode(request), body, REQUEST_LIMITS) + body

    def close(self) -> None:
        """Let go of the preview ring."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    def _count_fault(self, words: str) -> None:
        """Say it, but don't fill the log with it."""
        self.faults += 1
        if self.faults <= FAULTS_LOGGED:
            log.warning("damaged message from the engine: %s", words)

    def _take(self, event: Event, body: bytes) -> Arrival | None:
        match event:
            case EngineHello() if self.hello is not None:
                self._count_fault("a second hello")
                return None
            case EngineHello():
                self.hello = event
                self._open_ring(event)
            case Goodbye():
                self.goodbye = event
            case JobPreview() if event.slot >= 0:
                if self._ring is None or not self._ring.holds(event.slot, event.stamp):
                    return None  # gone: a newer one is on its way
                return Arrival(event, Pixels(self._ring, event.slot, event.stamp))
            case _:
                pass
        return Arrival(event, body)

    def _open_ring(self, hello: EngineHello) -> None:
        if hello.ring is None or self.remote:
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


def runs_elsewhere(command: Sequence[str]) -> bool:
    """Whether a command starts an engine on another machine: then previews and files travel in the channel.

    No command, where there is no engine yet, doesn't.
    """
    started = PurePath(command[0]).stem.lower() if command else ""
    return started in {"ssh", "plink", "autossh"} or "--no-ring" in command


def engine_command(
    command: str = "", backends: Sequence[str] = (), store: str = "", models: str = "", *, background: bool = False
) -> list[str]:
    """How to start the engine: the one beside this program, or the person's own command (over ssh, say).

    `models` is the folder of weights; empty leaves the choice to the engine, as for the backends and the store.
    `background`: it lets other programs of this machine compute first, as a window's engine should; a person's own
    command is left as it is. Raises NoPack: in a bundle the engine is installed apart.
    """
    if command:
        return shlex.split(command)
    words = [*_own_engine(), "--stdio", *(["--background"] if background else [])]
    for backend in backends:
        words += ["--backend", backend]
    return [*words, *(["--store", store] if store else []), *(["--models", models] if models else [])]


def with_models(command: Sequence[str], folder: str) -> list[str]:
    """The same engine with another folder of weights."""
    words = list(command)
    if "--models" in words:
        at = words.index("--models")
        del words[at : at + 2]
    return [*words, "--models", folder]


def _own_engine() -> list[str]:
    """Beside this source the same Python; in a bundle the one of the engine pack. Raises NoPack."""
    if not BUNDLED:
        return [sys.executable, "-m", "engine"]
    from ltxdesktop.pack.places import engine_words, in_use_now, packs_folder
    from ltxdesktop.pack.recipe import read_recipe

    return engine_words(in_use_now(packs_folder(), read_recipe()).python)
