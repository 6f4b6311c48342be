"""The source and program monitors as a person works them: what is pulled out of them, how they fit a narrow place."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from edit_films import FRAMES
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragMoveEvent, QDropEvent, QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QWidget

from ltxdesktop.document.check import check
from ltxdesktop.document.model import TrackKind
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.media_cards import card_size
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.workspace import SOURCE_EXTRA
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.drops import Dragged, dragged_of, media_of, mime_of

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def opened(project, qtbot):
    """The project with its film in the source monitor, in and out marked at 10 and 20."""
    project.media.media_opened.emit(next(iter(project.project.document.media)))
    qtbot.waitUntil(lambda: project.source.film is not None)
    project.source_side.mark(10, 20)
    return project


def drop_on_timeline(edit, dragged: Dragged, frame: int) -> None:
    """As the mouse does it: over the first video track, then let go."""
    view = edit.timeline.view
    lane = next(lane for lane in view.placed().lanes if lane.track.kind is TrackKind.VIDEO)
    at = QPointF(view.viewport.x_of(frame), lane.body.top + lane.body.height / 2)
    data = mime_of(dragged)
    view.dragMoveEvent(QDragMoveEvent(at.toPoint(), Qt.DropAction.CopyAction, data, LEFT, NONE))
    view.dropEvent(QDropEvent(at, Qt.DropAction.CopyAction, data, LEFT, NONE))


def clips(edit, kind: TrackKind):
    return [clip for track in edit.project.document.sequence.of_kind(kind) for clip in track.clips]


@pytest.mark.parametrize(("part", "video", "audio"), [("both", 2, 2), ("picture", 2, 1), ("sound", 1, 2)])
def test_marked_range_is_dragged_to_the_timeline(opened, part: str, video: int, audio: int):
    opened.timeline.view.zoom_to_fit()
    drop_on_timeline(opened, opened.source_side.dragged(part), FRAMES)
    kinds = {TrackKind.VIDEO: video, TrackKind.AUDIO: audio}
    for kind, count in kinds.items():
        found = clips(opened, kind)
        assert len(found) == count
        if count == 2:
            assert found[1].duration == 10
            assert found[1].take.start_s == Fraction(10, 25)
    check(opened.project.document)


def test_pulling_the_picture_or_a_grip_begins_a_drag(opened, qtbot):
    asked: list[str] = []
    opened.source.dragged.disconnect()
    opened.source.dragged.connect(asked.append)
    for widget in (opened.source.view, *opened.source.grips):
        pull(widget, widget.rect().center())
    assert asked == ["both", "picture", "sound"]
    opened.source.view.set_zoom(2.0)  # there the mouse moves the picture about
    pull(opened.source.view, opened.source.view.rect().center())
    assert len(asked) == 3


def pull(widget, start: QPoint) -> None:
    QTest.mousePress(widget, LEFT, NONE, start)
    for way in (3, 30):
        at = QPointF(start + QPoint(way, 0))
        widget.mouseMoveEvent(QMouseEvent(QMouseEvent.Type.MouseMove, at, at, LEFT, LEFT, NONE))
    QTest.mouseRelease(widget, LEFT, NONE, start + QPoint(30, 0))


def test_program_monitor_has_nothing_to_pull(project):
    assert not any(grip.isVisible() for grip in project.program.grips)


def test_what_is_dragged_survives_the_way_and_nonsense_does_not():
    dragged = Dragged(("a", "b"), Fraction(1001, 24000), None, picture=True, sound=False)
    assert dragged_of(mime_of(dragged)) == dragged
    assert media_of(mime_of(dragged)) == ("a", "b")
    for words in (b"", b"[]", b'["a"]', b'{"media": 3}', b'{"media": ["a"], "in_s": "1/0", "out_s": null}', b"\xff"):
        data = QMimeData()
        data.setData("application/x-ltxdesktop-media", words)
        assert dragged_of(data) is None
    assert dragged_of(QMimeData()) is None


def test_transport_never_overlaps_and_keeps_the_timecode(qapp, qtbot, settings):
    owner = QWidget()
    actions = Actions(owner)
    monitor = EditMonitor("Source", Look(qapp), actions, SOURCE_EXTRA, draggable=True)
    qtbot.addWidget(monitor, before_close_func=EditMonitor.close_all)
    monitor.show()
    for width in (270, 300, 365, 382, 410, 462, 520, 700):
        monitor.resize(width, 400)
        monitor.layout().activate()
        qapp.processEvents()
        seen = [each for each in (monitor.place, *monitor._buttons) if each.isVisible()]
        seen.sort(key=lambda each: each.geometry().left())
        for left, right in pairwise(seen):
            assert left.geometry().right() < right.geometry().left(), width
        assert seen[-1].geometry().right() <= width
        assert monitor.place.isVisible() is (width >= 370), width


@pytest.mark.parametrize(("room", "columns"), [(120, 1), (255, 1), (270, 2), (284, 2), (400, 3)])
def test_cards_share_out_the_width(room: int, columns: int):
    assert room // card_size(room).width() == columns


def test_media_panel_shows_two_cards_beside_each_other_as_it_is_at_first(project):
    assert project.media.width() == 310
    assert project.media.view.viewport().width() // project.media.cards.card.width() == 2


@pytest.mark.parametrize("name", ["frame.png", "frame"])
def test_frame_is_saved_as_a_picture_of_full_size_from_the_original(project, qtbot, tmp_path, monkeypatch, name: str):
    originals: list[bool] = []
    decoders = project.materials.decoders
    picture = decoders.picture
    monkeypatch.setattr(
        decoders, "picture",
        lambda *args, original=False, **words: originals.append(original) or picture(*args, original=original, **words),
    )  # fmt: skip
    project.program.view.set_zoom(0.5)
    project.timeline.go_to(30)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), ""))
    with qtbot.waitSignal(project.said, check_params_cb=lambda words: "Saved" in words):
        project.actions_by_name["view.grab"].trigger()
    saved = QImage(str(tmp_path / "frame.png"))
    assert (saved.width(), saved.height()) == (64, 48)
    assert saved.pixelColor(9, 9).red() == pytest.approx(150, abs=6)
    assert any(originals)


def test_playhead_stands_behind_the_films_end_and_something_is_put_there(opened, qtbot):
    opened.timeline.go_to(3 * FRAMES)
    qtbot.waitUntil(lambda: opened.program.view.picture.pixelColor(5, 5).lightness() == 0)
    assert opened.program.player.frame == opened.playhead == 3 * FRAMES
    opened.program.seek(3 * FRAMES - 5)
    opened.actions_by_name["source.overwrite"].trigger()
    sequence = opened.project.document.sequence
    assert sequence.duration == 3 * FRAMES - 5 + 10
    check(opened.project.document)


def test_the_end_is_right_behind_the_last_frame_though_the_playhead_may_stand_farther(opened):
    opened.actions_by_name["view.program"].trigger()
    opened.program.seek(3 * FRAMES)
    opened.actions_by_name["play.end"].trigger()
    assert opened.playhead == FRAMES
