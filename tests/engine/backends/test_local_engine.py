"""The real engine process with the local backend: a clip, a retake of it and a cancel, seen from the other end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_kit import MODEL, check_file, of_role

from engine.protocol.messages import (
    Cancel,
    Cancelled,
    Capabilities,
    Done,
    Estimated,
    EstimateWork,
    ExitStatus,
    Failed,
    GetCapabilities,
    JobNotice,
    JobPreview,
    JobProgress,
    Ok,
    Result,
    Shutdown,
    Submit,
)
from engine.protocol.ring import RingReader
from engine.protocol.work import AnyWork, Retake, TextToVideo


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, models_folder: Path, plain_client: Any) -> Iterator[Any]:
    store = tmp_path_factory.mktemp("engine")
    with plain_client.EngineProcess(store, "--backend", "local", "--models", str(models_folder)) as engine:
        engine.ring = engine.hello().ring
        yield engine
        engine.ask(Shutdown(), Ok)
        # By force on a machine too busy to let go of torch in the engine's few seconds of grace.
        assert engine.wait_until_ended() in (ExitStatus.ENDED, ExitStatus.STUCK)


def words(**more: Any) -> TextToVideo:
    given: dict[str, Any] = {"prompt": "a red ball", "width": 128, "height": 96, "frames": 17, "rate": "30000/1001"}
    return TextToVideo(**(given | {"model": MODEL, "backend": "local"} | more))


def done(engine: Any, job: str, work: AnyWork) -> Result:
    engine.send(Submit(job=job, work=work))
    state = engine.wait_for_end(job)
    assert isinstance(state, Done), state
    return state.result


def test_a_clip_and_a_retake_of_it_come_with_progress_and_pictures(engine: Any) -> None:
    clip = of_role(done(engine, "clip", words()), "video")[0]
    check_file(clip, frames=17, rate="30000/1001", size=(128, 96))
    work = Retake(source=clip.path, start=5, end=12, prompt="a blue box", model=MODEL, backend="local")
    take = of_role(done(engine, "take", work), "video")[0]
    check_file(take, frames=7, rate="30000/1001", size=(128, 96), start=5, handles=(4, 4))
    for job, phases in (("clip", {"stage 1", "stage 2", "decoding"}), ("take", {"encoding media", "stage 1"})):
        told = [event for event in engine.all_of(JobProgress) if event.job == job]
        fractions = [event.fraction for event in told]
        assert fractions == sorted(fractions)
        assert 0 <= fractions[0] <= fractions[-1] <= 1
        assert phases & {event.phase for event in told}  # quick ones may be left out
        assert any(event.job == job and event.kind == "plan" for event in engine.all_of(JobNotice))
    previews = [event for event in engine.all_of(JobPreview) if event.job == "clip"]
    assert previews
    with RingReader(engine.ring) as reader:
        pixels = reader.read(previews[-1].slot, previews[-1].stamp)
    assert pixels is None or len(pixels) == previews[-1].frames * previews[-1].width * previews[-1].height * 3


def test_a_running_job_is_cancelled_and_the_next_one_runs(engine: Any, tmp_path: Path) -> None:
    seen = len(engine.events)
    engine.send(Submit(job="long", work=words(width=256, height=256, frames=49, variations=8)))
    engine.wait_for(lambda event: isinstance(event, JobProgress) and event.job == "long" and event.step > 0, seen)
    engine.ask(Cancel(job="long"), Ok)
    assert isinstance(engine.wait_for_end("long"), Cancelled)
    assert done(engine, "after", words(frames=9)).files


def test_a_failure_has_its_kind_and_its_words(engine: Any, tmp_path: Path) -> None:
    engine.send(Submit(job="bad", work=Retake(source=str(tmp_path / "no.mp4"), start=0, end=9, backend="local")))
    state = engine.wait_for_end("bad")
    assert isinstance(state, Failed)
    assert (state.kind, "no.mp4" in state.message) == ("bad_media", True)


def test_capabilities_and_estimates_come_from_the_files(engine: Any) -> None:
    capabilities = engine.ask(GetCapabilities(), Capabilities)
    local = next(backend for backend in capabilities.backends if backend.backend == "local")
    tiny = next(model for model in local.models if model.model == MODEL)
    assert local.available
    assert {mode.mode for mode in tiny.modes if mode.available} >= {"text_to_video", "retake", "upscale"}
    estimated = engine.ask(EstimateWork(work=words()), Estimated)
    assert estimated.fits
    assert "cropped back" in " ".join(estimated.adjusted)
