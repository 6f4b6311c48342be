"""The rooms of the house: which way they look, what each may import from outside, and how light they stay.

import-linter holds the directions (contracts in pyproject.toml); the two tables here hold what it can't say: the
complete list of outside packages for a room, and what may not even be loaded when a room is imported.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent

# Room -> the packages outside Python's own library that it may import. The longest prefix of a module decides.
OUTSIDE: dict[str, set[str]] = {
    "engine.protocol": {"msgspec"},
    "engine.protocol.grid": set(),
    "engine.protocol.window": set(),
    "engine.protocol.hosts": set(),
    "engine.media": {"numpy", "av", "PIL"},
    "engine.net": {"truststore", "urllib3"},
    "engine.store": {"msgspec"},
    "engine.server": {"msgspec", "psutil"},
    "engine.doctor": {"msgspec", "psutil"},
    "engine.generate": {"msgspec", "platformdirs"},
    "engine.__main__": {"platformdirs"},
    "engine.models": {"torch", "einops", "transformers", "tokenizers"},
    "engine.loading": {"torch", "safetensors", "numpy"},
    "engine.conditioning": {"torch", "numpy", "einops"},
    "engine.sampling": {"torch"},
    "engine.pipelines": {"torch", "safetensors", "numpy"},
    "engine.backends": {"av", "msgspec", "numpy", "psutil", "safetensors", "torch"},
    "engine.backends.remote": {"av", "keyring", "msgspec", "numpy", "PIL", "truststore", "urllib3"},  # no torch
    "engine.fetching": {"keyring", "msgspec", "platformdirs", "psutil", "truststore", "urllib3"},
    "ltxdesktop.document": set(),
    "ltxdesktop.settings": set(),
    "ltxdesktop.settings.window": {"PySide6"},
    "ltxdesktop.words": set(),
    "ltxdesktop.resources": set(),
    "ltxdesktop.pack": {"platformdirs", "psutil", "truststore"},
    "ltxdesktop.jobs": {"msgspec"},
    "ltxdesktop.diagnostics": {"msgspec"},
    "ltxdesktop.diagnostics.command": {"PySide6"},
    "ltxdesktop.project": {"psutil"},
    "ltxdesktop.render": {"numpy", "av", "PySide6"},
    "ltxdesktop.media": {"numpy", "av", "PIL"},
    "ltxdesktop.playback": {"numpy", "av", "sounddevice"},
    "ltxdesktop.export": {"numpy", "av", "PySide6"},  # QtGui for text without a window
    "ltxdesktop.ui": {"PySide6", "msgspec", "numpy", "sounddevice"},
    "ltxdesktop.ui.background": {"PySide6", "shiboken6"},  # is the asker still there?
    "ltxdesktop.ui.dressing": {"PySide6", "shiboken6"},  # is the part still there?
    "ltxdesktop.ui.monitor": {"PySide6", "shiboken6", "numpy", "av"},  # its planes go to the graphics processor
    "ltxdesktop.ui.setup.key_keeper": {"keyring"},
    "ltxdesktop.headless": set(),
    "ltxdesktop.app": {"PySide6", "psutil"},
    "ltxdesktop.__main__": set(),
}

# Importing the room in a fresh interpreter must not load these.
LIGHT: list[tuple[str, list[str]]] = [
    ("engine.protocol", ["torch", "PySide6", "av", "numpy"]),
    ("engine.protocol.grid", ["msgspec", "torch", "numpy"]),
    ("engine.media", ["torch", "PySide6"]),
    ("engine.store", ["torch", "PySide6"]),
    ("engine.server", ["torch", "PySide6", "transformers"]),
    ("engine.fetching.library", ["torch", "PySide6", "av", "numpy"]),
    ("engine.fetching.commands", ["urllib3", "torch"]),
    ("engine.backends.policy", ["torch", "av", "numpy", "urllib3"]),
    ("engine.backends.remote.backend", ["torch", "PySide6", "transformers", "keyring"]),
    ("ltxdesktop.document", ["PySide6", "torch", "numpy", "av", "msgspec"]),
    ("ltxdesktop.settings.window", ["PySide6", "torch"]),
    ("ltxdesktop.media", ["PySide6", "torch", "av"]),
    ("ltxdesktop.media.files", ["PySide6", "torch"]),
    ("ltxdesktop.jobs", ["torch", "PySide6"]),
    ("ltxdesktop.diagnostics.command", ["torch", "PySide6", "av", "numpy"]),
    ("ltxdesktop.project.project", ["torch", "PySide6", "av", "numpy", "opentimelineio"]),
    ("ltxdesktop.pack.command", ["torch", "PySide6", "av", "numpy", "truststore"]),
    ("ltxdesktop.headless", ["torch", "PySide6", "av"]),
    ("ltxdesktop.words", ["PySide6", "torch", "msgspec"]),
    ("engine.media.joined", ["torch", "PySide6", "av", "numpy"]),
    ("engine.generate", ["torch", "PySide6"]),
    ("engine.__main__", ["torch", "PySide6", "av"]),
    ("ltxdesktop.export.presets", ["torch", "PySide6", "av", "numpy"]),
    ("ltxdesktop.playback.player", ["PySide6", "torch", "av", "numpy", "sounddevice"]),
    ("ltxdesktop.app", ["torch", "transformers", "safetensors", "av", "numpy"]),
    ("ltxdesktop.__main__", ["torch", "PySide6"]),
]


def exists(room: str) -> bool:
    try:
        return importlib.util.find_spec(room) is not None
    except ModuleNotFoundError:
        return False


def test_no_room_looks_up_or_sideways():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_rooms_import_only_the_outside_packages_they_may():
    graph = grimp.build_graph("engine", "ltxdesktop", include_external_packages=True)
    ours = {"engine", "ltxdesktop"}
    forbidden: list[str] = []
    for module in sorted(graph.modules):
        rooms = [room for room in OUTSIDE if module == room or module.startswith(room + ".")]
        if not rooms:
            continue
        allowed = OUTSIDE[max(rooms, key=len)]
        outside = {name.split(".")[0] for name in graph.find_modules_directly_imported_by(module)} - ours
        forbidden += [f"{module} imports {name}" for name in sorted(outside - allowed - set(sys.stdlib_module_names))]
    assert not forbidden


@pytest.mark.parametrize(("room", "absent"), LIGHT, ids=[room for room, _ in LIGHT])
def test_room_stays_light(room: str, absent: list[str]):
    """Importing a room only defines things: what the list names stays out of the process."""
    if not exists(room):
        pytest.skip(f"{room} is not built yet")
    code = f"import {room}, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not set(absent) & set(loaded)


def first_import_of_av(path: Path) -> str | None:
    """The module that a file's first import from PyAV names."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            if name.split(".")[0] == "av":
                return name
    return None


@pytest.mark.parametrize("house", ["engine", "ltxdesktop"])
def test_pyav_is_imported_whole_before_its_parts(house: str):
    """Two threads that begin with different parts of PyAV wait for each other; Python lets one of them go
    on with half a module, `import av` fails, and what is imported then has two kinds of `Frame`: no sound is read until
    the program ends. The whole package first (`from av import VideoFrame`) leaves one lock to wait for."""
    parts_first = {
        str(path.relative_to(ROOT)): name
        for path in sorted((ROOT / house).rglob("*.py"))
        if (name := first_import_of_av(path)) not in (None, "av")
    }
    assert not parts_first
