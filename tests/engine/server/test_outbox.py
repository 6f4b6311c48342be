"""What waits to be sent stays bounded; what may be dropped is, and nothing else."""

import os
import select
import sys
import threading
from collections.abc import Iterator

import pytest

from engine.protocol.framing import EVENT_LIMITS, Frame, FrameReader
from engine.protocol.messages import (
    Cancelled,
    Event,
    JobChanged,
    JobNotice,
    JobPreview,
    JobProgress,
    JobRow,
    Jobs,
    Pong,
    Refused,
    Running,
    decode_event,
)
from engine.server import outbox as outbox_module
from engine.server.outbox import MOST_PREVIEWS, MOST_WAITING, Outbox
from engine.server.wire import takes_at_once


class SlowPipe:
    """Takes bytes only while `open`, as a pipe does whose reader has stopped."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()  # somebody wants to write
        self.broken: OSError | None = None
        self.data = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        self.reached.set()
        self.open.wait()
        if self.broken:
            raise self.broken
        self.data += data

    def events(self) -> list[Event]:
        items = FrameReader(EVENT_LIMITS).feed(self.data)
        return [decode_event(item.header) for item in items if isinstance(item, Frame)]


@pytest.fixture
def pipe() -> SlowPipe:
    return SlowPipe()


@pytest.fixture
def gone() -> list[OSError]:
    return []


@pytest.fixture
def outbox(pipe: SlowPipe, gone: list[OSError]) -> Iterator[Outbox]:
    """An outbox whose sender already stands before the pipe with one Pong in hand."""
    outbox = Outbox(pipe.write, gone.append)
    outbox.start()
    outbox.post(Pong(call=999))
    assert pipe.reached.wait(300)
    yield outbox
    pipe.open.set()
    outbox.close(30)


def sent(outbox: Outbox, pipe: SlowPipe) -> list[Event]:
    pipe.open.set()
    assert outbox.close(30)
    events = pipe.events()
    assert events[0] == Pong(call=999)
    return events[1:]


def test_of_progress_only_the_newest_of_each_job_is_sent(outbox: Outbox, pipe: SlowPipe) -> None:
    for step in range(100):
        outbox.post_progress(JobProgress(job="a", phase="stage 1", step=step))
        outbox.post_progress(JobProgress(job="b", phase="stage 1", step=1000 + step))
    assert [(event.job, event.step) for event in sent(outbox, pipe) if isinstance(event, JobProgress)] == [
        ("a", 99),
        ("b", 1099),
    ]


def test_of_previews_the_oldest_are_dropped(outbox: Outbox, pipe: SlowPipe) -> None:
    for stamp in range(100):
        outbox.post_preview(JobPreview(job="a", width=1, height=1, slot=0, stamp=stamp))
    stamps = [event.stamp for event in sent(outbox, pipe) if isinstance(event, JobPreview)]
    assert stamps == list(range(100 - MOST_PREVIEWS, 100))


def test_everything_else_comes_whole_and_in_order(outbox: Outbox, pipe: SlowPipe) -> None:
    told: list[Event] = [JobNotice(job="a", kind="plan", message=str(n)) for n in range(500)]
    for event in told:
        outbox.post(event)
    assert sent(outbox, pipe) == told


def test_the_end_of_a_job_makes_its_progress_and_previews_useless(outbox: Outbox, pipe: SlowPipe) -> None:
    outbox.post(JobChanged(job="a", state=Running()))
    outbox.post_progress(JobProgress(job="a", phase="stage 1"))
    outbox.post_progress(JobProgress(job="b", phase="stage 1"))
    outbox.post_preview(JobPreview(job="a", width=1, height=1))
    outbox.post_preview(JobPreview(job="b", width=1, height=1))
    outbox.post(JobChanged(job="a", state=Cancelled()))
    events = sent(outbox, pipe)
    assert [type(event).__name__ for event in events] == ["JobChanged", "JobChanged", "JobProgress", "JobPreview"]
    assert [event.job for event in events if isinstance(event, JobProgress | JobPreview)] == ["b", "b"]


def test_who_posts_too_much_waits_until_the_reader_goes_on(outbox: Outbox, pipe: SlowPipe) -> None:
    count = MOST_WAITING + 50
    posted: list[int] = []
    full = threading.Event()

    def post_many() -> None:
        for n in range(count):
            if n == MOST_WAITING:
                full.set()
            outbox.post(Pong(call=n))
            posted.append(n)

    poster = threading.Thread(target=post_many)
    poster.start()
    assert full.wait(300)
    assert poster.is_alive()
    assert len(posted) == MOST_WAITING
    assert [event.call for event in sent_after(outbox, pipe, poster) if isinstance(event, Pong)] == list(range(count))


def sent_after(outbox: Outbox, pipe: SlowPipe, poster: threading.Thread) -> list[Event]:
    pipe.open.set()
    poster.join(300)
    return sent(outbox, pipe)


def test_large_messages_count_by_their_bytes(outbox: Outbox, pipe: SlowPipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MOST_WAITING_BYTES", 1000)
    outbox.post(Pong(), body=bytes(5000))
    poster = threading.Thread(target=outbox.post, args=(Pong(call=2),))
    poster.start()
    assert outbox.waiting_bytes > 5000
    assert poster.is_alive()
    assert [event.call for event in sent_after(outbox, pipe, poster) if isinstance(event, Pong)] == [0, 2]


def test_when_nobody_reads_any_more_nobody_waits_and_it_is_told_once(
    outbox: Outbox, pipe: SlowPipe, gone: list[OSError]
) -> None:
    pipe.broken = BrokenPipeError("nobody there")
    pipe.open.set()
    for n in range(3 * MOST_WAITING):
        outbox.post(Pong(call=n))
    assert not outbox.close(30)
    assert gone == [pipe.broken]


def test_an_answer_over_the_limit_becomes_a_refusal_with_the_same_call(outbox: Outbox, pipe: SlowPipe) -> None:
    rows = tuple(JobRow(job=str(n), mode="retake", state="queued", origin="x" * 10_000) for n in range(2000))
    outbox.post(Jobs(call=5, jobs=rows, total=2000))
    (event,) = sent(outbox, pipe)
    assert isinstance(event, Refused)
    assert (event.call, event.kind) == (5, "too_large")


# --- without the thread -------------------------------------------------------------------------------------------


def test_a_small_message_on_a_free_channel_is_written_by_who_posts_it(pipe: SlowPipe, gone: list[OSError]) -> None:
    asked: list[int] = []
    pipe.open.set()
    outbox = Outbox(pipe.write, gone.append, lambda size: not asked.append(size))
    outbox.post(Pong(call=1))
    outbox.post(Pong(call=2), body=b"xyz")  # no thread has been started
    assert pipe.events() == [Pong(call=1), Pong(call=2)]
    assert sum(asked) == len(pipe.data)
    outbox.start()
    assert outbox.close(30)


def test_what_waits_or_is_being_sent_goes_first(pipe: SlowPipe, gone: list[OSError]) -> None:
    free = threading.Event()
    outbox = Outbox(pipe.write, gone.append, lambda _size: free.is_set())
    outbox.post(Pong(call=1))
    outbox.start()
    assert pipe.reached.wait(300)  # the thread has the first in hand
    free.set()
    for call in (2, 3):
        outbox.post(Pong(call=call))
    pipe.open.set()
    assert outbox.close(30)
    assert pipe.events() == [Pong(call=1), Pong(call=2), Pong(call=3)]


def test_a_channel_that_breaks_under_who_posts_is_told_once(pipe: SlowPipe, gone: list[OSError]) -> None:
    pipe.broken = BrokenPipeError("nobody there")
    pipe.open.set()
    outbox = Outbox(pipe.write, gone.append, lambda _size: True)
    for call in range(3):
        outbox.post(Pong(call=call))
    outbox.start()
    assert not outbox.close(30)
    assert gone == [pipe.broken]


@pytest.mark.skipif(sys.platform == "win32", reason="nobody can tell there, so it is never said")
def test_a_pipe_takes_at_once_what_it_has_room_for() -> None:
    read_fd, write_fd = os.pipe()
    try:
        written = 0
        while takes_at_once(write_fd, 100):
            written += os.write(write_fd, bytes(select.PIPE_BUF))
        assert written >= select.PIPE_BUF
        os.read(read_fd, written)
        assert takes_at_once(write_fd, select.PIPE_BUF)
        assert not takes_at_once(write_fd, select.PIPE_BUF + 1)
    finally:
        os.close(read_fd)
        os.close(write_fd)
