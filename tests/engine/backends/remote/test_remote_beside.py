"""Remote jobs wait on the service for minutes: others of both kinds run beside them, and none is lost by a crash."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_api import KEY, FakeApi
from PIL import Image
from remote_kit import clip

from engine.backends.remote.ledger import Ledger
from engine.backends.testing import Orders
from engine.protocol.messages import (
    Cancel,
    Cancelled,
    Done,
    EngineState,
    Failed,
    HoldQueue,
    JobProgress,
    Ok,
    Running,
    SetSpendingLimit,
    Shutdown,
    Submit,
)
from engine.protocol.work import ImageToVideo, Keyframe
from engine.server.loop import AWAY_JOBS


@pytest.fixture
def engine_at(api: FakeApi, tmp_path: Path, plain_client: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start an engine on the one store of the test; the fake service outlives it."""
    monkeypatch.setenv("LTX_API_URL", api.url)
    monkeypatch.setenv("LTX_API_KEY", KEY)
    monkeypatch.setenv("LTX_API_PACE", "0.01")
    return lambda: plain_client.EngineProcess(tmp_path / "store", "--backend", "remote")


def remote() -> Any:
    return clip(frames=9, backend="remote")


def from_picture(picture: Path) -> Any:
    return ImageToVideo(
        prompt="a red ball", width=256, height=144, frames=45, rate="24", may_leave=True, model="ltx-2-3-pro",
        backend="remote", keyframes=(Keyframe(image=str(picture), frame=0),),
    )  # fmt: skip


def here(**orders: Any) -> Any:
    prompt = msgspec.json.encode(Orders(**orders)).decode() if orders else "a ball"
    return msgspec.structs.replace(clip(frames=9), prompt=prompt, backend="test", model="", may_leave=False)


def wait_for_phase(engine: Any, job: str, phase: str) -> None:
    engine.wait_for(lambda event: isinstance(event, JobProgress) and (event.job, event.phase) == (job, phase))


def end(engine: Any) -> None:
    engine.ask(Shutdown(), Ok)
    engine.wait_until_ended()


def test_jobs_of_this_machine_run_while_a_remote_one_waits(engine_at: Any, api: FakeApi) -> None:
    api.hold.clear()
    with engine_at() as engine:
        engine.hello()
        engine.send(Submit(job="away", work=remote()))
        wait_for_phase(engine, "away", "waiting")
        engine.send(Submit(job="here", work=here()))
        assert isinstance(engine.wait_for_end("here"), Done)
        both = [each for each in engine.all_of(EngineState) if each.running == "here"]
        assert both
        assert both[-1].beside == ("away",)
        api.hold.set()
        assert isinstance(engine.wait_for_end("away"), Done)
        end(engine)
    assert api.submits == 1


def test_the_queue_keeps_its_order_within_each_kind(engine_at: Any, api: FakeApi) -> None:
    api.hold.clear()
    away = [f"away-{number}" for number in range(AWAY_JOBS + 1)]
    with engine_at() as engine:
        engine.hello()
        engine.ask(HoldQueue(hold=True), Ok)
        for name in (away[0], "here-1", *away[1:], "here-2"):
            engine.send(Submit(job=name, work=remote() if name.startswith("away") else here()))
        engine.ask(HoldQueue(hold=False), Ok)
        assert isinstance(engine.wait_for_end("here-2"), Done)
        for name in away[:-1]:  # so many at a time
            wait_for_phase(engine, name, "waiting")
        last = engine.all_of(EngineState)[-1]
        assert {last.running, *last.beside} >= set(away[:-1])
        assert last.queued == 1
        engine.ask(Cancel(job=away[-1]), Ok)  # it waits behind the others, and costs nothing
        assert isinstance(engine.wait_for_end(away[-1]), Cancelled)
        api.hold.set()
        for name in away[:-1]:
            assert isinstance(engine.wait_for_end(name), Done)
        order = [event.job for event, _ in engine.events if getattr(event, "state", None).__class__ is Running]
        assert [name for name in order if name.startswith("here")] == ["here-1", "here-2"]
        assert [name for name in order if name.startswith("away")] == away[:-1]
        end(engine)
    assert api.submits == AWAY_JOBS


def test_jobs_that_are_on_their_way_together_stay_within_the_limit(
    engine_at: Any, api: FakeApi, tmp_path: Path
) -> None:
    api.stalled.add("PUT")
    picture = tmp_path / "a.png"
    Image.new("RGB", (32, 32), (9, 9, 200)).save(picture)
    with engine_at() as engine:
        engine.hello()
        engine.ask(SetSpendingLimit(backend="remote", cents=20), Ok)
        for name in ("first", "second"):  # 16 cents each
            engine.send(Submit(job=name, work=from_picture(picture)))
        refused = engine.wait_for(lambda event: isinstance(getattr(event, "state", None), Failed))
        assert "$0.16 are for jobs that are on their way" in refused.state.message
        api.stalled.clear()
        other = "second" if refused.job == "first" else "first"
        assert isinstance(engine.wait_for_end(other), Done)
        end(engine)
    assert api.submits == 1


def test_a_kill_while_several_run_loses_none_and_pays_once(engine_at: Any, api: FakeApi, tmp_path: Path) -> None:
    api.hold.clear()
    with engine_at() as engine:
        engine.hello()
        for name in ("away", "away-2"):
            engine.send(Submit(job=name, work=remote()))
            wait_for_phase(engine, name, "waiting")
        engine.send(Submit(job="here", work=here(wait_at="stage 1")))
        engine.wait_for_state("here", Running)
        engine.kill()
    with engine_at() as engine:
        engine.hello()
        lost = engine.wait_for_end("here")
        assert isinstance(lost, Failed)
        assert lost.kind == "interrupted"
        for name in ("away", "away-2"):
            wait_for_phase(engine, name, "waiting")
        api.hold.set()
        takes = set[str]()
        for name in ("away", "away-2"):
            ended = engine.wait_for_end(name)
            assert isinstance(ended, Done)
            takes.add(ended.result.files[0].path)
        assert len(takes) == 2
        end(engine)
    assert api.submits == 2
    assert Ledger(tmp_path / "store").spending().spent_cents == 12
