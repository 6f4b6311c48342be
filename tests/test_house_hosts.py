"""What the program may contact: one list, nothing beside it, told to the person, and silence without being asked."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine.protocol.hosts import HOSTS, HUB, LTX_API

ROOT = Path(__file__).resolve().parent.parent
CODE = ("engine", "ltxdesktop")
ADDRESS = re.compile(r"\b(?:https?|ftp|wss?)://[\w.-]*[a-z]", re.IGNORECASE)

# The only files that may open a connection.
OPENERS = {
    "engine/net.py",  # how; with whom is said by those that build on it
    "engine/fetching/hub.py",  # models
    "engine/fetching/transfer.py",
    "engine/backends/remote/wire.py",  # the LTX API
    "ltxdesktop/pack/transfer.py",  # the engine of a bundle
}
# Those that may ask the desktop to open something, after a click: a folder of this machine, or a declared address.
SHOWERS = {
    "ltxdesktop/ui/deliver/workspace.py",
    "ltxdesktop/ui/setup/lora_page.py",
    "ltxdesktop/ui/setup/models_window.py",
}
NETWORK = {"socket", "ssl", "http", "urllib.request", "urllib3", "requests", "httpx", "aiohttp", "ftplib", "smtplib"}
NETWORK |= {"QtNetwork", "QtWebSockets", "QtWebEngineCore", "QDesktopServices", "webbrowser", "xmlrpc", "websockets"}
NETWORK |= {"huggingface_hub", "asyncio"}
SHOWING = {"QDesktopServices", "webbrowser"}
HARMLESS = {
    "ltxdesktop/project/lock.py": {"socket"},  # the name of this machine
    "ltxdesktop/pack/wheels.py": {"urllib.request"},  # the path in a file:// address
}


@cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    paths = sorted(path for house in CODE for path in (ROOT / house).rglob("*.py"))
    return tuple((path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def texts(tree: ast.Module) -> Iterator[str]:
    """Every text in the code, but not docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def networks(names: set[str]) -> set[str]:
    """Which of these imports can open a connection."""
    return {
        each
        for each in NETWORK
        for name in names
        if name == each or name.startswith((f"{each}.", f"PySide6.{each}", f"PySide6.QtGui.{each}"))
    }


def test_no_file_but_one_has_an_address_of_its_own():
    found = {
        f"{path}: {text[:60]}"
        for path, tree in sources()
        if path != "engine/protocol/hosts.py"
        for text in texts(tree)
        if ADDRESS.search(text)
    }
    assert not found


def test_addresses_in_shipped_data_belong_to_declared_hosts():
    files = [path for house in (*CODE, "packaging") for path in (ROOT / house).glob("**/*.json")]
    assert len(files) >= 2
    for path in files:
        for address in re.findall(r'"(https?://[^"]+)"', path.read_text(encoding="utf-8")):
            assert urlsplit(address).hostname in {host.name for host in HOSTS}, f"{path.name}: {address}"


def test_only_the_named_files_can_open_a_connection():
    can = {path: networks(imported(tree)) - HARMLESS.get(path, set()) for path, tree in sources()}
    assert {path for path, how in can.items() if how - SHOWING} == OPENERS
    assert {path for path, how in can.items() if how & SHOWING} <= SHOWERS


def test_every_host_is_told_in_the_documentation():
    said = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    for host in HOSTS:
        assert f"| `{host.name}` |" in said, host.name
        assert host.when in said, host.name
        assert host.sends in said, host.name
        assert host.names in said, host.name


def test_a_persons_own_address_takes_the_place_of_ours():
    assert LTX_API.now({}) == "https://api.ltx.video"
    assert HUB.now({"HF_ENDPOINT": " https://mirror.example "}) == "https://mirror.example"


# A whole job, watched ------------------------------------------------------------------------------------------------

WATCH = """
import os, sys

def note(event, args):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        # The system's own sockets in the file system (audio, keyring) are no network.
        address = args[1] if event in {"socket.connect", "socket.sendto"} else args[0]
        if not isinstance(address, (str, bytes)) or event.startswith("socket.get"):
            with open(os.environ["WATCHED"], "a") as out:
                out.write(f"{event} {address}\\n")
    elif event == "import" and not os.path.exists(os.environ["WATCHED"]):
        open(os.environ["WATCHED"], "a").close()

sys.addaudithook(note)
with open(os.environ["WATCHERS"], "a") as out:
    out.write(" ".join(sys.orig_argv) + "\\n")
"""


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Python process notes each address that it looks up or connects to."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(WATCH)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LTX", "HF_"))}
    for kind in ("CONFIG", "DATA", "CACHE", "STATE"):
        own[f"XDG_{kind}_HOME"] = str(tmp_path / kind.lower())
    return own | {
        "PYTHONPATH": f"{hooks}{os.pathsep}{ROOT}",
        "WATCHED": str(tmp_path / "contacts.txt"),
        "WATCHERS": str(tmp_path / "processes.txt"),
        "LTX_API_KEY": "a-key-that-must-not-be-used",
    }


def test_the_watch_sees_what_it_should(watched: dict[str, str]):
    code = "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 0.1)\nexcept OSError: pass"
    subprocess.run([sys.executable, "-c", code], env=watched, check=True)
    assert "127.0.0.1" in Path(watched["WATCHED"]).read_text()


def test_a_whole_job_without_a_window_contacts_nobody(watched: dict[str, str], tmp_path: Path):
    """The main job as a person does it on this machine, with a key at hand: project, take, export; no connection."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ltxdesktop", "--backend", "test", "--backend", "remote"),
            *("--store", str(tmp_path / "store"), "make", "--output", str(tmp_path / "films")),
        ],
        env=watched,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).exists()
    processes = Path(watched["WATCHERS"]).read_text().splitlines()
    assert any("-m engine" in line for line in processes), processes  # the engine was watched too
    assert Path(watched["WATCHED"]).read_text() == ""


def test_a_playlist_that_names_a_host_is_opened_without_contacting_it(tmp_path: Path):
    """Media may hold addresses; a film that comes from somebody else must not make this machine call out."""
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    from engine.media.errors import MediaError
    from engine.media.probe import probe

    asked: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Ear)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        there = f"http://127.0.0.1:{server.server_address[1]}/piece.ts"
        lists = {
            "film.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{there}\n#EXT-X-ENDLIST\n",
            "film.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{there}\n#EXT-X-ENDLIST\n",
            "film.txt": f"ffconcat version 1.0\nfile '{there}'\n",
            "film.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        }
        for name, text in lists.items():
            (tmp_path / name).write_text(text)
            with pytest.raises(MediaError):
                probe(tmp_path / name)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == []


def test_the_manifest_of_models_names_the_hub_alone():
    manifest = json.loads((ROOT / "engine" / "fetching" / "manifest.json").read_text(encoding="utf-8"))
    assert all("://" not in package["repository"] for package in manifest["packages"])
