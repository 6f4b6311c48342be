"""Cycles are collected on the GUI thread alone, what lives long isn't looked through again and again."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject

from ltxdesktop.ui import collecting
from ltxdesktop.ui.collecting import NEW_OBJECTS, OLDER_EVERY, Collecting


class Knot(QObject):
    """Refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        super().__init__()
        self.itself = self


@pytest.fixture
def keeper(qapp) -> Iterator[Collecting]:
    automatic = gc.isenabled()
    keeper = Collecting()
    keeper.start()
    yield keeper
    keeper.stop()
    if not automatic:  # as tests/conftest.py has it
        gc.disable()


def looked_at() -> int:
    """How many objects a full collection would look at now."""
    return len(gc.get_objects())


def make_rubbish() -> None:
    """Cycles enough for Python to collect many times over, if it did so here."""
    for _ in range(20 * NEW_OBJECTS):
        made: list[object] = []
        made.append(made)


def take_turns(keeper: Collecting, turns: int) -> None:
    for _ in range(turns):
        kept = [[] for _ in range(2 * NEW_OBJECTS)]
        keeper.collect()
        del kept


def test_a_cycle_with_an_object_of_qt_is_never_deleted_on_another_thread(keeper: Collecting, qtbot):
    keeper.collect()
    deleted_on: list[int] = []
    knot = weakref.ref(Knot(), lambda _: deleted_on.append(threading.get_ident()))
    worker = threading.Thread(target=make_rubbish)
    worker.start()
    worker.join()
    assert knot() is not None
    assert deleted_on == []
    qtbot.waitUntil(lambda: bool(deleted_on))
    assert deleted_on == [threading.get_ident()]


def test_what_lives_at_the_first_turn_is_set_aside(keeper: Collecting):
    keeper.collect()
    assert looked_at() < 5000 < gc.get_freeze_count()


def test_what_comes_later_and_grows_old_is_still_collected(keeper: Collecting):
    keeper.collect()
    knot = Knot()
    take_turns(keeper, OLDER_EVERY)  # it has survived in the younger generations
    gone = weakref.ref(knot)
    del knot
    take_turns(keeper, OLDER_EVERY**2)
    assert gone() is None


def test_where_little_is_new_nothing_is_looked_through(keeper: Collecting):
    keeper.collect()
    gc.collect()
    knot = Knot()
    gone = weakref.ref(knot)
    del knot
    keeper.collect()
    assert gone() is not None


def test_what_outlived_a_long_collection_is_set_aside(keeper: Collecting, monkeypatch: pytest.MonkeyPatch):
    keeper.collect()
    monkeypatch.setattr(collecting, "LONG_S", 0.0)
    kept = [Knot() for _ in range(10_000)]
    take_turns(keeper, OLDER_EVERY**2)
    assert looked_at() < 5000
    del kept


def test_what_outlived_a_short_one_is_not(keeper: Collecting, monkeypatch: pytest.MonkeyPatch):
    keeper.collect()
    monkeypatch.setattr(collecting, "LONG_S", 1e9)
    kept = [Knot() for _ in range(10_000)]
    take_turns(keeper, OLDER_EVERY**2)
    assert looked_at() > 10_000
    del kept


def test_afterwards_python_collects_as_before(qapp):
    automatic = gc.isenabled()
    keeper = Collecting()
    keeper.start()
    assert not gc.isenabled()
    keeper.collect()
    keeper.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    if not automatic:
        gc.disable()
