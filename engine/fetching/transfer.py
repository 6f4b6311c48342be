"""One file from the hub: resumed, verified, and named only when it is right.

Bytes go into `<name>.part` beside a small `<name>.part.json` that says what they are a part of. A kill at any moment
leaves both, and the next call goes on from there. The sha256 of the whole decides; sizes and ETags only decide early.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from urllib3.exceptions import HTTPError

from engine.fetching.control import Control, Phase
from engine.fetching.errors import Corrupt, NoChecksum, NoSpace, Unreachable, WrongFile
from engine.fetching.hub import Broken, Hub, Reply
from engine.fetching.manifest import Package, RemoteFile
from engine.net import reason

CHUNK_BYTES: Final = 1 << 18
PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # between tries that brought nothing

Told = Callable[[Phase, int], None]


class Part(msgspec.Struct, frozen=True):
    """What a `.part` file is a part of."""

    repository: str
    revision: str
    path: str
    size_bytes: int
    sha256: str
    etag: str = ""  # of the host that sends the bytes


class _Paused(Exception):
    """The person paused while bytes came."""


class Transfer:
    """Fetches one file."""

    def __init__(
        self,
        hub: Hub,
        package: Package,
        file: RemoteFile,
        parts: Path,
        target: Path,
        *,
        control: Control,
        told: Told = lambda _phase, _done: None,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """`parts`: folder of half files, on the disk of `target`."""
        self._hub = hub
        self._package = package
        self._file = file
        self._target = target
        self._part = parts / f"{file.place.replace('/', '_')}.part"
        self._state = self._part.with_name(f"{self._part.name}.json")
        self._control = control
        self._told = told
        self._pauses_s = pauses_s
        self._sha256 = file.sha256
        self._size: int | None = file.size_bytes if file.sha256 else None
        self._etag = ""
        self._conditional = True  # whether to ask for the rest only of the very same version
        self._spoilt = False  # what is here can't be continued
        self._have = 0
        self._hash = hashlib.sha256()

    def run(self) -> str:
        """Fetch the file, give it its name, and return its sha256.

        Raises Stopped, Unreachable, Gated, NotThere, WrongFile, Corrupt, NoChecksum, NoSpace, Offline, BadEndpoint,
        OSError. After Stopped, Unreachable and NoSpace what came is kept.
        """
        self._take_up()
        fruitless = 0
        while True:
            before = self._have
            try:
                if self._attempt():
                    return self._finish()
            except _Paused:
                self._control.wait_resumed()
            except Broken as exc:
                fruitless = 0 if self._have > before else fruitless + 1
                if fruitless > len(self._pauses_s):
                    raise Unreachable(exc.host, exc.reason) from exc
                self._control.wait(exc.wait_s if exc.wait_s is not None else self._pauses_s[max(fruitless - 1, 0)])

    # --- the half file ---

    def _take_up(self) -> None:
        """Find what an earlier call left, and hash it; throw away what isn't a part of this file."""
        self._part.parent.mkdir(parents=True, exist_ok=True)
        try:
            left = msgspec.json.decode(self._state.read_bytes(), type=Part)
            size = self._part.stat().st_size
        except (OSError, msgspec.DecodeError):
            self._forget()
            return
        wanted = (self._package.repository, self._package.revision, self._file.path, self._sha256 or left.sha256)
        known = (left.repository, left.revision, left.path, left.sha256)
        if known != wanted or size > left.size_bytes:
            self._forget()
            return
        self._sha256, self._size, self._etag = left.sha256, left.size_bytes, left.etag
        with self._part.open("rb") as source:
            while data := source.read(CHUNK_BYTES):
                self._control.check()
                self._hash.update(data)
                self._have += len(data)
                self._told("checking", self._have)

    def _forget(self) -> None:
        """Begin at byte 0."""
        self._part.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)
        self._have, self._etag, self._hash = 0, "", hashlib.sha256()

    def _remember(self) -> None:
        part = Part(
            repository=self._package.repository,
            revision=self._package.revision,
            path=self._file.path,
            size_bytes=self._size or 0,
            sha256=self._sha256,
            etag=self._etag,
        )
        fresh = self._state.with_name(f"{self._state.name}.new")
        fresh.write_bytes(msgspec.json.encode(part))
        fresh.replace(self._state)

    # --- one request ---

    def _attempt(self) -> bool:
        """Ask for what is missing; whether the file is whole now. Raises Broken, _Paused, and what `run` raises."""
        if self._spoilt:
            self._spoilt = False
            self._forget()
        if self._have and self._have == self._size:
            return True
        asked = dict[str, str]()
        if self._have:
            asked["Range"] = f"bytes={self._have}-"
            if self._etag and self._conditional:
                asked["If-Range"] = self._etag
        with self._hub.open(self._package, self._file, asked, self._control) as reply:
            self._compare(reply)
            match reply.status:
                case 206 if self._continues(reply):
                    self._receive(reply)
                case 200 if self._have and "If-Range" in asked and reply.sha256 == self._sha256:
                    # Another host of the same file names its versions in another way: the bytes are the same.
                    self._conditional = False
                case 200:
                    self._forget()
                    self._receive(reply)
                case _:  # 416, or a range that nobody asked for: nothing fits what is here
                    nothing_was_here = not self._have
                    self._forget()
                    if nothing_was_here:
                        raise Broken(reply.host, f"it answered with status {reply.status}")
        return self._have == self._size

    def _compare(self, reply: Reply) -> None:
        """What the hub says it has against what is wanted, before a byte of it is taken."""
        if not self._sha256:
            self._sha256 = reply.sha256
        if not self._sha256:
            raise NoChecksum(self._file.path)
        if reply.sha256 and reply.sha256 != self._sha256:
            raise WrongFile(self._file.path, f"its sha256 begins with {reply.sha256[:12]}, not {self._sha256[:12]}")
        size = reply.size_bytes if reply.size_bytes is not None else _whole_size(reply)
        if self._size is None:
            self._size = size
        if size is not None and size != self._size:
            raise WrongFile(self._file.path, f"it has {size} bytes, not {self._size}")

    def _continues(self, reply: Reply) -> bool:
        return self._have > 0 and reply.header("Content-Range").startswith(f"bytes {self._have}-")

    def _receive(self, reply: Reply) -> None:
        """Append what comes. Raises Broken when less or more comes than shall."""
        etag = reply.header("ETag")
        self._etag = "" if etag.startswith("W/") else etag
        self._remember()
        with self._part.open("ab", buffering=0) as out:
            try:
                # Not `stream`: that waits for a whole chunk, and what waits is lost by a kill.
                while data := reply.response.read1(CHUNK_BYTES, decode_content=False):
                    self._append(out.fileno(), data, reply.host)
            except (HTTPError, http.client.HTTPException, ConnectionError, TimeoutError) as exc:
                self._interrupted()
                raise Broken(reply.host, reason(exc)) from exc
        self._interrupted()
        if self._size is None:  # the server never said how much it would be, and the line ended well
            self._size = self._have
        if self._have < self._size:
            raise Broken(reply.host, "the connection broke off")

    def _interrupted(self) -> None:
        """A cut connection reads like one that broke off: say which it was."""
        self._control.check()
        if self._control.paused:
            raise _Paused

    def _append(self, out: int, data: bytes, host: str) -> None:
        if self._size is not None and self._have + len(data) > self._size:
            self._spoilt = True
            raise Broken(host, "it sends more than the file has")
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(out, left) :]
        except OSError as exc:
            if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            needed = (self._size or 0) - self._have
            raise NoSpace(self._part.parent, needed, shutil.disk_usage(self._part.parent).free) from exc
        self._hash.update(data)
        self._have += len(data)
        self._told("downloading", self._have)
        self._interrupted()
        self._control.throttle(len(data))

    # --- the end ---

    def _finish(self) -> str:
        actual = self._hash.hexdigest()
        if actual != self._sha256:
            self._forget()
            raise Corrupt(self._file.path, self._sha256, actual)
        with self._part.open("rb+") as whole:
            os.fsync(whole.fileno())
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._part.replace(self._target)
        with contextlib.suppress(OSError):
            self._state.unlink(missing_ok=True)
        return actual


def part_bytes(parts: Path, file: RemoteFile) -> int:
    """How much of a file lies here half fetched."""
    try:
        return (parts / f"{file.place.replace('/', '_')}.part").stat().st_size
    except OSError:
        return 0


def _whole_size(reply: Reply) -> int | None:
    """Of the whole file, from a range or from the length of a whole answer."""
    told = reply.header("Content-Range").rpartition("/")[2]
    if not told and reply.status == 200:
        told = reply.header("Content-Length")
    return int(told) if told.isdigit() else None
