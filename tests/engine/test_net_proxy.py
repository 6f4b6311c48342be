"""A proxy that the environment names is the way out, but for this machine and for hosts that are left out."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from engine.backends.base import Places
from engine.backends.remote.backend import RemoteBackend
from engine.backends.remote.keys import KeyCupboard
from engine.fetching.control import Control
from engine.fetching.hub import Broken, Hub
from engine.fetching.manifest import load_manifest
from engine.net import Lines, reason


class Proxy(socketserver.ThreadingTCPServer):
    """Writes down what is asked of it, and lets nothing through."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Refusing)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Refusing(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Proxy)
        self.server.asked.append(self.rfile.readline().decode().rpartition(" ")[0])
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, server.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "near.example")
        yield server
        server.shutdown()
        thread.join()


def test_connections_go_by_the_proxy_and_its_refusal_is_said(proxy: Proxy) -> None:
    lines = Lines()
    with pytest.raises(urllib3.exceptions.HTTPError) as caught:
        lines.to("https://far.example/x").request("GET", "https://far.example/x", retries=False)
    lines.close()
    assert proxy.asked == ["CONNECT far.example:443"]
    assert reason(caught.value) == "the proxy doesn't let it through"


def test_this_machine_and_hosts_that_are_left_out_are_asked_straight(proxy: Proxy) -> None:
    lines = Lines()
    for address in ("http://127.0.0.1:1/", "http://localhost:1/", "https://near.example/"):
        assert lines.to(address).proxy is None, address
    assert lines.to("https://far.example/").proxy is not None
    lines.close()


def test_downloads_go_by_the_proxy(proxy: Proxy) -> None:
    package = load_manifest().packages[0]
    hub = Hub("https://mirror.example")
    with (
        pytest.raises(Broken, match="the proxy doesn't let it through"),
        hub.open(package, package.files[0], {}, Control()),
    ):
        pass
    hub.close()
    assert proxy.asked == ["CONNECT mirror.example:443"]


def test_the_api_is_asked_by_the_proxy(proxy: Proxy, tmp_path: Path) -> None:
    places = Places(models=tmp_path, cache=tmp_path, results=tmp_path, state=tmp_path)
    cupboard = KeyCupboard(None, environment={"LTX_API_KEY": "a-key-0123456789"})
    told = RemoteBackend(places, cupboard=cupboard, base="https://api.example", pace=0.01).check_key()
    assert not told.accepted
    assert "the proxy doesn't let it through" in told.message
    assert proxy.asked == ["CONNECT api.example:443"]
