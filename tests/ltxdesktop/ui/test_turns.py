"""Steps of work on the GUI thread: in order, each in its own turn, what belongs together not parted by what waits."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from pytestqt.qtbot import QtBot

from ltxdesktop.ui.parts import ThinBar
from ltxdesktop.ui.turns import Turns


def test_steps_come_in_order_and_what_a_step_adds_comes_before_what_waits(qtbot: QtBot) -> None:
    done: list[str] = []
    turns = Turns()

    def first() -> None:
        done.append("first")
        turns.next(partial(done.append, "shown"))

    turns.add(first)
    turns.add(partial(done.append, "second"))
    assert done == []
    qtbot.waitUntil(lambda: len(done) == 3)
    assert done == ["first", "shown", "second"]


def test_other_events_have_their_turn_between_two_steps(qtbot: QtBot) -> None:
    done: list[str] = []

    class Other(QObject):
        def event(self, event: QEvent) -> bool:
            if event.type() == QEvent.Type.User:
                done.append("event")
            return super().event(event)

    other, turns = Other(), Turns()

    def first() -> None:
        done.append("first")
        QCoreApplication.postEvent(other, QEvent(QEvent.Type.User))

    turns.add(first)
    turns.add(partial(done.append, "second"))
    qtbot.waitUntil(lambda: len(done) == 3)
    assert done == ["first", "event", "second"]


def test_after_a_step_that_fails_the_others_are_done(qtbot: QtBot) -> None:
    done: list[str] = []
    turns = Turns()

    def fail() -> None:
        raise ValueError

    turns.add(fail)
    turns.add(partial(done.append, "second"))
    with qtbot.captureExceptions() as raised:
        qtbot.waitUntil(lambda: bool(done))
    assert [kind for kind, *_ in raised] == [ValueError]


def test_a_bar_is_painted_with_everything_else(qtbot: QtBot) -> None:
    painted: list[int] = []

    class Seen(ThinBar):
        def paintEvent(self, event: object) -> None:
            painted.append(self.value())

    bar = Seen("Progress")
    qtbot.addWidget(bar)
    bar.show()
    qtbot.waitUntil(lambda: bool(painted))
    painted.clear()
    bar.show_share(0.25)
    bar.show_share(0.5)
    assert painted == []
    qtbot.waitUntil(lambda: painted == [500])


@pytest.mark.parametrize(("share", "shown"), [(0.0, (0, 1000, 0)), (1.0, (0, 1000, 1000)), (None, (0, 0, 0))])
def test_how_far_a_bar_is(qtbot: QtBot, share: float | None, shown: tuple[int, int, int]) -> None:
    bar = ThinBar("Progress")
    qtbot.addWidget(bar)
    bar.show_share(share)
    assert (bar.minimum(), bar.maximum(), bar.value()) == shown
