"""The store: what it says survives, the order holds, and a full or foreign disk changes nothing."""

import itertools
import sqlite3
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.protocol.messages import Cancelled, Done, Failed, Queued, Recipe, Result, ResultFile, Running, Timing
from engine.protocol.work import AnyWork, Retake, TextToVideo
from engine.store.errors import IdTaken, NoSuchJob, StoreBroken, StoreFull, StoreTooNew, WrongState
from engine.store.jobs import JobStore
from engine.store.schema import FILE_NAME, set_aside

DRAFT = TextToVideo(prompt="a kite", width=64, height=64, frames=9, rate="24", stage="draft")
WHOLE = Retake(source="/a.mov", start=3, end=13, prompt="it rains")


def done(work: AnyWork = WHOLE) -> Done:
    recipe = Recipe(work=work, engine="0.1.0", backend="test", device="CPU", seeds=(7,))
    return Done(result=Result(files=(ResultFile(path="/r.mp4", role="video", size_bytes=5),), recipe=recipe))


def order(store: JobStore) -> list[str]:
    return [row.job for row in store.rows(("queued",))[0]]


@pytest.fixture
def store(tmp_path: Path):
    ticks = itertools.count(1000)
    with JobStore(tmp_path, now=lambda: float(next(ticks))) as store:
        yield store


def test_a_job_goes_its_way_and_every_state_survives_a_reopening(tmp_path: Path) -> None:
    with JobStore(tmp_path) as store:
        assert store.submit("j", WHOLE, title="t", origin="o") == Queued(position=0)
    with JobStore(tmp_path) as store:
        head = store.head()
        assert head is not None
        assert (head.id, head.work, head.attempt) == ("j", WHOLE, 1)
        assert store.start("j", "test") == Running(attempt=1, backend="test")
        assert store.head() is None
        store.finish("j", done())
    with JobStore(tmp_path) as store:
        assert store.state("j") == done()
        row = store.row("j")
        assert (row.title, row.origin, row.mode, row.state, row.attempt) == ("t", "o", "retake", "done", 1)
        assert 0 < row.submitted_at <= row.started_at <= row.ended_at


def test_submitting_again_changes_nothing_and_other_work_is_refused(store: JobStore) -> None:
    store.submit("j", WHOLE)
    assert store.submit("j", WHOLE) == Queued(position=0)
    store.start("j", "test")
    assert store.submit("j", WHOLE) == Running(attempt=1, backend="test")
    store.finish("j", done())
    assert store.submit("j", WHOLE) == done()
    with pytest.raises(IdTaken, match="new id"):
        store.submit("j", DRAFT)
    assert store.rows()[1] == 1


def test_priority_comes_first_then_drafts_then_the_order_of_coming(store: JobStore) -> None:
    store.submit("whole", WHOLE)
    store.submit("draft", DRAFT)
    store.submit("urgent", WHOLE, priority=5)
    store.submit("draft2", DRAFT)
    assert order(store) == ["urgent", "draft", "draft2", "whole"]
    assert [store.state(job) for job in order(store)] == [Queued(position=n) for n in range(4)]


def test_a_job_moves_before_another_whatever_its_priority(store: JobStore) -> None:
    for job, work, priority in [("a", WHOLE, 9), ("b", DRAFT, 0), ("c", WHOLE, 0), ("d", WHOLE, -3)]:
        store.submit(job, work, priority)
    store.move("d", "a")
    assert order(store) == ["d", "a", "b", "c"]
    store.move("a", "")
    assert order(store) == ["d", "b", "c", "a"]
    store.move("c", "c")
    assert order(store) == ["d", "b", "c", "a"]
    store.submit("e", WHOLE)
    assert order(store)[-2:] == ["a", "e"]


def test_a_priority_set_later_counts(store: JobStore) -> None:
    for job in "abc":
        store.submit(job, WHOLE)
    store.set_priority("c", 1)
    assert order(store) == ["c", "a", "b"]


def test_what_a_dead_engine_left_says_so_and_is_not_begun_again_by_itself(tmp_path: Path) -> None:
    with JobStore(tmp_path) as store:
        for job in "abc":
            store.submit(job, WHOLE)
        store.start("a", "test")
        store.start("b", "remote")
        store.remember("b", "remote-id-17")
    with JobStore(tmp_path) as store:
        assert set(store.recover()) == {"a", "b"}
        state = store.state("a")
        assert isinstance(state, Failed)
        assert state.kind == "interrupted"
        assert state.can_retry
        assert order(store) == ["b", "c"]
        head = store.head()
        assert head is not None
        assert (head.id, head.resume, head.attempt) == ("b", "remote-id-17", 2)
        assert store.recover() == ()
        store.retry("a")
        assert order(store) == ["b", "c", "a"]
        assert store.start("a", "test") == Running(attempt=2, backend="test")


