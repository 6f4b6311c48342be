"""The main job by mouse and keys in the real window, with the real engine process and Pocket: from sample to film.

A picture of the window is kept of each step, in the test's folder; what is seen there is checked as far as a test can.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from loop_kit import editor, pictures
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from engine.media.index import build_index
from ltxdesktop.app import App
from ltxdesktop.document.check import check
from ltxdesktop.export.queue import Done
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.editor import project_desk
from ltxdesktop.ui.loop.becoming import BADGE

CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
FIRST, LAST = 40, 56  # of the range, in frames


class Person:
    """Uses the window as a person does, and keeps what was seen."""

    def __init__(self, qtbot: QtBot, app: App, folder: Path) -> None:
        self.qtbot, self.app, self.edit = qtbot, app, editor(app)
        self._folder, self.seen = folder, list[str]()

    def wait(self, condition: object) -> None:
        self.qtbot.waitUntil(condition)

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Where the focus is, as a keyboard does."""
        QTest.keyClick(QApplication.focusWidget() or self.app.window, key, keys)

    def click(self, words: str, root: QWidget | None = None) -> None:
        """The button that says so, or is called so."""

        def found() -> list[QAbstractButton]:
            buttons = (root or self.app.window).findChildren(QAbstractButton)
            named = [each for each in buttons if words in (each.text(), each.accessibleName())]
            return [each for each in named if each.isVisible() and each.isEnabled()]

        self.wait(lambda: bool(found()))
        self.qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)

    def drag_range(self, first: int, last: int) -> None:
        """With the Range tool over the picture track; borders catch at frames only."""
        view = self.edit.timeline.view
        view.setFocus()
        self.key(Qt.Key.Key_S)  # snapping off
        self.key(Qt.Key.Key_G)
        lane = next(lane for lane in view.placed().lanes if lane.track.name == "V1")
        y = round(lane.body.top + lane.body.height * 0.7)
        start, end = (QPoint(round(view.viewport.x_of(frame)), y) for frame in (first, last))
        QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
        QTest.mouseMove(view, (start + end) / 2)
        QTest.mouseMove(view, end)
        QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)
        self.key(Qt.Key.Key_V)

    def keep(self, name: str, window: QWidget | None = None) -> QImage:
        """A picture of the window as it is now."""
        picture = (window or self.app.window).grab().toImage()
        file = self._folder / f"{len(self.seen) + 1} {name}.png"
        assert picture.save(str(file))
        assert many_colours(picture), f"{file} is empty"
        self.seen.append(name)
        return picture


def many_colours(picture: QImage) -> bool:
    small = picture.scaled(64, 40)
    return len({small.pixel(x, y) for x in range(64) for y in range(40)}) > 50


@pytest.fixture
def person(qtbot: QtBot, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With the program started for the first time, at the sample."""
    monkeypatch.setattr(project_desk, "ask_unsaved", lambda *_: "discard")
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    command = engine_command(store=str(tmp_path / "store"), models=str(tmp_path / "models"))
    app = App(qapp, command, settings, Settings(tmp_path / "settings.toml"))
    app.start(with_sample=True)
    app.window.resize(1600, 1000)
    app.window.activateWindow()
    try:
        yield Person(qtbot, app, tmp_path)
    finally:
        with qtbot.waitSignals([app.link.stopped, app.window.destroyed]):
            app.window.close()


@pytest.mark.slow
def test_from_the_sample_to_a_film(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit, session, window = person.edit, person.app.session, person.app.window
    person.wait(lambda: edit.make.ready)
    person.keep("the sample")

    person.drag_range(FIRST, LAST)
    sequence = edit.project.document.sequence
    assert (sequence.in_frame, sequence.out_frame) == (FIRST, LAST)
    person.key(Qt.Key.Key_P)  # to the prompt
    person.key(Qt.Key.Key_A, CTRL)
    QTest.keyClicks(QApplication.focusWidget(), "A green ball bounces on a meadow.")
    assert edit.make.wish.prompt == "A green ball bounces on a meadow."
    person.wait(lambda: edit.make.ready)
    person.keep("the range and the words")

    person.key(Qt.Key.Key_Return, CTRL | SHIFT)  # a draft
    # A draft may be here before anybody looks.
    person.wait(lambda: edit.program.view.accessibleDescription() == BADGE or len(pictures(edit)) == 4)
    person.keep("becoming")
    person.wait(lambda: len(pictures(edit)) == 4)
    take = pictures(edit)[1]
    assert (edit.project.document.sequence.start_of(take.id), take.duration, take.active) == (FIRST, LAST - FIRST, 1)
    person.keep("the draft in its place")

    person.click("Finish the draft")
    person.wait(lambda: len(pictures(edit)[1].takes) == 3)
    edit.timeline.view.setFocus()
    for active in (1, 0, 2):  # the finished one was shown
        person.key(Qt.Key.Key_Up, ALT)
        assert pictures(edit)[1].active == active
    assert edit.program.player.playing
    person.keep("turning the takes")
    person.key(Qt.Key.Key_Space)
    person.key(Qt.Key.Key_Backslash)
    compare = next(each for each in QApplication.topLevelWidgets() if each.windowTitle() == "Compare takes")
    person.wait(lambda: many_colours(compare.grab().toImage()))
    person.keep("comparing", compare)
    QTest.keyClick(compare, Qt.Key.Key_Escape)
    assert not compare.isVisible()

    window.activateWindow()  # a window manager would
    person.wait(window.isActiveWindow)
    edit.timeline.view.setFocus()
    person.key(Qt.Key.Key_Return)
    assert pictures(edit)[1].takes[2].rating == 5
    check(edit.project.document)

    film = tmp_path / "film.mp4"
    person.click("Deliver")
    monkeypatch.setattr(window.deliver, "_ask_target", lambda *_: str(film))
    person.keep("what is exported")
    person.click("Add to queue…")
    person.wait(lambda: [type(each.state) for each in window.deliver.exports.entries] == [Done])
    person.keep("the film is ready")
    assert build_index(film).frames == edit.project.document.sequence.duration == 192
    assert [each.state for each in session.jobs.entries()] == ["done", "done"]
    assert len(person.seen) == 8
