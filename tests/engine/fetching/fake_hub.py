"""A hub on this machine: one server that knows the files, another (with another name) that sends them, and faults.

As the real one does, the hub answers a file with a redirect, and its sha256 and size in headers of their own. `plan`
holds one fault per request to the sender, in order, some only for a named file; when it's empty, the sender behaves.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer of the sender."""

    status: int = 0  # answer this
    retry_after_s: int | None = None  # and ask for this much patience
    drop_after: int | None = None  # bytes, then the connection breaks off
    stall_after: int | None = None  # bytes, then nothing more comes until the hub closes
    flip: int | None = None  # this byte of the answer is another one
    no_range: bool = False  # the whole file, whatever was asked
    etag: str = ""  # another version's name
    surplus: bytes = b""  # follows the file
    file: str = ""  # happens to the first request for this file; "": to whichever comes


@dataclass
class Asked:
    """A request as it came."""

    host: str  # "hub" or "sender"
    path: str
    headers: dict[str, str]
    sent_bytes: int = 0


@dataclass
class FakeHub:
    """Files by path in the repository, and what was asked."""

    files: dict[str, bytes]
    gated: bool = False
    token: str = ""  # that opens the gate
    told_sha256: str = ""  # instead of the right one
    silent: bool = False  # says no sha256
    plan: deque[Fault] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    ends: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __enter__(self) -> FakeHub:
        self._servers = [self._server(_HubHandler, "127.0.0.1"), self._server(_SenderHandler, "localhost")]
        self._threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in self._servers]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends.set()
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._servers[0].server_address[1]}"

    @property
    def sender(self) -> str:
        return f"http://localhost:{self._servers[1].server_address[1]}"

    def to(self, host: str) -> list[Asked]:
        return [each for each in self.asked if each.host == host]

    @property
    def sent_bytes(self) -> int:
        return sum(each.sent_bytes for each in self.asked)

    def fault_for(self, file: str) -> Fault:
        """What goes wrong with this request: the oldest of the plan that may."""
        with self._lock:
            due = next((fault for fault in self.plan if fault.file in ("", file)), None)
            if due is not None:
                self.plan.remove(due)
        return due or Fault()

    def _server(self, handler: type[_Handler], name: str) -> ThreadingHTTPServer:
        class Bound(handler):
            hub = self

        class Quiet(ThreadingHTTPServer):
            daemon_threads = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """The other side may leave at any time."""

        return Quiet((name, 0), Bound)


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    host = ""

    def log_message(self, *_: Any) -> None:
        """Not on the test's output."""

    def note(self) -> Asked:
        asked = Asked(self.host, self.path, {name.lower(): value for name, value in self.headers.items()})
        self.hub.asked.append(asked)
        return asked

    def answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class _HubHandler(_Handler):
    host = "hub"

    def do_GET(self) -> None:
        asked = self.note()
        if self.hub.gated and (given := asked.headers.get("authorization", "")) != f"Bearer {self.hub.token}":
            return self.answer(403 if given else 401, X_Error_Code="GatedRepo")
        name = self.path.split("/resolve/", 1)[1].partition("/")[2]
        data = self.hub.files.get(name)
        if data is None:
            return self.answer(404, X_Error_Code="EntryNotFound")
        sha256 = self.hub.told_sha256 or hashlib.sha256(data).hexdigest()
        linked = {} if self.hub.silent else {"X_Linked_Etag": f'"{sha256}"', "X_Linked_Size": str(len(data))}
        return self.answer(302, Location=f"{self.hub.sender}/{name}?signature=secret", **linked)


class _SenderHandler(_Handler):
    host = "sender"

    def do_GET(self) -> None:
        name = self.path[1:].partition("?")[0]
        asked, fault = self.note(), self.hub.fault_for(name)
        data = self.hub.files[name]
        if fault.status:
            patience = {} if fault.retry_after_s is None else {"Retry_After": str(fault.retry_after_s)}
            return self.answer(fault.status, Content_Range=f"bytes */{len(data)}", **patience)
        etag = fault.etag or '"version-1"'
        wanted = asked.headers.get("range", "")
        if asked.headers.get("if-range", etag) != etag or fault.no_range:
            wanted = ""
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if first >= len(data):
            return self.answer(416, Content_Range=f"bytes */{len(data)}")
        body = data[first:] + fault.surplus
        headers = {"Content_Length": str(len(body)), "ETag": etag}
        if wanted:
            headers["Content_Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        self.answer(206 if wanted else 200, **headers)
        self._send(body, fault, asked)
        return None

    def _send(self, body: bytes, fault: Fault, asked: Asked) -> None:
        if fault.flip is not None:
            body = body[: fault.flip] + bytes([body[fault.flip] ^ 1]) + body[fault.flip + 1 :]
        end = next((end for end in (fault.drop_after, fault.stall_after) if end is not None), len(body))
        self.wfile.write(body[:end])
        asked.sent_bytes += min(end, len(body))
        if fault.stall_after is not None:
            self.wfile.flush()
            self.hub.stalled.set()
            self.hub.ends.wait()
        self.close_connection = True
