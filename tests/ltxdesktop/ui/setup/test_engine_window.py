"""The dialog that installs the engine, with small programs in the place of the installation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QRadioButton

from ltxdesktop.pack.devices import Suggestion
from ltxdesktop.pack.recipe import Variant
from ltxdesktop.ui.setup.engine_window import EngineWindow
from ltxdesktop.ui.theme import Look

GOOD = """
import json, sys
print(json.dumps({"words": "Python", "there": 5_000_000, "whole": 20_000_000}), flush=True)
print("a library prints this", flush=True)
print(json.dumps({"words": "Unpacking 3 packages", "there": 0, "whole": 0}), flush=True)
open(sys.argv[1], "w").write(" ".join(sys.argv[2:]))
"""
BAD = "import sys; print('a trace', file=sys.stderr); sys.exit('ltxdesktop: torch.whl did not arrive')"
SLOW = """
import pathlib, signal, sys
def end(*_):
    pathlib.Path(sys.argv[1]).write_text("ended tidily")
    sys.exit(130)
signal.signal(signal.SIGTERM, end)
print('{"words": "Python", "there": 1, "whole": 2}', flush=True)
signal.pause()
"""


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said.txt"


@pytest.fixture
def open_window(qapp, qtbot, said: Path):
    opened: list[EngineWindow] = []

    def open_one(code: str, device: str = "cpu") -> EngineWindow:
        def find() -> Suggestion:
            return Suggestion(Variant(device, device), "It was found.")

        words = [sys.executable, "-c", code, str(said)]
        window = EngineWindow(Look(qapp, parent=qapp), "There is none yet.", words=words, find=find)
        opened.append(window)
        window.show()
        qtbot.waitUntil(lambda: window.device == device)
        return window

    yield open_one
    gone: list[None] = []
    for window in opened:
        window.destroyed.connect(lambda: gone.append(None))
        window.close()
    qtbot.waitUntil(lambda: len(gone) == len(opened))


def button(window: EngineWindow, name: str) -> QPushButton:
    return next(each for each in window.findChildren(QPushButton) if each.text() == name)


def text_of(window: EngineWindow, name: str) -> str:
    label = next(each for each in window.findChildren(QLabel) if each.accessibleName() == name)
    return label.text() if label.isVisible() else ""


def test_one_press_installs_for_the_device_that_was_found(open_window, qtbot, said: Path):
    window = open_window(GOOD)
    with qtbot.waitSignal(window.installed):
        qtbot.keyClick(window, Qt.Key.Key_Return)
    assert said.read_text() == "engine install --lines --device cpu"
    assert text_of(window, "What is done now") == "The engine is installed."
    assert button(window, "Close").isVisible()
    assert not button(window, "Install").isVisible()


def test_a_person_may_choose_another_device(open_window, qtbot, said: Path):
    window = open_window(GOOD, device="cuda")
    other = next(each for each in window.findChildren(QRadioButton) if each.property("device") == "cpu")
    other.click()
    with qtbot.waitSignal(window.installed):
        button(window, "Install").click()
    assert said.read_text().endswith("--device cpu")


def test_a_failure_is_told_in_its_words_and_may_be_tried_again(open_window, qtbot):
    window = open_window(BAD)
    button(window, "Install").click()
    qtbot.waitUntil(lambda: text_of(window, "Problem") != "")
    assert text_of(window, "Problem") == "torch.whl did not arrive"
    assert button(window, "Try again").isEnabled()
    assert button(window, "Later").isVisible()


def test_a_program_that_is_not_there_is_told(open_window, qtbot, tmp_path: Path):
    window = open_window(GOOD)
    window._words = [str(tmp_path / "nowhere")]
    button(window, "Install").click()
    qtbot.waitUntil(lambda: "can't be started" in text_of(window, "Problem"))


@pytest.mark.skipif(sys.platform == "win32", reason="a program on Windows can't be told to end")
def test_stop_lets_the_installation_end_tidily(open_window, qtbot, said: Path):
    window = open_window(SLOW)
    button(window, "Install").click()
    bar = window.findChild(QProgressBar)
    qtbot.waitUntil(lambda: bar.value() == 500)
    button(window, "Stop").click()
    qtbot.waitUntil(said.exists)
    assert "Stopped" in text_of(window, "What is done now")
    assert button(window, "Install").isEnabled()
    assert window.isVisible()
