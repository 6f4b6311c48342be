"""The hub over HTTP: where a file is, who asks, and a reply that can be read. It knows redirects, not files on disk.

The token goes to the hub's own address only. The hub sends large files from other hosts, whose links are signed.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from engine.fetching.control import Control
from engine.fetching.errors import BadEndpoint, Gated, NotThere, Offline
from engine.fetching.manifest import Package, RemoteFile
from engine.fetching.tokens import FoundToken, Token
from engine.net import Lines, is_local, origin, reason
from engine.protocol.hosts import HUB

ENDPOINT: Final = HUB.address
CONNECT_S: Final = 15.0
READ_S: Final = 30.0  # without a single byte
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_LONGEST_WAIT_S: Final = 300.0  # that a server may ask for
_SHA256: Final = re.compile(r"^[0-9a-f]{64}$")


class Broken(Exception):
    """The line or the server failed in a way that may be gone next time. `wait_s`: what the server asked for."""

    def __init__(self, host: str, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.host = host
        self.reason = reason
        self.wait_s = wait_s


@dataclass
class Reply:
    """An answer with status 200, 206 or 416, its body unread, and what the hub said on the way to it."""

    response: BaseHTTPResponse
    host: str
    sha256: str = ""  # "" where the hub doesn't say
    size_bytes: int | None = None

    @property
    def status(self) -> int:
        return self.response.status

    def header(self, name: str) -> str:
        return self.response.headers.get(name) or ""


@dataclass
class Hub:
    """A hub or a mirror of it, and the token to show there."""

    endpoint: str = ENDPOINT
    token: Token | None = None
    offline: bool = False
    read_s: float = READ_S
    _lines: Lines = field(default_factory=Lines)

    def __post_init__(self) -> None:
        self.endpoint = self.endpoint.strip().rstrip("/")
        _check(self.endpoint)

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, *, mirror: str = "", found: FoundToken | None = None
    ) -> Hub:
        """As the hub's own tools are set up: HF_ENDPOINT, HF_HUB_OFFLINE, and a token if one was found.

        `mirror` goes before HF_ENDPOINT. Raises BadEndpoint.
        """
        return cls(
            endpoint=mirror or environment.get("HF_ENDPOINT") or ENDPOINT,
            token=found.token if found is not None else None,
            offline=environment.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"},
        )

    def address(self, package: Package, file: RemoteFile) -> str:
        return f"{self.endpoint}/{package.repository}/resolve/{package.revision}/{quote(file.path)}"

    @contextlib.contextmanager
    def open(
        self, package: Package, file: RemoteFile, headers: Mapping[str, str], control: Control
    ) -> Generator[Reply]:
        """Ask for a file, following redirects; inside, the connection is cut when `control` cancels or pauses.

        Raises Broken (also for 429, 5xx and a signed link that ran out), Gated, NotThere, Offline, BadEndpoint,
        Stopped.
        """
        if self.offline:
            raise Offline
        address, sha256, size = self.address(package, file), "", None
        for _ in range(_MOST_REDIRECTS + 1):
            control.check()
            ours = origin(address) == origin(self.endpoint)
            response = self._send(address, dict(headers) | (self.token.header() if ours and self.token else {}))
            try:
                if ours:
                    sha256, size = _linked(response, sha256, size)
                if response.status in _REDIRECTS and (where := response.headers.get("Location")):
                    address = urljoin(address, where)
                    _check(address, local=is_local(self.endpoint))
                    continue
                self._judge(response, package, file, host=urlsplit(address).hostname or "", ours=ours)
                with control.cutting(partial(_cut, response)):
                    yield Reply(response, urlsplit(address).hostname or "", sha256, size)
                return
            finally:
                response.close()
        raise Broken(urlsplit(self.endpoint).hostname or "", "its redirects lead in a circle")

    def close(self) -> None:
        """Let go of all connections."""
        self._lines.close()

    def _send(self, address: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        plain = {"User-Agent": "ltxdesktop", "Accept-Encoding": "identity", "Connection": "close"}
        try:
            return self._lines.to(address).request(
                "GET",
                address,
                headers=plain | dict(headers),
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=self.read_s),
            )
        except (HTTPError, http.client.HTTPException, OSError) as exc:
            raise Broken(urlsplit(address).hostname or "", reason(exc)) from exc

    def _judge(self, response: BaseHTTPResponse, package: Package, file: RemoteFile, *, host: str, ours: bool) -> None:
        match response.status:
            case 200 | 206 | 416:
                return
            case 401 | 403 if ours:
                raise Gated(package.repository, known=self.token is not None and response.status == 403)
            case 404 | 410 if ours:
                raise NotThere(package.repository, file.path, package.revision)
            case status:  # a signed link that ran out answers 403: the hub gives a new one
                raise Broken(host, f"it answered with status {status}", _asked_wait(response))


def _cut(response: BaseHTTPResponse) -> None:
    """Wake a read that waits for bytes."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # it has just ended by itself
        if isinstance(response, urllib3.HTTPResponse):
            response.shutdown()


def _linked(response: BaseHTTPResponse, sha256: str, size: int | None) -> tuple[str, int | None]:
    """What the hub says of a large file, which it has as a link: its sha256 is its ETag."""
    told = (response.headers.get("X-Linked-Etag") or response.headers.get("ETag") or "").removeprefix("W/").strip('"')
    length = response.headers.get("X-Linked-Size") or ""
    return (told if _SHA256.match(told) else sha256), (int(length) if length.isdigit() else size)


def _asked_wait(response: BaseHTTPResponse) -> float | None:
    asked = response.headers.get("Retry-After") or ""
    return min(float(asked), _LONGEST_WAIT_S) if asked.isdigit() else None


def _check(address: str, *, local: bool = True) -> None:
    """Https anywhere; plain http only on this machine, and only from there."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadEndpoint(address, f"an address like {ENDPOINT} is needed")
    if parts.scheme == "http" and not (local and is_local(address)):
        raise BadEndpoint(f"http://{parts.hostname}", "only https is safe")
