"""What the person is told of a recovery: days are those where the person is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ltxdesktop.project.project import Recovery


@pytest.fixture
def just_past_midnight(monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    """Now, in a place whose day has begun within the last hour."""
    now = datetime.now(UTC)
    monkeypatch.setenv("TZ", f"HERE{now.hour}")  # so many hours behind UTC
    time.tzset()
    yield now
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(sys.platform == "win32", reason="no process can be somewhere else there")
def test_an_edit_of_the_evening_before_has_its_day(just_past_midnight: datetime) -> None:
    evening = just_past_midnight - timedelta(hours=1)
    recovery = Recovery(3, evening, evening, ("Trim",), Path("film.otio"))
    assert recovery.sentence() == (
        f"The program ended before 3 edits could be saved; the last was made on {evening.astimezone():%d %B at %H:%M}."
    )
