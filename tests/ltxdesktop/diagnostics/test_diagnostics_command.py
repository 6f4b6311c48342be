"""`ltxdesktop diagnostics` as it is typed, and the log that it tells of."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ltxdesktop.diagnostics.gathering import NO_ENGINE, ask_doctor, doctor_command
from ltxdesktop.diagnostics.keeping import KeptLog, kept_log

ROOT = Path(__file__).parents[3]


def test_it_shows_and_saves_the_same(tmp_path: Path) -> None:
    places = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CONFIG", "DATA", "CACHE")}
    state = tmp_path / "DATA" / "ltxdesktop" / "ltxdesktop"
    state.mkdir(parents=True)
    (state / "log.txt").write_text("took /films/my secret film.mp4 with Bearer abcdef123456\n")
    command = [sys.executable, "-m", "ltxdesktop", "--backend", "test", "--store", str(tmp_path / "store")]
    done = subprocess.run(
        [*command, "diagnostics", "--show", "-o", str(tmp_path / "d.zip")],
        env={**os.environ, **places, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "d.zip") as bundle:
        for name in bundle.namelist():
            assert bundle.read(name).decode() in done.stdout
    for words in ("What would work here", "There are no jobs.", "took <file>.mp4 with <key>"):
        assert words in done.stdout
    assert "secret" not in done.stdout


def test_doctor_is_asked_where_the_engine_is(tmp_path: Path) -> None:
    assert doctor_command(["py", "-m", "engine", "--stdio", "--store", "s"]) == [
        "py",
        "-m",
        "engine",
        "--store",
        "s",
        "doctor",
    ]
    assert doctor_command(["ssh", "host", "ltx-engine --stdio"]) == ["ssh", "host", "ltx-engine doctor"]
    assert doctor_command([]) == []
    assert ask_doctor([]) == NO_ENGINE
    assert "couldn't be asked" in ask_doctor([str(tmp_path / "nothing"), "--stdio"])


def test_the_log_of_the_last_runs_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = logging.getLogger("ltxdesktop").level
    passed_on: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, _exc, _trace: passed_on.append(kind))
    hook = sys.excepthook
    kept = KeptLog(tmp_path / "state")
    kept.start()
    logging.getLogger("ltxdesktop.somewhere").info("one thing")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("another")
    sys.excepthook(caught.type, caught.value, caught.tb)
    kept.stop()
    logging.getLogger("ltxdesktop").setLevel(level)
    logging.getLogger("engine").setLevel(logging.NOTSET)
    text = kept_log(tmp_path / "state")
    for words in ("started", "one thing", "ValueError: invalid literal", "ended"):
        assert words in text
    assert sys.excepthook is hook
    assert passed_on == [ValueError]
    (tmp_path / "file").touch()
    KeptLog(tmp_path / "file").start()
    assert "can't be kept" in caplog.text
