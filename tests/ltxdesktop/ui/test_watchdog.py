"""A handler that holds the GUI thread is seen, with where it was; a quick one is not."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QObject, QTimer, Signal

from ltxdesktop.ui.watchdog import Hold, Watchdog


class Caller(QObject):
    done = Signal()


def compute_for(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.fixture
def holds(qapp):
    seen: list[Hold] = []
    dog = Watchdog(seen.append)
    yield seen, dog
    dog.stop()


def slow(holds: list[Hold]) -> list[Hold]:
    return [hold for hold in holds if hold.cpu_s >= 0.1]


def run_in_loop(qtbot, work) -> None:
    caller = Caller()

    def call() -> None:
        work()
        QTimer.singleShot(0, caller.done.emit)

    with qtbot.waitSignal(caller.done):
        QTimer.singleShot(0, call)


def test_every_slow_handler_is_seen(qtbot, holds):
    seen, _ = holds
    for number in range(1, 6):
        run_in_loop(qtbot, lambda: compute_for(0.15))
        qtbot.waitUntil(lambda number=number: len(slow(seen)) >= number)


def test_a_slow_handler_is_seen_with_its_stack(qtbot, holds):
    seen, _ = holds

    def seen_at_it() -> bool:
        return any("compute_for" in hold.stack for hold in slow(seen))

    for number in range(1, 41):  # on a shared core the watcher may come too late to see where it was
        run_in_loop(qtbot, lambda: compute_for(0.15))
        qtbot.waitUntil(lambda number=number: len(slow(seen)) >= number)
        if seen_at_it():
            break
    assert seen_at_it()


def test_a_hold_is_seen_while_nobody_looks(qtbot, qapp, monkeypatch):
    monkeypatch.setattr(Watchdog, "_watch", lambda _: None)  # as on a machine that gives the watcher no time
    seen: list[Hold] = []
    dog = Watchdog(seen.append)
    run_in_loop(qtbot, lambda: compute_for(0.15))
    qtbot.waitUntil(lambda: bool(slow(seen)))
    dog.stop()
    assert not any(hold.stack for hold in seen)


def test_quick_handlers_and_excused_ones_are_not(qtbot, holds):
    seen, dog = holds

    def excused() -> None:
        with dog.excused():
            compute_for(0.1)

    run_in_loop(qtbot, lambda: None)
    run_in_loop(qtbot, excused)
    assert not any(hold.cpu_s >= 0.05 for hold in seen)
