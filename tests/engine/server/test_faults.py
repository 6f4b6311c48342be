"""What may go wrong around an engine, each for real: killed processes, cut lines, full disks, rubbish, slow readers."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import psutil
import pytest
from plain_client import LONG_S, EngineProcess, work

from engine.backends.testing import PHASES
from engine.protocol.framing import PREFIX, pack
from engine.protocol.messages import (
    PROTOCOL,
    Accepted,
    Cancel,
    Cleared,
    ClearJobs,
    ClientHello,
    Done,
    EngineState,
    ExitStatus,
    Failed,
    FilePut,
    GetJob,
    Goodbye,
    HoldQueue,
    JobChanged,
    JobDetail,
    JobNotice,
    JobPreview,
    JobProgress,
    Jobs,
    ListJobs,
    Notice,
    Ok,
    Ping,
    Pong,
    PutFile,
    Queued,
    Refused,
    Retry,
    Running,
    Shutdown,
    Submit,
    encode,
)
from engine.protocol.work import TextToVideo
from engine.server.engine import GRACE_S, LAST_WORDS_S, LOOK_EVERY_S

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks are a POSIX matter")


def test_the_promise_to_end_within_five_seconds_follows_from_the_waits() -> None:
    assert LOOK_EVERY_S + GRACE_S + LAST_WORDS_S < 5.0


# --- rubbish in the pipe ---


def rubbish(rng: random.Random, sound: bytes) -> bytes:
    """One message that is none, of a kind that the dice choose."""

    def framed(header: bytes, body: bytes = b"") -> bytes:
        return pack(header, body) + body

    def claiming(header_bytes: int, body_bytes: int) -> bytes:
        start = PREFIX.pack(b"LTXm", header_bytes, body_bytes, 0, 0)[:-4]
        return start + zlib.crc32(start).to_bytes(4, "little")

    def wrong_types() -> bytes:
        values = [None, True, -5, 2**63 - 1, 3.5, "x" * 30, b"\xff", [1, [2]], {"a": {}}]
        names = ["type", "call", "job", "work", "priority", "states", "limit", "before", "hold", "offset", "path"]
        kinds = ["submit", "cancel", "list_jobs", "put_file", "estimate", "move_job", "retry", "clear_jobs"]
        fields = {rng.choice(names): rng.choice(values) for _ in range(3)}
        return framed(msgspec.msgpack.encode({"type": rng.choice(kinds), "call": 10**9} | fields))

    def mutated() -> bytes:
        header = bytearray(sound)
        for _ in range(3):
            header[rng.randrange(len(header))] = rng.randrange(256)
        return framed(bytes(header))

    kind = rng.randrange(7)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 400))
    if kind == 1:
        return framed(rng.randbytes(rng.randrange(200)))
    if kind == 2:
        whole = framed(sound, b"body")
        return whole[: rng.randrange(1, len(whole))]
    if kind == 3:
        return claiming(rng.choice([(1 << 20) + 1, 1 << 31, 2**32 - 1]), rng.choice([0, 1 << 30]))
    if kind == 4:
        return wrong_types()
    if kind == 5:
        return framed(msgspec.msgpack.encode({"type": "x" * rng.randrange(50), "call": 10**9 + rng.randrange(100)}))
    return mutated()


def test_ten_thousand_bad_messages_are_refused_and_leave_no_trace(tmp_path: Path) -> None:
    rng = random.Random(20261121)
    sound = encode(Submit(job="fuzz", work=work("a kite"), title="t"))
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.ask(HoldQueue(hold=True), Ok)

        def send(count: int) -> None:
            for _ in range(count):
                engine.send_bytes(rubbish(rng, sound))
            # Behind rubbish that claims up to a megabyte more, so that the ping is heard.
            engine.send_bytes(bytes(1 << 20))
            engine.ask(Ping(), Pong)

        send(2_000)  # warm: interned strings, caches, log buffers
        before = engine.resident_bytes()
        send(8_000)
        grown = engine.resident_bytes() - before
        assert grown < 4 << 20, f"grew by {grown} bytes"
        refusals = engine.all_of(Refused)
        assert len(refusals) > 5_000
        assert {refusal.kind for refusal in refusals} >= {"malformed", "too_large", "unknown_message"}
        assert "internal" not in {refusal.kind for refusal in refusals}
        engine.ask(ClearJobs(states=("queued",)), Cleared)  # a mutation may still have been a sound job
        engine.ask(HoldQueue(hold=False), Ok)
        engine.submit("after")
        assert isinstance(engine.wait_for_end("after"), Done)


def test_a_library_that_prints_does_not_disturb_the_channel(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.submit("loud", print_bytes=100_000, steps=3)
        assert isinstance(engine.wait_for_end("loud"), Done)
        engine.ask(Ping(), Pong)
        engine.ask(Shutdown(), Ok)
        engine.wait_until_ended()
        assert engine.log.count(b"LTXm noise") > 2 * 5 * 9_000
        assert engine.log.count(b"printed by a child") == 5


# --- slow and absent readers ---


def wait_until_it_stands_still(process: psutil.Process) -> None:
    """Return when the process uses no more processor time, for three looks in a row."""
    pause = threading.Event()
    same, last = 0, -1.0
    for _ in range(int(LONG_S / 0.1)):
        pause.wait(0.1)
        times = process.cpu_times()
        used = times.user + times.system
        same, last = (same + 1, last) if used == last else (0, used)
        if same == 3:
            return
    raise AssertionError("the engine never came to rest")


def test_a_reader_that_stops_does_not_grow_the_engine_and_loses_nothing(tmp_path: Path) -> None:
    count = 40_000
    with EngineProcess(tmp_path, stop_reading=True) as engine:
        process = psutil.Process(engine.process.pid)
        engine.send(ClientHello(protocol=PROTOCOL, build="test"))
        wait_until_it_stands_still(process)
        before = engine.resident_bytes()
        engine.submit("talkative", notice_flood=count, progress_flood=1000, previews=50, preview_size=(320, 180))
        wait_until_it_stands_still(process)
        grown = engine.resident_bytes() - before
        assert grown < 6 << 20, f"grew by {grown} bytes"  # unbounded, it grows by 14 MB
        engine.read_on()
        assert isinstance(engine.wait_for_end("talkative"), Done)
        told = [event.message for event in engine.all_of(JobNotice) if event.kind == "warning"]
        assert told == [f"notice {n} of {count} of job talkative" for n in range(count)]


@POSIX_ONLY
def test_a_reader_that_stops_can_not_keep_the_engine_from_ending(tmp_path: Path) -> None:
    with EngineProcess(tmp_path, stop_reading=True) as engine:
        engine.send(ClientHello(protocol=PROTOCOL, build="test"))
        engine.submit("talkative", notice_flood=40_000)
        wait_until_it_stands_still(psutil.Process(engine.process.pid))
        engine.process.terminate()
        assert engine.process.wait(LONG_S) == ExitStatus.STUCK


def test_when_the_reader_is_gone_the_engine_ends(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.ask(Ping(), Pong)
        engine.hang_up()
        assert engine.wait_until_ended() == ExitStatus.ENDED


# --- killed engines ---


@pytest.mark.parametrize("phase", PHASES)
def test_an_engine_killed_in_any_phase_loses_no_job_and_runs_none_twice(tmp_path: Path, phase: str) -> None:
    gate = tmp_path / "gate"
    with EngineProcess(tmp_path) as engine:
        left_ring = engine.hello().ring
        assert left_ring is not None
        engine.submit("done-before")
        before = engine.wait_for_end("done-before")
        engine.submit("caught", wait_at=phase, gate=str(gate))
        engine.submit("waiting")
        engine.wait_for(lambda event: isinstance(event, JobProgress) and event.phase == phase and event.job == "caught")
        engine.kill(leave_ring=True)
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.wait_for(lambda event: isinstance(event, EngineState) and event.recovered == 1)
        assert not Path(left_ring.path).parent.exists()
        caught = engine.wait_for_state("caught", Failed)
        assert (caught.kind, caught.can_retry) == ("interrupted", True)
        assert isinstance(engine.wait_for_end("waiting"), Done)
        assert engine.ask(GetJob(job="done-before"), JobDetail).state == before
        gate.touch()
        assert isinstance(engine.ask(Retry(job="caught"), Accepted).state, Queued)
        assert isinstance(engine.wait_for_state("caught", Done), Done)
        rows = {row.job: row for row in engine.ask(ListJobs(), Jobs).jobs}
        assert {job: (row.state, row.attempt) for job, row in rows.items()} == {
            "done-before": ("done", 1),
            "caught": ("done", 2),
            "waiting": ("done", 1),
        }
        assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize("way", [{"die_at": "stage 1"}, {"crash_at": "stage 1"}], ids=["exit", "segfault"])
def test_an_engine_that_dies_by_itself_leaves_the_same_behind(tmp_path: Path, way: dict[str, str]) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.submit("deadly", **way)
        status = engine.wait_until_ended()
        assert status not in set(ExitStatus)
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        assert engine.wait_for_state("deadly", Failed).kind == "interrupted"


def test_killed_again_and_again_at_any_moment_every_job_is_done_once(tmp_path: Path) -> None:
    jobs = [f"job-{n}" for n in range(12)]
    rng = random.Random(4)
    finished: dict[str, int] = dict.fromkeys(jobs, 0)
    for round_number in itertools.count():
        with EngineProcess(tmp_path) as engine:
            engine.hello()
            rows = engine.ask(ListJobs(), Jobs).jobs
            for job in jobs:
                engine.submit(job, steps=2)  # sent again each time: those that are known change nothing
            for row in rows:
                if row.failure == "interrupted":
                    engine.send(Retry(job=row.job))
            if round_number == 6:
                for job in jobs:
                    engine.wait_for(
                        lambda event, job=job: (
                            getattr(event, "job", "") == job and isinstance(getattr(event, "state", None), Done)
                        )
                    )
                rows = engine.ask(ListJobs(), Jobs).jobs
                assert {(row.job, row.state) for row in rows} == {(job, "done") for job in jobs}
                for event in engine.all_of(JobChanged):
                    finished[event.job] += isinstance(event.state, Done)
                break
            enough = rng.randrange(1, 30)
            engine.wait_for(lambda _event, engine=engine, enough=enough: len(engine.events) >= enough)
            engine.kill()
            for event in engine.all_of(JobChanged):
                finished[event.job] += isinstance(event.state, Done)
    assert max(finished.values()) == 1


@pytest.mark.parametrize("way", ["killed", "asked to end"])
def test_a_paid_job_is_picked_up_again_by_what_was_remembered(tmp_path: Path, way: str) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.submit("paid", remember="service-id-9", wait_at="decoding", gate=str(tmp_path / "gate"))
        engine.wait_for(lambda event: isinstance(event, JobProgress) and event.phase == "decoding")
        if way == "killed":
            engine.kill()
        else:
            engine.ask(Shutdown(), Ok)
            assert engine.wait_until_ended() == ExitStatus.ENDED
    (tmp_path / "gate").touch()
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        end = engine.wait_for_end("paid")
        assert isinstance(end, Done)
        assert end.result.recipe is not None
        assert end.result.recipe.settings["resumed"] == "service-id-9"


def test_an_engine_whose_device_is_broken_says_so_and_asks_for_a_new_process(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.submit("last", fail_at="stage 1", fail_with="broken")
        assert isinstance(engine.wait_for_end("last"), Failed)
        farewell = engine.wait_for(lambda event: isinstance(event, Goodbye))
        assert isinstance(farewell, Goodbye)
        assert farewell.kind == "broken"
        assert engine.wait_until_ended() == ExitStatus.BROKEN


# --- ends that were asked for ---


def test_shutdown_in_mid_job_leaves_it_to_be_retried(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.submit("cut", wait_at="stage 1", gate="/nowhere")
        engine.wait_for_state("cut", Running)
        engine.ask(Shutdown(), Ok)
        assert engine.wait_for_state("cut", Failed).kind == "interrupted"
        assert engine.wait_until_ended() == ExitStatus.ENDED


@POSIX_ONLY
def test_a_signal_to_end_is_obeyed_in_order(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.submit("cut", wait_at="stage 1", gate="/nowhere")
        engine.wait_for_state("cut", Running)
        engine.process.send_signal(signal.SIGINT)  # not meant for the engine: it goes on
        engine.ask(Ping(), Pong)
        engine.process.terminate()
        assert engine.wait_until_ended() == ExitStatus.ENDED
        assert isinstance(engine.all_of(Goodbye)[0], Goodbye)


def test_a_job_deaf_to_everything_does_not_keep_the_engine_alive(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.submit("deaf", hang_at="stage 1")
        engine.wait_for(lambda event: isinstance(event, JobProgress) and event.phase == "stage 1")
        engine.ask(Cancel(job="deaf"), Ok)
        engine.ask(Ping(), Pong)
        engine.hang_up()
        assert engine.wait_until_ended() == ExitStatus.STUCK
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        assert engine.wait_for_state("deaf", Failed).kind == "interrupted"


# --- a killed app ---

APP = """
import subprocess, sys, time
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
from plain_client import EngineProcess
from engine.protocol.messages import JobChanged, Running

