"""The queue as a list model, and how its cards are drawn. Layout is a pure function; painting decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from PySide6.QtCore import QObject, QRect, QRectF, QSize
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from ltxdesktop.export.presets import PRESETS
from ltxdesktop.export.progress import Progress
from ltxdesktop.export.queue import Done, Entry, Failed, Running, Stopped, Waiting
from ltxdesktop.ui.card import Card
from ltxdesktop.ui.deliver.exports import Exports
from ltxdesktop.ui.drawing import font_of, paint_bar, paint_line, rect_of, sized
from ltxdesktop.ui.models.values import VALUE, Index, ValueList
from ltxdesktop.ui.theme import Theme
from ltxdesktop.words import clock, gigabytes

CARD_HEIGHT = 68


@dataclass(frozen=True)
class Row:
    """One export as the list shows it."""

    entry: Entry
    progress: Progress | None = None

    @property
    def title(self) -> str:
        return self.entry.target.name

    @property
    def kind(self) -> str:
        preset = PRESETS.get(self.entry.settings.preset)
        return f"{self.entry.project} · {preset.name if preset else self.entry.settings.preset}"

    @property
    def share(self) -> float:
        return self.progress.share if self.progress is not None else 0.0

    @property
    def status(self) -> str:
        """One line: how far, how fast, how long still; or how it ended."""
        match self.entry.state:
            case Waiting():
                return "Waiting"
            case Stopped():
                return "Cancelled"
            case Failed(why):
                return why
            case Done(size, seconds, lines):
                return " · ".join([f"Done, {gigabytes(size)} in {_took(seconds)}", *lines])
            case Running():
                return self._running()

    @property
    def details(self) -> list[str]:
        """All that was said of it when it ended, for which a card may have no room."""
        match self.entry.state:
            case Failed(why):
                return [why]
            case Done(_, _, lines):
                return list(lines)
            case Waiting() | Running() | Stopped():
                return []

    def _running(self) -> str:
        at = self.progress
        if at is None:
            return "Starting"
        parts = [at.doing[:1].upper() + at.doing[1:]]
        if at.frames:
            parts.append(f"{at.share:.0%}")
        if at.fps:
            parts.append(f"{at.fps:.0f} fps")
        if at.seconds_left is not None:
            parts.append(f"{clock(at.seconds_left)} left")
        return " · ".join(parts)


class QueueModel(ValueList[Row]):
    """The rows of `Exports`, in the queue's order."""

    def __init__(self, exports: Exports, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._exports = exports
        exports.changed.connect(self._take)
        exports.progressed.connect(self._take_progress)
        self._take()

    def words(self, value: Row) -> str:
        return value.title

    def tip(self, value: Row) -> str:
        return f"{value.entry.target}\n{value.kind}\n{value.status}"

    def spoken(self, value: Row) -> str:
        return f"{value.title}, {value.kind}, {value.status}"

    def rows(self) -> tuple[Row, ...]:
        return self.values()

    def _take(self) -> None:
        rows = [Row(entry, self._exports.progress(entry.id)) for entry in self._exports.entries]
        self._take_all(rows, lambda one, other: one.entry.id == other.entry.id)

    def _take_progress(self, entry_id: str) -> None:
        row = self.row_where(lambda each: each.entry.id == entry_id)
        if row >= 0:
            self._put(row, Row(self._values[row].entry, self._exports.progress(entry_id)))


class Boxes(NamedTuple):
    """Where the parts of a card lie."""

    title: QRect
    kind: QRect
    status: QRect
    bar: QRect


def lay_out(card: QRect) -> Boxes:
    inner = card.adjusted(10, 7, -10, -7)
    return Boxes(
        QRect(inner.left(), inner.top(), inner.width(), 17),
        QRect(inner.left(), inner.top() + 17, inner.width(), 16),
        QRect(inner.left(), inner.top() + 33, inner.width(), 16),
        QRect(inner.left(), inner.bottom() - 2, inner.width(), 3),
    )


class ExportCards(Card):
    """Draws one export: its file, what it's made of, how far it is."""

    @property
    def plain(self) -> str:
        return self.look.theme.control

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(220, CARD_HEIGHT)

    def draw(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row = index.data(VALUE)
        theme = self.look.theme
        rect, font = rect_of(option), font_of(option)
        boxes = lay_out(rect)
        paint_line(painter, boxes.title, row.title, theme.text, sized(font, 13, QFont.Weight.Medium))
        paint_line(painter, boxes.kind, row.kind, theme.quiet, sized(font, 12))
        paint_line(painter, boxes.status, row.status, _status_colour(row, theme), sized(font, 12))
        if isinstance(row.entry.state, Running):
            paint_bar(painter, QRectF(boxes.bar), row.share, theme)


def _took(seconds: float) -> str:
    return clock(seconds) if seconds >= 0.5 else "under a second"


def _status_colour(row: Row, theme: Theme) -> str:
    match row.entry.state:
        case Failed():
            return theme.bad
        case Done():
            return theme.good
        case Running():
            return theme.accent
        case Waiting() | Stopped():
            return theme.quiet
