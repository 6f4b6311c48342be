"""Finished takes as a list model, newest first. A take is one generated result; its recipe can make it again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
from PySide6.QtCore import QObject, QSortFilterProxyModel
from PySide6.QtGui import QImage

from engine.protocol.again import work_again
from engine.protocol.messages import Recipe, ResultFile
from engine.protocol.work import AnyWork
from ltxdesktop.loop.ratings import Ratings
from ltxdesktop.ui.models.values import VALUE, Index, ValueList
from ltxdesktop.words import shortened


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
    rating: int = 0  # 0 = not rated, 1..5

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

    def again(self, seed: int | None = None) -> AnyWork | None:
        """The work for this one result once more, or with another seed; None if nobody knows how it was made."""
        if self.recipe is None:
            return None
        work = work_again(self.recipe)
        if seed is not None and work.stage == "finish":  # a draft's latents have their own seed
            work = msgspec.structs.replace(work, stage="full", draft_latents="")
        return msgspec.structs.replace(work, seed=(self.seed or 0) if seed is None else seed, variations=1)

    @property
    def caption(self) -> str:
        words = self.recipe.work.prompt if self.recipe is not None else self.title
        return shortened(words or self.title, 60)


class TakeListModel(ValueList[Take]):
    """Takes by their file, with the ratings that are kept for them."""

    def __init__(self, ratings: Ratings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ratings = ratings if ratings is not None else Ratings()

    def use_ratings(self, ratings: Ratings) -> None:
        """Rate as is kept there, from now on."""
        self._ratings = ratings
        for row, take in enumerate(self._values):
            self._put(row, replace(take, rating=ratings.of(take.file.path)))

    def words(self, value: Take) -> str:
        return value.caption

    def tip(self, value: Take) -> str:
        return f"{value.title}\nseed {value.seed}\n{value.file.path}"

    def spoken(self, value: Take) -> str:
        rated = f", rated {value.rating} of 5" if value.rating else ""
        return f"Take: {value.caption}, seed {value.seed}{rated}"

    def takes(self) -> tuple[Take, ...]:
        return self.values()

    def take(self, path: str) -> Take | None:
        row = self.row_of(path)
        return self._values[row] if row >= 0 else None

    def row_of(self, path: str) -> int:
        return self.row_where(lambda each: each.file.path == path)

    def add(self, take: Take, *, newest: bool = True) -> None:
        """Put a take in, in front of the others or (for those of earlier sessions) behind them; known files stay."""
        if self.row_of(take.file.path) < 0:
            rated = replace(take, rating=self._ratings.of(take.file.path))
            self._insert(0 if newest else len(self._values), rated)

    def rate(self, path: str, rating: int) -> None:
        """Give a take 1 to 5 stars, or none (0). Raises what keeping ratings raises; it's shown."""
        if (row := self.row_of(path)) >= 0:
            self._put(row, replace(self._values[row], rating=rating))
            self._ratings.rate(path, rating)

    def show_picture(self, path: str, picture: QImage) -> None:
        if (row := self.row_of(path)) >= 0:
            self._put(row, replace(self._values[row], picture=picture))


class TakeFilter(QSortFilterProxyModel):
    """The takes whose prompt has all of some words, and that are rated so well or better."""

    def __init__(self, takes: TakeListModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self._least = 0
        self.setSourceModel(takes)

    def search(self, words: str) -> None:
        """Only takes with each of these words in their prompt or title, in any order and any case."""
        self.beginFilterChange()
        self._words = words.casefold().split()
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def require(self, rating: int) -> None:
        """Only takes with so many stars or more; 0: all."""
        self.beginFilterChange()
        self._least = rating
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        take: Take = self.sourceModel().index(source_row, 0).data(VALUE)
        prompt = take.recipe.work.prompt if take.recipe is not None else ""
        text = f"{prompt} {take.title}".casefold()
        return take.rating >= self._least and all(word in text for word in self._words)
