"""The remote backend in the real engine process, against the fake service: kills, cancels, money, exact frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fake_api import KEY, FakeApi, Reply
from PIL import Image
from remote_kit import check_file, clip, footage, made

from engine.media.decode import VideoReader
from engine.media.encode import Delivery
from engine.media.joined import placement, write_joined
from engine.protocol.messages import (
    Accepted,
    Cancel,
    Cancelled,
    Capabilities,
    CheckKey,
    Done,
    Estimated,
    EstimateWork,
    ExitStatus,
    Failed,
    GetCapabilities,
    JobNotice,
    JobProgress,
    KeyChecked,
    Ok,
    Refused,
    Retry,
    SetSpendingLimit,
    Shutdown,
    Submit,
)
from engine.protocol.work import AnyWork, ImageToVideo, Keyframe, Retake

LONG_S = 300.0
SUBMIT = "POST /v2/text-to-video"


@pytest.fixture
def engine_at(api: FakeApi, tmp_path: Path, plain_client: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start an engine on the one store of the test; the fake service outlives it."""
    monkeypatch.setenv("LTX_API_URL", api.url)
    monkeypatch.setenv("LTX_API_KEY", KEY)
    monkeypatch.setenv("LTX_API_PACE", "0.01")

    def start() -> Any:
        return plain_client.EngineProcess(tmp_path / "store", "--backend", "remote")

    return start


@pytest.fixture
def engine(engine_at: Any) -> Iterator[Any]:
    with engine_at() as engine:
        engine.hello()
        yield engine
        engine.ask(Shutdown(), Ok)
        assert engine.wait_until_ended() == ExitStatus.ENDED
        assert KEY.encode() not in engine.log


def work(**more: Any) -> AnyWork:
    return clip(frames=9, backend="remote", **more)


def result(engine: Any, job: str) -> Any:
    state = engine.wait_for_end(job)
    assert isinstance(state, Done), state
    return state.result


def wait_for_phase(engine: Any, job: str, phase: str) -> None:
    engine.wait_for(lambda event: isinstance(event, JobProgress) and (event.job, event.phase) == (job, phase))


def test_a_clip_comes_with_its_price_and_its_notices(engine: Any, api: FakeApi) -> None:
    asked = work()
    told = engine.ask(GetCapabilities(), Capabilities).backends
    remote = next(backend for backend in told if backend.backend == "remote")
    assert remote.available
    assert remote.remote
    assert remote.spending.spent_cents == 0
    estimated = engine.ask(EstimateWork(work=asked), Estimated)
    assert (estimated.backend, estimated.cost_cents, estimated.fits) == ("remote", 6, True)
    assert any("the prompt" in said for said in estimated.sends)
    assert api.seen == []  # nothing leaves for an estimate
    engine.send(Submit(job="clip", work=asked))
    done = result(engine, "clip")
    check_file(done.files[0])
    assert made(done.files[0].path) == list(range(9))
    assert done.cost_cents == 6
    costs = [event.message for event in engine.all_of(JobNotice) if event.kind == "cost"]
    assert len(costs) == 1
    assert "about $0.06" in costs[0]
    assert "the prompt" in costs[0]
    fractions = [event.fraction for event in engine.all_of(JobProgress) if event.job == "clip"]
    assert fractions == sorted(fractions)


def test_the_key_is_checked_by_a_call_that_costs_nothing(engine: Any, api: FakeApi) -> None:
    checked = engine.ask(CheckKey(backend="remote"), KeyChecked)
    assert (checked.accepted, checked.source) == (True, "the environment variable LTX_API_KEY")
    assert api.seen == ["GET poll"]
    api.once("GET poll", Reply.error(401, "authentication_error", "revoked"))
    checked = engine.ask(CheckKey(backend="remote"), KeyChecked)
    assert (checked.accepted, "doesn't accept the key" in checked.message) == (False, True)
    api.reset_polls = 1
    checked = engine.ask(CheckKey(backend="remote"), KeyChecked)
    assert (checked.accepted, "can't be reached" in checked.message) == (False, True)
    assert engine.ask(CheckKey(backend="test"), Refused).kind == "unsupported"


