"""Earlier saves of a project: kept in a folder of their own, thinned out by count and age."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

NEWEST: Final = 10  # always kept, unless the person wants another number
HOURLY: Final = timedelta(days=1)  # the newest of each hour, for so long
DAILY: Final = timedelta(days=30)  # the newest of each day, for so long

_FORM: Final = "%Y-%m-%d %H-%M-%S-%f"
_ENDING: Final = ".otio"


@dataclass(frozen=True, slots=True)
class Backup:
    """An earlier save. `at` is when it was replaced by a newer one (UTC)."""

    path: Path
    at: datetime


def backups_in(folder: Path) -> list[Backup]:
    """The backups, newest first; files with other names are none."""
    found: list[Backup] = []
    if not folder.is_dir():
        return found
    for path in folder.iterdir():
        with contextlib.suppress(ValueError):
            at = datetime.strptime(path.stem, _FORM).replace(tzinfo=UTC)
            if path.suffix == _ENDING:
                found.append(Backup(path, at))
    return sorted(found, key=lambda backup: backup.at, reverse=True)


def keep(project: Path, folder: Path, now: datetime, newest: int = NEWEST) -> None:
    """Keep the project file as it is now as a backup, and remove those that the rule no longer keeps.

    A second name for the same file where the system has such, else a copy. Raises OSError.
    """
    if not project.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (now.astimezone(UTC).strftime(_FORM) + _ENDING)
    with contextlib.suppress(FileExistsError):
        try:
            os.link(project, target)
        except FileExistsError:
            raise
        except OSError:
            shutil.copy2(project, target)
    kept = backups_in(folder)
    for backup in superfluous(kept, now, newest):
        backup.path.unlink(missing_ok=True)


def superfluous(backups: Iterable[Backup], now: datetime, newest: int = NEWEST) -> list[Backup]:
    """Those that no rule keeps, of backups in order from new to old."""
    hours, days = set[datetime](), set[datetime]()
    gone: list[Backup] = []
    for place, backup in enumerate(backups):
        hour = backup.at.replace(minute=0, second=0, microsecond=0)
        day = hour.replace(hour=0)
        age = now - backup.at
        first_of_hour = age <= HOURLY and hour not in hours
        first_of_day = age <= DAILY and day not in days
        hours.add(hour)
        days.add(day)
        if place >= newest and not first_of_hour and not first_of_day:
            gone.append(backup)
    return gone
