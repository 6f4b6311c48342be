"""A running engine, spoken to over its pipes: hello, jobs and their ends, the queue, questions, files."""

import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from plain_client import EngineProcess, work

from engine.backends.testing import MODEL, PHASES
from engine.protocol.framing import pack
from engine.protocol.messages import (
    PROTOCOL,
    Accepted,
    Cancel,
    Cancelled,
    Capabilities,
    Cleared,
    ClearJobs,
    ClientHello,
    Done,
    EngineHello,
    EngineState,
    Enhanced,
    EnhancePrompt,
    Estimated,
    EstimateWork,
    ExitStatus,
    Failed,
    FetchFile,
    FilePiece,
    FilePut,
    FreeMemory,
    GetCapabilities,
    GetJob,
    Goodbye,
    HoldQueue,
    JobChanged,
    JobDetail,
    JobPreview,
    JobProgress,
    Jobs,
    ListJobs,
    ListModels,
    Models,
    MoveJob,
    Ok,
    Ping,
    Pong,
    PutFile,
    Queued,
    Refused,
    Retry,
    Running,
    SetPriority,
    Shutdown,
    Submit,
)
from engine.protocol.ring import RingReader
from engine.protocol.work import Output, Retake, TextToVideo


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def engine(shared_folder: Path) -> Iterator[EngineProcess]:
    """One engine for the tests that leave it as they found it; each uses job ids of its own."""
    with EngineProcess(shared_folder) as engine:
        engine.hello()
        yield engine
        engine.ask(Shutdown(), Ok)
        assert engine.wait_until_ended() == ExitStatus.ENDED


# --- hello ---


