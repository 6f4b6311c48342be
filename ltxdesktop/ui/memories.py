"""The small memories beside projects: used prompts, ratings, which job belongs where. A worker writes them in order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from ltxdesktop.loop.keeping import keep_now
from ltxdesktop.loop.prompts import PromptHistory
from ltxdesktop.loop.ratings import Ratings
from ltxdesktop.ui.background import Background

if TYPE_CHECKING:
    from ltxdesktop.loop.pending import PendingTakes

WAITING = "takes.json"  # in the program's folder: which job belongs to which place
PROMPTS = "prompts.json"  # beside it: what was asked for before
RATINGS = "ratings.json"


class Memories(QObject):
    """One of each for the whole program, so that no two write the same file. `close` when the window goes."""

    failed = Signal(str)  # what couldn't be kept, and why

    def __init__(self, state: Path, parent: QObject | None = None) -> None:
        """`state`: the program's folder for what has to survive a crash."""
        super().__init__(parent)
        # One thread: later words never get below earlier ones. What isn't written yet is lost if the program is killed.
        self._writer = Background(threads=1, parent=self, polite=False)
        self.prompts = PromptHistory(state / PROMPTS, self._keep)
        self.ratings = Ratings(state / RATINGS, self._keep)
        self._state = state

    @cached_property
    def waiting(self) -> PendingTakes:
        """Read when Edit is first shown: the window waits for nothing that Generate doesn't need."""
        from ltxdesktop.loop.pending import PendingTakes

        return PendingTakes(self._state / WAITING, self._keep)

    def close(self) -> None:
        """Return when everything is on the disk."""
        self._writer.finish_and_close()

    def _keep(self, file: Path, words: Callable[[], str]) -> None:
        self._writer.run(partial(keep_now, file, words), _nothing, partial(self._tell, file))

    def _tell(self, file: Path, error: Exception) -> None:
        self.failed.emit(f"{file.name} isn't kept for the next start: {error}")


def _nothing(result: object) -> None:
    """It's written; nobody waits for that."""
