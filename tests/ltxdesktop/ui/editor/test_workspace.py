"""The Edit workspace worked as a person does: import, edit, play, save, open again; by keys, clicks and drops."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from edit_films import FRAMES, write_film
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtWidgets import QFileDialog

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import MediaKind, TrackKind, new_sequence
from ltxdesktop.ui.editor import project_desk as desk_module
from ltxdesktop.ui.editor.number_row import DragName
from ltxdesktop.ui.timeline.drops import media_mime

CTRL, SHIFT, PLAIN = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)


def clips_of(edit):
    return [clip for track in edit.project.document.sequence.tracks for clip in track.clips]


def press(edit, qtbot, key, held=PLAIN) -> None:
    edit.timeline.view.setFocus()
    qtbot.keyClick(edit.timeline.view, key, held)


def drop_files(widget, paths: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    drop = QDropEvent(
        QPointF(20, 20), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    widget.dropEvent(drop)


def test_first_film_decides_size_and_rate_of_an_untouched_project(project):
    sequence = project.project.document.sequence
    assert (sequence.width, sequence.height, sequence.rate) == (64, 48, 25)
    assert next(track.duration for track in sequence.of_kind(TrackKind.AUDIO)) == FRAMES
    check(project.project.document)


def test_program_shows_the_frame_under_the_playhead(project, qtbot):
    for frame in (30, 7):
        project.timeline.go_to(frame)
        qtbot.waitUntil(
            lambda wanted=frame: abs(project.program.view.picture.pixelColor(9, 9).red() - wanted * 5) < 6,
        )
        assert project.program.frame == frame
        assert project.playhead == frame


def test_space_plays_and_the_playhead_follows(project, qtbot):
    press(project, qtbot, Qt.Key.Key_Space)
    assert project.program.player.playing
    qtbot.waitUntil(lambda: project.playhead > 3)
    press(project, qtbot, Qt.Key.Key_K)
    assert not project.program.player.playing
    here = project.playhead
    press(project, qtbot, Qt.Key.Key_Right)
    assert project.playhead == here + 1


def test_split_undo_and_redo_by_keys(project, qtbot):
    project.timeline.go_to(20)
    press(project, qtbot, Qt.Key.Key_B, CTRL)
    assert len(clips_of(project)) == 4
    assert "Split" in project.actions_by_name["edit.undo"].text()
    press(project, qtbot, Qt.Key.Key_Z, CTRL)
    assert len(clips_of(project)) == 2
    press(project, qtbot, Qt.Key.Key_Z, CTRL | SHIFT)
    assert len(clips_of(project)) == 4
    project.steps.list.itemClicked.emit(project.steps.list.item(0))
    assert clips_of(project) == []
    assert project.steps.list.count() == len(project.project.entries)


def test_project_is_saved_and_opened_again_as_it_was(project, open_edit, qtbot, tmp_path: Path, monkeypatch):
    target = tmp_path / "films" / "my film.otio"
    target.parent.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    project.timeline.go_to(20)
    press(project, qtbot, Qt.Key.Key_B, CTRL)
    assert project.window_title.endswith("•")
    with qtbot.waitSignal(project.files.saved):
        press(project, qtbot, Qt.Key.Key_S, CTRL)
    assert project.window_title == "my film"
    saved = project.project.document
    qtbot.waitUntil(lambda: [each.path for each in project.files.recent] == [target])
    project.desk.close_project()
    assert not project.has_project
    qtbot.waitUntil(lambda: project.start.recent.count() == 1)
    with qtbot.waitSignal(project.files.opened):
        project.start.recent.chosen.emit(project.start.recent.item(0))
    assert project.project.document.sequence == saved.sequence
    qtbot.waitUntil(lambda: project.program.film is not None)
    assert project.program.film.frames == FRAMES + 1


@pytest.mark.parametrize(("answer", "leaves"), [("cancel", False), ("discard", True)])
def test_unsaved_work_is_asked_about(project, qtbot, monkeypatch, answer: str, leaves: bool):
    press(project, qtbot, Qt.Key.Key_M)
    monkeypatch.setattr(desk_module, "ask_unsaved", lambda *_: answer)
    project.desk.close_project()
    assert project.has_project is not leaves


def test_saving_at_the_question_goes_on_with_what_was_wanted(project, qtbot, tmp_path: Path, monkeypatch):
    target = tmp_path / "kept.otio"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    monkeypatch.setattr(desk_module, "ask_unsaved", lambda *_: "save")
    press(project, qtbot, Qt.Key.Key_M)
    project.desk.close_project()
    qtbot.waitUntil(lambda: not project.has_project)
    assert target.exists()


def test_work_of_a_crashed_session_is_offered_again(project, qtbot, tmp_path: Path, monkeypatch):
    target = tmp_path / "film.otio"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    with qtbot.waitSignal(project.files.saved):
        project.desk.save()
    project.timeline.go_to(20)
    press(project, qtbot, Qt.Key.Key_B, CTRL)
    project.files.close_project(keep_edits=True)  # as after a crash: the journal stays
    asked = []
    monkeypatch.setattr(desk_module, "ask", lambda *words: asked.append(words) or True)
    project.files.open(target)
    qtbot.waitUntil(lambda: bool(asked) and project.project.index == 1)
    assert len(clips_of(project)) == 4
    assert "1 edit" in asked[0][2]
    assert not project.project.clean


def test_numbered_pictures_get_the_films_rate(project, qtbot, tmp_path: Path):
    folder = tmp_path / "shots"
    folder.mkdir()
    picture = QImage(64, 48, QImage.Format.Format_RGB32)
    for number in range(10):
        picture.fill(number)
        picture.save(str(folder / f"shot.{number:04d}.png"))
    another = new_sequence("Another", rate=Fraction(30))
    project.project.edit("Sequence", lambda d: edits.add_sequence(d, another))
    project.importing.import_paths([folder])
    qtbot.waitUntil(lambda: len(project.project.document.media) == 2)
    shots = list(project.project.document.media.values())[-1]
    assert (shots.kind, shots.rate, shots.frames) == (MediaKind.IMAGE_SEQUENCE, 30, 10)


def test_files_dropped_on_the_media_panel_are_imported(project, qtbot, tmp_path: Path):
    folder = tmp_path / "footage"
    folder.mkdir()
    write_film(folder / "b.mp4", frames=10, sound=False)
    (folder / "notes.mp4").write_text("no film")
    drop_files(project.media.view, [folder])
    qtbot.waitUntil(lambda: len(project.project.document.media) == 2)
    assert any("notes.mp4" in words for words in project.problems)
    assert project.project.history.undo_name == "Import b.mp4"


def test_three_point_edit_from_the_source_monitor(project, qtbot):
    media = next(iter(project.project.document.media))
    project.media.media_opened.emit(media)
    qtbot.waitUntil(lambda: project.source.film is not None)
    for key, frame in ((Qt.Key.Key_I, 10), (Qt.Key.Key_O, 19)):
        project.source.seek(frame)
        press(project, qtbot, key)
    assert project.source_side.range == (10, 20)
    assert project.project.document.sequence.in_frame is None
    project.timeline.set_playhead(FRAMES)
    press(project, qtbot, Qt.Key.Key_Comma)
    sequence = project.project.document.sequence
    assert sequence.duration == FRAMES + 10
    assert clips_of(project)[1].take.start_s * 25 == 10
    assert project.playhead == FRAMES + 10
    check(project.project.document)


def test_sources_go_to_the_tracks_aimed_at_and_give_the_half_asked_for(project, qtbot):
    project.media.media_opened.emit(next(iter(project.project.document.media)))
    qtbot.waitUntil(lambda: project.source.film is not None)
    sequence = project.project.document.sequence
    v2 = sequence.of_kind(TrackKind.VIDEO)[1]
    project.timeline.view.header_pressed.emit(v2.id, "aim")
    project.actions_by_name["source.sound"].setChecked(False)
    press(project, qtbot, Qt.Key.Key_Period)
    tracks = {track.name: list(track.clips) for track in project.project.document.sequence.tracks}
    assert [len(tracks[name]) for name in ("V1", "V2", "A1", "A2")] == [1, 1, 1, 0]
    assert tracks["V2"][0].link is None
    project.source.seek(10)
    project.transport.use(project.source)
    press(project, qtbot, Qt.Key.Key_I)
    project.selection.choose([tracks["V2"][0].id])
    project.actions_by_name["clip.replace"].trigger()
    assert "only 40 frames" in project.problems[-1]
    project.source_side.clear_marks()
    project.actions_by_name["clip.replace"].trigger()
    assert project.project.history.undo_name == "Replace by steps.mp4"
    check(project.project.document)


def test_arrows_step_through_what_was_just_opened_in_the_source(project, qapp, qtbot):
    panel = project.media
    panel.view.setFocus()
    panel.view.doubleClicked.emit(panel.model.index(0))
    qtbot.waitUntil(lambda: project.source.film is not None)
    qtbot.keyClick(qapp.focusWidget(), Qt.Key.Key_Right)
    assert project.source.frame == 1


def test_a_new_title_is_seen_well_and_shows_where_its_words_are_written(project):
    project.docks["markers"].raise_()
    project._docks.tabifyDockWidget(project.docks["markers"], project.docks["inspector"])
    project.docks["markers"].raise_()
    project.actions_by_name["sequence.title"].trigger()
    assert not project.inspector.visibleRegion().isEmpty()
    tracks = project.project.document.sequence.tracks
    titles = [clip.content for track in tracks for clip in track.clips if clip.content]
    assert [(title.size > 0.1, title.shadow > 0) for title in titles] == [(True, True)]


def test_missing_media_is_shown_and_does_not_stop_the_film(project, qtbot, tmp_path: Path, film: Path):
    media = next(iter(project.project.document.media.values()))
    gone = replace(media, path=str(tmp_path / "gone.mp4"))
    project.project.edit("Lose", lambda document: document.with_media(gone))
    qtbot.waitUntil(lambda: project.materials.is_missing(media.id))
    assert project.media.model.entry(project.media.model.index(0)).missing
    project.timeline.go_to(12)
    assert project.program.frame == 12


def test_palette_runs_a_command(project, qtbot):
    project.actions_by_name["view.palette"].trigger()
    qtbot.keyClicks(project.palette_window.field, "add a video track")
    qtbot.keyClick(project.palette_window.field, Qt.Key.Key_Return)
    assert len(project.project.document.sequence.of_kind(TrackKind.VIDEO)) == 3


def test_every_enabled_command_does_something(project):
    actions = project.actions_by_name
    dead = [name for name in actions.names() if actions[name].isEnabled() and not actions[name].isCheckable()
            and not actions.bound(name)]  # fmt: skip
    assert dead == []


def test_click_on_the_strip_goes_there(project, qtbot):
    strip = project.program.strip
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() // 2, 10))
    assert project.playhead == pytest.approx(FRAMES / 2, abs=2)


def test_timeline_goes_to_another_program_and_comes_back(project, qtbot, tmp_path: Path, monkeypatch):
    target = tmp_path / "cut.xml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), "Final Cut Pro 7 XML (*.xml)"))
    project.timeline.go_to(20)
    press(project, qtbot, Qt.Key.Key_B, CTRL)
    project.desk.export_timeline()
    qtbot.waitUntil(target.exists)
    monkeypatch.setattr(desk_module, "ask_unsaved", lambda *_: "discard")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(target), ""))
    with qtbot.waitSignal(project.files.opened):
        project.desk.open_project()
    sequence = project.project.document.sequence
    assert [clip.duration for clip in sequence.of_kind(TrackKind.VIDEO)[0].clips] == [20, FRAMES - 20]
    assert not project.project.clean


def test_moved_file_is_found_again(project, qtbot, tmp_path: Path, film: Path, monkeypatch):
    media = next(iter(project.project.document.media.values()))
    project.project.edit("Lose", lambda d: d.with_media(replace(media, path=str(tmp_path / "elsewhere" / film.name))))
    qtbot.waitUntil(lambda: project.materials.is_missing(media.id))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(film.parent))
    project.desk.find_missing()
    qtbot.waitUntil(lambda: not project.materials.missing)
    assert project.files.locate(project.project.document.media[media.id]) == film


def test_numbers_of_the_inspector_are_named_steps_and_a_drag_is_one(project, qtbot):
    picture = next(clip for clip in clips_of(project))
    project.selection.choose([picture.id])
    row = project.inspector._rows["", "scale"]
    row.field.setValue(150)
    assert project.project.document.sequence.clip(picture.id).values["scale"].value == pytest.approx(1.5)
    assert project.project.history.undo_name == "Scale"
    steps = len(project.project.entries)
    name = row.findChild(DragName)
    qtbot.mousePress(name, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    for x in (20, 40, 65):
        qtbot.mouseMove(name, QPoint(x, 5))
    qtbot.mouseRelease(name, Qt.MouseButton.LeftButton, pos=QPoint(65, 5))
    qtbot.waitUntil(lambda: not project.project.history.dragging)
    assert len(project.project.entries) == steps + 1
    assert project.project.document.sequence.clip(picture.id).values["scale"].value > 1.5
    press(project, qtbot, Qt.Key.Key_Z, CTRL)
    assert row.field.value() == 150


def test_key_at_the_playhead_is_set_changed_and_taken_away(project, qtbot):
    picture = next(clip for clip in clips_of(project))
    project.selection.choose([picture.id])
    row = project.inspector._rows["", "opacity"]
    row.key.click()
    project.timeline.go_to(10)
    row.field.setValue(50)

    def keys() -> list[tuple[int, float]]:
        value = project.project.document.sequence.clip(picture.id).values["opacity"]
        return [(key.frame, key.value) for key in value.keys]

    assert keys() == [(0, 1.0), (10, 0.5)]
    project.timeline.go_to(5)
    assert row.field.value() == 75
    lanes = project.inspector._lanes
    assert lanes.isVisible()
    place = lanes.places()[1]
    qtbot.mousePress(lanes, Qt.MouseButton.LeftButton, pos=QPoint(round(place.x), round(place.y)))
    qtbot.mouseMove(lanes, QPoint(lanes.width() - 9, round(place.y)))
    qtbot.mouseRelease(lanes, Qt.MouseButton.LeftButton)
    assert keys()[1][0] == FRAMES - 1
    project.timeline.go_to(0)
    row.key.click()
    assert [frame for frame, _ in keys()] == [FRAMES - 1]


def test_bins_hold_media_and_are_undone(project, qtbot):
    panel = project.media
    media = next(iter(project.project.document.media))
    panel._new_bin.click()
    folder = project.project.document.bins[0]
    assert panel.model.entry(panel.model.index(0)).folder == folder
    panel.model.dropMimeData(media_mime([media]), Qt.DropAction.MoveAction, -1, -1, panel.model.index(0))
    assert project.project.document.media[media].bin == folder.id
    panel.view.doubleClicked.emit(panel.model.index(0))
    assert panel.bin == folder.id
    assert panel.model.entry(panel.model.index(0)).media.id == media
    press(project, qtbot, Qt.Key.Key_Z, CTRL)
    press(project, qtbot, Qt.Key.Key_Z, CTRL)
    assert project.project.document.bins == ()
    assert panel.bin is None


def test_media_that_is_shown_is_not_thrown_away(project):
    media = next(iter(project.project.document.media))
    project.media.choose([media])
    project.media._remove()
    assert media in project.project.document.media
    assert "is shown by" in project.problems[-1]


def test_hovering_goes_through_the_film(project, qtbot):
    view, model = project.media.view, project.media.model
    qtbot.waitUntil(lambda: bool(model._pictures))
    box = project.media.cards.boxes(view.visualRect(model.index(0))).picture
    entry = model.entry(model.index(0))
    first = model.picture(entry).pixelColor(20, 20).red()
    qtbot.mouseMove(view.viewport(), QPoint(box.left() + box.width() * 9 // 10, box.center().y()))
    qtbot.waitUntil(lambda: model.picture(entry).pixelColor(20, 20).red() > first + 100)
    qtbot.mouseMove(view.viewport(), QPoint(view.viewport().width() - 3, view.viewport().height() - 3))
    qtbot.waitUntil(lambda: abs(model.picture(entry).pixelColor(20, 20).red() - first) < 8)


def test_full_screen_shows_the_film_and_comes_back(project, qtbot):
    press(project, qtbot, Qt.Key.Key_F11)
    full = project.program._full
    qtbot.waitUntil(full.isActiveWindow)
    assert not full.view.picture.isNull()
    qtbot.keyClick(full, Qt.Key.Key_Space)
    assert project.program.player.playing
    qtbot.keyClick(full, Qt.Key.Key_K)
    qtbot.keyClick(full, Qt.Key.Key_Escape)
    assert project.program._full is None
    qtbot.waitUntil(project.window().isActiveWindow)
    qtbot.keyClick(project.program.view, Qt.Key.Key_Home)
    assert project.playhead == 0


def test_panels_stand_where_they_were_at_the_next_start(open_edit):
    before = open_edit()
    before.docks["meters"].hide()
    before.close_all()
    again = open_edit()
    assert again.docks["meters"].isHidden()
    again.actions_by_name["view.reset_layout"].trigger()
    assert not again.docks["meters"].isHidden()


def test_work_without_a_name_is_on_the_start_page_after_a_crash(project, qtbot, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(desk_module, "ask", lambda *said: not asked.append(said[2]))
    project.timeline.go_to(20)
    press(project, qtbot, Qt.Key.Key_B, CTRL)
    project.files.close_project(keep_edits=True)  # as a session that was killed leaves it
    project.setCurrentIndex(0)
    project.files.read_recent()
    entries = project.start.recent
    qtbot.waitUntil(lambda: entries.count() == 1)
    assert "Never saved" in entries.item(0).text()
    entries.chosen.emit(entries.item(0))
    qtbot.waitUntil(lambda: project.files.is_open and len(clips_of(project)) == 4)
    assert len(asked) == 1
    assert not project.project.clean
