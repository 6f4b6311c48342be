"""A script's engine: true processes that work, die, hang, talk nonsense, or are somewhere else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from engine.backends.testing import PHASES, Orders
from engine.protocol.messages import (
    PROTOCOL,
    Accepted,
    Cancel,
    Cancelled,
    Done,
    Event,
    GetCapabilities,
    GetJob,
    JobChanged,
    JobDetail,
    JobNotice,
    JobPreview,
    JobProgress,
    Jobs,
    ListJobs,
    Ping,
    Pong,
    Queued,
    Retry,
    Submit,
)
from engine.protocol.work import AudioToVideo, ImageToVideo, Keyframe, Output, Retake, Sound, TextToVideo
from ltxdesktop.jobs import process
from ltxdesktop.jobs.channel import Pixels, engine_command, runs_elsewhere
from ltxdesktop.jobs.errors import EngineGone, JobFailed, RequestRefused, TransferFailed
from ltxdesktop.jobs.files import files_of
from ltxdesktop.jobs.plain import PlainEngine
from ltxdesktop.jobs.supervisor import Patience, Ready, Stopped

HERE = Path(__file__).resolve().parent
LONG_S = 300.0
SOON_GONE = Patience(ask_s=0.2, terminate_s=0.2, restarts_s=(0.01,))  # for engines that have to be killed
POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="signals are a POSIX matter")


def own(store: Path, **options: Any) -> PlainEngine:
    return PlainEngine(engine_command(backends=["test"], store=str(store)), **options)


def odd(*words: str, **options: Any) -> PlainEngine:
    return PlainEngine([sys.executable, str(HERE / "odd_engine.py"), *words], **options)


def work(prompt: str = "", **orders: Any) -> TextToVideo:
    text = msgspec.json.encode(Orders(**orders)).decode() if orders else prompt
    return TextToVideo(prompt=text, width=32, height=32, frames=9, rate="24")


def wait_for_phase(engine: PlainEngine, job: str, phase: str) -> None:
    while True:
        event = engine.next_event()
        if isinstance(event, JobProgress) and (event.job, event.phase) == (job, phase):
            return


# --- asking ---


def test_a_job_is_done_and_what_is_said_meanwhile_is_heard(tmp_path: Path) -> None:
    heard: list[Event] = []
    with own(tmp_path) as engine:
        assert isinstance(engine.submit(Submit(job="a", work=work("a kite"))), Queued)
        end = engine.wait_for_job("a", heard.append)
    assert isinstance(end, Done)
    assert Path(end.result.files[0].path).is_file()
    assert {type(each) for each in heard} >= {JobChanged, JobProgress, JobNotice}
    assert engine.state == Stopped()
    assert engine.process_id == 0


def test_failed_refused_cancelled_and_gone_are_told_apart_by_type(tmp_path: Path) -> None:
    with own(tmp_path) as engine:
        engine.submit(Submit(job="bad", work=work(fail_at="decoding", fail_with="out_of_memory")))
        with pytest.raises(JobFailed, match="would fit") as failed:
            engine.wait_for_job("bad")
        assert failed.value.failed.kind == "out_of_memory"
        with pytest.raises(RequestRefused) as refused:
            engine.submit(Submit(job="bad", work=work("other work under a used id")))
        assert refused.value.refused.kind == "conflict"
        engine.submit(Submit(job="unwanted", work=work(wait_at="stage 1", gate="/nowhere")))
        engine.ask(Cancel(job="unwanted"))
        assert isinstance(engine.wait_for_job("unwanted"), Cancelled)
        engine.submit(Submit(job="deadly", work=work(die_at="stage 1")))
        with pytest.raises(EngineGone, match="unexpectedly"):
            engine.wait_for_job("deadly")
        with pytest.raises(EngineGone, match="unexpectedly"):
            engine.ask(Ping())


def test_previews_come_with_pixels_when_they_are_wanted(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with own(tmp_path, previews=True) as engine:
        engine.submit(Submit(job="a", work=work(preview_size=(8, 4), wait_at="decoding", gate=str(gate))))
        while not isinstance((arrival := engine.next_arrival()).event, JobPreview):
            pass
        assert isinstance(arrival.body, Pixels)
        pixels = arrival.body.copy()
        assert pixels is not None
        assert len(pixels) == 8 * 4 * 3
        gate.touch()
        engine.wait_for_job("a")
    assert arrival.body.copy() is None


# --- odd engines ---


def test_engine_that_never_says_hello_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    with (
        pytest.raises(EngineGone, match=r"said nothing for 0\.3 seconds"),
        odd("nothing", patience=replace(SOON_GONE, hello_s=0.3)),
    ):
        pass


def test_engine_of_another_version_is_said_with_both_versions(caplog: pytest.LogCaptureFixture) -> None:
    ours = r"\.".join(map(str, PROTOCOL))
    with pytest.raises(EngineGone, match=rf"next year's\) speaks version 2\.4.*version {ours}"), odd("newer"):
        pass


def test_engine_that_talks_nonsense_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(EngineGone, match="can't be understood"), odd("noise") as engine:
        engine.ask(Ping())


def test_login_banner_before_the_hello_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    with odd("banner") as engine:
        assert isinstance(engine.state, Ready)


def test_unknown_event_of_a_newer_engine_is_ignored() -> None:
    with odd("unknown") as engine:
        while engine.next_event() != Pong(call=1):  # comes behind it
            pass


def test_last_words_of_an_engine_are_passed_on() -> None:
    with pytest.raises(EngineGone, match="Process 42 has it"), odd("farewell"):
        pass


def test_end_of_the_log_comes_with_the_error(tmp_path: Path) -> None:
    with pytest.raises(EngineGone) as gone, PlainEngine([sys.executable, "-S", "-c", "import nowhere_to_be_found"]):
        pass
    assert "nowhere_to_be_found" in gone.value.log


@pytest.mark.usefixtures("caplog")
def test_engine_that_stops_reading_does_not_make_its_client_wait() -> None:
    with odd("banner", "deaf", patience=SOON_GONE) as engine:
        for _ in range(5):
            engine._supervisor.send(Submit(job="large", work=work("x" * 800_000)))
        deaf = psutil.Process(engine.process_id)
    assert not deaf.is_running()


def test_client_that_does_not_look_holds_little_and_loses_nothing(tmp_path: Path) -> None:
    count = 20_000
    with own(tmp_path) as engine:
        engine.submit(Submit(job="talkative", work=work(notice_flood=count)))
        far = psutil.Process(engine.process_id)
        wait_until_it_stands_still(far)
        assert engine._loop._happened.qsize() <= process.MOST_WAITING + 2
        heard: list[Event] = []
        engine.wait_for_job("talkative", heard.append)
        told = [each for each in heard if isinstance(each, JobNotice) and each.kind == "warning"]
        assert [each.message for each in told] == [f"notice {n} of {count} of job talkative" for n in range(count)]


def wait_until_it_stands_still(watched: psutil.Process) -> None:
    """Return when the process uses no more processor time, for three looks in a row."""
    import threading

    same, last = 0, -1.0
    for _ in range(int(LONG_S / 0.05)):
        threading.Event().wait(0.05)
        times = watched.cpu_times()
        used = times.user + times.system
        same, last = (same + 1, last) if used == last else (0, used)
        if same == 3:
            return
    raise AssertionError("the engine never came to rest")


@POSIX_ONLY
def test_end_is_seen_although_a_grandchild_keeps_the_pipes_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LAST_BYTES_S", 0.05)
    code = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, file=sys.stderr)"
    with pytest.raises(EngineGone) as gone, PlainEngine([sys.executable, "-S", "-c", code]):
        pass
    os.kill(int(gone.value.log), signal.SIGKILL)


# --- killed engines ---


@POSIX_ONLY
@pytest.mark.parametrize("phase", PHASES)
def test_engine_killed_in_any_phase_is_started_again_and_its_job_can_be_retried(tmp_path: Path, phase: str) -> None:
    gate = tmp_path / "gate"
    patience = replace(Patience(), restarts_s=(0.01,))
    with own(tmp_path, restarts=True, patience=patience) as engine:
        first = engine.process_id
        engine.submit(Submit(job="caught", work=work(wait_at=phase, gate=str(gate))))
        engine.submit(Submit(job="behind", work=work()))
        wait_for_phase(engine, "caught", phase)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(JobFailed) as failed:
            engine.wait_for_job("caught")
        assert failed.value.failed.kind == "interrupted"
        assert engine.process_id not in {0, first}
        engine.wait_for_job("behind")
        rows = engine.ask(ListJobs())
        assert isinstance(rows, Jobs)
        assert {(row.job, row.state, row.failure) for row in rows.jobs} == {
            ("caught", "failed", "interrupted"),
            ("behind", "done", ""),
        }
        gate.touch()
        assert isinstance(engine.ask(Retry(job="caught")), Accepted)
        assert isinstance(engine.wait_for_job("caught"), Done)


@POSIX_ONLY
def test_submit_that_no_engine_has_answered_is_answered_by_the_next(tmp_path: Path) -> None:
    patience = replace(Patience(), restarts_s=(0.01,))
    with own(tmp_path, restarts=True, patience=patience) as engine:
        os.kill(engine.process_id, signal.SIGSTOP)  # so that it can't answer before it's killed
        os.kill(engine.process_id, signal.SIGKILL)
        assert isinstance(engine.submit(Submit(job="a", work=work())), Queued)
        assert isinstance(engine.wait_for_job("a"), Done)


@POSIX_ONLY
def test_question_to_an_engine_that_dies_is_told_so_and_the_next_engine_answers(tmp_path: Path) -> None:
    patience = replace(Patience(), restarts_s=(0.01,))
    with own(tmp_path, restarts=True, patience=patience) as engine:
        os.kill(engine.process_id, signal.SIGSTOP)
        os.kill(engine.process_id, signal.SIGKILL)
        with pytest.raises(EngineGone):
            engine.ask(GetCapabilities())
        engine.submit(Submit(job="a", work=work()))
        assert isinstance(engine.ask(Ping()), Pong)


# --- a killed app ---

APP = """
import sys
from engine.protocol.messages import Submit
from engine.protocol.work import TextToVideo
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.jobs.plain import PlainEngine

