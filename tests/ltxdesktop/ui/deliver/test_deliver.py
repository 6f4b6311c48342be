"""The Deliver workspace: choosing, what it says, queueing a real export, and what the queue's buttons do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QRect, QSettings, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QFileDialog

sys.path.append(str(Path(__file__).parents[2] / "render"))  # render_samples: one set of numbered films

from render_samples import clip, film, gap, numbered, track, write_film

from engine.media.index import build_index
from ltxdesktop.document.model import Document, SequenceId, Solid, TrackKind, new_document
from ltxdesktop.export.presets import PRESETS, Framing
from ltxdesktop.export.progress import Progress
from ltxdesktop.export.queue import Done, Entry, Failed, Running, Stopped, Waiting
from ltxdesktop.export.settings import AS_MIXED, Settings, Subtitles, shape_of
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.ui.deliver.exports import Exports
from ltxdesktop.ui.deliver.queue_list import Row, lay_out
from ltxdesktop.ui.deliver.workspace import DeliverWorkspace
from ltxdesktop.ui.theme import Look


@pytest.fixture
def document(tmp_path: Path) -> Document:
    files = MediaFiles(tmp_path / "cache")
    footage = files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(40)]))
    files.close()
    return new_document("Holiday", film(track(clip(footage, 30)), in_frame=5, out_frame=25)).with_media(footage)


@pytest.fixture
def targets() -> list[str]:
    """What the file dialog answers, next first."""
    return []


@pytest.fixture
def workspace(qtbot, qapp: QApplication, tmp_path: Path, targets: list[str]) -> Iterator[DeliverWorkspace]:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    exports = Exports(tmp_path / "state", tmp_path / "cache")
    made = DeliverWorkspace(Look(qapp), settings, exports, lambda proposed, words: targets.pop(0))
    qtbot.addWidget(made)
    yield made
    made.close_all()


def locate(media) -> Path:
    return Path(media.path)


def entry(name: str, state, preset: str = "h264") -> Entry:
    return Entry(name, "Holiday", SequenceId("s"), Settings(preset), Path(f"/films/{name}"), state)


def test_a_film_is_queued_and_made(workspace, document, tmp_path, targets, qtbot):
    workspace.show_film(document, locate)
    workspace.presets.choose("ffv1")
    targets.append(str(tmp_path / "film"))
    said: list[str] = []
    workspace.said.connect(said.append)
    with qtbot.waitSignal(workspace._exports.ended):
        qtbot.mouseClick(workspace.add_button, Qt.MouseButton.LeftButton)
    assert build_index(tmp_path / "film.mkv").frames == 30
    assert said == ["film.mkv is in the queue", "film.mkv is ready"]
    row = workspace.queue.model.rows()[0]
    assert isinstance(row.entry.state, Done)
    assert row.status.startswith("Done, ")
    assert workspace.queue.actions_by_name["open"].isEnabled()
    with qtbot.waitSignal(workspace._exports.changed):
        workspace.queue.actions_by_name["clear"].trigger()
    assert workspace.queue.model.rowCount() == 0


def test_a_failed_export_is_told(workspace, document, tmp_path, targets, qtbot):
    (footage,) = document.media.values()
    Path(footage.path).write_bytes(b"no film at all")
    workspace.show_film(document, locate)
    targets.append(str(tmp_path / "film.mp4"))
    with qtbot.waitSignal(workspace.problem) as told:
        workspace.add()
    assert "missing or damaged" in told.args[0]
    assert workspace.queue.actions_by_name["retry"].isEnabled()


def test_what_cannot_be_done_is_told_at_once_and_not_queued(workspace, document, tmp_path, targets, qtbot):
    workspace.show_film(document, locate)
    targets.append(str(tmp_path / "nowhere" / "film.mp4"))
    with qtbot.waitSignal(workspace.problem) as told:
        workspace.add()
    assert "no such folder" in told.args[0]
    assert workspace.queue.model.rowCount() == 0


def test_a_disk_that_is_too_small_is_told_and_the_film_queued(workspace, document, tmp_path, targets, qtbot):
    sequence = replace(document.sequence, tracks=(track(clip(None, 2 * 10**9, content=Solid())),))
    workspace.show_film(replace(document, sequences=(sequence,)), locate)
    workspace.presets.choose("png")
    form = workspace.form
    form.size_box.setCurrentIndex(form.size_box.findText("3840 × 2160"))
    form.range.set_value("whole")
    targets.append(str(tmp_path / "pictures"))
    with qtbot.waitSignal(workspace.problem) as told:
        workspace.add()
    assert "may need about" in told.args[0]
    assert "are free" in told.args[0]
    qtbot.waitUntil(lambda: workspace.queue.model.rowCount() == 1)
    workspace.queue.actions_by_name["cancel"].trigger()
    qtbot.waitUntil(lambda: workspace.exports.entries[0].is_over)


def test_a_name_without_its_ending_replaces_nothing_unasked(workspace, document, tmp_path, targets, qtbot):
    """The dialog asked about the name that was typed, not about the one with its ending."""
    workspace.show_film(document, locate)
    (tmp_path / "film.mp4").write_bytes(b"precious")
    targets.append(str(tmp_path / "film"))
    with qtbot.waitSignal(workspace.problem) as told:
        workspace.add()
    assert "film.mp4" in told.args[0]
    assert workspace.queue.model.rowCount() == 0


def test_the_dialog_gives_a_name_its_ending(workspace, tmp_path, qtbot):
    """So that it asks about the file that will be replaced."""

    def answer() -> None:
        dialog = workspace.findChild(QFileDialog)
        if dialog is None or not dialog.isVisible():
            QTimer.singleShot(10, answer)
            return
        dialog.selectFile(str(tmp_path / "holiday"))
        dialog.accept()

    QTimer.singleShot(0, answer)
    assert workspace._ask(str(tmp_path / "film.mp4"), "H.264 (*.mp4)") == str(tmp_path / "holiday.mp4")


def test_a_project_whose_name_is_no_file_name_can_be_exported(workspace, document, tmp_path, targets):
    workspace.show_film(replace(document, name="Day 1/2: beach"), locate)
    proposed: list[str] = []
    workspace._ask_target = lambda path, words: proposed.append(path) or ""
    workspace.add()
    assert Path(proposed[0]).name == "Day 1_2_ beach.mp4"


def test_without_a_film_nothing_can_be_queued_and_it_says_why(workspace):
    workspace.show_film(None)
    assert not workspace.add_button.isEnabled()
    assert "put clips on the timeline" in workspace.form.problem.text()


def test_impossible_settings_are_said_and_not_queued(workspace):
    sequence = film(track(clip(None, 10, content=Solid())), size=(127, 71))
    workspace.show_film(new_document("odd", sequence), locate)
    assert not workspace.add_button.isEnabled()
    assert "126 x 70 is" in workspace.form.problem.text()
    workspace.presets.choose("png")
    assert workspace.add_button.isEnabled()


def test_range_and_estimate_follow_what_is_chosen(workspace, document):
    workspace.show_film(document, locate)
    form = workspace.form
    assert "30 pictures" in form.summary.text(), "a range that was marked for a retake is no wish to deliver only that"
    assert (form.settings.first, form.settings.last) == (0, 30)
    form.range.set_value("marked")
    form.range.chosen.emit("marked")
    assert form.range_words.text() == "00:00:00:05 – 00:00:01:00"
    assert "20 pictures" in form.summary.text()


def test_any_size_can_be_chosen(workspace, document):
    workspace.show_film(document, locate)
    form = workspace.form
    assert form._own_size.isHidden()
    form.size_box.setCurrentIndex(form.size_box.findText("Another size"))
    assert not form._own_size.isHidden()
    assert (form.settings.width, form.settings.height) == (128, 72), "begins with the film's"
    form.own_width.setValue(1440)
    form.own_height.setValue(1080)
    workspace.show_film(document, locate, 3)
    assert (form.settings.width, form.settings.height) == (1440, 1080)
    assert "1440 × 1080" in form.summary.text()
    form.own_width.setValue(1441)
    assert not workspace.add_button.isEnabled()


def test_all_that_was_said_of_an_export_can_be_read(workspace):
    lines = ("12 of 40 pictures (30%) were copied without loss.", "other.mp4 is encoded again: it's interlaced.")
    workspace._exports._take_entries((entry("a", Done(1, 1.0, lines)), entry("b", Failed("The disk is full."))))
    panel = workspace.queue
    panel.list.setCurrentIndex(panel.model.index(0))
    assert panel.details.text().splitlines() == [*lines]
    assert panel.place._label.toolTip() == "/films/a"
    panel.list.setCurrentIndex(panel.model.index(1))
    assert panel.details.text().splitlines() == ["The disk is full."]
    workspace._exports._take_entries(())
    assert panel.details.isHidden()


def test_a_preset_brings_its_own_values(workspace, document):
    workspace.show_film(document, locate)
    workspace.presets.choose("vertical")
    settings = workspace.form.settings
    assert (settings.preset, settings.width, settings.height) == ("vertical", 1080, 1920)
    assert (settings.framing, settings.lufs) == (Framing.FILL, -14)
    workspace.form.size_box.setCurrentIndex(0)
    workspace.form.loudness.setCurrentIndex(0)
    shape = shape_of(document.sequence, workspace.form.settings)
    assert (shape.width, shape.height, shape.lufs) == (128, 72, None), "as the film and as mixed, as it says"
    workspace.presets.choose("h264")
    settings = workspace.form.settings
    assert (settings.width, settings.framing, settings.lufs) == (0, Framing.FIT, AS_MIXED)


def test_every_choice_reaches_the_settings(workspace, document):
    workspace.show_film(document, locate)
    form = workspace.form
    for segments, value in ((form.by, "bitrate"), (form.channels, "mono"), (form.subtitles, "file")):
        segments.set_value(value)
        segments.chosen.emit(value)
    form.bitrate.setValue(8)
    form.rate_box.setCurrentIndex(1)
    form.hardware.setChecked(True)
    form.smart.setChecked(False)
    form.poster.setCurrentIndex(2)
    settings = form.settings
    assert (settings.bitrate_kbps, settings.quality) == (8000, None)
    assert (settings.mono, settings.hardware, settings.smart) == (True, True, False)
    assert (settings.subtitles, settings.rate, settings.poster) == (Subtitles.FILE, Fraction(24000, 1001), 15)


def test_only_what_a_preset_uses_is_shown(workspace, document):
    workspace.show_film(document, locate)
    form = workspace.form
    for name, preset in PRESETS.items():
        workspace.presets.choose(name)
        assert form._picture.isHidden() == (preset.picture is None), name
        assert form._rate.isHidden() == (preset.picture is None or not preset.picture.has_rate), name
        assert form._sound.isHidden() == (preset.sound is None), name
        assert form._poster.isHidden() == (preset.container not in ("mp4", "matroska")), name
        assert form.chapters.isHidden() == (name in ("gif", "png", "wav", "flac")), name
        assert form.disclose.isHidden() == (name in ("gif", "png")), name
        form.deep.setChecked(True)
        assert form.deep.isHidden() != form.settings.deep == (name in ("hevc", "av1", "ffv1")), name
        form.alpha.setChecked(True)
        assert form.alpha.isHidden() != form.settings.alpha == (name in ("prores-4444", "png")), name
        assert form.why_not == "", name


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (Waiting(), "Waiting"),
        (Stopped(), "Cancelled"),
        (Failed("The disk is full."), "The disk is full."),
        (Done(12_000_000, 65, ("All copied.",)), "Done, 12 MB in 1:05 · All copied."),
    ],
)
def test_a_card_says_how_it_went(state, words):
    assert Row(entry("film.mp4", state)).status == words


def test_a_card_says_how_far_how_fast_and_how_long():
    row = Row(entry("film.mp4", Running()), Progress("exporting", 312, 840, 41.3, 12.8))
    assert row.status == "Exporting · 37% · 41 fps · 0:13 left"
    assert Row(entry("film.mp4", Running())).status == "Starting"
    boxes = lay_out(QRect(0, 0, 300, 66))
    assert not any(first.intersects(second) for first in boxes[:3] for second in boxes[:3] if first != second)


def test_actions_fit_the_chosen_export(workspace, qtbot):
    model, actions = workspace.queue.model, workspace.queue.actions_by_name
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    workspace._exports._take_entries((entry("a", Running()), entry("b", Waiting()), entry("c", Failed("why"))))
    expected = {"a": {"cancel", "clear"}, "b": {"cancel", "up", "down", "clear"}, "c": {"retry", "clear"}}
    for row, name in enumerate("abc"):
        workspace.queue.list.setCurrentIndex(model.index(row))
        assert {each for each, action in actions.items() if action.isEnabled()} == expected[name]
    workspace._exports._take_progress("a", Progress("exporting", 1, 2))
    assert model.rows()[0].share == 0.5
    assert workspace.queue.list.currentIndex().row() == 2
    del tester


def test_every_control_has_a_name_and_a_tooltip(workspace):
    for kind in (QAbstractButton, QComboBox, QAbstractSpinBox):
        for control in workspace.findChildren(kind):
            if control.objectName() in ("qt_spinbox_lineedit", "segment"):
                continue
            assert control.accessibleName() or (isinstance(control, QAbstractButton) and control.text()), control
            assert control.toolTip(), control.accessibleName()


def test_both_themes_draw_all_cards(workspace, qtbot):
    workspace._exports._take_entries(
        (entry("a", Running()), entry("b", Waiting()), entry("c", Failed("x")), entry("d", Done(1, 1.0)))
    )
    workspace._exports._take_progress("a", Progress("exporting", 1, 2, 3.0, 4.0))
    workspace.resize(1200, 700)
    with qtbot.waitExposed(workspace):
        workspace.show()
    assert not workspace.grab().isNull()
    workspace._look.toggle()
    qtbot.waitUntil(lambda: not workspace._look.settling)
    assert not workspace.grab().isNull()
    workspace.hide()


def test_what_waited_is_made_at_the_next_start(tmp_path, document, qapp, qtbot):
    first = Exports(tmp_path / "state", tmp_path / "cache")
    first._queue.add(document, Settings("ffv1"), tmp_path / "film.mkv", locate)
    first.close()
    second = Exports(tmp_path / "state", tmp_path / "cache")
    assert [type(each.state) for each in second.entries] == [Waiting]
    with qtbot.waitSignal(second.ended):
        second.start()
    second.close()
    assert (tmp_path / "film.mkv").exists()


@pytest.mark.parametrize("answer", [True, False])
def test_the_window_asks_before_it_stops_an_export(workspace, answer):
    asked: list[str] = []
    workspace._ask_stop = lambda words: bool(asked.append(words)) or answer
    assert workspace.may_close()
    workspace._exports._take_entries((entry("done.mp4", Done()),))
    assert workspace.may_close()
    assert not asked
    workspace._exports._take_entries((entry("a.mp4", Running()), entry("b.mp4", Waiting())))
    workspace._exports._take_progress("a.mp4", Progress("exporting", 312, 840, 41.3, 12.8))
    assert workspace.may_close() is answer
    words = "“a.mp4” is being made. Exporting · 37% · 41 fps · 0:13 left.\n1 more waits in the queue."
    assert asked == [words]
    workspace._exports._take_entries(())


def test_gaps_alone_are_nothing_to_hear(workspace):
    sequence = film(track(clip(None, 10, content=Solid())), track(gap(10), kind=TrackKind.AUDIO))
    workspace.show_film(new_document("mute", sequence), locate)
    assert "0 KB" not in workspace.form.summary.text()


def test_the_picture_at_the_playhead_stands_for_the_film(workspace, document):
    workspace.show_film(document, locate, 17)
    poster = workspace.form.poster
    poster.setCurrentIndex(poster.findText("At the playhead: 00:00:00:17"))
    assert workspace.form.settings.poster == 17
    workspace.show_film(document, locate, 3)
    assert poster.currentText() == "At the playhead: 00:00:00:03"
    assert workspace.form.settings.poster == 3


class Opened(QObject):
    """Stands in for the system's file manager: Qt hands the addresses of files to it."""

    def __init__(self) -> None:
        super().__init__()
        self.folders: list[str] = []

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        self.folders.append(url.toLocalFile())


