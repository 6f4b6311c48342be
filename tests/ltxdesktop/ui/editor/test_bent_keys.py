"""The way from a key to the next is bent with handles in the inspector's lanes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import Easing, Parameter
from ltxdesktop.ui.editor.lane_layout import KeyOf, Number

LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def keyed(project, qtbot):
    """The film's clip grows from half its size to its size; the first key is chosen and bent by handles."""
    clip = next(clip for track in project.project.document.sequence.tracks for clip in track.clips).id

    def grow(document):
        for frame, value in ((5, 0.5), (45, 1.0)):
            document = edits.set_key(document, clip, "scale", frame, value)
        return document

    project.project.edit("Grow", grow)
    project._docks.show_panel("inspector")
    project.selection.choose([clip])
    lanes = project.inspector._lanes
    qtbot.waitUntil(lambda: lanes.isVisible() and len(lanes.places()) == 2)
    first = KeyOf(Number(clip, "", "scale"), 5)
    lanes.chosen = frozenset({first})
    lanes.easing_asked.emit(lanes.chosen, Easing.CUSTOM)
    qtbot.waitUntil(lambda: len(lanes.handles()) == 2)
    return project


def scale_of(edit) -> Parameter:
    return next(c for t in edit.project.document.sequence.tracks for c in t.clips).values["scale"]


def pull(lanes, start: QPointF, stop: QPointF, *, release: bool = True) -> None:
    QTest.mousePress(lanes, LEFT, NO_KEYS, start.toPoint())
    for part in (0.5, 1.0):
        at = start + (stop - start) * part
        event = QMouseEvent(
            QEvent.Type.MouseMove, at, QPointF(lanes.mapToGlobal(at)), Qt.MouseButton.NoButton, LEFT, NO_KEYS
        )
        QApplication.sendEvent(lanes, event)
    if release:
        QTest.mouseRelease(lanes, LEFT, NO_KEYS, stop.toPoint())


def test_a_straight_way_stays_until_its_handle_is_pulled(keyed):
    key = scale_of(keyed).keys[0]
    assert key.easing is Easing.CUSTOM
    assert scale_of(keyed).at(25) == pytest.approx(0.75)  # as straight as it was


def test_pulling_a_handle_bends_the_way_as_one_step(keyed):
    lanes, steps = keyed.inspector._lanes, keyed.project.index
    first, _ = lanes.handles()
    (key, after) = sorted(lanes.places(), key=lambda place: place.x)
    pull(lanes, QPointF(first.x, first.y), QPointF(key.x + (after.x - key.x) * 0.2, after.y))
    x1, y1, x2, y2 = scale_of(keyed).keys[0].curve
    assert (x1, y1) == (pytest.approx(0.2, abs=0.02), pytest.approx(1.0, abs=0.06))
    assert (x2, y2) == (pytest.approx(2 / 3), pytest.approx(2 / 3))  # the other one stays
    assert scale_of(keyed).at(25) > 0.8
    assert keyed.project.index == steps + 1
    assert keyed.project.entries[-1].name == "Bend from key"
    check(keyed.project.document)
    keyed.project.undo()
    assert scale_of(keyed).at(25) == pytest.approx(0.75)


def test_a_handle_stays_within_its_time_and_its_lane(keyed):
    lanes = keyed.inspector._lanes
    _, second = lanes.handles()
    pull(lanes, QPointF(second.x, second.y), QPointF(lanes.width() + 200, -300))
    assert scale_of(keyed).keys[0].curve[2:] == (1.0, 1.0)
    assert [key.frame for key in scale_of(keyed).keys] == [5, 45]  # no key was dragged along


def test_handles_show_for_chosen_bent_keys_alone(keyed):
    lanes = keyed.inspector._lanes
    lanes.easing_asked.emit(lanes.chosen, Easing.EASE)
    assert lanes.handles() == []
    lanes.easing_asked.emit(lanes.chosen, Easing.CUSTOM)
    assert len(lanes.handles()) == 2
    lanes.chosen = frozenset()
    assert lanes.handles() == []
