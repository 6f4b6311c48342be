"""What the editor's dialogs make of what is typed: a new project's size and rate, and a clip's speed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from edit_films import write_film
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from ltxdesktop.document import edits
from ltxdesktop.document.model import new_sequence
from ltxdesktop.ui.editor.dialogs import FilmDialog, SpeedDialog, size_of


def format_of(edit) -> tuple[int, int, Fraction]:
    sequence = edit.project.document.sequence
    return sequence.width, sequence.height, sequence.rate


@pytest.fixture
def answer(qtbot, monkeypatch):
    """Has the next dialog of a new project filled in by the keyboard, and done with Enter."""

    def prepare(*, follows: bool, size: str = "", rate: str = "") -> None:
        def fill() -> None:
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, FilmDialog):
                QTimer.singleShot(10, fill)
                return
            if not follows:
                qtbot.mouseClick(dialog.follows, Qt.MouseButton.LeftButton, pos=dialog.follows.rect().center() / 4)
            for field, words in ((dialog.size_choice, size), (dialog.rate, rate)):
                if words:
                    field.lineEdit().selectAll()
                    qtbot.keyClicks(field.lineEdit(), words)
            dialog.accept()

        QTimer.singleShot(0, fill)

    return prepare


def begin(edit, qtbot) -> None:
    with qtbot.waitSignal(edit.files.opened):
        edit.start.new_asked.emit()


def test_chosen_size_and_rate_stay_when_footage_comes(open_edit, qtbot, answer, film: Path):
    edit = open_edit()
    answer(follows=False, size="640x360", rate="24")
    begin(edit, qtbot)
    edit.importing.import_paths([film])
    qtbot.waitUntil(lambda: len(edit.project.document.media) == 1)
    assert format_of(edit) == (640, 360, 24)


def test_format_that_is_left_open_is_that_of_most_films(open_edit, qtbot, answer, tmp_path: Path):
    edit = open_edit()
    answer(follows=True)
    begin(edit, qtbot)
    films = [
        write_film(tmp_path / name, frames=10, rate=rate)
        for name, rate in (("a.mp4", 30), ("b.mp4", 24), ("c.mp4", 24))
    ]
    with qtbot.waitSignal(edit.said, check_params_cb=lambda words: "64 × 48 at 24 now" in words):
        edit.importing.import_paths(films)
    assert format_of(edit) == (64, 48, 24)


def test_speed_says_how_long_the_clip_becomes(project, qtbot):
    clip = next(clip for track in project.project.document.sequence.tracks for clip in track.clips)
    dialog = SpeedDialog(clip.speed, frames=clip.duration, rate=Fraction(25))
    qtbot.addWidget(dialog)
    for typed, frames in (("50", 100), ("200", 25), ("30", 167), ("0", 50)):
        dialog.percent.selectAll()
        qtbot.keyClicks(dialog.percent, typed)
        assert dialog.becomes == frames
        if dialog.speed:
            changed = edits.set_speed(project.project.document, clip.id, dialog.speed, ripple=True)
            assert changed.sequence.clip(clip.id).duration == frames
    assert SpeedDialog(Fraction(0), frames=50).becomes == 50


def test_an_odd_size_of_another_program_is_kept(qtbot):
    dialog = FilmDialog("Sequence", new_sequence(width=853, height=479))
    qtbot.addWidget(dialog)
    assert dialog.chosen_size == (853, 479)
    assert dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok).isEnabled()


def test_any_even_size_can_be_typed(qtbot):
    dialog = FilmDialog("Sequence", new_sequence())
    qtbot.addWidget(dialog)
    done = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    for words, size in (
        ("2048x858", (2048, 858)),
        ("1080 × 1350   4:5", (1080, 1350)),
        ("2048", None),
        ("101x50", None),
    ):
        dialog.size_choice.lineEdit().selectAll()
        qtbot.keyClicks(dialog.size_choice.lineEdit(), words)
        assert size_of(words) == dialog.chosen_size == size
        assert done.isEnabled() is (size is not None)


def test_files_for_a_project_that_cannot_be_made_do_not_come_into_the_next(
    open_edit, qtbot, tmp_path: Path, film: Path
):
    edit = open_edit()
    in_the_way = tmp_path / "state"
    in_the_way.write_text("a file where the folder should be")
    with qtbot.waitSignal(edit.files.failed):
        edit.desk.begin([film], "First", place=True)
    in_the_way.unlink()
    other = write_film(tmp_path / "other.mp4")
    edit.desk.begin([other], "Second", place=False)
    qtbot.waitUntil(lambda: len(edit.project.document.media) > 0)
    assert [Path(each.path).name for each in edit.project.document.media.values()] == ["other.mp4"]
    assert edit.project.document.sequence.duration == 0
