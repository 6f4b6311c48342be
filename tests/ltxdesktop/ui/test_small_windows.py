"""The window on a small laptop's screen: 960 by 600 points have room for every workspace, and nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSlider,
    QWidget,
)
from pytestqt.qtbot import QtBot

from engine.protocol.messages import BackendCapability, ModelCapability
from ltxdesktop.document.model import new_document
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.docks import LAYOUT_SETTING
from ltxdesktop.ui.main_window import MainWindow
from ltxdesktop.ui.overflow_row import OverflowRow
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look

SMALL, LARGE = (960, 600), (1500, 900)
CONTROLS = (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QSlider)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    """With an empty project open in Edit."""
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    made = MainWindow(Look(qapp), EngineSession(lambda _: None), settings, tmp_path / "state", tmp_path / "cache")
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.resize(*SMALL)
    made.show_workspace("edit")
    made.show()
    qtbot.waitExposed(made)
    assert made.edit is not None
    made.edit.project.open(new_document("Small"), tmp_path / "small.otio")
    qapp.processEvents()
    yield made
    made.close()


def cut_off(window: QWidget) -> list[str]:
    """Controls that don't lie within all that they are in, from side to side, or lack the room for their words."""
    wrong: list[str] = []
    for control in window.findChildren(QWidget):
        if not isinstance(control, CONTROLS) or not control.isVisible() or control.visibleRegion().isEmpty():
            continue
        around = control.parentWidget()
        while around is not None and control is not around.window():
            left = control.mapTo(around, QPoint(0, 0)).x()
            if left < 0 or left + control.width() > around.width():
                wrong.append(f"{control.accessibleName() or control} reaches out of {type(around).__name__}")
            if around.isWindow():
                break
            around = around.parentWidget()
        words = control.text() if isinstance(control, QAbstractButton) else ""
        if words and control.width() < control.minimumSizeHint().width():
            wrong.append(f"{words} has {control.width()} px")
    return wrong


def test_nothing_is_cut_off_in_a_small_window(window: MainWindow, qapp: QApplication):
    for workspace in ("generate", "deliver", "edit"):
        window.show_workspace(workspace)
        qapp.processEvents()
        assert (workspace, window.width(), window.height()) == (workspace, *SMALL)
        assert cut_off(window) == [], workspace
    assert window.edit is not None
    for name, dock in window.edit.docks.items():
        dock.raise_()
        qapp.processEvents()
        assert cut_off(window) == [], name


def test_one_monitor_is_seen_where_there_is_no_room_for_two(window: MainWindow, qtbot: QtBot):
    edit = window.edit
    assert edit is not None

    def seen() -> tuple[bool, bool, bool]:
        return edit.source.isVisible(), edit.program.isVisible(), edit.program.other.isVisible()

    assert seen() == (False, True, True)
    qtbot.mouseClick(edit.program.other, Qt.MouseButton.LeftButton)
    assert seen()[:2] == (True, False)
    assert "Shift+2" in edit.source.other.toolTip()
    edit.actions_by_name["view.program"].trigger()
    assert seen()[:2] == (False, True)
    window.resize(*LARGE)
    qtbot.waitUntil(lambda: seen() == (True, True, False))
    window.resize(*SMALL)
    qtbot.waitUntil(lambda: seen() == (False, True, True))


def test_panels_of_a_large_window_fit_into_a_small_one(
    window: MainWindow, qtbot: QtBot, qapp: QApplication, tmp_path: Path
):
    window.resize(*LARGE)
    assert window.edit is not None
    window.edit.actions_by_name["view.reset_layout"].trigger()
    qapp.processEvents()
    assert (window.width(), window.height()) == LARGE
    assert window.edit.docks["meters"].isVisible()
    window.resize(*SMALL)
    qapp.processEvents()
    assert (window.width(), window.height()) == SMALL
    assert cut_off(window) == []
    window.close()
    assert QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat).contains(LAYOUT_SETTING)


@pytest.fixture
def row(qtbot: QtBot, qapp: QApplication) -> tuple[QWidget, Actions, OverflowRow, list[QPushButton]]:
    """A row of four buttons for tools, of which the first always stays."""
    holder = QWidget()
    actions = Actions(holder)
    made = OverflowRow(Look(qapp), "Tools", (0, 0, 0, 0), 4)
    group = QButtonGroup(made)
    buttons: list[QPushButton] = []
    for rank, name in enumerate(("select", "blade", "roll", "slip")):
        button = QPushButton(name)
        button.setCheckable(True)
        group.addButton(button)
        button.clicked.connect(actions[f"tool.{name}"].trigger)
        made.add(button, rank, actions[f"tool.{name}"])
        buttons.append(button)
    column = QHBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(made)
    qtbot.addWidget(holder)
    holder.resize(made.sizeHint())
    holder.show()
    return holder, actions, made, buttons


def test_what_has_no_room_is_in_the_menu(row, qtbot: QtBot):
    holder, actions, bar, buttons = row
    assert all(button.isVisible() for button in buttons)
    assert not bar.more.isVisible()
    holder.resize(holder.minimumSizeHint())
    assert [button.isVisible() for button in buttons] == [True, False, False, False]
    buttons[2].click()
    assert bar.more.isChecked()  # the chosen one isn't seen
    menu = bar.more.menu()
    menu.aboutToShow.emit()
    assert [(each.text().partition("\t")[0], each.isChecked()) for each in menu.actions()] == [
        ("Blade", False), ("Roll", True), ("Slip", False),
    ]  # fmt: skip
    with qtbot.waitSignal(actions["tool.slip"].triggered):
        menu.actions()[2].trigger()
    bar.offer(buttons[2], False)
    assert not bar.more.isChecked()
    holder.resize(LARGE[0], 40)
    assert [button.isVisible() for button in buttons] == [True, True, False, True]
    assert not bar.more.isVisible()


def test_long_names_of_models_and_takes_widen_no_panel(window: MainWindow, qapp: QApplication):
    name = "A model whose name says all of its sizes, precisions and the date of its making"
    model = ModelCapability(model="long", title=name, available=True, description=name, modes=())
    there = (BackendCapability(backend="local", title="Here", available=True, models=(model,)),)
    assert window.edit is not None
    window.edit.make.show_capabilities(there)
    window.generate.prompt.show_capabilities(there)
    for workspace in ("generate", "edit"):
        window.show_workspace(workspace)
        qapp.processEvents()
        assert (window.width(), window.height()) == SMALL
        assert cut_off(window) == [], workspace