engine = EngineProcess(Path({store!r}))
if {leak}:  # somebody else keeps the engine's input open, so that its end is never seen
    subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], pass_fds=[engine._in])
engine.hello()
engine.submit("kept")
engine.wait_for_end("kept")
engine.submit("cut", wait_at="stage 1", gate="/nowhere")
engine.wait_for_state("cut", Running)
print(engine.process.pid, flush=True)
sys.stdin.read()
"""


@POSIX_ONLY
@pytest.mark.parametrize("leak", [False, True], ids=["end of file", "only the parent's death"])
def test_when_the_app_is_killed_the_engine_ends_and_the_result_is_there_next_time(tmp_path: Path, leak: bool) -> None:
    here = Path(__file__).resolve().parent
    code = APP.format(root=str(here.parents[2]), here=str(here), store=str(tmp_path), leak=leak)
    app = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert app.stdout is not None
    assert app.stdin is not None
    engine = psutil.Process(int(app.stdout.readline()))
    others = [child for child in psutil.Process(app.pid).children() if child.pid != engine.pid]
    app.kill()
    app.wait()
    app.stdout.close()
    psutil.wait_procs([engine], timeout=LONG_S)
    assert not engine.is_running()
    for other in others:
        other.kill()
    app.stdin.close()
    with EngineProcess(tmp_path) as again:
        again.hello()
        assert isinstance(again.ask(GetJob(job="kept"), JobDetail).state, Done)
        cut = again.ask(GetJob(job="cut"), JobDetail).state
        assert isinstance(cut, Failed)
        assert cut.kind == "interrupted"


# --- the store ---


def test_a_store_with_a_living_engine_is_found_and_said(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as first:
        first.hello()
        first.ask(ListJobs(), Jobs)
        with EngineProcess(tmp_path, "--lock-wait", "0.1") as second:
            second.hello()
            farewell = second.wait_for(lambda event: isinstance(event, Goodbye))
            assert isinstance(farewell, Goodbye)
            assert (farewell.kind, farewell.owner_pid) == ("store_locked", first.process.pid)
            assert str(first.process.pid) in farewell.message
            assert [notice.kind for notice in second.all_of(Notice)] == ["waiting_for_store"]
            assert second.wait_until_ended() == ExitStatus.STORE_LOCKED
        first.ask(Ping(), Pong)


def test_an_engine_waits_for_the_one_before_it_to_end(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as first, EngineProcess(tmp_path) as second:
        first.hello()
        first.ask(ListJobs(), Jobs)
        second.hello()
        second.wait_for(lambda event: isinstance(event, Notice) and event.kind == "waiting_for_store")
        first.hang_up()
        assert second.ask(ListJobs(), Jobs).total == 0


def test_a_store_that_is_no_store_is_set_aside_and_said(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite3").write_bytes(b"not a database at all" * 100)
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        notice = engine.wait_for(lambda event: isinstance(event, Notice))
        assert isinstance(notice, Notice)
        assert notice.kind == "store"
        engine.submit("new")
        assert isinstance(engine.wait_for_end("new"), Done)
        assert len(list(tmp_path.glob("jobs.sqlite3.broken-*"))) == 1


def long_prompt(letter: str) -> TextToVideo:
    return work(letter * 60_000)


def test_when_the_store_is_full_the_person_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """A limit on the store's pages stands in for a full disk: 12 for the schema, about 16 for each long prompt."""
    with EngineProcess(tmp_path, "--store-pages", "50") as engine:
        engine.hello()
        engine.ask(HoldQueue(hold=True), Ok)
        engine.ask(Submit(job="ballast", work=long_prompt("b"), priority=-5), Accepted)
        engine.ask(Submit(job="long", work=long_prompt("x")), Accepted)
        refused = engine.ask(Submit(job="too-much", work=long_prompt("y")), Refused)
        assert refused.kind == "disk_full"
        engine.ask(HoldQueue(hold=False), Ok)
        notice = engine.wait_for(lambda event: isinstance(event, Notice) and event.kind == "disk_full")
        assert isinstance(notice, Notice)
        assert "disk is full" in notice.message
        engine.wait_for(lambda event: isinstance(event, EngineState) and event.state == "store_full")
        assert engine.ask(ListJobs(states=("running",)), Jobs).jobs[0].job == "long"
        assert engine.ask(ClearJobs(states=("queued",), jobs=("ballast",)), Cleared).count == 1
        assert isinstance(engine.wait_for_end("long"), Done)
        assert engine.ask(GetJob(job="long"), JobDetail).work == long_prompt("x")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small tmpfs can't be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file: IO[bytes]) -> None:
    """Write until the disk is full, which raises OSError."""
    while True:
        file.write(bytes(4096))


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small disk")
def test_on_a_disk_that_is_truly_full_the_end_of_a_job_is_kept_once_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    gate, filler = tmp_path / "gate", small_disk / "filler"
    with EngineProcess(small_disk, "--results", str(tmp_path / "results")) as engine:
        engine.hello()
        engine.submit("squeezed", wait_at="end", gate=str(gate))
        engine.wait_for(lambda event: isinstance(event, JobNotice) and event.message == "Waiting at end.")
        engine.ask(Submit(job="log-eater", work=long_prompt("z"), priority=-1), Accepted)
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            fill(file)
        for n in itertools.count():  # until the log file that SQLite keeps and writes over is used up too
            answer = engine.ask(Submit(job=f"more-{n}", work=long_prompt("z"), priority=-1), (Accepted, Refused))
            if isinstance(answer, Refused):
                assert answer.kind == "disk_full"
                break
        gate.touch()
        engine.wait_for(lambda event: isinstance(event, Notice) and event.kind == "disk_full")
        filler.unlink()
        assert isinstance(engine.wait_for_end("squeezed"), Done)
        engine.kill()
    with EngineProcess(small_disk, "--results", str(tmp_path / "results")) as engine:
        engine.hello()
        assert isinstance(engine.ask(GetJob(job="squeezed"), JobDetail).state, Done)
        assert engine.ask(GetJob(job="log-eater"), JobDetail).work == long_prompt("z")


