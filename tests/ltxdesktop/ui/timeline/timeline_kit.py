"""A small film to test the timeline with, and the window that shows it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from ltxdesktop.document.check import check
from ltxdesktop.document.history import History
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    Item,
    ItemId,
    LinkId,
    Media,
    MediaId,
    MediaKind,
    Sequence,
    Take,
    TrackKind,
    new_document,
    new_sequence,
)
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.boxes import Box, Lane
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.viewport import RULER_PX

MEDIA = MediaId("film")
RATE = Fraction(25)


def clip(name: str, duration: int = 100, *, start_s: int = 10, link: str = "") -> Clip:
    """A clip in the middle of its media; its id is its name."""
    link_id = LinkId(link) if link else None
    return Clip(ItemId(name), name, duration, (Take(MEDIA, Fraction(start_s)),), link=link_id)


def gap(name: str, duration: int) -> Gap:
    return Gap(ItemId(name), duration)


def film() -> Media:
    """40 s of picture and sound."""
    return Media(MEDIA, "film.mp4", "film.mp4", MediaKind.VIDEO, RATE, 1000, 1920, 1080, 48000, 48000 * 40, 2)


def document_of(**tracks: list[Item]) -> Document:
    """Tracks by their names: V1=[…], A1=[…]; a film is in the project's media."""
    sequence = new_sequence()
    filled = tuple(replace(track, items=tuple(tracks.get(track.name, ()))) for track in sequence.tracks)
    return new_document("Test", replace(sequence, tracks=filled)).with_media(film())


def small_film() -> Document:
    """V1: a 100 | b 100 | gap 50 | c 100, each linked with its sound on A1."""

    def row(kind: str) -> list[Item]:
        a, b, c = (replace(clip(each, link=f"link {each}"), id=ItemId(f"{each}{kind}")) for each in "abc")
        return [a, b, gap(f"gap{kind}", 50), c]

    return document_of(V1=row("v"), A1=row("a"))


class Window:
    """A timeline panel in a window, and how a person's hand moves on it."""

    def __init__(self, look: Look, document: Document, *, size: tuple[int, int] = (1160, 420)) -> None:
        self.history = History(document)
        self.widget = QWidget()
        column = QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        self.actions = Actions(self.widget)
        self.actions.bind("edit.undo", self.history.undo)
        self.actions.bind("edit.redo", self.history.redo)
        self.panel = TimelinePanel(look, self.history, self.actions)
        self.view = self.panel.view
        column.addWidget(self.panel)
        self.widget.resize(*size)
        self.widget.show()
        self.widget.activateWindow()
        QTest.qWaitForWindowActive(self.widget)
        self.view.show_part(0, 1.0)  # a frame is a pixel
        self.view.setFocus()

    @property
    def sequence(self) -> Sequence:
        return self.history.document.sequence

    def lane(self, name: str) -> Lane:
        return next(lane for lane in self.view.placed().lanes if lane.track.name == name)

    def at(self, frame: float, track: str = "", *, share: float = 0.72) -> QPoint:
        """The point over a frame: on the ruler, or so far down a track's lane (below the volume line)."""
        x = round(self.view.viewport.x_of(frame))
        if not track:
            return QPoint(x, 10)
        body = self.lane(track).body
        return QPoint(x, round(body.top + body.height * share))

    def drag(
        self, start: QPoint, *stops: QPoint,
        keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier, release: bool = True,
    ) -> None:  # fmt: skip
        QTest.mousePress(self.view, Qt.MouseButton.LeftButton, keys, start)
        for stop in stops:
            self.move((start + stop) / 2, keys)
            self.move(stop, keys)
        if release:
            self.release(stops[-1], keys)

    def move(self, to: QPoint, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Move with the button down: QTest.mouseMove knows no buttons."""
        from PySide6.QtCore import QEvent, QPointF
        from PySide6.QtGui import QMouseEvent

        left = Qt.MouseButton.LeftButton
        where = QPointF(to)
        there = QPointF(self.view.mapToGlobal(to))
        event = QMouseEvent(QEvent.Type.MouseMove, where, there, Qt.MouseButton.NoButton, left, keys)
        QApplication.sendEvent(self.view, event)

    def release(self, at: QPoint, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseRelease(self.view, Qt.MouseButton.LeftButton, keys, at)

    def click(self, at: QPoint, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseClick(self.view, Qt.MouseButton.LeftButton, keys, at)

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.view, key, keys)

    def row(self, track: str) -> list[tuple[str, int, int]]:
        """(name, first frame, duration) of a track's clips."""
        found = next(each for each in self.sequence.tracks if each.name == track)
        return [(item.name, start, item.duration) for start, item in found.placed() if isinstance(item, Clip)]

    def sound(self) -> None:
        """The document keeps its rules."""
        check(self.history.document)


def lane_of(document: Document, name: str, *, height: float = 60.0, width: float = 1000.0) -> Lane:
    """A lane as the layout would make it, for tests without a window."""
    track = next(track for track in document.sequence.tracks if track.name == name)
    top = RULER_PX + 2.0
    return Lane(track, Box(0, top, 152, height), Box(152, top, width, height))


def kinds(sequence: Sequence) -> list[TrackKind]:
    return [track.kind for track in sequence.tracks]
