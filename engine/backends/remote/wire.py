"""HTTP for one job: requests that stream both ways and end at once when the job is cancelled. Nothing here knows LTX.

Each request has a connection of its own. So a failure tells whether the service can have seen the request: one that was
never sent may be sent again freely, one that pays for something may not.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
)
from urllib3.response import BaseHTTPResponse

from engine.backends.naming import program_version
from engine.net import Lines, is_local, reason
from engine.protocol.hosts import LTX_API

CHUNK_BYTES: Final = 1 << 16
MOST_ANSWER_BYTES: Final = 1 << 20  # of an answer that is no film
CONNECT_S: Final = 15.0
_LOOK_S: Final = 0.1
_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class BadAddress(ValueError):
    """An address that nothing may be sent to."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url!r} can't be used: {why}")


class NoAnswer(Exception):
    """No answer came. `sent`: whether the service may have seen the request all the same."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class CutShort(NoAnswer):
    """The answer began and broke off; `received` bytes of it are on disk."""

    def __init__(self, reason: str, received: int) -> None:
        super().__init__(reason, sent=True)
        self.received = received


class Answer(NamedTuple):
    """A whole answer that is no film."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


class Ends(Protocol):
    """The part of a job's context that a request looks at."""

    @property
    def cancelled(self) -> bool: ...

    def check(self) -> None: ...


