"""The session turns what the engine says into what the window shows, and what the window wants into requests."""

from __future__ import annotations

import pytest

from engine.protocol.messages import (
    Accepted,
    BackendCapability,
    Capabilities,
    Device,
    Done,
    EngineState,
    Estimated,
    EstimateWork,
    Failed,
    GetCapabilities,
    GetJob,
    JobChanged,
    JobDetail,
    JobPreview,
    JobProgress,
    JobRow,
    Jobs,
    ListJobs,
    ListModels,
    ModelCapability,
    Models,
    MoveJob,
    Queued,
    Refused,
    Request,
    Result,
    ResultFile,
    Running,
    Submit,
)
from engine.protocol.work import TextToVideo
from ltxdesktop.ui.session import EngineSession, pictures_of
from ltxdesktop.ui.top_bar import engine_words

WORK = TextToVideo(prompt="a red ball", width=32, height=32, frames=9, rate="24")
FILM = ResultFile(path="/results/a.mp4", role="video", size_bytes=10)
DONE = Done(result=Result(files=(FILM, ResultFile(path="/results/a.json", role="recipe", size_bytes=1))))


class Engine:
    """Keeps what was sent, and answers when it's told to."""

    def __init__(self) -> None:
        self.sent: list[Request] = []

    def last(self, kind: type[Request]) -> Request:
        return next(each for each in reversed(self.sent) if isinstance(each, kind))


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def session(engine: Engine, qapp) -> EngineSession:
    made = EngineSession(engine.sent.append)
    made.engine_ready()
    return made


def submit(session: EngineSession, engine: Engine) -> str:
    job = session.submit(WORK, "a red ball")
    request = engine.last(Submit)
    session.receive(Accepted(call=request.call, job=job, state=Queued()), b"")
    return job


def test_ready_engine_is_asked_for_all_that_the_window_shows(session: EngineSession, engine: Engine):
    assert {type(each) for each in engine.sent} == {GetCapabilities, ListJobs}
    assert len({each.call for each in engine.sent}) == len(engine.sent)
    session.receive(Capabilities(call=engine.last(GetCapabilities).call, backends=()), b"")
    assert session.view.life == "ready"


def test_accepted_job_is_listed_and_runs_to_a_take(session: EngineSession, engine: Engine, qtbot):
    job = submit(session, engine)
    assert session.jobs.entry(job).state == "queued"
    session.receive(JobChanged(job=job, state=Running()), b"")
    with qtbot.waitSignals([session.take_made, session.job_ended]):
        session.receive(JobChanged(job=job, state=DONE), b"")
    assert [take.file.path for take in session.takes.takes()] == ["/results/a.mp4"]
    assert session.jobs.entry(job).state == "done"


def test_failure_is_told_with_its_message(session: EngineSession, engine: Engine, qtbot):
    job = submit(session, engine)
    with qtbot.waitSignal(session.job_ended):
        session.receive(JobChanged(job=job, state=Failed(kind="out_of_memory", message="Too large.")), b"")
    assert session.jobs.entry(job).message == "Too large."


def test_refused_request_is_told_and_lists_nothing(session: EngineSession, engine: Engine, qtbot):
    job = session.submit(WORK, "a red ball")
    with qtbot.waitSignal(session.refused) as refused:
        session.receive(Refused(call=engine.last(Submit).call, kind="disk_full", message="The disk is full."), b"")
    assert refused.args == ["The disk is full."]
    assert session.jobs.entry(job) is None


def test_takes_of_earlier_sessions_come_back(session: EngineSession, engine: Engine):
    row = JobRow(job="old", mode="text_to_video", state="done", title="old one")
    session.receive(Jobs(call=engine.last(ListJobs).call, jobs=(row,), total=1), b"")
    asked = engine.last(GetJob)
    session.receive(JobDetail(call=asked.call, row=row, work=WORK, state=DONE), b"")
    assert [take.title for take in session.takes.takes()] == ["old one"]


def test_moving_names_the_job_to_go_before(session: EngineSession, engine: Engine):
    rows = tuple(JobRow(job=name, mode="retake", state="queued") for name in "abcd")
    session.receive(Jobs(call=engine.last(ListJobs).call, jobs=rows, total=4), b"")
    expected = {("a", 1): "c", ("c", 1): "", ("c", -1): "b", ("b", 1): "d"}
    for (job, step), before in expected.items():
        session.move(job, step)
        request = engine.last(MoveJob)
        assert (request.job, request.before) == (job, before)


def test_only_the_newest_estimate_is_told(session: EngineSession, engine: Engine, qtbot):
    session.estimate(WORK)
    older = engine.last(EstimateWork).call
    session.estimate(WORK)
    newer = engine.last(EstimateWork).call
    told: list[Estimated] = []
    session.estimated.connect(told.append)
    session.receive(Estimated(call=newer, backend="local", fits=True, seconds=9), b"")
    session.receive(Estimated(call=older, backend="local", fits=True, seconds=1), b"")
    assert [each.seconds for each in told] == [9]