def test_without_consent_nothing_is_sent(engine: Any, api: FakeApi) -> None:
    engine.send(Submit(job="no", work=work(may_leave=False)))
    state = engine.wait_for_end("no")
    assert isinstance(state, Failed)
    assert (state.kind, "wasn't agreed to" in state.message) == ("unsupported", True)
    assert api.seen == []


def test_the_frames_around_a_retake_stay_the_films_own(engine: Any, api: FakeApi, tmp_path: Path) -> None:
    film = footage(tmp_path / "film.mkv", 110, "30000/1001", (64, 36), sound=False)
    asked = Retake(
        source=str(film), start=20, end=82, prompt="rain", context=6, may_leave=True, backend="remote", model="pro"
    )
    engine.send(Submit(job="take", work=asked))
    take = result(engine, "take").files[0]
    check_file(take)
    assert (take.frames, take.rate, take.handle_before, take.handle_after) == (70, "30000/1001", 4, 4)
    placed = placement(asked, take)
    assert placed is not None
    write_joined(*placed, tmp_path / "joined.mkv", delivery=Delivery.FFV1_FLAC, blend=2)
    with VideoReader(film) as before, VideoReader(tmp_path / "joined.mkv") as after:
        assert (after.index.frames, after.rate) == (110, Fraction(30000, 1001))
        for first, end in ((0, 18), (84, 110)):
            assert (before.rgb(first, end) == after.rgb(first, end)).all()
    assert made(str(tmp_path / "joined.mkv"))[20:82] == list(range(62))


@pytest.mark.parametrize("phase", ["waiting", "downloading"])
def test_a_killed_engines_job_is_picked_up_by_its_id_and_paid_once(engine_at: Any, api: FakeApi, phase: str) -> None:
    if phase == "waiting":
        api.hold.clear()
    else:
        api.drop_after.extend([3000] * 1000)  # it never gets there
        api.ranges = False
    with engine_at() as engine:
        engine.hello()
        engine.send(Submit(job="paid", work=work()))
        wait_for_phase(engine, "paid", phase)
        engine.kill()
    api.hold.set()
    api.drop_after.clear()
    with engine_at() as engine:
        engine.hello()
        done = result(engine, "paid")
        assert made(done.files[0].path) == list(range(9))
        assert any("already paid for" in event.message for event in engine.all_of(JobNotice))
        spending = engine.ask(GetCapabilities(), Capabilities).backends[-1].spending
        engine.ask(Shutdown(), Ok)
        engine.wait_until_ended()
    assert api.submits == 1
    assert spending.spent_cents == done.cost_cents == 6


def test_an_engine_killed_in_an_upload_sends_it_again_and_pays_once(
    engine_at: Any, api: FakeApi, tmp_path: Path
) -> None:
    Image.new("RGB", (32, 32), (9, 9, 200)).save(tmp_path / "a.png")
    picture = Keyframe(image=str(tmp_path / "a.png"))
    given: dict[str, Any] = {"width": 256, "height": 144, "frames": 9, "rate": "24", "keyframes": (picture,)}
    api.stalled.add("PUT")
    with engine_at() as engine:
        engine.hello()
        engine.send(Submit(job="up", work=ImageToVideo(**given, model="pro", backend="remote", may_leave=True)))
        assert api.stuck.wait(LONG_S)
        engine.kill()
    assert (api.submits, api.files) == (0, {})
    api.stalled.clear()
    with engine_at() as engine:
        engine.hello()
        check_file(result(engine, "up").files[0])
        spending = engine.ask(GetCapabilities(), Capabilities).backends[-1].spending
        engine.ask(Shutdown(), Ok)
        engine.wait_until_ended()
    assert (api.submits, spending.spent_cents) == (1, 16)


