"""Titles as a person makes them: typed at once, back to the timeline with Esc, colours that are seen."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QColorDialog

from ltxdesktop.document.model import Title


@pytest.fixture
def titled(project, qtbot):
    project.timeline.view.setFocus()
    QTest.keyClick(
        project.timeline.view, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    qtbot.waitUntil(lambda: project.inspector._title is not None)
    return project


def title_of(edit) -> Title:
    clips = (clip for track in edit.project.document.sequence.tracks for clip in track.clips)
    return next(clip.content for clip in clips if isinstance(clip.content, Title))


def test_a_new_title_is_typed_at_once_and_esc_gives_the_keys_back(titled, qtbot):
    text = titled.inspector._title.text
    qtbot.waitUntil(text.hasFocus)
    QTest.keyClicks(QApplication.focusWidget(), "Home, by L")  # all of them commands on the timeline
    assert title_of(titled).text == "Home, by L"
    assert titled.playhead == 0
    QTest.keyClick(text, Qt.Key.Key_Escape)
    qtbot.waitUntil(titled.timeline.view.hasFocus)
    QTest.keyClick(titled.timeline.view, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: titled.playhead == 1)


def test_colours_of_a_title_are_seen_on_their_buttons(titled, qtbot, monkeypatch):
    swatches = titled.inspector._title.swatches
    assert {name: each.colour for name, each in swatches.items()} == {
        name: getattr(title_of(titled), name) for name in swatches
    }
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor(200, 40, 20))
    qtbot.mouseClick(swatches["colour"], Qt.MouseButton.LeftButton)
    assert title_of(titled).colour == "#c82814ff"
    shown = swatches["colour"].icon().pixmap(swatches["colour"].iconSize()).toImage()
    assert shown.pixelColor(shown.width() // 3, shown.height() // 2) == QColor(200, 40, 20)
