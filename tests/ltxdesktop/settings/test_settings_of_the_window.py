"""Commands without a window start and reach the engine as the window does."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ltxdesktop import headless
from ltxdesktop.__main__ import main
from ltxdesktop.pack import command as pack_command
from ltxdesktop.settings import window
from ltxdesktop.settings.declared import ENGINE_COMMAND, MIRROR, MODELS_FOLDER, PROXY
from ltxdesktop.settings.store import FILE_NAME, Settings

ROOT = Path(__file__).parents[3]
VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY")
ADDRESS = "http://proxy.example:3128"


def asked(engine: str = "") -> argparse.Namespace:
    return argparse.Namespace(engine=engine, backend=[], store="")


def test_make_starts_the_engine_that_the_window_starts(tmp_path: Path):
    settings = Settings(None)
    settings.set(MODELS_FOLDER, str(tmp_path / "weights"))
    words = headless.command_of(asked(), settings)
    assert words[words.index("--models") + 1] == str(tmp_path / "weights")
    settings.set(ENGINE_COMMAND, "ssh host ltx-engine --stdio")
    assert headless.command_of(asked(), settings) == ["ssh", "host", "ltx-engine", "--stdio"]
    assert headless.command_of(asked("other --stdio"), settings) == ["other", "--stdio"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the folder of settings can't be moved")
def test_make_goes_out_by_the_proxy_of_the_settings(tmp_path: Path):
    seen = tmp_path / "seen.txt"
    engine = f"import os; open({str(seen)!r}, 'w').write(' '.join(os.environ[each] for each in {VARIABLES}))"
    folder = tmp_path / "ltxdesktop" / "ltxdesktop"
    folder.mkdir(parents=True)
    settings = Settings(folder / FILE_NAME)
    settings.set(PROXY, ADDRESS)
    settings.set(ENGINE_COMMAND, shlex.join([sys.executable, "-c", engine]))
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-m", "ltxdesktop", "make"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**environment, "XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1  # this engine has done its work
    assert seen.read_text().split() == [ADDRESS] * len(VARIABLES)


@pytest.mark.parametrize(("words", "goes_out"), [(["install"], True), (["run", "models"], True), (["status"], False)])
def test_the_engines_commands_are_told_what_the_settings_say(
    words: list[str], goes_out: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in (*VARIABLES, "LTX_MODELS", "HF_ENDPOINT"):
        monkeypatch.setenv(name, "")  # so that it's taken back after the test
    monkeypatch.delenv("LTX_MODELS")
    monkeypatch.setenv("HF_ENDPOINT", "https://own.example")
    given: list[str] = []
    told: list[str | None] = []

    def note(_options: argparse.Namespace) -> int:
        given.extend(os.environ[name] for name in VARIABLES)
        told.extend(os.environ.get(name) for name in ("LTX_MODELS", "HF_ENDPOINT"))
        return 0

    monkeypatch.setattr(pack_command, "run", note)
    settings = Settings(None)
    settings.set(PROXY, ADDRESS)
    settings.set(MODELS_FOLDER, str(tmp_path / "weights"))
    settings.set(MIRROR, "https://mirror.example")
    monkeypatch.setattr(window, "settings_of_the_window", lambda: settings)
    assert main(["engine", *words]) == 0
    assert given == [ADDRESS if goes_out else ""] * len(VARIABLES)
    assert told == [
        str(tmp_path / "weights") if goes_out else None,
        "https://own.example",
    ]  # the person's own goes first
