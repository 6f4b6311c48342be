"""Folders become bins, facts that don't fit are left out whole, and what is dragged leaves the place visible."""

from __future__ import annotations

from pathlib import Path

import pytest
from edit_films import write_film
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDrag, QImage

from ltxdesktop.ui.editor.drag_picture import SIDE_PX, hang_on
from ltxdesktop.ui.editor.media_cards import fitting
from ltxdesktop.ui.timeline.drops import media_of


@pytest.fixture
def rushes(tmp_path: Path) -> Path:
    """A folder with one film, and two more in folders below it."""
    top = tmp_path / "Rushes"
    for place in ("a.mp4", "Day 1/b.mp4", "Day 1/Close/c.mp4"):
        (top / place).parent.mkdir(parents=True, exist_ok=True)
        write_film(top / place, frames=5, sound=False)
    return top


def bins_of(edit) -> dict[str, str]:
    """File -> the bins it lies in, from the outside in."""
    document = edit.project.document
    named = {each.id: each for each in document.bins}

    def words(place) -> str:
        return "" if place is None else f"{words(named[place].parent)}/{named[place].name}"

    return {media.name: words(media.bin) for media in document.media.values()}


def test_folders_become_bins_and_a_second_import_uses_them(project, qtbot, rushes: Path):
    before = project.project.index
    project.importing.import_paths([rushes])
    qtbot.waitUntil(lambda: len(project.project.document.media) == 4)
    places = {"a.mp4": "/Rushes", "b.mp4": "/Rushes/Day 1", "c.mp4": "/Rushes/Day 1/Close", "steps.mp4": ""}
    assert bins_of(project) == places
    assert project.project.index == before + 1  # one step
    write_film(rushes / "Day 1" / "d.mp4", frames=5, sound=False)
    project.importing.import_paths([rushes])
    qtbot.waitUntil(lambda: len(project.project.document.media) == 5)
    assert bins_of(project) == places | {"d.mp4": "/Rushes/Day 1"}
    assert len(project.project.document.bins) == 3


def test_facts_that_do_not_fit_are_left_out_whole():
    facts, width = "0:12  1280×720  29.97 fps", len
    assert fitting(facts, 100, width) == facts
    assert fitting(facts, 20, width) == "0:12  1280×720"
    assert fitting(facts, 6, width) == "0:12"
    assert fitting(facts, 1, width) == "0:12"


def test_card_that_is_dragged_hangs_small_beside_the_mouse(project, monkeypatch):
    hung: list[QDrag] = []
    monkeypatch.setattr(QDrag, "exec", lambda drag, *_: hung.append(drag) or Qt.DropAction.IgnoreAction)
    project.media.choose([next(iter(project.project.document.media))])
    project.media.view.startDrag(Qt.DropAction.CopyAction | Qt.DropAction.MoveAction)
    (drag,) = hung
    assert media_of(drag.mimeData()) == tuple(project.project.document.media)
    size = drag.pixmap().deviceIndependentSize()
    assert 0 < max(size.width(), size.height()) <= SIDE_PX
    assert drag.hotSpot().x() < 0
    assert drag.hotSpot().y() < 0  # the mouse's own place stays free


def test_several_things_that_are_dragged_say_how_many(project):
    drag = QDrag(project)
    picture = QImage(160, 90, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.red)
    hang_on(drag, picture, 2.0, count=3)
    shown = drag.pixmap().toImage()
    assert drag.pixmap().devicePixelRatio() == 2
    corner = shown.pixelColor(QPoint(shown.width() - 12, shown.height() - 10))
    assert corner.red() < 200  # the plate with the number
    hang_on(drag, QImage(), 1.0)  # nothing to show: whatever was there stays
    assert not drag.pixmap().isNull()
