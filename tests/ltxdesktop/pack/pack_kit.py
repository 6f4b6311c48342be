"""A small world for engine packs: real wheels, a real Python archive, an index on the loopback, an engine of a page.

Everything is what the real thing is, only small: pip installs the wheels, the archive holds this machine's Python, and
the engine says a true hello through a pipe.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import sys
import sysconfig
import tarfile
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from engine.protocol.framing import pack as frame
from engine.protocol.messages import PROTOCOL, EngineHello, encode
from ltxdesktop.pack.recipe import PinnedPython, Recipe

PACKAGES = {"alpha": "1.0", "beta": "2.0", "torch": "0.1"}


def wheel(folder: Path, name: str, version: str, body: str = "") -> Path:
    """Write a wheel with one module, the same bytes every time."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n{body}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: pack_kit\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_digest(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    target = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as packed:
        for path, text in files.items():
            packed.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text)
    return target


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def lock_of(folder: Path, versions: dict[str, str] = PACKAGES) -> str:
    """A lock that has the wheels of a folder, in the layout of requirements.lock."""

    def block(name: str, hashed: bool = True) -> str:
        path = folder / f"{name}-{versions[name]}-py3-none-any.whl"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"{name}=={versions[name]}" + (f" \\\n    --hash=sha256:{digest}" if hashed else "")

    window = "sounddevice==9.9 \\\n    --hash=sha256:" + "0" * 64
    return (
        f"# What is locked.\n\n# [app]\n{block('alpha')}\n{window}\n\n# [engine]\n{block('beta')}\n\n"
        f"# [torch]\n{block('torch', hashed=False)}\n"
    )


def python_archive(folder: Path) -> PinnedPython:
    """This machine's Python as an archive like those of python-build-standalone, and with pip in it."""
    base = Path(sys.base_prefix)
    minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = f"python/lib/{minor}/site-packages"
    with_pip = folder / "with-pip"
    with_pip.mkdir()
    # Not by importing it: on Python 3.11 that takes setuptools' distutils from the whole process, and whoever imports
    # setuptools afterwards (torch's compiler does) fails.
    (with_pip / "pip").symlink_to(str(distribution("pip").locate_file("pip")))
    texts = {
        "python/pyvenv.cfg": f"home = {base / 'bin'}\ninclude-system-site-packages = false\n",
        f"{packages}/pip.pth": f"{with_pip}\n",
    }
    target = folder / f"cpython-{minor}.tar"
    with tarfile.open(target, "w") as packed:
        program = Path(sysconfig.get_config_var("BINDIR"), minor)
        packed.add(program.resolve(), "python/bin/python3")
        for name, text in texts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text.encode()))
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return PinnedPython("3", f"{{server}}/python/{target.name}", digest)


def engine_home(folder: Path, *, hello: bytes | None = None, imports: tuple[str, ...] = tuple(PACKAGES)) -> Path:
    """The source of an engine that says a hello and ends with its input; its doctor imports the packages."""
    said = hello if hello is not None else hello_bytes()
    home = folder / "home"
    (home / "engine").mkdir(parents=True)
    (home / "engine" / "__init__.py").write_text("")
    (home / "engine" / "__main__.py").write_text(
        f"""
import importlib.util, json, sys

def main():
    with open({str(home / "starts.txt")!r}, "a") as log:
        print(sys.prefix, *sys.argv[-2:], file=log)
    if "doctor" in sys.argv:
        packages = {{name: "?" for name in {imports!r}}}
        missing = [name for name in packages if importlib.util.find_spec(name) is None]
        print(json.dumps({{"missing_packages": missing, "packages": packages}}))
        return 1
    sys.stdout.buffer.write({said!r})
    sys.stdout.buffer.flush()
    sys.stdin.read()
    return 0
"""
    )
    return home


def hello_bytes(protocol: tuple[int, int] = PROTOCOL) -> bytes:
    header = encode(EngineHello(protocol=protocol, build="test", pid=1))
    return frame(header) + header


@dataclass
class Server:
    """Files on the loopback, with Range, and faults to be switched on; counts what it sends."""

    root: Path
    drop_after: list[int] = field(default_factory=list)  # bytes after which the next connections are cut
    statuses: list[int] = field(default_factory=list)  # answers to the next requests instead of the file
    ranges: bool = True
    asked: list[str] = field(default_factory=list)  # "path range"
    sent_bytes: int = 0

    def __enter__(self) -> Server:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.strip("/")
        wanted = request.headers.get("Range", "")
        self.asked.append(f"{name} {wanted}".strip())
        if self.statuses and (status := self.statuses.pop(0)):
            request.send_error(status)
            return
        if name.startswith("simple"):
            self._list(request, name)
            return
        path = self.root / name
        if not path.is_file():
            request.send_error(404)
            return
        self._send(request, path.read_bytes(), wanted)

    def _send(self, request: BaseHTTPRequestHandler, body: bytes, wanted: str) -> None:
        whole, start = len(body), 0
        if self.ranges and (found := re.match(r"bytes=(\d+)-$", wanted)):
            start = int(found[1])
            if start >= whole:
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{whole}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(whole - start))
        request.end_headers()
        piece = body[start:]
        if self.drop_after:
            piece = piece[: self.drop_after.pop(0)]
            request.close_connection = True
        request.wfile.write(piece)
        self.sent_bytes += len(piece)

    def _list(self, request: BaseHTTPRequestHandler, name: str) -> None:
        """A page of the simple index (PEP 503) for one package."""
        package = name.rpartition("/")[2]
        files = sorted((self.root / "wheels").glob(f"{package}-*.whl"))
        links = "".join(
            f'<a href="/wheels/{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>'
            for path in files
        )
        body = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        request.send_response(200 if files else 404)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@dataclass
class World:
    """The wheels, the Python and the engine of one module's tests."""

    folder: Path
    server: Server
    pinned: PinnedPython
    recipe: Recipe
    home: Path


def make_world(folder: Path, server: Server) -> World:
    """Lay everything into the server's root."""
    wheels, pythons = server.root / "wheels", server.root / "python"
    wheels.mkdir()
    pythons.mkdir()
    for name, version in PACKAGES.items():
        wheel(wheels, name, version)
    pinned = python_archive(pythons)
    pinned = pinned._replace(url=pinned.url.format(server=server.url))
    return World(folder, server, pinned, Recipe(lock_of(wheels)), engine_home(folder))


def waits_never(seconds: list[float]) -> Callable[[float], None]:
    """For the pauses between tries: they're noted, and nobody waits."""
    return seconds.append


def on_posix() -> bool:
    return os.name == "posix"