def test_an_engine_killed_between_two_tries_begins_the_job_anew(engine_at: Any, api: FakeApi) -> None:
    api.once(SUBMIT, *[Reply.error(503, "service_unavailable", "later", Retry_After="500")] * 2)
    with engine_at() as engine:
        engine.hello()
        engine.send(Submit(job="early", work=work()))
        engine.wait_for(lambda event: isinstance(event, JobNotice) and "trying again" in event.message)
        engine.kill()
    with engine_at() as engine:
        engine.hello()
        api.out_of_turn.clear()
        result(engine, "early")
        engine.ask(Shutdown(), Ok)
        engine.wait_until_ended()
    assert api.submits == 1


def test_an_engine_killed_in_mid_submit_asks_before_it_pays_again(engine_at: Any, api: FakeApi) -> None:
    api.silent.set()
    with engine_at() as engine:
        engine.hello()
        engine.send(Submit(job="doubt", work=work()))
        assert api.begun.wait(LONG_S)
        engine.kill()
    api.silent.clear()
    with engine_at() as engine:
        engine.hello()
        state = engine.wait_for_end("doubt")
        assert isinstance(state, Failed)
        assert (state.kind, "very moment" in state.message) == ("interrupted", True)
        assert api.submits == 1  # nobody can know whether it began, so nothing is sent again unasked
        seen = len(engine.events)
        engine.ask(Retry(job="doubt"), Accepted)
        engine.wait_for(lambda event: isinstance(getattr(event, "state", None), Done), seen)
    assert api.submits == 2


def test_a_cancelled_job_says_that_it_is_charged_and_retry_fetches_it(engine: Any, api: FakeApi) -> None:
    api.hold.clear()
    engine.send(Submit(job="stop", work=work()))
    wait_for_phase(engine, "stop", "waiting")
    engine.ask(Cancel(job="stop"), Ok)
    state = engine.wait_for_end("stop")
    assert isinstance(state, Cancelled)
    assert "about $0.06 are charged. Retry fetches the result" in state.message
    api.hold.set()
    seen = len(engine.events)
    engine.ask(Retry(job="stop"), Accepted)
    engine.wait_for(lambda event: isinstance(getattr(event, "state", None), Done), seen)
    assert api.submits == 1


def test_too_many_requests_and_broken_downloads_are_sat_out(engine: Any, api: FakeApi) -> None:
    api.once(SUBMIT, *[Reply.error(429, "concurrency_limit_error", "two at a time", Retry_After="2")] * 2)
    api.drop_after.extend([1500, 700])
    engine.send(Submit(job="patient", work=work()))
    assert made(result(engine, "patient").files[0].path) == list(range(9))
    assert (api.count(SUBMIT), api.submits, api.count("GET file")) == (3, 1, 3)


def test_a_film_of_the_wrong_length_fails_and_is_kept(engine: Any, api: FakeApi, tmp_path: Path) -> None:
    api.change = lambda film: replace(film, greys=film.greys[:5])
    engine.send(Submit(job="short", work=work()))
    state = engine.wait_for_end("short")
    assert isinstance(state, Failed)
    assert (state.kind, "it has 5 frames" in state.message) == ("refused", True)
    assert list((tmp_path / "store" / "results").glob("*-as-received.mp4"))


def test_the_monthly_limit_holds_a_job_back(engine: Any, api: FakeApi) -> None:
    engine.ask(SetSpendingLimit(backend="remote", cents=5), Ok)
    assert not engine.ask(EstimateWork(work=work()), Estimated).fits
    engine.send(Submit(job="dear", work=work()))
    state = engine.wait_for_end("dear")
    assert isinstance(state, Failed)
    assert (state.kind, "limit of $0.05" in state.message) == ("refused", True)
    assert api.seen == []
    assert engine.ask(SetSpendingLimit(backend="test", cents=5), Refused).kind == "unsupported"
    engine.ask(SetSpendingLimit(backend="remote", cents=None), Ok)
    engine.send(Submit(job="dear-2", work=work()))
    result(engine, "dear-2")