def check_base(url: str) -> str:
    """The service's address without a slash at its end. Raises BadAddress: https anywhere, plain http only here."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadAddress(url, f"an address like {LTX_API.address} is needed")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadAddress(parts.hostname, "an address of a service holds no password and no query")
    if parts.scheme == "http" and not is_local(url.strip()):
        raise BadAddress(url, "without https a key may only go to this very machine (127.0.0.1)")
    return url.strip().rstrip("/")


class Wire:
    """The connections of one job, as a context manager: a thread of its own cuts them when the job is cancelled."""

    def __init__(self, ends: Ends, base: str) -> None:
        self._ends = ends
        self._base = base
        self._local = is_local(base)
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._keep_watch, name="wire watch", daemon=True)
        self._lines = Lines(_pools(self._noticed))

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._watch.join()
        self._lines.close()

    # --- requests ---

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float) -> Answer:
        """Send a small request and read its whole answer. Raises NoAnswer, BadAddress, JobCancelled."""
        with self._request(method, url, headers, body, timeout_s) as response:
            return self._whole(response)

    def put(
        self, url: str, headers: Mapping[str, str], file: Path, on_bytes: Callable[[int], None], timeout_s: float
    ) -> Answer:
        """Send a file; `on_bytes` hears how much is out, and may raise. Raises NoAnswer, BadAddress, JobCancelled."""
        size = file.stat().st_size

        def portions() -> Iterator[bytes]:
            sent = 0
            with file.open("rb") as source:
                while data := source.read(CHUNK_BYTES):
                    yield data
                    sent += len(data)
                    on_bytes(sent)

        sized = {**headers, "Content-Length": str(size)}
        with self._request("PUT", url, sized, portions(), timeout_s) as response:
            return self._whole(response)

    def fetch(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        target: Path,
        on_bytes: Callable[[int, int], None],
        timeout_s: float,
        *,
        body: bytes | None = None,
        is_film: Callable[[Answer], bool] = lambda answer: answer.status == 200,
    ) -> Answer:
        """Read an answer into a file, and return its head; `on_bytes(received, in all or 0)` may raise.

        What is in `target` already is continued where the server can (206); redirects of a GET are followed, without
        the headers. An answer that is no film comes back whole, and `target` stays as it was.
        Raises CutShort, NoAnswer, BadAddress, JobCancelled, OSError from the disk.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            have = target.stat().st_size if target.exists() and method == "GET" else 0
            asked = dict(headers) | ({"Range": f"bytes={have}-"} if have else {})
            with self._request(method, url, asked, body, timeout_s) as response:
                head = Answer(response.status, _headers(response), b"")
                if method == "GET" and response.status in _REDIRECTS and (where := head.header("location")):
                    url, headers = urljoin(url, where), {}
                    continue
                if response.status == 206 and head.header("content-range").startswith(f"bytes {have}-"):
                    self._to_file(response, target, have, on_bytes)
                    return head._replace(status=200)
                if not is_film(head):
                    return self._whole(response)
                self._to_file(response, target, 0, on_bytes)
                return head
        raise NoAnswer("the address of the result leads in a circle", sent=True)

    def _to_file(
        self, response: BaseHTTPResponse, target: Path, have: int, on_bytes: Callable[[int, int], None]
    ) -> None:
        length = int(response.headers.get("Content-Length") or 0)
        expected = have + length if length else 0
        received = have
        with target.open("r+b" if have else "wb") as out:
            out.seek(have)
            out.truncate()
            with _reading(lambda: received):
                for data in response.stream(CHUNK_BYTES, decode_content=False):
                    out.write(data)
                    received += len(data)
                    on_bytes(received, expected)
        if expected and received != expected:
            raise CutShort(f"{received} of {expected} bytes came", received)

    def _whole(self, response: BaseHTTPResponse) -> Answer:
        with _reading(lambda: 0):
            body = response.read(MOST_ANSWER_BYTES + 1, decode_content=True)
        if len(body) > MOST_ANSWER_BYTES:
            raise NoAnswer("the answer is far too long", sent=True)
        return Answer(response.status, _headers(response), body)

    @contextlib.contextmanager
    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterator[bytes] | None,
        timeout_s: float,
    ) -> Generator[BaseHTTPResponse]:
        """One request on a connection of its own; a failure in a cancelled job is the cancel."""
        self._check_target(url)
        self._ends.check()
        plain = {"User-Agent": f"ltxdesktop/{program_version()}", "Accept-Encoding": "identity", "Connection": "close"}
        manager = self._lines.to(url)
        try:
            response = manager.request(
                method,
                url,
                body=body,
                headers=plain | dict(headers),
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=timeout_s),
            )
        except (HTTPError, http.client.HTTPException, OSError) as exc:
            self._ends.check()
            sent = not isinstance(
                exc, NewConnectionError | ConnectTimeoutError | ProxyError | ssl.SSLCertVerificationError
            )
            raise NoAnswer(reason(exc), sent=sent and not _certificate(exc)) from exc
        try:
            yield response
        except NoAnswer:
            self._ends.check()
            raise
        finally:
            response.close()
            manager.clear()  # never used again: a server that is about to close it would make the next request doubtful
            with self._lock:
                self._sockets.clear()

    def _check_target(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return
        if parts.scheme == "http" and self._local and is_local(url):
            return
        raise BadAddress(f"{parts.scheme}://{parts.hostname}", "the service named an address that isn't https")

    # --- the cancel ---

    def _noticed(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.add(connected)

    def _keep_watch(self) -> None:
        """Cut whatever is open once the job is cancelled, so that no call waits for a service that doesn't answer."""
        while not self._done.wait(_LOOK_S):
            if not self._ends.cancelled:
                continue
            with self._lock:
                for each in self._sockets:
                    with contextlib.suppress(OSError, ValueError):
                        each.shutdown(socket.SHUT_RDWR)


def _pools(on_connect: Callable[[socket.socket], None]) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Pools whose connections show their sockets."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            on_connect(self.sock)

    class Tls(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            on_connect(self.sock)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]  # its own protocol doesn't fit its own classes

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Tls  # pyright: ignore[reportAssignmentType]  # the same

    return {"http": PlainPool, "https": TlsPool}


@contextlib.contextmanager
def _reading(received: Callable[[], int]) -> Generator[None]:
    """Failures of the line while an answer is read."""
    try:
        yield
    except (HTTPError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as exc:
        raise CutShort(reason(exc), received()) from exc


def _headers(response: BaseHTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _certificate(exc: BaseException) -> bool:
    """Whether the other side couldn't prove who it is: then nothing was sent."""
    return isinstance(exc.args[0] if exc.args else None, ssl.SSLCertVerificationError)
