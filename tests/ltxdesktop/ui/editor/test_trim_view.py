"""While a cut is trimmed with the mouse the program shows its two sides; afterwards the film again."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from ltxdesktop.document import edits
from ltxdesktop.document.model import Gap, ItemId, TrackKind, TransitionKind
from ltxdesktop.playback.source import Size
from ltxdesktop.ui.editor.trim_view import lay_out
from ltxdesktop.ui.timeline.requests import Move, Roll, Slide, Slip, Trim
from ltxdesktop.ui.timeline.trim_edges import edges_of, unblended

CUT = 25  # of 50 frames, each 5 lighter than the one before
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def cut(project):
    """The film, split in the middle: either part has handles. The playhead is far from the cut."""
    project.project.edit("Split", lambda document: edits.split(document, CUT))
    project.timeline.go_to(3)
    project.timeline.view.zoom_to_fit()
    return project


def parts_of(edit) -> list[ItemId]:
    return [clip.id for clip in edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].clips]


def place(edit, frame: float) -> QPoint:
    view = edit.timeline.view
    lane = next(lane for lane in view.placed().lanes if lane.track.kind is TrackKind.VIDEO and lane.track.items)
    return QPoint(round(view.viewport.x_of(frame)), round(lane.body.top + lane.body.height / 2))


def shades(edit) -> tuple[int, int]:
    """How light the middles of the program's two halves are."""
    shown = edit.program.view.picture
    if shown.isNull():
        return -1, -1
    return tuple(shown.pixelColor(shown.width() * part // 4, shown.height() // 2).red() for part in (1, 3))


def drag(edit, first: float, last: float) -> None:
    view = edit.timeline.view
    QTest.mousePress(view, LEFT, pos=place(edit, first))
    for part in (0.3, 0.6, 1.0):
        QTest.mouseMove(view, place(edit, first + (last - first) * part))


def close(found: tuple[int, int], frames: tuple[int, int]) -> bool:
    return all(abs(shade - frame * 5) <= 4 for shade, frame in zip(found, frames, strict=True))


def test_rolling_shows_both_sides_of_the_cut_and_the_film_comes_back(cut, qtbot):
    cut.actions_by_name["tool.roll"].trigger()
    cut.actions_by_name["view.snap"].trigger()  # off: nothing catches
    drag(cut, CUT - 1, CUT + 7)
    qtbot.waitUntil(lambda: close(shades(cut), (CUT + 7, CUT + 8)))
    QTest.keyClick(cut.timeline.view, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: close(shades(cut), (3, 3)))
    QTest.mouseRelease(cut.timeline.view, LEFT, pos=place(cut, CUT + 7))
    assert cut.project.document.sequence.of_kind(TrackKind.VIDEO)[0].items[0].duration == CUT


def test_a_dissolve_over_the_cut_is_not_in_the_way(cut, qtbot):
    first, second = parts_of(cut)
    blend = edits.centred(TransitionKind.DISSOLVE, 12)
    cut.project.edit("Trim", lambda document: edits.trim(document, first, edits.Edge.TAIL, -10))
    cut.project.edit("Close", lambda document: edits.move(document, [second], -10))
    cut.project.edit("Blend", lambda document: edits.set_transition(document, second, blend))
    edges = edges_of(Slip(second, 0), cut.project.document)
    plain = unblended(cut.project.document.sequence, edges)
    assert all(clip.transition is None for track in plain.tracks for clip in track.clips)
    assert plain.duration == cut.project.document.sequence.duration
    cut.actions_by_name["tool.slip"].trigger()
    drag(cut, 30, 33)  # three frames earlier in the media: 22 of it comes first
    qtbot.waitUntil(lambda: abs(shades(cut)[0] - 22 * 5) <= 4)
    QTest.keyClick(cut.timeline.view, Qt.Key.Key_Escape)
    QTest.mouseRelease(cut.timeline.view, LEFT, pos=place(cut, 33))


def test_each_trim_shows_what_it_brings_together(cut):
    document = cut.project.document
    first, second = parts_of(cut)
    seen = {
        "tail": edges_of(Trim(first, at_tail=True, frames=0), document),
        "head": edges_of(Trim(second, at_tail=False, frames=0), document),
        "roll": edges_of(Roll(first, second, 0), document),
        "slip": edges_of(Slip(second, 0), document),
        "slide": edges_of(Slide(first, 0), document),
    }
    frames = {name: tuple(side.frame for side in edges) for name, edges in seen.items()}
    assert frames == {"tail": (24, 25), "head": (24, 25), "roll": (24, 25), "slip": (25, 49), "slide": (None, 25)}
    moving = {name: tuple(side.moves for side in edges) for name, edges in seen.items()}
    assert moving["tail"] == (True, False)
    assert moving["head"] == (False, True)
    assert moving["roll"] == (True, True)
    assert "steps.mp4   00:00:00:24" in seen["tail"].left.words
    assert edges_of(Move((first,), 3), document) is None


def test_beside_a_gap_there_is_nothing(cut):
    first, second = parts_of(cut)
    document = edits.lift(cut.project.document, [first])
    assert any(isinstance(item, Gap) for track in document.sequence.tracks for item in track.items)
    assert edges_of(Trim(second, at_tail=False, frames=0), document).left.frame is None
    sound = document.sequence.of_kind(TrackKind.AUDIO)[0].items[1].id
    assert edges_of(Trim(sound, at_tail=False, frames=0), document).right.frame == CUT  # its picture's
    assert edges_of(Trim(sound, at_tail=False, frames=0, alone=True), document) is None


@pytest.mark.parametrize("size", [Size(640, 360), Size(200, 356), Size(64, 48)])
def test_halves_lie_beside_each_other_within_the_picture(size: Size):
    left, right = lay_out(size, Size(1920, 1080))
    assert left.picture.right() < right.picture.left()
    assert right.picture.right() < size.width
    assert left.words.bottom() <= size.height + 8
    assert left.picture.width() > left.picture.height() > 0
