"""The window's engine: a true process over `QProcess`, whose events come as signals while the window goes on."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from pathlib import Path

import msgspec
import psutil
import pytest
from PySide6.QtCore import QObject, QSize, QTimer
from PySide6.QtGui import QImage

from engine.backends.testing import Orders
from engine.protocol.messages import (
    Cancel,
    Cancelled,
    Done,
    Event,
    Failed,
    JobChanged,
    JobNotice,
    JobPreview,
    JobProgress,
    JobState,
    Ping,
    Pong,
    Submit,
)
from engine.protocol.work import TextToVideo
from engine.server.priority import NICENESS
from ltxdesktop.jobs.channel import Pixels, engine_command
from ltxdesktop.jobs.supervisor import GivenUp, Patience, Ready, Restarting, Starting, State, Stopped, Stopping
from ltxdesktop.ui.engine_link import EngineLink
from ltxdesktop.ui.previews import pictures_of, small

QUICK = Patience(ask_s=0.1, terminate_s=0.1, restarts_s=(0.01, 0.01))
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(1)
"""


class Listener(QObject):
    """Keeps what a link tells, and on which thread."""

    def __init__(self, link: EngineLink) -> None:
        super().__init__()
        self.states: list[State] = []
        self.events: list[Event] = []
        self.lost: list[tuple[str, bool]] = []
        self.threads: set[int] = set()
        self.pictures: list[tuple[int, int]] = []
        link.state_changed.connect(self._take_state)
        link.received.connect(self._take)
        link.lost.connect(self._take_lost)

    def _take_state(self, state: State) -> None:
        self.states.append(state)

    def _take(self, event: Event, body: bytes | Pixels) -> None:
        self.events.append(event)
        self.threads.add(threading.get_ident())
        if isinstance(event, JobPreview):
            self.pictures += [(each.width(), each.height()) for each in pictures_of(event, body)]

    def _take_lost(self, words: str, given_up: bool) -> None:
        self.lost.append((words, given_up))

    def end_of(self, job: str) -> JobState | None:
        ends = [each.state for each in self.events if isinstance(each, JobChanged) and each.job == job]
        return next((each for each in reversed(ends) if isinstance(each, Done | Failed | Cancelled)), None)

    def phase_of(self, job: str) -> str:
        return next((e.phase for e in reversed(self.events) if isinstance(e, JobProgress) and e.job == job), "")


def work(**orders: object) -> TextToVideo:
    prompt = msgspec.json.encode(Orders(**orders)).decode()
    return TextToVideo(prompt=prompt, width=32, height=32, frames=9, rate="24")


@pytest.fixture
def link(qtbot, tmp_path: Path):
    made = EngineLink(engine_command(backends=["test"], store=str(tmp_path)))
    yield made
    with qtbot.waitSignal(made.stopped):
        made.stop()


@pytest.fixture
def heard(link: EngineLink) -> Listener:
    return Listener(link)


def start(link: EngineLink, qtbot) -> int:
    with qtbot.waitSignal(link.ready):
        link.start()
    return link.process_id


def test_engine_is_started_and_answers_on_the_gui_thread(link: EngineLink, heard: Listener, qtbot):
    start(link, qtbot)
    link.send(Ping(call=7))
    qtbot.waitUntil(lambda: Pong(call=7) in heard.events)
    assert heard.threads == {threading.get_ident()}
    assert [type(each) for each in heard.states] == [Starting, Ready]


@pytest.mark.skipif(sys.platform == "win32", reason="priorities have names there, no numbers")
def test_an_engine_in_the_background_lets_the_window_compute_first(qtbot, tmp_path: Path):
    link = EngineLink(engine_command(backends=["test"], store=str(tmp_path), background=True))
    engine = psutil.Process(start(link, qtbot))
    assert engine.nice() == min(19, psutil.Process().nice() + NICENESS)
    with qtbot.waitSignal(link.stopped):
        link.stop()


def test_killed_engine_is_started_again_and_the_person_is_told(link: EngineLink, heard: Listener, qtbot):
    first = start(link, qtbot)
    with qtbot.waitSignal(link.ready):
        os.kill(first, signal.SIGKILL)
    assert [type(each) for each in heard.states] == [Starting, Ready, Restarting, Starting, Ready]
    ((words, given_up),) = heard.lost
    assert "stopped unexpectedly (signal 9)" in words
    assert not given_up
    assert link.process_id not in {0, first}


def test_jobs_asked_for_while_the_engine_is_down_are_done_when_it_is_back(link: EngineLink, heard: Listener, qtbot):
    first = start(link, qtbot)
    with qtbot.waitSignal(link.lost):
        os.kill(first, signal.SIGKILL)
    link.send(Submit(call=1, job="waiting", work=work()))
    link.send(Submit(call=2, job="unwanted", work=work()))
    link.send(Cancel(call=3, job="unwanted"))
    qtbot.waitUntil(lambda: isinstance(heard.end_of("waiting"), Done))
    assert isinstance(heard.end_of("unwanted"), Cancelled)


