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
from ltxdesktop.settings.declared import ENGINE_COMMAND, MODELS_FOLDER, PROXY
from ltxdesktop.settings.store import FILE_NAME, Settings
from ltxdesktop.settings.window import folders_of_the_window

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
def test_the_engine_is_installed_by_the_proxy_of_the_settings(
    words: list[str], goes_out: bool, monkeypatch: pytest.MonkeyPatch
):
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it's taken back after the test
    given: list[str] = []

    def note(_options: argparse.Namespace) -> int:
        given.extend(os.environ[name] for name in VARIABLES)
        return 0

    monkeypatch.setattr(pack_command, "run", note)
    file = folders_of_the_window()[0] / FILE_NAME
    settings = Settings(file)
    settings.set(PROXY, ADDRESS)
    try:
        assert main(["engine", *words]) == 0
    finally:
        file.unlink()
    assert given == [ADDRESS if goes_out else ""] * len(VARIABLES)
