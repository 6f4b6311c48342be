"""Reframing in Deliver through the window: the kept part of each clip is dragged on its picture, and exported so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRectF, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

sys.path.append(str(Path(__file__).parents[2] / "render"))  # render_samples: one set of numbered films

from render_samples import clip, film, numbered, track, write_film

from engine.media.decode import VideoReader
from ltxdesktop.document.model import Document, new_document
from ltxdesktop.document.parameters import KEPT_PART
from ltxdesktop.export.queue import Done, Entry
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.ui.deliver.kept_picture import kept_rect
from ltxdesktop.ui.deliver.reframe_view import with_kept_part
from ltxdesktop.ui.main_window import MainWindow
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look


@pytest.fixture
def document(tmp_path: Path) -> Document:
    files = MediaFiles(tmp_path / "cache")
    footage = files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(24)]))
    files.close()
    return new_document("Ad", film(track(clip(footage, 6), clip(footage, 6)))).with_media(footage)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, tmp_path: Path, document: Document) -> Iterator[MainWindow]:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    made = MainWindow(Look(qapp), EngineSession(lambda message: None), settings, tmp_path / "state", tmp_path / "c")
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.show_workspace("edit")
    assert made.edit is not None
    made.edit.project.open(document, tmp_path / "Ad.otio")
    made.show_workspace("deliver")
    yield made
    made.edit.project.mark_saved(tmp_path / "Ad.otio", made.edit.project.document)
    made.close()


def test_each_clips_kept_part_is_dragged_and_exported(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    assert window.deliver is not None
    assert window.edit is not None
    project, form = window.edit.project, window.deliver.form
    view, picture = form.reframe, form.reframe.picture
    assert view.isHidden()  # the film's own shape is cut nowhere
    window.deliver.presets.choose("vertical")
    qtbot.waitUntil(lambda: not picture._picture.isNull())
    assert "as the whole film" in view.words._text
    middle = picture.kept().center().toPoint()
    QTest.mousePress(picture, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(picture, middle - QPoint(300, 0))
    assert not any(each.values for each in project.document.sequence.tracks[0].clips)  # until it's let go
    QTest.mouseRelease(picture, Qt.MouseButton.LeftButton, pos=middle - QPoint(300, 0))
    qtbot.mouseClick(view.on, Qt.MouseButton.LeftButton)
    assert view.frame == 6
    for _ in range(5):
        QTest.keyClick(picture, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    first, second = project.document.sequence.tracks[0].clips
    assert first.values[KEPT_PART].value == 0.0
    assert second.values[KEPT_PART].value == 1.0
    qtbot.mouseClick(view.reset, Qt.MouseButton.LeftButton)
    assert list(project.document.sequence.tracks[0].clips)[1].values == {}
    project.undo()
    window.show_workspace("deliver")
    target = tmp_path / "Ad vertical.mp4"
    proposed: list[str] = []
    window.deliver._ask_target = lambda path, words: (proposed.append(path), str(target))[1]
    ended: list[Entry] = []
    window.deliver.exports.ended.connect(ended.append)
    qtbot.mouseClick(window.deliver.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(ended))
    assert isinstance(ended[0].state, Done)
    assert Path(proposed[0]).name == target.name
    with VideoReader(target) as reader:
        left, right = reader.rgb(1, 2)[0].astype(int), reader.rgb(7, 8)[0].astype(int)
    assert left.shape == (1920, 1080, 3)
    assert abs(left - right).mean() > 5  # one file's two clips show different parts of the same picture


def test_the_middle_is_kept_though_the_whole_films_place_is_elsewhere(document: Document) -> None:
    first = next(iter(document.sequence.tracks[0].clips))
    set_ = with_kept_part(document, first.id, 0, 0.5)
    assert next(iter(set_.sequence.tracks[0].clips)).values[KEPT_PART].value == pytest.approx(0.5, abs=0.001)
    assert with_kept_part(set_, first.id, 0, None) == document


def test_the_kept_part_lies_where_the_file_cuts() -> None:
    box = QRectF(10, 20, 160, 90)
    assert kept_rect(box, (1920, 1080), (1080, 1080), 0.0) == QRectF(10, 20, 90, 90)
    assert kept_rect(box, (1920, 1080), (1080, 1080), 1.0) == QRectF(80, 20, 90, 90)
    assert kept_rect(QRectF(0, 0, 100, 100), (1080, 1080), (1920, 1080), 1.0) == QRectF(0, 43.75, 100, 56.25)
