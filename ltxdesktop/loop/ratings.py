"""How a person rated results that are on no timeline yet: in a small file, by the result's own file. No Qt.

A take on a timeline has its rating in the project; this is for the grid of all results.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import cast

from ltxdesktop.loop.keeping import Keep, keep_now

RATINGS_KEPT = 2000  # the newest: a rating of a result that was deleted is of no use for ever


class Ratings:
    """Without a file they last as long as the program."""

    def __init__(self, file: Path | None = None, keep: Keep = keep_now) -> None:
        """Read what is there; a file that can't be read is taken as empty, and written anew by the next rating."""
        self._file, self._keep = file, keep
        self._ratings: dict[str, int] = _read(file) if file is not None else {}

    def of(self, path: str) -> int:
        """0 = not rated, 1..5."""
        return self._ratings.get(path, 0)

    def rate(self, path: str, rating: int) -> None:
        """Rate a result; 0 takes the rating back. Raises what `keep` raises."""
        self._ratings.pop(path, None)
        if rating:
            self._ratings[path] = rating
        for oldest in list(self._ratings)[:-RATINGS_KEPT]:
            del self._ratings[oldest]
        if self._file is not None:
            self._keep(self._file, partial(json.dumps, dict(self._ratings), ensure_ascii=False, indent=1))


def _read(file: Path) -> dict[str, int]:
    try:
        stored: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    kept = cast("dict[str, object]", stored) if isinstance(stored, dict) else {}
    return {path: rating for path, rating in kept.items() if isinstance(rating, int) and 1 <= rating <= 5}
