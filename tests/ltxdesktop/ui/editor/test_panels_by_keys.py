"""Every panel is reached and worked in by the keyboard alone; its keys aren't taken by the timeline's commands."""

from __future__ import annotations

import pytest
from edit_films import FRAMES
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import Marker, MarkerId, TrackKind
from ltxdesktop.ui.editor.markers_panel import CLIP, NAME

NO, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


def press(qtbot, key: Qt.Key, held: Qt.KeyboardModifier = NO) -> None:
    """On whatever has the focus, as a person does."""
    focused = QApplication.focusWidget()
    assert focused is not None
    qtbot.keyClick(focused, key, held)


def focused_in(widget: QWidget) -> bool:
    focused = QApplication.focusWidget()
    return focused is not None and (focused is widget or widget.isAncestorOf(focused))


def test_f6_goes_round_all_panels_and_monitors_that_are_seen(project, qtbot):
    project.timeline.view.setFocus()
    places = [project.media, project.source, project.program, project.inspector, project.timeline]
    for expected in places:
        press(qtbot, Qt.Key.Key_F6)
        assert focused_in(expected), expected.accessibleName()
    press(qtbot, Qt.Key.Key_F6, SHIFT)
    assert focused_in(project.inspector)
    press(qtbot, Qt.Key.Key_F6, SHIFT)
    assert project.transport.active is project.program
    press(qtbot, Qt.Key.Key_F6, SHIFT)
    assert project.transport.active is project.source


@pytest.mark.parametrize("name", ["media", "inspector", "markers", "steps", "scopes"])
def test_a_panel_that_was_closed_is_shown_and_focused_by_its_command(project, name):
    project.docks[name].close()
    project.actions_by_name[f"panel.{name}"].trigger()
    assert project.docks[name].isVisible()
    assert focused_in(project.docks[name])


def test_media_are_opened_renamed_and_removed_by_keys(project, qtbot):
    project.actions_by_name["panel.media"].trigger()
    view = project.media.view
    view.setCurrentIndex(view.model().index(0, 0))
    press(qtbot, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    qtbot.keyClicks(editor, "Steps of a ball")
    view.model().dataChanged.emit(view.currentIndex(), view.currentIndex())  # as when its picture comes
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    names = lambda: [media.name for media in project.project.document.media.values()]  # noqa: E731
    qtbot.waitUntil(lambda: names() == ["Steps of a ball"])
    view.setFocus()
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: project.source.film is not None)
    view.setFocus()
    project.selection.choose([clip.id for track in project.project.document.sequence.tracks for clip in track.clips])
    press(qtbot, Qt.Key.Key_Delete)  # of the media, which says why not, and not of the chosen clips
    assert project.project.document.sequence.duration == FRAMES


def test_markers_are_gone_to_renamed_and_removed_by_keys(project, qtbot):
    for frame in (3, 7):
        marker = Marker(MarkerId(f"m{frame}"), frame, f"At {frame}")
        project.project.edit("Marker", lambda document, one=marker: edits.add_marker(document, one))
    project.actions_by_name["panel.markers"].trigger()
    tree = project.markers.tree
    tree.setCurrentItem(tree.topLevelItem(0))
    press(qtbot, Qt.Key.Key_Down)
    press(qtbot, Qt.Key.Key_Return)
    assert project.playhead == 7
    press(qtbot, Qt.Key.Key_F2)
    editor = tree.findChild(QLineEdit)
    editor.setText("The end")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    names = lambda: [each.name for each in project.project.document.sequence.markers]  # noqa: E731
    qtbot.waitUntil(lambda: names() == ["At 3", "The end"])
    tree.setFocus()
    press(qtbot, Qt.Key.Key_Delete)
    assert len(project.project.document.sequence.markers) == 1


def test_steps_are_gone_to_by_keys(project, qtbot):
    project.project.edit("Marker", lambda document: edits.add_marker(document, Marker(MarkerId("m"), 3, "Here")))
    project.actions_by_name["panel.steps"].trigger()
    before = project.project.index
    press(qtbot, Qt.Key.Key_Up)
    press(qtbot, Qt.Key.Key_Return)
    assert project.project.index == before - 1
    assert not project.project.document.sequence.markers


@pytest.mark.parametrize("which", ["program", "timeline"])
def test_monitors_and_the_overview_have_menus(project, qtbot, which):
    place = project.timeline.overview if which == "timeline" else project.program.view
    owner = getattr(project, which)
    at = QPoint(place.width() // 2, place.height() // 2)
    QApplication.sendEvent(place, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, place.mapToGlobal(at)))
    menu = next(each for each in owner.findChildren(QMenu) if each.isVisible())
    words = [action.text() for action in menu.actions()]
    assert ("Mark in" in words) == (which == "program")
    assert ("Whole timeline" in words) == (which == "timeline")
    menu.close()


def test_the_wheel_goes_through_the_sizes_of_a_monitor(project, qtbot):
    sizes = [project.program.zoom.itemText(place) for place in range(project.program.zoom.count())]
    assert project.program.zoom.currentText() == sizes[0]
    project.program._choose_zoom(2)
    assert project.program.view.zoom == 1.0
    assert project.program.zoom.currentText() == sizes[2]


def test_markers_on_clips_are_listed_where_they_lie_in_the_sequence(project):
    clip = next(iter(project.project.document.sequence.of_kind(TrackKind.VIDEO)[0].clips))
    tree = project.markers.tree
    project.project.edit("Marker", lambda d: edits.add_marker(d, Marker(MarkerId("s"), 9, "Sequence")))
    assert tree.isColumnHidden(CLIP)
    project.project.edit("Marker", lambda d: edits.add_marker(d, Marker(MarkerId("c"), 4, "Bounce"), clip.id))
    rows = [[tree.topLevelItem(row).text(column) for column in (NAME, CLIP)] for row in range(2)]
    assert rows == [["Bounce", clip.name], ["Sequence", ""]]
    assert not tree.isColumnHidden(CLIP)
    tree.itemClicked.emit(tree.topLevelItem(0), 0)
    assert project.playhead == 4
    tree.setCurrentItem(tree.topLevelItem(0))
    project.markers.remove_chosen()
    assert not any(c.markers for track in project.project.document.sequence.tracks for c in track.clips)


def test_the_clip_under_the_playhead_is_chosen_by_a_key_and_then_the_one_below(project, qtbot):
    project.timeline.view.setFocus()
    project.timeline.go_to(5)
    project.selection.clear()
    press(qtbot, Qt.Key.Key_D)
    sequence = project.project.document.sequence
    assert project.selection.primary == next(iter(sequence.of_kind(TrackKind.VIDEO)[0].clips)).id
    press(qtbot, Qt.Key.Key_D)
    assert project.selection.primary == next(iter(sequence.of_kind(TrackKind.AUDIO)[0].clips)).id
    press(qtbot, Qt.Key.Key_Delete)
    assert project.project.document.sequence.duration == 0  # linked: both are gone
