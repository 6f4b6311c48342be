"""Deliver in the main window: reached by the switch, shows what is open in Edit, and goes on after a restart."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QLabel, QToolButton

sys.path.append(str(Path(__file__).parents[2] / "render"))  # render_samples: one set of numbered films

from render_samples import clip, film, numbered, track, write_film

from engine.media.index import build_index
from ltxdesktop.document.model import Document, new_document
from ltxdesktop.export.queue import Done, Entry, Running
from ltxdesktop.export.settings import Settings
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.ui import main_window
from ltxdesktop.ui.deliver.exports import Exports
from ltxdesktop.ui.main_window import MainWindow
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look


@pytest.fixture
def document(tmp_path: Path) -> Document:
    files = MediaFiles(tmp_path / "cache")
    footage = files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(24)]))
    files.close()
    return new_document("Holiday", film(track(clip(footage, 24)))).with_media(footage)


@pytest.fixture
def open_window(qtbot, qapp: QApplication, tmp_path: Path) -> Iterator[Callable[[], MainWindow]]:
    opened: list[MainWindow] = []

    def make() -> MainWindow:
        settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
        settings.setValue("window/workspace", "generate")
        window = MainWindow(
            Look(qapp), EngineSession(lambda message: None), settings, tmp_path / "state", tmp_path / "c"
        )
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(window)
        opened.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield make
    for window in opened:
        window.close()


def switch(window: MainWindow, words: str) -> None:
    next(b for b in window.top.findChildren(QToolButton) if b.accessibleName() == f"Workspace: {words}").click()


def test_the_film_open_in_edit_is_exported(open_window, document, tmp_path, qtbot):
    window = open_window()
    switch(window, "Deliver")
    assert window.deliver is not None
    assert not window.deliver.add_button.isEnabled()
    switch(window, "Edit")
    window.edit.project.open(document, tmp_path / "Holiday.otio")
    switch(window, "Deliver")
    assert window.workspace == "deliver"
    window.deliver.presets.choose("ffv1")
    window.deliver._ask_target = lambda proposed, words: str(tmp_path / Path(proposed).name)
    with qtbot.waitSignal(window.deliver._exports.ended):
        qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert build_index(tmp_path / "Holiday.mkv").frames == 24
    names = [action.text() for action in window.menuBar().actions() if action.isVisible()]
    assert names[0] == "&Deliver"
    assert "&Generate" not in names
    for key, name in ((Qt.Key.Key_1, "generate"), (Qt.Key.Key_2, "edit"), (Qt.Key.Key_3, "deliver")):
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert window.workspace == name
    shown = [each.text() for each in window.top.findChildren(QLabel)]
    assert any(words.startswith("Holiday") for words in shown)


def test_what_waited_is_made_without_opening_deliver(open_window, document, tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr(main_window, "RESUME_MS", 0)
    left = Exports(tmp_path / "state", tmp_path / "cache")
    left._queue.add(document, Settings("ffv1"), tmp_path / "film.mkv", lambda media: Path(media.path))
    left.close()
    window = open_window()
    qtbot.waitUntil(lambda: (tmp_path / "film.mkv").exists())
    assert window.workspace == "generate"
    assert window.deliver is not None
    exports = window.deliver._exports
    qtbot.waitUntil(lambda: all(isinstance(entry.state, Done) for entry in exports.entries))  # or closing would ask


def test_without_exports_nothing_of_it_is_loaded(open_window):
    assert open_window().deliver is None


def test_a_window_that_keeps_exporting_stays_open(open_window, document, tmp_path, qtbot):
    window = open_window()
    switch(window, "Deliver")
    deliver = window.deliver
    assert deliver is not None
    running = Entry("1", "Holiday", document.active, Settings("h264"), tmp_path / "film.mp4", Running())
    deliver._exports._take_entries((running,))
    deliver._ask_stop = lambda words: False
    assert not window.close()
    assert window.isVisible()
    deliver._ask_stop = lambda words: True
    assert window.close()


def test_generate_begins_with_the_focus_on_the_words(open_window, document, tmp_path) -> None:
    """Not on the first button, which takes the clip away: Space would press it."""
    window = open_window()
    switch(window, "Edit")
    window.edit.project.open(document, tmp_path / "Holiday.otio")
    assert window.focusWidget() is window.edit.timeline.view
    switch(window, "Generate")
    assert window.focusWidget() is window.generate.prompt._prompt
