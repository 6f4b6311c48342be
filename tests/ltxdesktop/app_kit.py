"""What tests of the whole program share: how it's opened on folders of its own, and closed as a person closes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # tests that open no window stay free of Qt
    from ltxdesktop.app import App

REMOTE_TESTS = Path(__file__).parents[1] / "engine" / "backends" / "remote"  # where the fake LTX API lies


class OpenApp(Protocol):
    """Opens the program with these backends, in this workspace; every program of a test has the same folders."""

    def __call__(self, *backends: str, workspace: str = "", command: list[str] | None = None) -> App: ...


def close(app: App, qtbot) -> None:
    """Close its window, and wait for its engine; nothing happens if both are gone."""
    if app.link.process_id:
        with qtbot.waitSignals([app.link.stopped, app.window.destroyed]):
            app.window.close()