def test_only_news_are_shown_when_the_person_comes_back(session: EngineSession, engine: Engine, qtbot):
    def backend(free_bytes: int, *, available: bool = True) -> BackendCapability:
        device = Device(name="a card", kind="cuda", free_bytes=free_bytes)
        return BackendCapability(backend="local", title="Here", available=available, device=device)

    session.receive(Capabilities(call=engine.last(GetCapabilities).call, backends=(backend(1),)), b"")
    session.look_for_news()
    with qtbot.assertNotEmitted(session.capabilities_changed):
        session.receive(Capabilities(call=engine.last(GetCapabilities).call, backends=(backend(2),)), b"")
    session.look_for_news()
    assert not engine.last(GetCapabilities).refresh  # a locked keyring would ask each time
    with qtbot.waitSignal(session.capabilities_changed):
        told = Capabilities(call=engine.last(GetCapabilities).call, backends=(backend(2, available=False),))
        session.receive(told, b"")


def test_an_answer_that_comes_after_the_window_has_gone_finds_nobody(session: EngineSession, engine: Engine):
    answers: list[object] = []
    session.ask_models(answers.append)
    asked = engine.last(ListModels).call
    session.close()
    session.ask_models(answers.append)
    for call in (asked, engine.last(ListModels).call):
        session.receive(Models(call=call, models=()), b"")
    assert answers == []


def test_preview_pixels_become_pictures(session: EngineSession, qtbot):
    preview = JobPreview(job="a", width=2, height=1, frames=2, rate="12")
    body = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    with qtbot.waitSignal(session.preview_arrived) as arrived:
        session.receive(preview, body)
    _, pictures, fps = arrived.args
    assert fps == 12
    assert [picture.pixelColor(0, 0).getRgb()[:3] for picture in pictures] == [(255, 0, 0), (0, 0, 255)]
    assert pictures_of(preview, body[:-1]) == []


def test_lost_engine_keeps_what_is_on_screen(session: EngineSession, engine: Engine):
    job = submit(session, engine)
    session.engine_lost("The engine stopped. Starting it again.", given_up=False)
    assert session.jobs.entry(job) is not None
    assert engine_words(session.view) == "The engine stopped. Starting it again."


def test_progress_is_shown_at_once_and_then_only_the_newest(session: EngineSession, engine: Engine, qtbot):
    job = submit(session, engine)
    session.receive(JobChanged(job=job, state=Running()), b"")
    shown: list[int] = []
    session.jobs.dataChanged.connect(lambda *_: shown.append(session.jobs.entry(job).progress.step))
    for step in range(1, 100):
        session.receive(JobProgress(job=job, phase="stage 1", step=step, steps=100), b"")
    assert shown == [1]
    qtbot.waitUntil(lambda: shown == [1, 99])


def test_job_without_an_engine_is_listed_as_waiting_until_the_engine_lists_it(session: EngineSession, engine: Engine):
    session.engine_lost("The engine stopped. Starting it again.", given_up=False)
    job = session.submit(WORK, "a red ball")
    assert session.jobs.entry(job).state == "queued"
    session.engine_ready()
    row = JobRow(job=job, mode="text_to_video", state="running", title="a red ball")
    session.receive(Jobs(call=engine.last(ListJobs).call, jobs=(row,), total=1), b"")
    assert [(entry.job, entry.state) for entry in session.jobs.entries()] == [(job, "running")]


def test_engine_is_described_in_one_line(session: EngineSession):
    known = ModelCapability(model="pocket", title="Pocket", modes=())
    session.receive(
        Capabilities(backends=(BackendCapability(backend="local", title="Here", available=True, models=(known,)),)), b""
    )
    session.receive(EngineState(state="busy", queued=1, running="a", model="pocket"), b"")
    assert engine_words(session.view) == "Pocket  ·  2 jobs"
    session.receive(EngineState(state="busy", queued=1, running="a", beside=("b", "c"), model="Pocket"), b"")
    assert engine_words(session.view) == "Pocket  ·  4 jobs, 3 at once"


def test_takes_are_stored_as_the_person_wishes(session, engine):
    able = ModelCapability(model="pocket", title="Pocket", modes=(), codecs=("h264", "ffv1"))
    session.backends = (BackendCapability(backend="local", title="Here", available=True, models=(able,)),)
    session.submit(WORK, "A ball")
    assert engine.last(Submit).work.output.codec == "h264"
    said: list[str] = []
    session.noticed.connect(lambda kind, words: said.append(words))
    session.take_format = "ffv1"
    session.submit(WORK, "A ball")
    assert engine.last(Submit).work.output.codec == "ffv1"
    assert said == []
    session.take_format = "prores"
    session.submit(WORK, "A ball")
    assert engine.last(Submit).work.output.codec == "h264"
    assert said == ["This model can't write takes as the settings wish; they will be H.264."]