def test_a_job_that_ran_since_isnt_started_from_what_was_known_before(store: JobStore) -> None:
    store.submit("a", WHOLE)
    slow = store.head()  # one thread reads it, and is held up
    assert slow is not None
    store.start("a", "remote", slow.attempt)  # another has it meanwhile
    store.remember("a", "remote-id-17")
    store.finish("a", Cancelled(), resumable=True)
    store.retry("a")
    with pytest.raises(WrongState):
        store.start("a", "remote", slow.attempt)  # without the id it would be paid for again
    fresh = store.head()
    assert fresh is not None
    assert (fresh.resume, fresh.attempt) == ("remote-id-17", 2)
    assert store.start("a", "remote", fresh.attempt) == Running(attempt=2, backend="remote")


def test_a_resume_text_does_not_outlive_the_end_of_its_job(store: JobStore) -> None:
    store.submit("a", WHOLE)
    store.start("a", "remote")
    store.remember("a", "remote-id-17")
    store.finish("a", Failed(kind="refused", message="no money"))
    store.retry("a")
    head = store.head()
    assert head is not None
    assert head.resume == ""


@pytest.mark.parametrize("outcome", [Failed(kind="unreachable", message="later"), Cancelled(message="it is paid for")])
def test_what_is_paid_for_is_kept_through_the_end_of_its_job_for_a_retry(
    store: JobStore, outcome: Failed | Cancelled
) -> None:
    store.submit("a", WHOLE)
    store.start("a", "remote")
    store.remember("a", "remote-id-17")
    store.finish("a", outcome, resumable=True)
    store.retry("a")
    head = store.head()
    assert head is not None
    assert (head.resume, head.backend) == ("remote-id-17", "remote")


def test_a_job_in_another_state_is_left_alone(store: JobStore) -> None:
    store.submit("a", WHOLE)
    for asked in (store.retry, lambda job: store.remember(job, "x")):
        with pytest.raises(WrongState, match="queued"):
            asked("a")
    store.finish("a", Cancelled())
    for asked in (
        lambda job: store.start(job, "t"),
        lambda job: store.finish(job, done()),
        lambda job: store.move(job, ""),
    ):
        with pytest.raises(WrongState, match="cancelled"):
            asked("a")
    with pytest.raises(NoSuchJob):
        store.state("nobody")


def test_clearing_forgets_what_is_named_and_never_the_running_one(store: JobStore) -> None:
    for job in "abcd":
        store.submit(job, WHOLE)
    store.start("a", "test")
    store.finish("b", done())
    store.finish("c", Cancelled())
    assert store.clear(("running", "done"), ()) == ("b",)
    assert store.clear(("cancelled", "queued"), ("d", "a", "nobody")) == ("d",)
    assert {row.job for row in store.rows()[0]} == {"a", "c"}


def test_the_list_has_running_then_waiting_then_ended_with_the_newest_first(store: JobStore) -> None:
    for job in "abcde":
        store.submit(job, WHOLE)
    store.finish("b", done())
    store.finish("a", Failed(kind="internal", message="oh", detail="trace"))
    store.start("d", "test")
    rows, total = store.rows()
    assert ([row.job for row in rows], total) == (["d", "c", "e", "a", "b"], 5)
    assert (rows[3].failure, rows[3].message) == ("internal", "oh")
    assert [row.job for row in store.rows((), 2, 1)[0]] == ["c", "e"]
    assert store.rows(("done", "failed"), 1)[1] == 2


def test_what_phases_took_is_remembered_as_the_median_of_the_last_runs(store: JobStore) -> None:
    assert store.seconds_per_work("local", "m", "stage 1") is None
    for seconds in [900.0, *[10.0] * 11, *[30.0] * 9]:
        store.record("local", "m", [(Timing(phase="stage 1", seconds=seconds), 10.0)])
    assert store.seconds_per_work("local", "m", "stage 1") == 1.0
    assert store.seconds_per_work("local", "other", "stage 1") is None


