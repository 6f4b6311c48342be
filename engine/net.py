"""Connections to other machines, made in one way: the system's proxies and certificates.

Rooms that talk to a service build on it; which hosts there are stands in `engine.protocol.hosts`. Nothing here sends.
"""

from __future__ import annotations

import ipaddress
import logging
import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import truststore
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

Pools = Mapping[str, type[urllib3.HTTPConnectionPool]]  # by scheme


class Lines:
    """Ways out: straight to a host, or through the proxy that the environment or the system names for it."""

    def __init__(self, pools: Pools | None = None) -> None:
        """`pools`: for who wants to see the sockets."""
        self._pools = pools
        self._managers: dict[str, urllib3.PoolManager] = {}
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # below that it logs addresses, and signed ones are keys

    def to(self, address: str) -> urllib3.PoolManager:
        """The way to this address."""
        parts = urlsplit(address)
        proxy = ""
        if not is_local(address) and not urllib.request.proxy_bypass(parts.hostname or ""):
            proxy = urllib.request.getproxies().get(parts.scheme, "")
        if proxy not in self._managers:
            context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            options: dict[str, Any] = {"ssl_context": context}
            made = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
            if self._pools is not None:
                made.pool_classes_by_scheme = dict(self._pools)
            self._managers[proxy] = made
        return self._managers[proxy]

    def close(self) -> None:
        """Let go of all connections."""
        for manager in self._managers.values():
            manager.clear()


def is_local(address: str) -> bool:
    """Whether this address means the machine itself, without asking anybody."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port: who a secret may go to."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def reason(exc: BaseException) -> str:
    """What happened to a connection, without the address that urllib3 puts in front."""
    match exc:
        case NameResolutionError():
            return "its name can't be found (no network?)"
        case NewConnectionError():  # before its parent
            return "no connection comes about"
        case ConnectTimeoutError():
            return "it doesn't answer"
        case ProxyError():
            return "the proxy doesn't let it through"
        case ReadTimeoutError() | TimeoutError():
            return "it stopped answering"
        case SSLError() | ssl.SSLError():
            return "the secure connection can't be made: its certificate isn't trusted here"
        case _:
            return "the connection broke off"
