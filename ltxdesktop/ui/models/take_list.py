"""Finished takes as a list model, newest first. A take is one generated result; its recipe can make it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QImage

from engine.protocol.messages import Recipe, ResultFile
from engine.protocol.work import AnyWork
from ltxdesktop.words import shortened

TAKE = Qt.ItemDataRole.UserRole

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Take:
    """One picture-and-sound result of a job."""

    job: str
    title: str
    file: ResultFile
    recipe: Recipe | None
    sound_file: str = ""  # where the sound isn't in the video file
    latents: str = ""  # of a draft: what "finish" goes on from
    picture: QImage | None = None

    @property
    def seed(self) -> int | None:
        if self.recipe is None:
            return None
        seeds = self.recipe.seeds
        return seeds[self.file.variation] if self.file.variation < len(seeds) else self.recipe.work.seed

    @property
    def is_draft(self) -> bool:
        return self.recipe is not None and self.recipe.work.stage == "draft"

    def finishing(self) -> AnyWork | None:
        """The work that refines this very draft; None if it's no draft, or its latents are gone."""
        if self.recipe is None or not self.is_draft or not self.latents:
            return None
        work = self.recipe.work
        return msgspec.structs.replace(
            work, stage="finish", draft_latents=self.latents, seed=self.seed or work.seed, variations=1
        )

    @property
    def caption(self) -> str:
        words = self.recipe.work.prompt if self.recipe is not None else self.title
        return shortened(words or self.title, 60)


class TakeListModel(QAbstractListModel):
    """Takes by their file."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._takes: list[Take] = []

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._takes)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not self.checkIndex(index, QAbstractListModel.CheckIndexOption.IndexIsValid):
            return None
        take = self._takes[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return take.caption
            case Qt.ItemDataRole.ToolTipRole:
                return f"{take.title}\nseed {take.seed}\n{take.file.path}"
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"Take: {take.caption}, seed {take.seed}"
            case Qt.ItemDataRole.UserRole:
                return take
            case _:
                return None

    def takes(self) -> tuple[Take, ...]:
        return tuple(self._takes)

    def take(self, path: str) -> Take | None:
        return next((each for each in self._takes if each.file.path == path), None)

    def row_of(self, path: str) -> int:
        return next((row for row, each in enumerate(self._takes) if each.file.path == path), -1)

    def add(self, take: Take, *, newest: bool = True) -> None:
        """Put a take in, in front of the others or (for those of earlier sessions) behind them; known files stay."""
        if self.row_of(take.file.path) >= 0:
            return
        row = 0 if newest else len(self._takes)
        self.beginInsertRows(QModelIndex(), row, row)
        self._takes.insert(row, take)
        self.endInsertRows()

    def show_picture(self, path: str, picture: QImage) -> None:
        if (row := self.row_of(path)) >= 0:
            self._takes[row] = replace(self._takes[row], picture=picture)
            self.dataChanged.emit(self.index(row), self.index(row))