def test_the_engine_speaks_first_and_before_a_hello_it_answers_nothing_else(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        first = engine.wait_for(lambda _event: True)
        assert isinstance(first, EngineHello)
        assert first.protocol == PROTOCOL
        assert first.pid == engine.process.pid
        assert engine.ask(ListJobs(), Refused).kind == "hello_first"
        major, minor = PROTOCOL
        engine.ask(ClientHello(protocol=(major, minor + 7), build="newer"), Ok)
        assert engine.ask(ListJobs(), Jobs).total == 0


def test_another_major_version_is_refused_and_the_engine_ends(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        answer = engine.ask(ClientHello(protocol=(PROTOCOL[0] + 1, 0), build="far ahead"), Refused)
        assert answer.kind == "bad_protocol"
        farewell = engine.wait_for(lambda event: isinstance(event, Goodbye))
        assert isinstance(farewell, Goodbye)
        assert farewell.kind == "bad_protocol"
        assert engine.wait_until_ended() == ExitStatus.BAD_PROTOCOL
    assert not list(tmp_path.iterdir())


def test_an_unknown_message_is_answered_and_the_engine_lives_on(engine: EngineProcess) -> None:
    header = msgspec.msgpack.encode({"type": "sing", "call": 77_000, "song": "x"})
    engine.send_bytes(pack(header))
    answer = engine.wait_for(lambda event: getattr(event, "call", 0) == 77_000)
    assert isinstance(answer, Refused)
    assert answer.kind == "unknown_message"
    engine.ask(Ping(), Pong)


# --- one job ---


def test_a_job_brings_exact_files_with_a_recipe(engine: EngineProcess, tmp_path: Path) -> None:
    asked = Retake(
        source="/a.mov", start=10, end=23, handles=3, seed=5, variations=2, output=Output(folder=str(tmp_path))
    )
    accepted = engine.ask(Submit(job="exact", work=asked, title="t", origin="o"), Accepted)
    assert accepted.state == Queued(position=0)
    end = engine.wait_for_end("exact")
    assert isinstance(end, Done)
    assert {Path(file.path).parent for file in end.result.files} == {tmp_path}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "exact-1.wav",
        "exact-1.y4m",
        "exact-2.wav",
        "exact-2.y4m",
    ]
    for file in end.result.files:
        content = Path(file.path).read_bytes()
        assert len(content) == file.size_bytes
        if file.role == "video":
            assert content.count(b"FRAME\n") == file.frames == 13 + 2 * 3
        else:
            with wave.open(file.path) as sound:
                assert sound.getnframes() == file.samples == 19 * 2000
    assert end.result.recipe is not None
    assert end.result.recipe.work == msgspec.structs.replace(asked, backend="test", model=MODEL)
    assert [timing.phase for timing in end.result.timings] == list(PHASES)
    detail = engine.ask(GetJob(job="exact"), JobDetail)
    assert detail.state == end
    assert (detail.row.title, detail.row.origin, detail.work) == ("t", "o", asked)


def test_sending_a_job_again_never_runs_it_twice(engine: EngineProcess) -> None:
    engine.submit("once")
    end = engine.wait_for_end("once")
    assert engine.ask(Submit(job="once", work=work()), Accepted).state == end
    assert engine.ask(Submit(job="once", work=work("other words")), Refused).kind == "conflict"
    runs = [e for e in engine.all_of(JobChanged) if e.job == "once" and isinstance(e.state, Running)]
    assert len(runs) == 1


def test_progress_names_every_phase_and_step_in_order(engine: EngineProcess) -> None:
    engine.submit("steps", steps=5, step_ms=20)
    engine.wait_for_end("steps")
    told = [event for event in engine.all_of(JobProgress) if event.job == "steps"]
    assert [event.step for event in told if event.phase == "stage 1"] == sorted(
        event.step for event in told if event.phase == "stage 1"
    )
    fractions = [event.fraction for event in told]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    indexes = [event.phase_index for event in told]
    assert indexes == sorted(indexes)
    assert {event.phase for event in told} <= set(PHASES)


def test_cancel_is_seen_while_the_job_runs_and_leaves_nothing(engine: EngineProcess, shared_folder: Path) -> None:
    before = set((shared_folder / "results").iterdir())
    engine.submit("stopped", wait_at="decoding", gate="/nowhere")
    engine.wait_for(lambda event: isinstance(event, JobProgress) and event.phase == "decoding")
    engine.ask(Cancel(job="stopped"), Ok)
    assert isinstance(engine.wait_for_end("stopped"), Cancelled)
    assert set((shared_folder / "results").iterdir()) == before
    assert list((shared_folder / "scratch").iterdir()) == []
    engine.ask(Cancel(job="stopped"), Ok)  # it has ended: nothing happens
    assert engine.ask(Cancel(job="unheard-of"), Refused).kind == "no_such_job"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("bad_request", "bad_request"),
        ("bad_media", "bad_media"),
        ("unsupported", "unsupported"),
        ("missing_weights", "missing_weights"),
        ("out_of_memory", "out_of_memory"),
        ("memory_error", "out_of_memory"),
        ("refused", "refused"),
        ("unreachable", "unreachable"),
        ("mistake", "internal"),
        ("exit", "internal"),
    ],
)
def test_a_failure_is_told_by_its_kind_and_costs_only_the_job(engine: EngineProcess, failure: str, kind: str) -> None:
    engine.submit(f"fails-{failure.replace('_', '-')}", fail_at="stage 1", fail_with=failure)
    end = engine.wait_for_end(f"fails-{failure.replace('_', '-')}")
    assert isinstance(end, Failed)
    assert end.kind == kind
    assert end.message
    if kind == "internal":
        assert "Traceback" in end.detail
    engine.ask(Ping(), Pong)


@pytest.mark.parametrize("nonsense", ["none", "nonsense", "missing_file"])
def test_a_backend_that_talks_nonsense_fails_its_job(engine: EngineProcess, nonsense: str) -> None:
    engine.submit(f"odd-{nonsense.replace('_', '-')}", result=nonsense)
    end = engine.wait_for_end(f"odd-{nonsense.replace('_', '-')}")
    assert isinstance(end, Failed)
    assert end.kind == "internal"


