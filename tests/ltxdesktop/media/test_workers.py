"""Requests for places: newest first, a newer one cancels the older, nothing runs after the end."""

from __future__ import annotations

import threading

import pytest

from engine.media.errors import MediaError
from ltxdesktop.media.workers import Token, Workers


class Gate:
    """Holds a worker until it's opened, so that the others pile up behind it."""

    def __init__(self, workers: Workers) -> None:
        self._entered, self._open = threading.Event(), threading.Event()
        workers.put(self, self._hold)
        self._entered.wait()

    def _hold(self, _token: Token) -> None:
        self._entered.set()
        self._open.wait()

    def open(self) -> None:
        self._open.set()


@pytest.mark.parametrize(("in_order", "expected"), [(False, ["c", "b", "a"]), (True, ["a", "b", "c"])])
def test_the_order_of_what_waits(in_order: bool, expected: list[str]):
    workers, done = Workers(1, "test", in_order=in_order), list[str]()
    gate = Gate(workers)
    for name in "abc":
        workers.put(name, lambda _, name=name: done.append(name))
    gate.open()
    workers.finish()
    workers.close()
    assert done == expected


def test_a_newer_request_replaces_the_one_that_waits():
    workers, done = Workers(1, "test"), list[int]()
    gate = Gate(workers)
    tokens = [workers.put("place", lambda _, n=number: done.append(n)) for number in range(5)]
    gate.open()
    workers.finish()
    workers.close()
    assert done == [4]
    assert [token.cancelled for token in tokens] == [True] * 4 + [False]


def test_a_newer_request_cancels_the_one_that_runs_and_never_runs_beside_it():
    workers, running, most = Workers(2, "test", in_order=True), [0], [0]
    entered, go_on, other_done = threading.Event(), threading.Event(), threading.Event()

    def work(_token: Token) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        entered.set()
        go_on.wait()  # slow to notice that it's cancelled
        running[0] -= 1

    first = workers.put("place", work)
    entered.wait()
    second = workers.put("place", work)
    workers.put("other", lambda _: other_done.set())  # by the second thread, which must have passed by "place"
    other_done.wait(300)
    assert most == [1]
    assert (first.cancelled, second.cancelled) == (True, False)
    go_on.set()
    workers.finish()
    workers.close()
    assert most == [1]


def test_closing_cancels_everything_and_ends_the_threads():
    workers, entered = Workers(2, "test"), threading.Event()

    def work(token: Token) -> None:
        entered.set()
        token.wait(60)

    tokens = [workers.put(number, work) for number in range(5)]
    entered.wait()
    workers.close()
    assert all(token.cancelled for token in tokens)
    assert workers.put("late", work).cancelled


def test_a_failure_is_logged_and_the_next_request_served(caplog: pytest.LogCaptureFixture):
    workers, done = Workers(1, "test", in_order=True), list[int]()

    def fail(_token: Token) -> None:
        raise RuntimeError("a mistake of ours")

    def refuse(_token: Token) -> None:
        raise MediaError(__file__, "expected")  # type: ignore[arg-type]

    workers.put(1, fail)
    workers.put(2, refuse)
    workers.put(3, lambda _: done.append(3))
    workers.finish()
    workers.close()
    assert done == [3]
    assert [record.levelname for record in caplog.records if record.levelno >= 40] == ["ERROR"]
