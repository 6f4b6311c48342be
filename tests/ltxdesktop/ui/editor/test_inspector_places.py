"""The inspector shows a transition that is selected, and stays where it was when a clip gets more controls."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QPushButton

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import Clip, TrackKind, Transition, TransitionKind
from ltxdesktop.ui.editor.number_row import NumberRow
from ltxdesktop.ui.editor.transition_controls import resized


@pytest.fixture
def blended(project, qtbot):
    """The film cut in two with a dissolve of 12 frames over the cut, which is selected; 10 frames more would fit."""

    def cut(document):
        document = edits.split(document, 25)
        track = document.sequence.of_kind(TrackKind.VIDEO)[0]
        document = edits.ripple_trim(document, track.items[0].id, edits.Edge.TAIL, -11)
        second = document.sequence.of_kind(TrackKind.VIDEO)[0].items[1].id
        return edits.set_transition(document, second, edits.centred(TransitionKind.DISSOLVE, 12))

    project.project.edit("Cut", cut)
    project._docks.show_panel("inspector")
    project.selection.choose(transition=(second_of(project).id, False))
    qtbot.waitUntil(lambda: project.inspector._transition is not None)
    return project


def second_of(edit) -> Clip:
    return edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].items[1]


def spun(edit, name: str, frames: int) -> None:
    spin = edit.inspector._transition.spins[name]
    spin.setFocus()
    spin.selectAll()
    QTest.keyClicks(spin, str(frames))
    QTest.keyClick(spin, Qt.Key.Key_Return)


def test_length_place_and_kind_of_a_transition_are_set_in_the_inspector(blended):
    spun(blended, "length", 6)
    assert second_of(blended).transition == Transition(TransitionKind.DISSOLVE, 3, 3)
    spun(blended, "before", 5)
    assert second_of(blended).transition == Transition(TransitionKind.DISSOLVE, 5, 3)
    kind = blended.inspector._transition.kind
    kind.showPopup()
    place = kind.model().index(kind.findText("Dip to white"), 0)
    QTest.mouseClick(kind.view().viewport(), Qt.MouseButton.LeftButton, pos=kind.view().visualRect(place).center())
    assert second_of(blended).transition.kind is TransitionKind.DIP_WHITE
    assert blended.selection.transition == (second_of(blended).id, False)
    check(blended.project.document)
    for _ in range(3):
        blended.project.undo()
    assert second_of(blended).transition == Transition(TransitionKind.DISSOLVE, 6, 6)
    assert blended.inspector._transition.spins["length"].value() == 12


def test_the_button_takes_the_transition_away(blended, qtbot):
    button = next(each for each in blended.inspector._transition.findChildren(QPushButton) if each.text() == "Remove")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert second_of(blended).transition is None


@pytest.mark.parametrize(
    ("made", "length", "room", "wanted"),
    [
        ((6, 6), 4, (20, 20), (2, 2)),
        ((6, 6), 30, (20, 20), (15, 15)),
        ((6, 6), 30, (8, 40), (8, 22)),
        ((6, 6), 30, (40, 8), (22, 8)),
        ((0, 10), 20, (20, 20), (0, 20)),
        ((10, 0), 5, (20, 20), (5, 0)),
        ((3, 9), 100, (10, 10), (10, 10)),
    ],
)
def test_a_longer_transition_lies_as_before_as_far_as_there_is_room(made, length, room, wanted):
    now = resized(Transition(TransitionKind.DISSOLVE, *made), length, room)
    assert (now.before, now.after) == wanted


def test_an_effect_that_is_added_is_seen_and_nothing_else_jumps(project, qtbot):
    clip = next(clip for track in project.project.document.sequence.tracks for clip in track.clips)
    project._docks.show_panel("inspector")
    project.selection.choose([clip.id])
    qtbot.waitUntil(lambda: project.inspector._effects is not None)
    bar = project.inspector._scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 100)
    add = next(each for each in project.inspector.findChildren(QPushButton) if each.text() == "Add an effect")
    for name in ("Curves", "Blur"):
        menu = next(iter(project.inspector._effects.findChildren(QMenu)))
        bar.setValue(bar.maximum())
        next(action for action in menu.actions() if action.text() == name).trigger()
        qtbot.waitUntil(lambda: bar.value() > 100)
        group = list(project.inspector._effects.groups.values())[-1]
        qtbot.waitUntil(lambda group=group: not group.title.visibleRegion().isEmpty())
    place = bar.value()
    project.inspector._effects._move(list(project.inspector._effects.groups)[-1])  # earlier
    qtbot.waitUntil(lambda: bar.value() == min(place, bar.maximum()))
    assert add is not None


def test_undo_in_a_number_is_the_films_until_something_is_typed(project, qtbot):
    """What the arrows of a number changed is a step of the history already; what is being typed isn't yet."""
    project._docks.show_panel("inspector")
    clip = project.project.document.sequence.of_kind(TrackKind.VIDEO)[0].items[0]
    project.selection.choose([clip.id])
    qtbot.waitUntil(lambda: bool(project.inspector.findChildren(NumberRow)))
    row = next(each for each in project.inspector.findChildren(NumberRow) if each.declared.name == "opacity")
    row.field.setFocus()
    qtbot.waitUntil(row.field.hasFocus)
    steps = len(project.project.entries)
    QTest.keyClick(row.field, Qt.Key.Key_Down)
    assert len(project.project.entries) == steps + 1
    control = Qt.KeyboardModifier.ControlModifier
    for key, value in ((Qt.Key.Key_Z, 100), (Qt.Key.Key_Y, 99), (Qt.Key.Key_Z, 100)):
        QTest.keyClick(row.field, key, control)
        assert row.field.value() == value
    row.field.selectAll()
    QTest.keyClicks(row.field, "5")
    words = row.field.text()
    undone = project.project.entries
    QTest.keyClick(row.field, Qt.Key.Key_Z, control)
    assert row.field.text() != words
    assert project.project.entries == undone
