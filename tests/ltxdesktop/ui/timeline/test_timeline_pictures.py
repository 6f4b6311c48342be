"""The pictures in clips: asked for until they're at hand, kept while their media are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget
from timeline_kit import MEDIA, clip, document_of, film

from ltxdesktop.document.history import History
from ltxdesktop.document.model import Media, MediaId
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.panel import TimelinePanel


class Shelf:
    """Has no pictures until it's `filled`, and counts what it was asked for."""

    def __init__(self) -> None:
        self.filled = False
        self.asked: Counter[Fraction] = Counter()

    def picture(self, media: Media, at_s: Fraction, height_px: int) -> QImage | None:
        self.asked[at_s] += 1
        picture = QImage(height_px, height_px, QImage.Format.Format_RGB32)
        picture.fill(0xFF336699)
        return picture if self.filled else None


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def history() -> History:
    return History(document_of(V1=[clip("a", start_s=4), clip("b", start_s=20)]))


@pytest.fixture
def panel(qapp: QApplication, history: History, shelf: Shelf) -> Iterator[TimelinePanel]:
    """Nothing was asked of the shelf yet."""
    owner = QWidget()
    made = TimelinePanel(Look(qapp), history, Actions(owner), thumbnails=shelf, parent=owner)
    made.resize(1160, 420)
    made.view.show_part(0, 1.0)
    shelf.asked.clear()
    yield made
    owner.deleteLater()


def news(panel: TimelinePanel) -> None:
    panel.view._show_news()
    panel.view.grab()


def test_pictures_that_come_are_drawn_and_asked_for_only_once(panel: TimelinePanel, shelf: Shelf):
    panel.view.grab()
    wanted = set(shelf.asked)
    assert len(wanted) > 1
    shelf.filled = True
    news(panel)
    shown = panel.view.grab().toImage()
    shelf.asked.clear()
    news(panel)
    assert not shelf.asked, "news of other pictures asked for these again"
    assert panel.view.grab().toImage() == shown


def test_pictures_are_asked_for_anew_when_their_media_are_others(panel: TimelinePanel, history: History, shelf: Shelf):
    shelf.filled = True
    panel.view.grab()
    wanted = set(shelf.asked)
    shelf.asked.clear()
    document = history.document
    history.do("Add media", document.with_media(replace(film(), id=MediaId("other"))))
    panel.view.grab()
    assert not shelf.asked, "these media are as they were"
    history.do("Relink", document.with_media(replace(document.media[MEDIA], path="elsewhere.mp4")))
    panel.view.grab()
    assert set(shelf.asked) == wanted
    shelf.asked.clear()
    panel.view.redraw()  # files have come back, say: whatever lies there now
    panel.view.grab()
    assert set(shelf.asked) == wanted
