"""The top bar: what the engine says takes the room that there is, and moves nothing else."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from engine.protocol.messages import Device
from ltxdesktop.ui.main_window import WORKSPACES
from ltxdesktop.ui.session import EngineView
from ltxdesktop.ui.theme import DARK, Look
from ltxdesktop.ui.top_bar import TopBar

LONG = "Another engine (process 12345) is working with the jobs in /home/somebody/with/a/long/path/engine; end it. " * 3


def test_what_the_engine_says_neither_widens_the_window_nor_moves_the_workspaces(
    qtbot: QtBot, qapp: QApplication
) -> None:
    bar = TopBar(Look(qapp, DARK), WORKSPACES)
    qtbot.addWidget(bar)
    bar.resize(1366, 50)
    bar.show()
    bar.show_project("A film with a name")
    places: set[int] = set()
    device = Device(kind="cuda", name="NVIDIA GeForce RTX 4070 Laptop", memory_bytes=12_000_000_000)
    for view in (
        EngineView(life="starting", words="Starting"),
        EngineView(life="ready", words="", device=device, model="ltx-2.3-22b-distilled"),
        EngineView(life="ready", words="", device=replace(device, name=LONG)),
        EngineView(life="given_up", words=LONG),
    ):
        bar.show_view(view)
        qapp.processEvents()
        assert bar.width() == 1366
        assert bar.minimumSizeHint().width() < 900
        places.add(bar.workspace.mapTo(bar, bar.workspace.rect().center()).x())
        words = next(each for each in bar.findChildren(QPushButton) if each.accessibleName() == "Engine")
        assert bar.rect().contains(words.geometry())
        assert words.accessibleDescription()
        assert ("…" in words.text()) is (LONG in words.accessibleDescription())
        assert view.life != "ready" or words.text().endswith("idle")
    assert len(places) == 1
    assert LONG in words.toolTip()