def test_engine_that_never_starts_well_is_given_up(qtbot):
    link = EngineLink([sys.executable, "-S", "-c", "import sys; sys.exit(1)"], patience=QUICK)
    heard = Listener(link)
    link.start()
    qtbot.waitUntil(lambda: isinstance(link.state, GivenUp))
    assert [given_up for _, given_up in heard.lost] == [False, False, True]
    assert "always stopped" in heard.lost[-1][0]
    assert link.process_id == 0


def test_command_that_does_not_exist_is_said_once(qtbot):
    link = EngineLink(["/nowhere/engine"])
    heard = Listener(link)
    link.start()
    qtbot.waitUntil(lambda: isinstance(link.state, GivenUp))
    ((words, given_up),) = heard.lost
    assert given_up
    assert "can't be started" in words


def test_restart_gives_a_fresh_process(link: EngineLink, heard: Listener, qtbot):
    first = start(link, qtbot)
    with qtbot.waitSignal(link.ready):
        link.restart()
    assert link.process_id not in {0, first}
    assert Stopping(then_start=True) in heard.states


def test_engine_deaf_to_everything_is_killed(qtbot):
    link = EngineLink([sys.executable, "-S", "-c", DEAF], patience=QUICK)
    link.start()
    qtbot.waitUntil(lambda: link.process_id != 0)
    process = psutil.Process(link.process_id)
    with qtbot.waitSignal(link.stopped):
        link.stop()
    assert link.state == Stopped()
    assert not process.is_running()


def test_requests_without_an_engine_are_dropped(link: EngineLink):
    assert not link.send(Ping(call=1))
    assert link.process_id == 0


@pytest.mark.parametrize("size", [(32, 24), (33, 25), (1920, 1080)])
def test_preview_pixels_arrive_as_pictures(
    link: EngineLink, heard: Listener, qtbot, tmp_path: Path, size: tuple[int, int]
):
    start(link, qtbot)
    gate = tmp_path / "gate"
    link.send(Submit(call=1, job="a", work=work(preview_size=size, wait_at="decoding", gate=str(gate))))
    qtbot.waitUntil(lambda: bool(heard.pictures))
    assert set(heard.pictures) == {size}
    gate.touch()
    qtbot.waitUntil(lambda: isinstance(heard.end_of("a"), Done))


@pytest.mark.parametrize(("width", "frames"), [(4, 1), (5, 3)])
def test_pictures_have_the_pixels_of_the_ring_in_their_place(width: int, frames: int):
    from engine.protocol.ring import RingReader, RingWriter

    height = 3
    pixels = bytes(n % 251 for n in range(width * height * 3 * frames))
    with RingWriter(slots=2, slot_bytes=1024) as ring, RingReader(ring.description) as reader:
        slot, stamp = ring.write(pixels)
        preview = JobPreview(job="a", width=width, height=height, frames=frames, slot=slot, stamp=stamp)
        there = Pixels(reader, slot, stamp)
        for body in (pixels, there):
            pictures = pictures_of(preview, body)
            seen = [
                picture.pixelColor(x, y).getRgb()[:3]
                for picture in pictures
                for y in range(height)
                for x in range(width)
            ]
            assert bytes(value for colour in seen for value in colour) == pixels
        too_many = msgspec.structs.replace(preview, frames=frames + 1)
        assert pictures_of(too_many, pixels) == []
        ring.write(pixels)
        ring.write(pixels)
        assert pictures_of(preview, there) == []


def test_pictures_for_cards_are_small_and_keep_their_shape():
    large, already = QImage(1920, 1080, QImage.Format.Format_RGB888), QImage(60, 34, QImage.Format.Format_RGB888)
    assert small(large).size() == QSize(160, 90)
    assert small(already).size() == already.size()


def test_flood_does_not_freeze_the_window(link: EngineLink, heard: Listener, qtbot):
    """20,000 notices that are never dropped come in slices: other events of the window have their turn in between."""
    start(link, qtbot)
    turns: list[int] = []
    ticking = QTimer(link)
    ticking.timeout.connect(lambda: turns.append(len(heard.events)))
    ticking.start(0)
    link.send(Submit(call=1, job="talkative", work=work(notice_flood=20_000)))
    qtbot.waitUntil(lambda: isinstance(heard.end_of("talkative"), Done))
    ticking.stop()
    notices = [each for each in heard.events if isinstance(each, JobNotice) and each.kind == "warning"]
    assert len(notices) == 20_000
    most_at_once = max(after - before for before, after in itertools.pairwise(turns))
    assert most_at_once < 5_000
