"""The window's engine process: started, watched, started again after a crash, given up, and ended."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from engine.protocol.messages import Ping, Pong
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.ui import engine_link
from ltxdesktop.ui.engine_link import EngineLink

LONG_MS = 60_000

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(1)
"""


@pytest.fixture
def link(qtbot, tmp_path: Path):
    made = EngineLink(engine_command(backends=["test"], store=str(tmp_path)))
    yield made
    with qtbot.waitSignal(made.stopped, timeout=LONG_MS):
        made.stop()


def start(link: EngineLink, qtbot) -> int:
    with qtbot.waitSignal(link.ready, timeout=LONG_MS):
        link.start()
    return link.process_id


def test_engine_is_started_and_answers(link: EngineLink, qtbot):
    start(link, qtbot)
    with qtbot.waitSignal(link.received, timeout=LONG_MS, check_params_cb=lambda event, _: event == Pong(call=7)):
        link.send(Ping(call=7))


def test_killed_engine_is_started_again_and_the_person_is_told(link: EngineLink, qtbot):
    first = start(link, qtbot)
    told: list[tuple[str, bool]] = []
    link.lost.connect(lambda words, given_up: told.append((words, given_up)))
    with qtbot.waitSignal(link.ready, timeout=LONG_MS):
        os.kill(first, signal.SIGKILL)
    ((words, given_up),) = told
    assert "stopped unexpectedly (signal 9)" in words
    assert not given_up
    assert link.process_id not in {0, first}


def test_engine_that_never_starts_well_is_given_up(qtbot, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_link, "RESTART_AFTER_MS", (1, 1))
    link = EngineLink([sys.executable, "-c", "import sys; sys.exit(1)"])
    told: list[tuple[str, bool]] = []
    link.lost.connect(lambda words, given_up: told.append((words, given_up)))
    link.start()
    qtbot.waitUntil(lambda: bool(told) and told[-1][1], timeout=LONG_MS)
    assert [given_up for _, given_up in told] == [False, False, True]
    assert "always stopped" in told[-1][0]
    assert link.process_id == 0


def test_command_that_does_not_exist_is_said_once(qtbot):
    link = EngineLink(["/nowhere/engine"])
    with qtbot.waitSignal(link.lost, timeout=LONG_MS) as lost:
        link.start()
    assert lost.args[1] is True
    assert "can't be started" in lost.args[0]


def test_restart_gives_a_fresh_process(link: EngineLink, qtbot):
    first = start(link, qtbot)
    with qtbot.waitSignal(link.ready, timeout=LONG_MS):
        link.restart()
    assert link.process_id not in {0, first}


def test_engine_deaf_to_everything_is_killed(qtbot, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_link, "PATIENCE_MS", 100)
    link = EngineLink([sys.executable, "-c", DEAF])
    link.start()
    qtbot.waitUntil(lambda: link.process_id != 0, timeout=LONG_MS)
    process = psutil.Process(link.process_id)
    with qtbot.waitSignal(link.stopped, timeout=LONG_MS):
        link.stop()
    assert not process.is_running()


def test_requests_without_an_engine_are_dropped(link: EngineLink):
    link.send(Ping(call=1))
    assert link.process_id == 0
