"""packaging/dev.py and the lock: what is installed, when it is skipped, and what is said when something is missing."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def dev() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev", ROOT / "packaging" / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def locked(dev: ModuleType) -> dict[str, str]:
    return dev.read_lock(dev.LOCK.read_text(encoding="utf-8"))


def names(requirements: str) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", requirements, flags=re.MULTILINE))


def test_lock_has_every_section(dev: ModuleType, locked: dict[str, str]):
    assert set(locked) == {*dev.TEST_SECTIONS, *dev.BUNDLE_SECTIONS}
    assert all(names(text) for text in locked.values())


def test_lock_gives_every_package_one_exact_version_and_a_hash(locked: dict[str, str]):
    for section, text in locked.items():
        for block in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"[A-Za-z0-9._-]+==\S+", block), block
            assert ("--hash=sha256:" in block) == (section != "torch"), block


def test_lock_names_no_package_twice(locked: dict[str, str]):
    everything = [name for text in locked.values() for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)]
    assert len(everything) == len(set(everything))


def test_app_sections_bring_no_torch(locked: dict[str, str]):
    heavy = {"torch", "transformers", "safetensors", "tokenizers"}
    assert not heavy & (names(locked["build"]) | names(locked["app"]))


def test_lock_has_all_that_pyproject_asks_for(locked: dict[str, str]):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {
        "app": project["project"]["dependencies"],
        "engine": project["project"]["optional-dependencies"]["engine"],
        "test": project["dependency-groups"]["test"],
        "bundle": project["dependency-groups"]["bundle"],
    }
    have: set[str] = set()
    sections = (("app", ["app"]), ("engine", ["engine", "torch"]), ("test", ["test"]), ("bundle", ["bundle"]))
    for section, more in sections:
        for name in more:
            have |= {name.lower() for name in names(locked[name])}
        for requirement in asked[section]:
            name = re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower()
            assert name in have, f"{requirement} is not locked: run packaging/lock.py"


def test_known_bad_versions_stay_out(locked: dict[str, str]):
    assert "pyside6-essentials==6.11.3 " in locked["app"]
    assert "torch==2.13.0" in locked["torch"]


def test_unchanged_part_is_not_installed_again(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dev, "STAMPS", tmp_path / "installed")
    calls: list[str] = []
    dev.install_once("app", "a==1", lambda: calls.append("first"))
    dev.install_once("app", "a==1", lambda: calls.append("again"))
    dev.install_once("app", "a==2", lambda: calls.append("changed"))
    assert calls == ["first", "changed"]


def test_failed_install_is_tried_again(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dev, "STAMPS", tmp_path / "installed")
    dev.install_once("app", "a==1", lambda: None)

    def fail() -> None:
        raise dev.SetUpError("no network")

    with pytest.raises(dev.SetUpError):
        dev.install_once("app", "a==2", fail)
    calls: list[str] = []
    dev.install_once("app", "a==1", lambda: calls.append("again"))
    assert calls == ["again"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError(...): Failed to establish a new connection", "could not be reached"),
        ("ERROR: No matching distribution found for av==18.1.0", "no ready-made package"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "not the one that was locked"),
    ],
)
def test_failures_of_pip_become_a_sentence(dev: ModuleType, said: str, sentence: str):
    assert sentence in dev.why_pip_failed(said)


def test_old_python_is_told_what_is_needed(dev: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dev, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(dev.SetUpError, match=r"Python 3\.11 or newer is needed"):
        dev.check_python()


def test_full_disk_is_said_before_anything_is_fetched(dev: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dev, "DISK_NEEDED_BYTES", 1 << 62)
    with pytest.raises(dev.SetUpError, match="GB free"):
        dev.check_disk()


def test_missing_library_without_root_names_the_line_to_run(dev: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dev, "SYSTEM_LIBRARIES", {"libnowhere.so.7": "libnowhere7"})
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(dev.SetUpError, match=r"sudo apt-get update && sudo apt-get install -y libnowhere7"):
        dev.provide_system_packages(window=True, programs={})


def test_missing_xvfb_alone_does_not_stop_the_tests(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(dev, "SYSTEM_LIBRARIES", {})
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(dev.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    dev.provide_system_packages(window=True, programs={"Xvfb": "xvfb"})
    assert "going on without Xvfb" in capsys.readouterr().out


def test_set_up_script_needs_only_the_standard_library():
    """`-S` hides site-packages: what is not in Python's own library can't be imported."""
    done = subprocess.run(
        [sys.executable, "-S", "-I", str(ROOT / "packaging" / "dev.py"), "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "set up, then start the window" in done.stdout
