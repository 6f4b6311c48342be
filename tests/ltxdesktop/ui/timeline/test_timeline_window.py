"""The timeline in a real window, with mouse and keys: every gesture ends as one step that undo takes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from timeline_kit import MEDIA, Window, clip, document_of, film, gap, small_film

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, Item, ItemId, Take, TrackId, Transition, TransitionKind
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.activity import Activity
from ltxdesktop.ui.timeline.boxes import Button
from ltxdesktop.ui.timeline.drops import media_mime
from ltxdesktop.ui.timeline.layout import header_buttons
from ltxdesktop.ui.timeline.tools import BLADE, HAND, RANGE, RIPPLE, ROLL, SELECT, SLIDE, SLIP, ZOOM
from ltxdesktop.ui.timeline.viewport import HEADER_PX

SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def look(qapp: QApplication) -> Look:
    return Look(qapp)


@pytest.fixture
def window(look: Look) -> Iterator[Window]:
    window = Window(look, small_film())
    yield window
    window.sound()
    window.widget.close()
    window.widget.deleteLater()


BEFORE = [("a", 0, 100), ("b", 100, 100), ("c", 250, 100)]


def undone(window: Window, name: str) -> None:
    """One step of that name was made, and undo brings the film back."""
    assert [entry.name for entry in window.history.entries][1:] == [name]
    QTest.keyClick(window.view, Qt.Key.Key_Z, CTRL)
    assert window.row("V1") == BEFORE
    assert window.row("A1") == BEFORE


def test_drag_moves_a_clip_with_its_sound(window: Window):
    window.drag(window.at(300, "V1"), window.at(440, "V1"))
    assert window.row("V1") == window.row("A1") == [("a", 0, 100), ("b", 100, 100), ("c", 390, 100)]
    undone(window, "Move 2 clips")


def test_drag_shows_what_it_will_do_and_escape_throws_it_away(window: Window):
    window.drag(window.at(300, "V1"), window.at(440, "V1"), release=False)
    assert window.view.sequence.start_of(ItemId("cv")) == 390
    assert window.row("V1") == BEFORE
    window.key(Qt.Key.Key_Escape)
    assert window.view.sequence.start_of(ItemId("cv")) == 250
    window.release(window.at(440, "V1"))
    assert window.row("V1") == BEFORE
    assert len(window.history.entries) == 1


def test_moved_clip_catches_at_the_cut_before_it(window: Window):
    window.drag(window.at(300, "V1"), window.at(255, "V1"))
    assert window.row("V1")[-1] == ("c", 200, 100)


def test_without_snapping_it_goes_where_the_mouse_goes(window: Window):
    window.actions["view.snap"].setChecked(False)
    window.drag(window.at(300, "V1"), window.at(255, "V1"))
    assert window.row("V1")[-1] == ("c", 205, 100)


def test_clip_moves_to_another_track(window: Window):
    window.drag(window.at(300, "V1"), window.at(300, "V2"))
    assert window.row("V2") == [("c", 250, 100)]
    assert window.row("A1") == BEFORE


def test_drag_past_the_beginning_stops_there(window: Window):
    window.drag(window.at(300, "V1"), QPoint(HEADER_PX + 2, window.at(0, "V1").y()), window.at(-90, "V1"))
    assert ("c", 0, 100) in window.row("V1")


def test_ctrl_drag_makes_room(window: Window):
    window.drag(window.at(300, "V1"), window.at(52, "V1"), keys=CTRL)
    assert window.row("V1")[:2] == [("c", 0, 100), ("a", 100, 100)]


def test_alt_shift_drag_leaves_a_copy(window: Window):
    window.drag(window.at(50, "V1"), window.at(450, "V1"), keys=ALT | SHIFT)
    assert window.row("V1") == [*BEFORE, ("a", 400, 100)]
    undone(window, "Duplicate 2 clips")


def test_drag_of_an_edge_trims(window: Window):
    window.drag(window.at(346, "V1"), window.at(376, "V1"))
    assert window.row("V1")[-1] == window.row("A1")[-1] == ("c", 250, 130)
    undone(window, "Trim end")


def test_trim_stops_where_the_media_ends(window: Window):
    window.view.show_part(0, 4.0)
    window.drag(window.at(346, "V1"), window.at(3000, "V1"))
    assert window.row("V1")[-1] == ("c", 250, 750)  # 10 s into 40 s of media at 25


def test_ctrl_drag_of_an_edge_moves_what_follows(window: Window):
    window.drag(window.at(96, "V1"), window.at(66, "V1"), keys=CTRL)
    assert window.row("V1") == [("a", 0, 70), ("b", 70, 100), ("c", 220, 100)]
    undone(window, "Ripple trim")


def test_alt_drag_of_an_edge_leaves_the_sound(window: Window):
    window.drag(window.at(346, "V1"), window.at(376, "V1"), keys=ALT)
    assert window.row("V1")[-1] == ("c", 250, 130)
    assert window.row("A1") == BEFORE


def test_blade_cuts_picture_and_sound(window: Window):
    window.key(Qt.Key.Key_B)
    assert window.view.tool is BLADE
    window.click(window.at(40, "V1"))
    assert window.row("V1")[:2] == window.row("A1")[:2] == [("a", 0, 40), ("a", 40, 60)]
    undone(window, "Split clip")


def test_ripple_roll_slip_and_slide_tools(window: Window):
    window.panel.set_tool(RIPPLE)
    window.drag(window.at(90, "V1"), window.at(70, "V1"))
    assert window.row("V1") == [("a", 0, 80), ("b", 80, 100), ("c", 230, 100)]
    window.history.undo()
    window.panel.set_tool(ROLL)
    window.drag(window.at(103, "V1"), window.at(128, "V1"))
    assert window.row("V1")[:2] == [("a", 0, 125), ("b", 125, 75)]
    window.history.undo()
    window.panel.set_tool(SLIP)
    window.drag(window.at(150, "V1"), window.at(125, "V1"))
    assert window.row("V1") == BEFORE
    slipped = window.sequence.clip(ItemId("bv"))
    assert slipped is not None
    assert slipped.takes[0].start_s == 11  # pulled 25 frames to the left: a second later
    window.history.undo()
    window.panel.set_tool(SLIDE)
    window.drag(window.at(150, "V1"), window.at(170, "V1"))
    assert window.row("V1")[:2] == [("a", 0, 120), ("b", 120, 100)]


def test_range_is_marked_and_its_ends_moved_by_frames(window: Window, qtbot):
    window.panel.set_tool(RANGE)
    window.actions["view.snap"].setChecked(False)
    with qtbot.waitSignal(window.panel.range_changed) as said:
        window.drag(window.at(30, "V1"), window.at(90, "V1"))
    assert said.args == [30, 90]
    window.drag(QPoint(window.at(90).x() - 3, 8), QPoint(window.at(83).x() - 3, 8))
    assert (window.sequence.in_frame, window.sequence.out_frame) == (30, 80)
    window.key(Qt.Key.Key_X, ALT)
    assert window.sequence.in_frame is None


def test_alt_drag_over_a_clip_marks_a_range(window: Window):
    window.drag(window.at(20, "V1"), window.at(60, "V1"), keys=ALT)
    assert (window.sequence.in_frame, window.sequence.out_frame) == (20, 60)


def test_in_and_out_are_marked_at_the_playhead(window: Window):
    window.panel.set_playhead(30)
    window.key(Qt.Key.Key_I)
    window.panel.set_playhead(59)
    window.key(Qt.Key.Key_O)
    assert (window.sequence.in_frame, window.sequence.out_frame) == (30, 60)


def test_ruler_scrubs(window: Window, qtbot):
    with qtbot.waitSignals([window.panel.scrubbed] * 2):
        window.drag(window.at(30), window.at(75))
    assert window.view.playhead == 75
    assert window.panel.timecode.text() == "00:00:03:00"


def test_timecode_field_takes_a_place(window: Window):
    field = window.panel.timecode
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "+25")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.view.playhead == 25


def test_press_selects_with_partners_and_shift_adds(window: Window):
    window.click(window.at(50, "V1"))
    assert window.panel.selection.clips == {"av", "aa"}
    window.click(window.at(150, "V1"), SHIFT)
    assert window.panel.selection.clips == {"av", "aa", "bv", "ba"}
    window.click(window.at(150, "V1"), SHIFT)
    assert window.panel.selection.clips == {"av", "aa"}
    window.click(window.at(50, "V1"), ALT)
    assert window.panel.selection.clips == {"av"}
    window.click(window.at(220, "V1"))
    assert not window.panel.selection.clips
    assert window.panel.selection.gap == "gapv"


def test_rubber_band_selects_what_it_touches(window: Window):
    below = QPoint(window.at(20, "A2").x(), window.at(20, "A2").y())
    window.drag(below, window.at(120, "A1"))
    assert window.panel.selection.clips == {"av", "aa", "bv", "ba"}
    assert len(window.history.entries) == 1


def test_several_clips_move_together(window: Window):
    window.panel.selection.choose([ItemId(each) for each in ("bv", "ba", "cv", "ca")])
    window.drag(window.at(300, "V1"), window.at(400, "V1"))
    assert window.row("V1") == window.row("A1") == [("a", 0, 100), ("b", 200, 100), ("c", 350, 100)]


def test_delete_lifts_and_shift_delete_closes(window: Window):
    window.click(window.at(50, "V1"))
    window.key(Qt.Key.Key_Delete)
    assert window.row("V1") == [("b", 100, 100), ("c", 250, 100)]
    undone(window, "Delete 2 clips")
    window.click(window.at(50, "V1"))
    window.key(Qt.Key.Key_Delete, SHIFT)
    assert window.row("V1") == [("b", 0, 100), ("c", 150, 100)]
    window.click(window.at(120, "V1"))
    window.key(Qt.Key.Key_Delete, SHIFT)
    assert window.row("V1") == [("b", 0, 100), ("c", 100, 100)]


def test_split_copy_paste_and_nudge_by_keys(window: Window):
    window.panel.set_playhead(150)
    window.key(Qt.Key.Key_B, CTRL)
    assert len(window.row("V1")) == 4
    window.history.undo()
    window.click(window.at(50, "V1"))
    window.key(Qt.Key.Key_C, CTRL)
    window.panel.set_playhead(400)
    window.key(Qt.Key.Key_V, CTRL)
    assert window.row("V1")[-1] == window.row("A1")[-1] == ("a", 400, 100)
    assert window.view.playhead == 500
    window.key(Qt.Key.Key_Left, ALT)
    assert window.row("V1")[-1] == ("a", 399, 100)


def test_fade_and_volume_are_dragged(window: Window):
    window.click(window.at(300, "A1"))
    body = window.lane("A1").body
    window.drag(QPoint(window.at(258).x(), round(body.top) + 23), QPoint(window.at(288).x(), round(body.top) + 23))
    faded = window.sequence.clip(ItemId("ca"))
    assert faded is not None
    assert faded.fade_in == 30
    line = QPoint(window.at(150).x(), round(body.top + 17 + 2 + 0.25 * (body.height - 21)))
    window.drag(line, line + QPoint(0, 12))
    quiet = window.sequence.clip(ItemId("ba"))
    assert quiet is not None
    assert quiet.values["volume"].value < -3


def test_locked_track_refuses_with_a_sentence(window: Window, qtbot):
    window.panel.commands.tracks.press_header(window.lane("A1").track.id, "lock")
    with qtbot.waitSignal(window.panel.refused) as said:
        window.drag(window.at(50, "V1"), window.at(450, "V1"))
    assert "locked" in said.args[0]
    assert window.row("V1") == BEFORE


def test_header_buttons_height_and_name(window: Window):
    lane = window.lane("V1")
    window.click(QPoint(HEADER_PX - 18, round(lane.header.top) + 12))
    assert window.lane("V1").track.locked
    bottom = QPoint(40, round(window.lane("V1").header.bottom))
    window.drag(bottom, bottom + QPoint(0, 40))
    assert window.lane("V1").track.height_px == round(lane.header.height) + 40
    QTest.mouseDClick(window.view, Qt.MouseButton.LeftButton, pos=QPoint(20, round(lane.header.top) + 10))
    field = window.view.findChild(QLineEdit)
    QTest.keyClicks(field, "Picture")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.lane("Picture").track.id == lane.track.id


def test_wheel_zooms_to_the_mouse_and_scrolls(window: Window):
    def turn(x: int, notches: int, keys: Qt.KeyboardModifier) -> None:
        where = QPointF(x, 120)
        event = QWheelEvent(
            where, where, QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton, keys,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(window.view, event)

    before = window.view.viewport.exact_frame_at(600)
    turn(600, 2, CTRL)
    assert window.view.viewport.exact_frame_at(600) == pytest.approx(before)
    assert window.view.viewport.frames_per_px < 1
    turn(600, -1, Qt.KeyboardModifier.NoModifier)
    assert window.view.viewport.first_frame > 0
    trigger(window, "view.zoom_fit")
    assert window.view.viewport.first_frame == 0
    assert window.view.viewport.last_frame > 350


def test_hand_and_zoom_tools(window: Window):
    window.panel.set_tool(HAND)
    window.drag(window.at(300, "V1"), window.at(100, "V1"))
    assert window.view.viewport.first_frame == pytest.approx(200)
    window.panel.set_tool(ZOOM)
    window.click(window.at(400, "V1"))
    assert window.view.viewport.frames_per_px == pytest.approx(0.5)


def drop(window: Window, data: QMimeData, at: QPoint, keys: Qt.KeyboardModifier, *, leave: bool = False) -> None:
    action, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    QApplication.sendEvent(window.view, QDragEnterEvent(at, action, data, left, keys))
    QApplication.sendEvent(window.view, QDragMoveEvent(at, action, data, left, keys))
    if leave:
        QApplication.sendEvent(window.view, QDragLeaveEvent())
    else:
        QApplication.sendEvent(window.view, QDropEvent(QPointF(at), action, data, left, keys))


def test_media_are_dropped_on_a_track(window: Window):
    data = media_mime([MEDIA])
    drop(window, data, window.at(403, "V2"), Qt.KeyboardModifier.NoModifier)
    assert window.row("V2") == [("film.mp4", 403, 1000)] or window.row("V2")[0][1:] == (403, 1000)
    assert window.row("A2")[0][1:] == (403, 1000)
    assert len(window.panel.selection.clips) == 2
    undone(window, "Overwrite with clip")


def test_media_dropped_with_ctrl_make_room(window: Window):
    drop(window, media_mime([MEDIA]), window.at(101, "V1"), CTRL)
    assert [each[1:] for each in window.row("V1")] == [(0, 100), (100, 1000), (1100, 100), (1250, 100)]


def test_drop_shows_what_it_will_do_and_leaving_takes_it_back(window: Window):
    drop(window, media_mime([MEDIA]), window.at(403, "V2"), Qt.KeyboardModifier.NoModifier, leave=True)
    assert window.view.sequence is window.sequence
    assert len(window.history.entries) == 1


def test_files_are_handed_on_with_their_place(window: Window, qtbot, tmp_path: Path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "ö 100%.mp4"))])
    with qtbot.waitSignal(window.panel.files_dropped) as said:
        drop(window, data, window.at(403, "V2"), Qt.KeyboardModifier.NoModifier)
    assert said.args[:2] == [[tmp_path / "ö 100%.mp4"], 403]
    assert said.args[2] == window.lane("V2").track.id


def test_overview_moves_the_view(window: Window):
    window.view.show_part(0, 0.1)
    strip = window.panel.overview
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() - 200, 10))
    assert window.view.viewport.first_frame > 100


def test_playing_turns_the_page(window: Window):
    window.view.show_part(0, 0.1)
    window.panel.set_playhead(200, follow=True)
    assert window.view.viewport.first_frame <= 200 < window.view.viewport.last_frame


def with_takes(document: Document) -> Document:
    sequence = document.sequence
    track = sequence.tracks[0]
    clip = track.items[0]
    takes = (Take(MEDIA, clip.takes[0].start_s), Take(MEDIA, clip.takes[0].start_s, "second"))
    items = (replace(clip, takes=takes), *track.items[1:])
    return document.with_sequence(replace(sequence, tracks=(replace(track, items=items), *sequence.tracks[1:])))


def test_takes_are_chosen_from_their_stack(look: Look, qtbot):
    window = Window(look, with_takes(small_film()))
    body = window.lane("V1").body
    with qtbot.waitSignal(window.panel.takes_asked) as said:
        window.click(QPoint(window.at(80).x(), round(body.top) + 8))
    assert said.args[0] == "av"
    popup = QApplication.activePopupWidget()
    assert popup is not None
    popup.actions()[1].trigger()
    popup.close()
    clip = window.sequence.clip(ItemId("av"))
    assert clip is not None
    assert clip.active == 1
    window.widget.close()
    window.widget.deleteLater()


def test_everything_paints_in_both_themes(window: Window, look: Look, qtbot):
    from ltxdesktop.ui.theme import DARK, LIGHT

    window.view.set_activity([Activity(0.5, "Stage 1", clip=ItemId("av")), Activity(-1, "…", first=150, last=260)])
    for theme in (DARK, LIGHT):
        look.use(theme)
        qtbot.waitUntil(lambda: not look.settling)
        picture = window.widget.grab().toImage()
        assert len({picture.pixel(x, 200) for x in range(0, 900, 7)}) > 3
    look.use(DARK)


# ---- commands --------------------------------------------------------------------------------------------------------


def trigger(window: Window, *names: str) -> None:
    for name in names:
        window.actions[name].trigger()


def test_dissolve_goes_over_the_cut_of_picture_and_sound(window: Window):
    window.panel.selection.choose([ItemId(each) for each in ("av", "aa", "bv", "ba")])
    trigger(window, "clip.transition")
    for each in ("bv", "ba"):
        made = window.sequence.clip(ItemId(each))
        assert made is not None
        assert made.transition is not None
        assert made.transition.duration == 25
    window.drag(window.at(110, "V1"), window.at(118, "V1"))
    longer = window.sequence.clip(ItemId("bv"))
    assert longer is not None
    assert longer.transition is not None
    assert longer.transition.duration == 33
    trigger(window, "edit.lift")
    assert window.sequence.clip(ItemId("bv")).transition is None
    assert window.row("V1") == BEFORE


def test_link_group_enable_fade_and_markers_by_command(window: Window):
    window.click(window.at(50, "V1"))
    trigger(window, "clip.unlink")
    window.click(window.at(50, "V1"))
    assert window.panel.selection.clips == {"av"}
    window.panel.selection.choose([ItemId("av"), ItemId("aa")])
    trigger(window, "clip.link", "clip.fade", "clip.enabled")
    clip = window.sequence.clip(ItemId("av"))
    assert clip is not None
    assert clip.link is not None
    assert (clip.fade_in, clip.enabled) == (13, False)
    window.panel.selection.choose([ItemId("av"), ItemId("cv")])
    trigger(window, "clip.group")
    window.click(window.at(50, "V1"))
    assert window.panel.selection.clips == {"av", "aa", "cv", "ca"}
    window.panel.set_playhead(120)
    trigger(window, "sequence.marker")
    window.panel.set_playhead(0)
    trigger(window, "sequence.next_marker")
    assert window.view.playhead == 120


def test_trim_to_the_playhead_and_close_the_gap(window: Window):
    window.panel.set_playhead(130)
    trigger(window, "clip.trim_start")
    assert window.row("V1")[:2] == [("a", 0, 100), ("b", 100, 70)]
    assert window.view.playhead == 100
    window.panel.set_playhead(190)
    trigger(window, "clip.close_gap")
    assert window.row("V1")[2] == ("c", 170, 100)


def test_tracks_are_added_moved_and_removed(window: Window):
    trigger(window, "sequence.add_video")
    assert window.view.placed().lanes[0].track.name == "V3"
    track = window.lane("V3").track.id
    window.panel.commands.tracks.move_track(track, -1)
    assert [lane.track.name for lane in window.view.placed().lanes][:2] == ["V2", "V3"]
    window.panel.commands.tracks.remove_track(track)
    assert "V3" not in [lane.track.name for lane in window.view.placed().lanes]


def test_menus_open_where_things_are(window: Window, qtbot):
    for where in (window.at(50, "V1"), window.at(220, "V1"), window.at(50), QPoint(30, window.at(0, "V1").y())):
        under = window.view.hit_at(where.x(), where.y())
        menu = window.panel.menus.menu(under)
        assert any(not action.isSeparator() for action in menu.actions())
        menu.deleteLater()
    with qtbot.waitSignal(window.view.menu_asked):
        place = window.at(50, "V1")
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, window.view.mapToGlobal(place))
        QApplication.sendEvent(window.view, event)
    popup = QApplication.activePopupWidget()
    assert popup is not None
    popup.close()
    assert window.panel.selection.clips == {"av", "aa"}


def test_edge_scrolls_along_while_dragging(window: Window, qtbot):
    window.click(window.at(300, "V1"))
    right = QPoint(window.view.width() - 4, window.at(300, "V1").y())
    window.drag(window.at(300, "V1"), right, release=False)
    qtbot.waitUntil(lambda: window.view.viewport.first_frame > 60)
    window.key(Qt.Key.Key_Escape)
    window.release(right)
    assert window.row("V1") == BEFORE


def test_panned_picture_equals_a_fresh_one(window: Window):
    window.view.grab()
    window.panel.commands.marks.mark(60, 140)
    for first in (37, 120, 88, 41, 0, 130, 127, 9):
        if first == 130:
            window.panel.commands.marks.add_marker()
        window.view.show_part(first, 1.0)
        shifted = window.view.grab().toImage()
        window.view._show_news()
        assert window.view.grab().toImage() == shifted, first


def test_edited_lanes_drawn_alone_equal_a_fresh_picture(window: Window):
    window.widget.resize(1160, 220)
    window.view.set_viewport(replace(window.view.viewport, scroll_y=40.0))
    window.view.grab()
    assert window.view.viewport.scroll_y > 0
    window.drag(window.at(300, "V1"), window.at(410, "V1"))
    window.panel.commands.tracks.press_header(window.lane("A2").track.id, "mute")
    window.panel.selection.choose([ItemId("bv")])
    partly = window.view.grab().toImage()
    window.view._show_news()
    assert window.view.grab().toImage() == partly


def test_drag_lets_others_see_what_it_would_make(window: Window):
    seen: list[object] = []
    window.panel.previewed.connect(seen.append)
    window.drag(window.at(300, "V1"), window.at(440, "V1"), release=False)
    assert isinstance(seen[-1], Document)
    assert seen[-1].sequence.start_of(ItemId("cv")) == 390
    window.key(Qt.Key.Key_Escape)
    assert seen[-1] is None
    window.release(window.at(440, "V1"))


def test_undo_of_a_range_says_so(window: Window, qtbot):
    with qtbot.waitSignal(window.panel.range_changed) as said:
        window.panel.commands.marks.mark(10, 20)
    assert said.args == [10, 20]
    with qtbot.waitSignal(window.panel.range_cleared):
        window.history.undo()


def test_gap_offers_to_be_filled_where_someone_does_it(window: Window, qtbot):
    window.view.show_part(150, 0.3)
    middle = window.at(225, "V1", share=0.5)
    window.click(middle)
    assert window.panel.selection.gap == "gapv"
    window.panel.offer_generation(True)
    with qtbot.waitSignal(window.panel.fill_asked) as said:
        window.click(middle)
    assert said.args == ["gapv", 200, 250]


def test_gap_that_goes_under_the_mouse_takes_its_offer_along(window: Window, qtbot):
    window.view.show_part(150, 0.3)
    window.panel.offer_generation(True)
    qtbot.mouseMove(window.view, window.at(230, "V1"))
    qtbot.waitUntil(lambda: window.view._open_gap is not None)
    track = next(track for track in window.view.sequence.tracks if track.name == "V1")
    gap = track.items[track.index[ItemId("gapv")]]
    window.history.do("Close", edits.ripple_delete(window.history.document, [gap.id]))
    window.view.grab()  # as on the screen: an error while painting fails the test
    assert window.view._open_gap is not None
    assert window.view._fill_button(window.view._open_gap, window.view.placed()) is None
    window.history.undo()
    assert window.view._fill_button(window.view._open_gap, window.view.placed()) is not None


def test_extend_tool_asks_for_what_is_missing(window: Window, qtbot):
    window.key(Qt.Key.Key_E)
    assert window.view.tool is SELECT  # nobody would make it
    window.panel.offer_generation(True)
    window.key(Qt.Key.Key_E)
    with qtbot.waitSignal(window.panel.extend_asked) as said:
        window.drag(window.at(340, "V1"), window.at(390, "V1"))
    assert said.args == ["cv", True, 50]
    with qtbot.assertNotEmitted(window.panel.extend_asked):
        window.drag(window.at(340, "V1"), window.at(300, "V1"))
    assert len(window.history.entries) == 1


# ---- where new things go ---------------------------------------------------------------------------------------------


def press_name(window: Window, track: str) -> None:
    header = window.lane(track).header
    window.click(QPoint(20, round(header.top) + 12))


def test_paste_goes_to_the_track_that_was_aimed_at(window: Window):
    window.click(window.at(50, "V1"))
    trigger(window, "edit.copy")
    press_name(window, "V2")
    press_name(window, "A2")
    window.panel.go_to(400)
    trigger(window, "edit.paste")
    assert window.row("V2") == window.row("A2") == [("a", 400, 100)]
    press_name(window, "V2")  # again: no longer
    press_name(window, "A2")
    window.panel.go_to(600)
    trigger(window, "edit.paste")
    assert window.row("V1")[-1] == window.row("A1")[-1] == ("a", 600, 100)


def test_aim_is_seen_and_forgotten_with_its_track(window: Window):
    plain = window.view.grab().toImage()
    press_name(window, "V2")
    header = window.lane("V2").header
    there = QPoint(60, round(header.top) + 9) * window.view.devicePixelRatioF()
    assert window.view.grab().toImage().pixelColor(there) != plain.pixelColor(there)
    window.panel.commands.tracks.remove_track(window.lane("V2").track.id)
    assert window.panel.patching.targets == {}


def test_sync_button_lets_a_track_stay_when_others_ripple(window: Window):
    a2 = window.lane("A2")
    window.history.do("Fill", move_copy(window.history.document, "a", a2.track.id, 300))
    box = next(each.box for each in header_buttons(window.lane("A2")) if each.button is Button.SYNC)
    window.click(QPoint(round(box.left) + 8, round(box.top) + 8))
    assert not window.lane("A2").track.sync_locked
    window.click(window.at(50, "V1"))
    trigger(window, "edit.extract")
    assert window.row("V1")[0] == ("b", 0, 100)
    assert window.row("A2") == [("a", 300, 100)]


def move_copy(document: Document, name: str, track: TrackId, frame: int) -> Document:
    """A copy of a sound clip on another track."""
    clip = next(each for t in document.sequence.tracks for each in t.clips if each.id == f"{name}a")
    return edits.overwrite_clips(document, [edits.Placement(track, replace(clip, link=None))], frame)


# ---- blends ----------------------------------------------------------------------------------------------------------


def blends(window: Window) -> dict[str, Transition]:
    return {c.name: c.transition for t in window.sequence.tracks for c in t.clips if c.transition is not None}


def test_a_distant_selected_clip_keeps_its_blend(window: Window):
    window.panel.go_to(100)
    trigger(window, "clip.transition")
    made = blends(window)["b"]
    window.panel.commands.blends.change(ItemId("bv"), TransitionKind.WIPE_LEFT, at_tail=False)
    window.click(window.at(150, "V1"))
    window.panel.go_to(330)
    trigger(window, "clip.transition")
    assert blends(window)["b"].kind is TransitionKind.WIPE_LEFT
    assert blends(window)["b"].duration == made.duration


def test_a_cut_with_a_blend_refuses_another(window: Window, qtbot):
    window.panel.go_to(100)
    trigger(window, "clip.transition")
    steps = len(window.history.entries)
    with qtbot.waitSignal(window.panel.refused) as said:
        trigger(window, "clip.transition")
    assert "has a blend already" in said.args[0]
    assert len(window.history.entries) == steps


def test_the_cut_behind_the_selected_clip_is_taken_when_the_playhead_is_near_it(window: Window):
    window.click(window.at(50, "V1"))
    window.panel.go_to(90)
    trigger(window, "clip.transition")
    assert set(blends(window)) == {"b"}


def three_in_a_row(look: Look) -> Window:
    """V1: a | b | c, each with material on both sides, and d by itself behind a gap; sounds are linked."""

    def row(kind: str) -> list[Item]:
        return [replace(clip(each, link=f"link {each}"), id=ItemId(f"{each}{kind}")) for each in "abc"] + [
            gap(f"gap{kind}", 50),
            replace(clip("d", link="link d"), id=ItemId(f"d{kind}")),
        ]

    return Window(look, document_of(V1=row("v"), A1=row("a")))


@pytest.mark.parametrize(
    ("clicked", "playhead", "at"),
    [
        (150, 330, {"b", "c"}),  # b: both of its ends, wherever the playhead is
        (150, 200, {"c"}),  # the one on which the playhead stands
        (50, 330, {"b"}),  # a: nothing is before it
        (250, 0, {"c"}),  # c: a gap is behind it
        (None, 190, {"c"}),  # none is selected
    ],
)
def test_a_selected_clip_gets_dissolves_at_its_ends(look: Look, clicked: int | None, playhead: int, at: set[str]):
    window = three_in_a_row(look)
    if clicked is not None:
        window.click(window.at(clicked, "V1"))
    window.panel.go_to(playhead)
    steps = len(window.history.entries)
    trigger(window, "clip.transition")
    assert set(blends(window)) == at
    assert all(window.sequence.clip(ItemId(f"{name}a")).transition is not None for name in at)  # the sound as well
    assert len(window.history.entries) == steps + 1
    window.widget.close()
    window.widget.deleteLater()


def test_a_selected_clip_without_neighbours_gets_none_and_no_other_does(look: Look, qtbot):
    window = three_in_a_row(look)
    window.click(window.at(400, "V1"))
    window.panel.go_to(100)
    with qtbot.waitSignal(window.panel.refused) as said:
        trigger(window, "clip.transition")
    assert "Fade in and out" in said.args[0]
    assert blends(window) == {}
    window.widget.close()
    window.widget.deleteLater()


def test_clips_that_are_shown_whole_have_nothing_to_dissolve_with(look: Look, qtbot):
    whole = film().frames
    window = Window(look, document_of(V1=[clip("a", whole, start_s=0), clip("b", whole, start_s=0)]))
    window.panel.go_to(whole)
    with qtbot.waitSignal(window.panel.refused) as said:
        trigger(window, "clip.transition")
    assert "shown whole" in said.args[0]
    window.widget.close()
    window.widget.deleteLater()