def work(prompt):
    return TextToVideo(prompt=prompt, width=32, height=32, frames=9, rate="24")

with PlainEngine(engine_command(backends=["test"], store={store!r})) as engine:
    engine.submit(Submit(job="kept", work=work("")))
    engine.wait_for_job("kept")
    engine.submit(Submit(job="cut", work=work('{{"wait_at": "stage 1", "gate": "/nowhere"}}')))
    print(engine.process_id, flush=True)
    engine.wait_for_job("cut")
"""


@POSIX_ONLY
def test_when_the_app_is_killed_the_engine_ends_and_the_result_is_there_next_time(tmp_path: Path) -> None:
    app = subprocess.Popen([sys.executable, "-c", APP.format(store=str(tmp_path))], stdout=subprocess.PIPE)
    assert app.stdout is not None
    far = psutil.Process(int(app.stdout.readline()))
    app.kill()
    app.wait()
    app.stdout.close()
    psutil.wait_procs([far], timeout=LONG_S)
    assert not far.is_running()
    with own(tmp_path) as engine:
        kept = engine.ask(GetJob(job="kept"))
        assert isinstance(kept, JobDetail)
        assert isinstance(kept.state, Done)
        assert all(Path(file.path).is_file() for file in kept.state.result.files)
        rows = engine.ask(ListJobs(states=("failed",)))
        assert isinstance(rows, Jobs)
        assert [(row.job, row.failure) for row in rows.jobs] == [("cut", "interrupted")]


# --- an engine elsewhere ---


@pytest.fixture
def far_engine(tmp_path: Path) -> PlainEngine:
    """An engine whose bytes are carried by somebody else, as `ssh` would."""
    there = engine_command(backends=["test"], store=str(tmp_path / "there"))
    return PlainEngine([sys.executable, str(HERE / "relay.py"), *there, "--no-ring"], previews=True)


def test_engine_elsewhere_gets_media_sends_previews_and_gives_its_results(
    far_engine: PlainEngine, tmp_path: Path
) -> None:
    clip = tmp_path / "a clip*of mine.mov"
    clip.write_bytes(random.Random(1).randbytes(2_500_000))
    orders = msgspec.json.encode(
        Orders(preview_size=(64, 36), wait_at="decoding", gate=str(tmp_path / "gate"))
    ).decode()
    asked = Retake(source=str(clip), start=3, end=9, prompt=orders, output=Output(folder="/here/only"))
    with far_engine as engine:
        moved = engine.put_files(asked)
        assert isinstance(moved, Retake)
        assert Path(moved.source).read_bytes() == clip.read_bytes()
        assert tmp_path / "there" in Path(moved.source).parents
        assert moved.output.folder == ""
        engine.submit(Submit(job="far", work=moved))
        while not isinstance((arrival := engine.next_arrival()).event, JobPreview):
            pass
        assert isinstance(arrival.body, bytes)
        assert len(arrival.body) == 64 * 36 * 3
        (tmp_path / "gate").touch()
        done = engine.wait_for_job("far")
        assert isinstance(done, Done)
        here = engine.fetch_result("far", done, tmp_path / "here")
        for theirs, ours in zip(done.result.files, here.result.files, strict=True):
            assert Path(ours.path).parent == tmp_path / "here"
            assert Path(ours.path).read_bytes() == Path(theirs.path).read_bytes()
        assert not list((tmp_path / "here").glob(".*"))


def test_when_the_line_is_cut_the_engine_elsewhere_ends(far_engine: PlainEngine) -> None:
    with far_engine as engine:
        assert isinstance(engine.state, Ready)
        far = psutil.Process(engine.state.hello.pid)
        psutil.Process(engine.process_id).kill()
        with pytest.raises(EngineGone):
            engine.ask(Ping())
    psutil.wait_procs([far], timeout=LONG_S)
    assert not far.is_running()


def test_transfers_that_fail_say_why_and_leave_nothing(far_engine: PlainEngine, tmp_path: Path) -> None:
    with far_engine as engine:
        with pytest.raises(TransferFailed, match=r"nowhere\.png.*No such file"):
            engine.put_files(ImageToVideo(keyframes=(Keyframe(image="/nowhere.png"),), **SIZE))
        engine.submit(Submit(job="a", work=work()))
        done = engine.wait_for_job("a")
        assert isinstance(done, Done)
        Path(done.result.files[-1].path).unlink()
        with pytest.raises(TransferFailed, match="wav"):
            engine.fetch_result("a", done, tmp_path / "here")
        assert [each.suffix for each in (tmp_path / "here").iterdir()] == [".y4m"]


SIZE: Any = {"width": 32, "height": 32, "frames": 9, "rate": "24"}


def test_all_media_of_a_job_are_known() -> None:
    sound = Sound(file="/s.wav")
    work = AudioToVideo(audio=sound, keyframes=(Keyframe(image="/a.png"), Keyframe(image="/b.png")), **SIZE)
    assert sorted(files_of(work)) == ["/a.png", "/b.png", "/s.wav"]
    assert files_of(Retake(source="/c.mov", start=0, end=9, soundtrack=sound)) == ["/c.mov", "/s.wav"]


def test_commands_that_run_elsewhere_are_known() -> None:
    assert runs_elsewhere(["/usr/bin/ssh", "host", "ltx-engine", "--stdio"])
    assert runs_elsewhere(["carry", "ltx-engine", "--no-ring"])
    assert not runs_elsewhere([sys.executable, "-m", "engine", "--stdio"])
