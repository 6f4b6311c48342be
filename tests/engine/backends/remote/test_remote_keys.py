"""Keys, addresses, money on paper: what may be kept and shown, and what may not."""

from __future__ import annotations

import datetime
import json
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.backends.remote.keys import FILE_NAME, KeyCupboard, NoKeyring, Secret, redacted
from engine.backends.remote.ledger import Ledger
from engine.backends.remote.wire import BadAddress, check_base


class Drawer:
    """A keyring that works, until `broken`."""

    def __init__(self, key: str | None = None, broken: bool = False) -> None:
        self.key, self.broken = key, broken

    def _open(self) -> None:
        if self.broken:
            raise NoKeyring("locked")

    def get(self) -> str | None:
        self._open()
        return self.key

    def set(self, key: str) -> None:
        self._open()
        self.key = key

    def forget(self) -> None:
        self._open()
        self.key = None


def test_the_environment_comes_first_then_the_keyring_then_the_file(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("from-file\n")
    cases: list[tuple[dict[str, str], Drawer, str]] = [
        ({"LTX_API_KEY": " from-env "}, Drawer("from-keyring"), "from-env"),
        ({"LTXV_API_KEY": "other-env"}, Drawer("from-keyring"), "other-env"),
        ({"LTX_API_KEY": "  "}, Drawer("from-keyring"), "from-keyring"),
        ({}, Drawer(None), "from-file"),
        ({}, Drawer(broken=True), "from-file"),
    ]
    for environment, drawer, expected in cases:
        found = KeyCupboard(tmp_path, drawer, environment).find()
        assert found is not None
        assert found.key.reveal() == expected
        assert expected not in found.source
    assert KeyCupboard(None, Drawer(broken=True), {}).find() is None


def test_a_key_goes_into_the_keyring_and_into_a_file_only_when_that_is_asked(tmp_path: Path) -> None:
    drawer = Drawer()
    assert KeyCupboard(tmp_path, drawer, {}).keep("k1") == "the keyring of this system"
    assert drawer.key == "k1"
    broken = KeyCupboard(tmp_path, Drawer(broken=True), {})
    with pytest.raises(NoKeyring):
        broken.keep("k2")
    assert not (tmp_path / FILE_NAME).exists()
    assert "isn't encrypted" in broken.keep("k2", file_allowed=True)
    file = tmp_path / FILE_NAME
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    KeyCupboard(tmp_path, drawer, {}).keep("k3")
    assert not file.exists()  # the safer place has it now
    broken.keep("k2", file_allowed=True)
    broken.forget()
    assert not file.exists()


def test_a_keyring_that_keeps_nothing_counts_as_none(tmp_path: Path) -> None:
    """The tests' own environment has keyring's null backend, which takes everything and forgets it."""
    with pytest.raises(NoKeyring, match="keeps nothing"):
        KeyCupboard(tmp_path, environment={}).keep("k")
    assert KeyCupboard(tmp_path, environment={}).find() is None


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("very-secret")
    assert "very-secret" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("get https://s.example/a.mp4?sig=abc&x=1 now", "get https://s.example/a.mp4?<signature> now"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer <key>"),
        ("key my-own-key is wrong", "key <key> is wrong"),
        ("two\nlines\x1b[31m", "two lines [31m"),
        ("x" * 900, "x" * 500 + "…"),
    ],
)
def test_a_services_words_are_cleaned_before_they_are_shown(text: str, shown: str) -> None:
    assert redacted(text, Secret("my-own-key")) == shown


@pytest.mark.parametrize(
    "url", ["https://api.ltx.video/", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9"]
)
def test_addresses_that_a_key_may_go_to(url: str) -> None:
    assert check_base(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.ltx.video",
        "http://192.168.1.5:8080",
        "http://127.0.0.1.evil.example",
        "ftp://127.0.0.1",
        "https://user:secret@api.ltx.video",
        "https://api.ltx.video/?token=1",
        "api.ltx.video",
        "",
    ],
)
def test_addresses_that_a_key_may_not_go_to(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        check_base(url)
    assert "secret" not in str(caught.value)


def test_money_is_counted_once_by_month_and_survives_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    today = datetime.datetime(2026, 11, 30, 23, 59, tzinfo=datetime.UTC)
    ledger = Ledger(tmp_path, now=lambda: today)
    ledger.set_limit(500)
    for service_id in ("a", "b", "a"):
        ledger.enter(service_id, "job", "ltx-2-3-fast", 24)
    assert ledger.spending().spent_cents == 48
    ledger.mark_failed("b")
    ledger.mark_failed("nobody")
    spending = Ledger(tmp_path, now=lambda: today).spending()
    assert (spending.month, spending.spent_cents, spending.limit_cents) == ("2026-11", 24, 500)
    assert Ledger(tmp_path, now=lambda: today + datetime.timedelta(minutes=1)).spending().spent_cents == 0
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["entries"][0]["service_id"] == "a"
    file.write_text("{broken")
    assert ledger.spending().limit_cents is None
    assert "set aside" in caplog.text
    assert (tmp_path / "remote-spending.broken.json").read_text() == "{broken"


def test_the_command_asks_for_the_key_and_never_shows_it(tmp_path: Path) -> None:
    def run(*more: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "engine", "--store", str(tmp_path), "key", *more]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False)

    refused = run(given="my-key-12345\n")
    assert refused.returncode == 1
    assert "--file" in refused.stderr
    kept = run("--file", given="my-key-12345\n")
    assert kept.returncode == 0
    assert "my-key" not in refused.stdout + refused.stderr + kept.stdout + kept.stderr
    assert (tmp_path / FILE_NAME).read_text().strip() == "my-key-12345"
    assert run("--forget").returncode == 0
    assert not (tmp_path / FILE_NAME).exists()
