"""What lives long isn't looked through by the collector again and again; what is thrown away still goes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from ltxdesktop.ui import collecting
from ltxdesktop.ui.collecting import Collecting


class Knot:
    """Refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def keeper() -> Iterator[Collecting]:
    keeper = Collecting()
    keeper.start()
    yield keeper
    keeper.stop()


def looked_at() -> int:
    """How many objects a full collection would look at now."""
    return len(gc.get_objects())


def test_what_lives_at_the_start_is_set_aside(keeper):
    assert looked_at() < 5000 < gc.get_freeze_count()


def test_what_comes_later_is_still_collected(keeper):
    knot = weakref.ref(Knot())
    gc.collect()
    assert knot() is None


def test_what_outlived_a_long_collection_is_set_aside(keeper, monkeypatch):
    monkeypatch.setattr(collecting, "LONG_S", 0.0)
    kept = [Knot() for _ in range(10_000)]
    gc.collect()
    assert looked_at() < 5000
    del kept


def test_what_outlived_a_short_one_is_not(keeper, monkeypatch):
    monkeypatch.setattr(collecting, "LONG_S", 1e9)
    kept = [Knot() for _ in range(10_000)]
    gc.collect()
    assert looked_at() > 10_000
    del kept


def test_nothing_stays_aside_after_the_end():
    keeper = Collecting()
    keeper.start()
    keeper.stop()
    assert gc.get_freeze_count() == 0
    assert keeper._look not in gc.callbacks
