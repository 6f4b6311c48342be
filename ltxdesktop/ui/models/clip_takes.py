"""The takes of one clip as a list model: what they are called, what they were made with, how they are rated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage

from ltxdesktop.document.model import Clip, Document, Media, MediaId, Take
from ltxdesktop.loop.remaking import prompt_of, was_draft
from ltxdesktop.ui.models.values import Index, ValueList
from ltxdesktop.words import shortened


@dataclass(frozen=True)
class TakeRow:
    """One take of a clip. Take 0 is what was there at first."""

    number: int
    take: Take
    facts: str  # what it was made with
    prompt: str = ""
    picture: QImage | None = None

    @property
    def name(self) -> str:
        return self.take.name or ("Original" if self.number == 0 else f"Take {self.number}")

    @property
    def title(self) -> str:
        """The name with its number in front: takes of one prompt have names that differ at their ends only."""
        return f"{self.number} · {self.take.name}" if self.number and self.take.name else self.name


def rows_of(document: Document, clip: Clip) -> list[TakeRow]:
    """A row for every take of a clip, in the clip's order, without pictures."""
    return [_row(document.media.get(take.media), take, number) for number, take in enumerate(clip.takes)]


def _row(media: Media | None, take: Take, number: int) -> TakeRow:
    if media is None or not media.recipe:
        return TakeRow(number, take, "footage")
    kind = "draft · " if was_draft(media) else ""
    return TakeRow(number, take, f"{kind}seed {media.recipe.get('seed', '?')}", prompt_of(media))


class ClipTakesModel(ValueList[TakeRow]):
    """Names are edited in place: `renamed` asks for it, and the row changes when the document has."""

    renamed = Signal(int, str)

    def words(self, value: TakeRow) -> str:
        return value.name

    def tip(self, value: TakeRow) -> str:
        lines = [value.name, value.facts, shortened(value.prompt, 120), value.take.note]
        return "\n".join(line for line in lines if line)

    def spoken(self, value: TakeRow) -> str:
        rated = f", rated {value.take.rating} of 5" if value.take.rating else ""
        return f"{value.title}, {value.facts}{rated}"

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return super().data(index, Qt.ItemDataRole.DisplayRole if role == Qt.ItemDataRole.EditRole else role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        words = str(value).strip()
        if role != Qt.ItemDataRole.EditRole or not words or words == self._values[index.row()].name:
            return False
        self.renamed.emit(self._values[index.row()].number, words)
        return True

    def show(self, rows: list[TakeRow]) -> None:
        """Other takes, or the same with other names and ratings; pictures that are there already stay."""
        known = {row.take.media: row.picture for row in self._values}
        fresh = [replace(row, picture=known.get(row.take.media)) for row in rows]
        self._take_all(fresh, lambda one, other: one.take.media == other.take.media)

    def show_picture(self, media: MediaId, picture: QImage) -> None:
        for row, value in enumerate(self._values):
            if value.take.media == media:
                self._put(row, replace(value, picture=picture))
