"""A remote job waits on the service for minutes: jobs of this machine run beside it, and neither is lost by a crash."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_api import KEY, FakeApi
from remote_kit import clip

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
    Shutdown,
    Submit,
)


@pytest.fixture
def engine_at(api: FakeApi, tmp_path: Path, plain_client: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start an engine on the one store of the test; the fake service outlives it."""
    monkeypatch.setenv("LTX_API_URL", api.url)
    monkeypatch.setenv("LTX_API_KEY", KEY)
    monkeypatch.setenv("LTX_API_PACE", "0.01")
    return lambda: plain_client.EngineProcess(tmp_path / "store", "--backend", "remote")


def remote() -> Any:
    return clip(frames=9, backend="remote")


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
    with engine_at() as engine:
        engine.hello()
        engine.ask(HoldQueue(hold=True), Ok)
        for name in ("away-1", "here-1", "away-2", "here-2"):
            engine.send(Submit(job=name, work=remote() if name.startswith("away") else here()))
        engine.ask(HoldQueue(hold=False), Ok)
        assert isinstance(engine.wait_for_end("here-2"), Done)
        wait_for_phase(engine, "away-1", "waiting")
        engine.ask(Cancel(job="away-2"), Ok)  # it waits behind the other, and costs nothing
        assert isinstance(engine.wait_for_end("away-2"), Cancelled)
        api.hold.set()
        assert isinstance(engine.wait_for_end("away-1"), Done)
        order = [event.job for event, _ in engine.events if getattr(event, "state", None).__class__ is Running]
        assert [name for name in order if name.startswith("here")] == ["here-1", "here-2"]
        assert "away-2" not in order
        end(engine)
    assert api.submits == 1


def test_a_kill_while_both_run_loses_neither_and_pays_once(engine_at: Any, api: FakeApi) -> None:
    api.hold.clear()
    with engine_at() as engine:
        engine.hello()
        engine.send(Submit(job="away", work=remote()))
        wait_for_phase(engine, "away", "waiting")
        engine.send(Submit(job="here", work=here(wait_at="stage 1")))
        engine.wait_for_state("here", Running)
        engine.kill()
    with engine_at() as engine:
        engine.hello()
        lost = engine.wait_for_end("here")
        assert isinstance(lost, Failed)
        assert lost.kind == "interrupted"
        wait_for_phase(engine, "away", "waiting")
        api.hold.set()
        assert isinstance(engine.wait_for_end("away"), Done)
        end(engine)
    assert api.submits == 1