def test_a_full_disk_is_told_and_the_store_stays_as_it_was(tmp_path: Path) -> None:
    with JobStore(tmp_path, max_pages=30) as store:
        taken: list[str] = []

        def submit_until_full() -> None:
            for n in range(1000):
                store.submit(f"job-{n}", TextToVideo(prompt="x" * 2000, width=64, height=64, frames=9, rate="24"))
                taken.append(f"job-{n}")

        with pytest.raises(StoreFull, match="disk is full"):
            submit_until_full()
        assert taken
        assert order(store) == taken
        store.clear(("queued",), taken[:5])
        store.submit("again", WHOLE)
    with JobStore(tmp_path) as store:
        assert order(store) == [*taken[5:], "again"]


def test_a_store_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    JobStore(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreTooNew, match="later version"):
        JobStore(tmp_path)


def test_a_broken_store_is_told_and_can_be_set_aside(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this was a database once" * 500)
    with pytest.raises(StoreBroken, match="not a database"):
        JobStore(tmp_path)
    kept = set_aside(tmp_path)
    assert kept.read_bytes().startswith(b"this was")
    with JobStore(tmp_path) as store:
        store.submit("a", WHOLE)


def test_a_job_that_this_build_can_not_read_does_not_stop_the_queue(tmp_path: Path) -> None:
    with JobStore(tmp_path) as store:
        store.submit("odd", WHOLE)
        store.submit("sound", WHOLE)
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        odd = msgspec.json.encode({"mode": "dream"}).decode()
        db.execute("UPDATE works SET work = ? WHERE job = (SELECT seq FROM jobs WHERE id = 'odd')", (odd,))
    db.close()
    with JobStore(tmp_path) as store:
        head = store.head()
        assert head is not None
        assert head.id == "sound"
        state = store.state("odd")
        assert isinstance(state, Failed)
        assert state.kind == "unsupported"


def test_threads_may_use_it_at_once(store: JobStore) -> None:
    def submit_many(name: str) -> None:
        for n in range(20):
            store.submit(f"{name}-{n}", WHOLE)

    threads = [threading.Thread(target=submit_many, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.rows()[1] == 80
    places = [row.job for row in store.rows()[0]]
    assert len(set(places)) == 80


class QueueSession(RuleBasedStateMachine):
    """Random sessions against a plain list: the order is always the one that a person would expect."""

    @initialize(folder=st.uuids())
    def open(self, folder: object) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.store = JobStore(Path(self.folder.name))
        self.queue: list[tuple[str, int, int]] = []  # id, priority, early: in order
        self.names = (f"job-{n}" for n in itertools.count())

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def put(self, entry: tuple[str, int, int]) -> None:
        """Insert behind everything that goes before it or ties with it."""
        key = (-entry[1], -entry[2])
        at = sum((-other[1], -other[2]) <= key for other in self.queue)
        self.queue.insert(at, entry)

    @rule(priority=st.integers(-2, 2), draft=st.booleans())
    def submit(self, priority: int, draft: bool) -> None:
        job = next(self.names)
        self.store.submit(job, DRAFT if draft else WHOLE, priority)
        self.put((job, priority, int(draft)))

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.queue))
        others = [other for other in self.queue if other is not entry]
        before = data.draw(st.sampled_from([*others, None]))
        self.store.move(entry[0], before[0] if before else "")
        if others:
            at = others.index(before) if before else len(others)
            neighbour = others[min(at, len(others) - 1)]
            others.insert(at, (entry[0], neighbour[1], neighbour[2]))
            self.queue = others

    @precondition(lambda self: self.queue)
    @rule(data=st.data(), priority=st.integers(-2, 2))
    def set_priority(self, data: st.DataObject, priority: int) -> None:
        entry = data.draw(st.sampled_from(self.queue))
        self.store.set_priority(entry[0], priority)
        self.queue.remove(entry)
        self.put((entry[0], priority, entry[2]))

    @precondition(lambda self: self.queue)
    @rule(outcome=st.sampled_from([done(), Cancelled(), Failed(kind="internal", message="")]))
    def run(self, outcome: Done | Cancelled | Failed) -> None:
        head = self.store.head()
        assert head is not None
        assert head.id == self.queue.pop(0)[0]
        self.store.start(head.id, "test")
        self.store.finish(head.id, outcome)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = JobStore(Path(self.folder.name))

    @invariant()
    def in_order(self) -> None:
        assert order(self.store) == [entry[0] for entry in self.queue]

    @invariant()
    def lists_are_as_fresh_as_single_rows(self) -> None:
        assert all(row == self.store.row(row.job) for row in self.store.rows()[0])


TestQueueSession = QueueSession.TestCase
TestQueueSession.settings = settings(max_examples=15, stateful_step_count=20)
