"""`ltx-engine doctor` and the command line: what a person sees, and what a script can use."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine.__main__ import main
from engine.doctor import Report, look
from engine.protocol.messages import ExitStatus
from engine.server.engine import Settings
from engine.server.pool import opener
from engine.store.lock import StoreLock


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "engine", *arguments], capture_output=True, text=True, check=False)


def settings(folder: Path, backend: str = "engine.backends.testing") -> Settings:
    return Settings(
        store=folder / "store", models=folder / "models", cache=folder / "cache", openers={"here": opener(backend)}
    )


def test_doctor_says_what_works_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--store", str(tmp_path / "s"), "--models", str(tmp_path / "m")]
    assert main(["--backend", "test", *places, "doctor"]) == 0
    printed = capsys.readouterr().out
    for part in ("Machine", "memory", "Versions", "python", "Codecs", "libx264", "Test stripes: yes", "fill gap"):
        assert part in printed
    assert list(tmp_path.iterdir()) == []


def test_doctor_speaks_json_to_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--backend", "test", "--store", str(tmp_path), "doctor", "--json"]) == 0
    report = msgspec.json.decode(capsys.readouterr().out, type=Report)
    assert report.works
    assert report.backends[0].models[0].modes[0].available
    assert report.memory_bytes > report.free_memory_bytes > 0
    assert report.missing_encoders == ()


def test_a_backend_that_can_not_be_opened_is_said_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report = look(settings(tmp_path, backend="engine.backends.nowhere"))
    assert not report.works
    assert "engine.backends.nowhere" in report.backends[0].why_not
    assert "can't be opened" in caplog.text


def test_an_engine_at_work_on_the_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with StoreLock(tmp_path / "store") as lock:
        lock.take()
        lock.sign("")
        assert look(settings(tmp_path)).store_owner_pid > 0
    assert look(settings(tmp_path)).store_owner_pid == 0


def test_a_folder_that_can_not_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = look(settings(tmp_path / "file"))
    assert all("can't be written to" in folder.problem for folder in report.folders)


def test_doctor_advises_this_machine_and_shows_the_api_with_its_spending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTX_API_KEY", "key-that-nobody-may-see")
    places = ["--store", str(tmp_path / "s"), "--models", str(tmp_path / "m"), "--backend", "remote"]
    assert main([*places, "doctor"]) == 0
    printed = capsys.readouterr().out
    for part in ("LTX-2.3 Pro (API): yes", "sends, once you agree", "no limit is set", "Advice", "Use the LTX API"):
        assert part in printed
    assert "nobody-may-see" not in printed
    monkeypatch.delenv("LTX_API_KEY")
    assert main([*places, "doctor"]) == 1
    printed = capsys.readouterr().out
    assert "Enter an API key" in printed
    assert "Nothing works yet" in printed


def test_without_an_order_the_command_says_what_it_takes() -> None:
    done = run()
    assert done.returncode == ExitStatus.WRONG_USE
    assert "--stdio" in done.stderr
    assert done.stdout == ""


def test_the_engine_says_hello_without_torch() -> None:
    code = "import engine.__main__, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "av", "transformers", "PySide6"} & set(loaded)