# --- an engine elsewhere ---

RELAY = """
# Stands in for `ssh HOST COMMAND...`: runs the command behind pipes of its own and carries the bytes.
import os, subprocess, sys, threading

there = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

def carry(source, target, close):
    while data := os.read(source, 777):
        view = memoryview(data)
        while view:
            view = view[os.write(target, view):]
    if close:
        there.stdin.close()

inward = threading.Thread(target=carry, args=(0, there.stdin.fileno(), True), daemon=True)
inward.start()
carry(there.stdout.fileno(), 1, False)
sys.exit(there.wait())
"""


def test_an_engine_behind_a_relay_works_alike_and_ends_when_the_line_is_cut(tmp_path: Path) -> None:
    relay = [sys.executable, "-c", RELAY]
    with EngineProcess(tmp_path, "--no-ring", command=relay) as engine:
        hello = engine.hello(remote=True)
        assert hello.ring is None
        far = psutil.Process(hello.pid)
        source = random.Random(1).randbytes(300_000)
        put = engine.ask(PutFile(name="clip.mov", last=True), FilePut, source)
        assert Path(put.path).read_bytes() == source
        engine.submit("far", steps=1, preview_size=(640, 360), preview_frames=2)
        assert isinstance(engine.wait_for_end("far"), Done)
        told = engine.wait_for(lambda event: isinstance(event, JobPreview))
        assert len(engine.body_of(told)) == 640 * 360 * 2 * 3
        engine.process.kill()
        psutil.wait_procs([far], timeout=LONG_S)
        assert not far.is_running()
