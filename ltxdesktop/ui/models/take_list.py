"""Finished takes as a list model, newest first. A take is one generated result; its recipe can make it again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
from PySide6.QtGui import QImage

from engine.protocol.messages import Recipe, ResultFile
from engine.protocol.work import AnyWork
from ltxdesktop.ui.models.values import ValueList
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


class TakeListModel(ValueList[Take]):
    """Takes by their file."""

    def words(self, value: Take) -> str:
        return value.caption

    def tip(self, value: Take) -> str:
        return f"{value.title}\nseed {value.seed}\n{value.file.path}"

    def spoken(self, value: Take) -> str:
        return f"Take: {value.caption}, seed {value.seed}"

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
            self._insert(0 if newest else len(self._values), take)

    def show_picture(self, path: str, picture: QImage) -> None:
        if (row := self.row_of(path)) >= 0:
            self._put(row, replace(self._values[row], picture=picture))
