"""The docks of the Edit workspace by themselves: dragged away and put back, and left for the next start."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QTabBar, QWidget

from ltxdesktop.ui.editor.docks import BOTTOM, LEFT, RIGHT, Docks

AREAS = {
    "media": LEFT, "markers": LEFT, "steps": LEFT, "scopes": LEFT,
    "inspector": RIGHT, "timeline": BOTTOM, "meters": BOTTOM,
}  # fmt: skip


@pytest.fixture
def open_docks(qapp, qtbot, settings: QSettings):
    def open_one() -> Docks:
        docks = Docks(settings, QWidget(), QWidget())
        qtbot.addWidget(docks)
        for name, area in AREAS.items():
            docks.add(name, name, QWidget(), area)
        docks.arrange()
        docks.resize(1400, 900)
        docks.show()
        return docks

    return open_one


def test_panels_go_back_wherever_they_were_dragged_to(open_docks):
    docks = open_docks()
    docks.tabifyDockWidget(docks.panels["media"], docks.panels["timeline"])
    docks.panels["meters"].close()
    docks.panels["inspector"].setFloating(True)
    docks.arrange()
    assert docks.tabifiedDockWidgets(docks.panels["timeline"]) == []
    assert {name: docks.dockWidgetArea(dock) for name, dock in docks.panels.items()} == AREAS
    assert all(dock.isVisibleTo(docks) and not dock.isFloating() for dock in docks.panels.values())


def test_panels_are_left_for_the_next_start(open_docks):
    docks = open_docks()
    assert not docks.was_laid_out
    docks.panels["scopes"].close()
    docks.tabifyDockWidget(docks.panels["markers"], docks.panels["inspector"])
    docks.save()
    again = open_docks()
    assert again.was_laid_out
    again.restore()
    assert again.panels["scopes"].isHidden()
    assert again.panels["inspector"] in again.tabifiedDockWidgets(again.panels["markers"])


def test_names_of_tabs_are_whole_also_in_a_layout_that_was_kept(open_docks):
    docks = open_docks()
    docks.tabifyDockWidget(docks.panels["inspector"], docks.panels["meters"])
    docks.save()
    again = open_docks()
    again.restore()
    QApplication.sendPostedEvents()
    bars = again.findChildren(QTabBar)
    assert len(bars) >= 2
    assert {bar.elideMode() for bar in bars} == {Qt.TextElideMode.ElideNone}


@pytest.mark.parametrize(("width", "height", "whole"), [(1366, 612, True), (944, 484, True), (1440, 900, False)])
def test_on_a_low_screen_the_make_panel_has_the_whole_height(open_docks, width: int, height: int, whole: bool):
    docks = open_docks()
    for name, area in (("make", RIGHT), ("jobs", RIGHT), ("takes", LEFT)):
        docks.add(name, name, QWidget(), area)
    docks.resize(width, height)
    docks.lay_out_first()
    QApplication.sendPostedEvents()
    timeline, right = docks.panels["timeline"].geometry(), docks.panels["inspector"].geometry()
    assert (right.bottom() > timeline.top()) is whole
    assert (timeline.right() < right.left()) is whole
