"""The description of the app's folder is read for systems that aren't here, with PyInstaller's words played by us."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOUND = {
    "binaries": [
        ("PySide6/opengl32sw.dll", "/from/opengl32sw.dll", "BINARY"),
        ("PySide6/plugins/platforms/qwindows.dll", "/from/qwindows.dll", "BINARY"),
        ("_sounddevice_data/portaudio-binaries/libportaudio64bit-asio.dll", "/from/asio.dll", "BINARY"),
        ("_sounddevice_data/portaudio-binaries/libportaudio64bit.dll", "/from/portaudio.dll", "BINARY"),
    ],
    "datas": [("PySide6/translations/qtbase_de.qm", "/from/qtbase_de.qm", "DATA")],
    "pure": [("ltxdesktop", "/from/ltxdesktop/__init__.py", "PYMODULE")],
    "scripts": [("start", "/from/start.py", "PYSOURCE")],
}


class Words(dict[str, Any]):
    """PyInstaller's words for a spec file; each notes what it was given."""

    def __init__(self, here: Path) -> None:
        super().__init__(SPECPATH=str(here))
        self.said: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        for word in ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE"):
            self[word] = self._noting(word)

    def _noting(self, word: str) -> Any:
        def note(*given: Any, **named: Any) -> Any:
            self.said.append((word, given, named))
            return SimpleNamespace(**FOUND) if word == "Analysis" else word

        return note

    def all_of(self, word: str) -> list[dict[str, Any]]:
        return [named for said, _, named in self.said if said == word]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Reads the description as if on a system; the repository is links in a scratch folder, where it may write."""
    for name in ("packaging", "engine", "resources", "pyproject.toml", "LICENSE", "NOTICE"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "build").mkdir()
    hooks = ModuleType("PyInstaller.utils.hooks")
    vars(hooks)["copy_metadata"] = lambda name: [(f"/from/{name}.dist-info", f"{name}.dist-info")]
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)

    def as_if_on(system: str) -> Words:
        words = Words(tmp_path / "packaging")
        code = compile((ROOT / "packaging/app.spec").read_text(encoding="utf-8"), "app.spec", "exec")
        with monkeypatch.context() as there:
            there.setattr(sys, "path", list(sys.path))
            there.setattr(sys, "platform", system)
            exec(code, words)
        return words

    return as_if_on


def collected(words: Words) -> set[str]:
    (tables,) = [given for said, given, _ in words.said if said == "COLLECT"]
    return {entry[0] for table in tables if isinstance(table, list) for entry in table}


def test_windows_has_a_program_for_the_window_and_one_for_commands(read, tmp_path: Path):
    words = read("win32")
    programs = words.all_of("EXE")
    assert [(each["name"], each["console"]) for each in programs] == [("ltxdesktop", False), ("ltxdesktop-cli", True)]
    assert all(each["icon"].endswith("ltxdesktop.ico") for each in programs)
    compile(Path(programs[0]["version"]).read_text(encoding="utf-8"), "version", "eval")
    assert collected(words) == {
        "PySide6/plugins/platforms/qwindows.dll",
        "_sounddevice_data/portaudio-binaries/libportaudio64bit.dll",
    }
    (analysis,) = words.all_of("Analysis")
    assert "keyring.backends.Windows" in analysis["hiddenimports"]
    assert "cryptography" not in analysis["excludes"]
    assert "readline" in analysis["excludes"]
    assert (tmp_path / "build/contents.json").is_file()
    assert not words.all_of("BUNDLE")


def test_macos_has_an_app(read):
    words = read("darwin")
    assert [each["name"] for each in words.all_of("EXE")] == ["ltxdesktop"]
    (app,) = words.all_of("BUNDLE")
    assert app["name"] == "ltxdesktop.app"
    assert app["icon"].endswith("ltxdesktop.icns")
    assert app["info_plist"]["CFBundleShortVersionString"] == app["version"]
    (analysis,) = words.all_of("Analysis")
    assert "keyring.backends.macOS" in analysis["hiddenimports"]