def test_the_folder_of_a_film_is_opened_with_the_button(workspace, document, tmp_path, targets, qtbot):
    workspace.show_film(document, locate)
    targets.append(str(tmp_path / "film.mp4"))
    with qtbot.waitSignal(workspace.exports.ended):
        workspace.add()
    button = next(each for each in workspace.findChildren(QAbstractButton) if "folder" in each.accessibleName())
    opened = Opened()
    QDesktopServices.setUrlHandler("file", opened, "open")
    try:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    finally:
        QDesktopServices.unsetUrlHandler("file")
    assert opened.folders == [str(tmp_path)]


def test_where_no_program_opens_folders_the_folder_is_said(workspace, document, tmp_path, targets, qtbot, monkeypatch):
    workspace.show_film(document, locate)
    targets.append(str(tmp_path / "film.mp4"))
    with qtbot.waitSignal(workspace.exports.ended):
        workspace.add()
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: False)
    with qtbot.waitSignal(workspace.said) as said:
        workspace.queue.actions_by_name["open"].trigger()
    assert str(tmp_path) in said.args[0]


def test_the_notes_of_presets_are_seen_whole_in_a_small_window(workspace, qtbot):
    workspace.resize(1366, 660)
    workspace.show()
    qtbot.waitExposed(workspace)
    assert workspace.presets.width() >= workspace.presets.wanted_px
