"""The program opened for a test, and the fake LTX API for programs that a test opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from app_kit import REMOTE_TESTS, OpenApp, close

if TYPE_CHECKING:
    from PySide6.QtCore import QSettings


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    """Where the window keeps how it lies; it opens to Generate."""
    from PySide6.QtCore import QSettings

    kept = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    kept.setValue("window/workspace", "generate")
    return kept


@pytest.fixture
def open_app(qapp, qtbot, tmp_path: Path, settings: QSettings) -> Iterator[OpenApp]:
    """Opens the program with a real engine on one store; closing the window ends it, as for a person."""
    from ltxdesktop.app import App
    from ltxdesktop.jobs.channel import engine_command
    from ltxdesktop.settings.store import Settings

    opened: list[App] = []

    def open_one(*backends: str, workspace: str = "", command: list[str] | None = None) -> App:
        if workspace:
            settings.setValue("window/workspace", workspace)
        command = command or engine_command(backends=backends or ["test"], store=str(tmp_path / "store"))
        app = App(qapp, command, settings, Settings(tmp_path / "settings.toml"))
        opened.append(app)
        app.start()
        app.window.activateWindow()
        qtbot.waitUntil(app.window.isActiveWindow)
        qtbot.waitUntil(lambda: bool(app.session.backends))
        return app

    yield open_one
    for app in opened:
        close(app, qtbot)


@pytest.fixture
def keyless_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The fake service, where engines of this test look for it; no key is known."""
    monkeypatch.syspath_prepend(str(REMOTE_TESTS))
    from fake_api import FakeApi

    with FakeApi() as service:
        monkeypatch.setenv("LTX_API_URL", service.url)
        monkeypatch.setenv("LTX_API_PACE", "0.01")
        for name in ("LTX_API_KEY", "LTXV_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        yield service
        assert service.complaints == []


@pytest.fixture
def secret(keyless_api: Any) -> str:
    """The key that the fake service accepts."""
    from fake_api import KEY

    return KEY


@pytest.fixture
def api(keyless_api: Any, secret: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The fake service, with its key in the environment."""
    monkeypatch.setenv("LTX_API_KEY", secret)
    return keyless_api