def test_an_output_folder_that_can_not_be_made_is_named(engine: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file" / "inside")
    asked = TextToVideo(width=32, height=32, frames=1, rate="24", output=Output(folder=folder))
    engine.send(Submit(job="nowhere", work=asked))
    end = engine.wait_for_end("nowhere")
    assert isinstance(end, Failed)
    assert end.kind == "not_writable"
    assert folder in end.message


def test_a_failed_job_can_be_retried_and_a_running_one_can_not(engine: EngineProcess, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    engine.submit("again", wait_at="loading", gate=str(gate))
    engine.wait_for_state("again", Running)
    assert engine.ask(Retry(job="again"), Refused).kind == "conflict"
    engine.ask(Cancel(job="again"), Ok)
    engine.wait_for_end("again")
    gate.touch()
    assert isinstance(engine.ask(Retry(job="again"), Accepted).state, Queued)
    assert isinstance(engine.wait_for_state("again", Done), Done)
    detail = engine.ask(GetJob(job="again"), JobDetail)
    assert detail.row.attempt == 2


# --- the queue ---


def test_a_held_queue_can_be_put_in_order_and_then_runs_so(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.ask(HoldQueue(hold=True), Ok)
        for job in ("a", "b", "c", "d", "e"):
            engine.submit(job)
        engine.ask(SetPriority(job="d", priority=10), Ok)
        engine.ask(MoveJob(job="c", before="d"), Ok)
        engine.ask(Cancel(job="b"), Ok)
        engine.ask(MoveJob(job="a"), Ok)
        listed = engine.ask(ListJobs(states=("queued",)), Jobs)
        assert listed.held
        assert [row.job for row in listed.jobs] == ["c", "d", "e", "a"]
        assert engine.ask(MoveJob(job="b"), Refused).kind == "conflict"
        engine.ask(HoldQueue(hold=False), Ok)
        engine.wait_for_end("a")
        started = [e.job for e in engine.all_of(JobChanged) if isinstance(e.state, Running)]
        assert started == ["c", "d", "e", "a"]
        assert engine.ask(ClearJobs(states=("cancelled",)), Cleared).count == 1
        assert engine.ask(ListJobs(), Jobs).total == 4
        states = [event.state for event in engine.all_of(EngineState)]
        assert states[0] == "idle"
        assert {"held", "busy"} <= set(states)


# --- questions ---


def test_capabilities_say_what_works_and_then_the_device_is_known(engine: EngineProcess) -> None:
    told = engine.ask(GetCapabilities(), Capabilities)
    (backend,) = told.backends
    assert backend.available
    assert {mode.mode for mode in backend.models[0].modes if mode.available} >= {"retake", "extend", "fill_gap"}
    state = engine.wait_for(lambda event: isinstance(event, EngineState) and event.device is not None)
    assert isinstance(state, EngineState)
    assert state.backend == "test"
    assert [model.model for model in engine.ask(ListModels(), Models).models] == [MODEL]


def test_an_estimate_has_no_seconds_until_something_like_it_ran(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        assert engine.ask(EstimateWork(work=work()), Estimated).seconds is None
        engine.submit("first", steps=2, step_ms=30)
        engine.wait_for_end("first")
        seconds = engine.ask(EstimateWork(work=work(steps=20)), Estimated).seconds
        assert seconds is not None
        assert seconds >= 20 * 0.030
        refused = engine.ask(EstimateWork(work=msgspec.structs.replace(work(), model="huge")), Refused)
        assert refused.kind == "unsupported"
        assert "nothing here is called huge" in refused.message


def test_a_prompt_is_written_out_and_memory_let_go_between_jobs(engine: EngineProcess) -> None:
    assert engine.ask(EnhancePrompt(prompt="a kite"), Enhanced).prompt == "a kite, in stripes"
    engine.ask(FreeMemory(), Ok)


def test_questions_are_answered_while_a_job_runs(engine: EngineProcess) -> None:
    engine.submit("long", wait_at="stage 1", gate="/nowhere")
    engine.wait_for_state("long", Running)
    engine.ask(Ping(), Pong)
    engine.ask(GetCapabilities(), Capabilities)
    engine.ask(EstimateWork(work=work()), Estimated)
    assert engine.ask(ListJobs(states=("running",)), Jobs).jobs[0].job == "long"
    engine.ask(Cancel(job="long"), Ok)
    engine.wait_for_end("long")


# --- pictures and files ---


def test_previews_lie_in_the_ring_that_the_hello_names(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        ring = engine.hello().ring
        assert ring is not None
        with RingReader(ring) as reader:
            engine.submit("seen", steps=2, step_ms=120, preview_size=(64, 48), preview_frames=3)
            told = engine.wait_for(lambda event: isinstance(event, JobPreview))
            assert isinstance(told, JobPreview)
            assert (told.width, told.height, told.frames) == (64, 48, 3)
            pixels = reader.read(told.slot, told.stamp)
            assert pixels is not None
            assert len(pixels) == 64 * 48 * 3 * 3
            assert pixels[:3] == b"\x20\x30\x40"
            engine.wait_for_end("seen")
        engine.ask(Shutdown(), Ok)
        engine.wait_until_ended()
        assert not Path(ring.path).parent.exists()


def test_a_client_elsewhere_gets_previews_in_the_channel_and_files_in_pieces(tmp_path: Path) -> None:
    with EngineProcess(tmp_path, "--no-ring") as engine:
        assert engine.hello(remote=True).ring is None
        first = engine.ask(PutFile(name="clip.mov"), FilePut, b"abc")
        assert first.size_bytes == 3
        assert engine.ask(PutFile(name="clip.mov", offset=99), Refused, b"x").kind == "bad_request"
        put = engine.ask(PutFile(name="clip.mov", offset=3, last=True), FilePut, b"defgh")
        assert Path(put.path).read_bytes() == b"abcdefgh"
        for name in ("../out", "a/b", "..", "c:x"):
            assert engine.ask(PutFile(name=name, last=True), Refused, b"x").kind == "bad_request"

        engine.submit("far", steps=1, preview_size=(8, 4))
        end = engine.wait_for_end("far")
        assert isinstance(end, Done)
        told = engine.wait_for(lambda event: isinstance(event, JobPreview))
        assert isinstance(told, JobPreview)
        assert told.slot == -1
        assert len(engine.body_of(told)) == 8 * 4 * 3

        path = end.result.files[0].path
        whole = Path(path).read_bytes()
        content = b""
        while len(content) < len(whole):
            asked = FetchFile(job="far", path=path, offset=len(content), size_bytes=5000)
            piece = engine.ask(asked, FilePiece)
            assert piece.total_bytes == len(whole)
            content += engine.body_of(piece)
        assert content == whole
        stolen = engine.ask(FetchFile(job="far", path="/etc/passwd"), Refused)
        assert stolen.kind == "bad_request"


def test_a_flood_of_progress_and_previews_is_thinned_and_the_result_still_comes(engine: EngineProcess) -> None:
    engine.submit("flood", progress_flood=20_000, previews=300, preview_size=(320, 180))
    assert isinstance(engine.wait_for_end("flood"), Done)
    told = [event for event in engine.all_of(JobProgress) if event.job == "flood"]
    assert len(told) < 20_000


def test_many_threads_of_one_client_get_their_own_answers(engine: EngineProcess) -> None:
    wrong: list[int] = []

    def ask_many() -> None:
        for _ in range(50):
            if not isinstance(engine.ask(Ping(), Pong), Pong):
                wrong.append(1)

    threads = [threading.Thread(target=ask_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
