"""What the window knows of the engine: its state, its jobs and takes, and the questions that wait for an answer.

Events come in through `receive`, on the GUI thread; requests go out through the `send` that it was given. It holds no
widget and waits for nothing. Not here: the process itself, its pipes and its restarts (`ltxdesktop/jobs`).
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from engine.protocol.grid import parse_rate
from engine.protocol.messages import (
    Accepted,
    Advised,
    BackendCapability,
    Cancel,
    Capabilities,
    CheckKey,
    Cleared,
    ClearJobs,
    Device,
    Done,
    EngineState,
    Estimated,
    EstimateWork,
    Event,
    Failed,
    GetCapabilities,
    GetJob,
    JobChanged,
    JobDetail,
    JobNotice,
    JobPreview,
    JobProgress,
    Jobs,
    JobState,
    KeyChecked,
    ListJobs,
    ListModels,
    Model,
    Models,
    MoveJob,
    Notice,
    Queued,
    Refused,
    Request,
    Retry,
    Running,
    SetSpendingLimit,
    Submit,
)
from engine.protocol.packages import ErrandChanged, ErrandProgress
from engine.protocol.work import AnyWork, Output
from ltxdesktop.jobs.channel import Pixels
from ltxdesktop.jobs.storing import Codec, stored_as
from ltxdesktop.ui.models.job_list import JobListModel
from ltxdesktop.ui.models.take_list import Take, TakeListModel
from ltxdesktop.ui.previews import pictures_of, small

Preference = Literal["", "local", "remote"]
Answer = Callable[[Event], None]
Refusal = Callable[[str], None]  # words for the person
PROGRESS_EVERY_MS = 40  # an engine may tell 100 times a second, and each time a card is painted (1 ms)
TAKES_SHOWN = 200  # of earlier sessions; the engine's history holds the rest


@dataclass(frozen=True)
class EngineView:
    """The engine as the top bar shows it."""

    life: Literal["starting", "ready", "down", "given_up"] = "starting"
    words: str = "Starting the engine"  # while it isn't ready: what happens now, or what can be done
    device: Device | None = None
    model: str = ""
    queued: int = 0
    running: str = ""
    beside: tuple[str, ...] = ()  # further jobs that run

    @property
    def jobs(self) -> int:
        """All that wait or run."""
        return self.queued + bool(self.running) + len(self.beside)


class EngineSession(QObject):
    """One window's side of the channel."""

    view_changed = Signal()
    capabilities_changed = Signal()
    job_begun = Signal(str)
    job_ended = Signal(str)
    preview_arrived = Signal(str, list, float)  # job, pictures (QImage), frames per second (0: not said)
    job_done = Signal(str, object)  # job, Done: all that it brought, before its takes are told one by one
    take_made = Signal(object)  # Take, of a job that ended just now
    estimated = Signal(object)  # Estimated, the newest that was asked for
    noticed = Signal(str, str)  # kind, words for the person
    errand_told = Signal(object)  # ErrandChanged or ErrandProgress, of work on files of models
    refused = Signal(str)  # a request that couldn't be done; words for the person

    def __init__(self, send: Callable[[Request], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._send = send
        self._calls = itertools.count(1)
        self._closed = False
        self._answers: dict[int, Answer] = {}
        self._refusals: dict[int, Refusal] = {}  # of calls whose asker says itself what became of them
        self._newest_estimate = 0
        self._newest_progress: dict[str, JobProgress] = {}  # not shown yet
        self._progress_timer = QTimer(self)
        self._progress_timer.setSingleShot(True)
        self._progress_timer.timeout.connect(self._show_progress)
        self.view = EngineView()
        self.backends: tuple[BackendCapability, ...] = ()
        self.advice: Advised | None = None
        self._preference: Preference = ""
        self.take_format: Codec = "h264"  # that new jobs store their takes in, where their model can
        self.jobs = JobListModel(self)
        for changed in (self.jobs.dataChanged, self.jobs.rowsInserted, self.jobs.rowsRemoved, self.jobs.modelReset):
            changed.connect(self._count_waiting)
        self.takes = TakeListModel(parent=self)

    # What the window asks

    def submit(self, work: AnyWork, title: str) -> str:
        """Queue a job under a new id, which is returned; the list shows it once the engine has it.

        While there is no engine the list shows it at once: it waits on this side, and is sent as soon as there is one.
        """
        job = str(uuid.uuid4())
        stored = stored_as(work, self.take_format, self.backends)
        if stored is work and work.output.codec == Output().codec != self.take_format:
            self.noticed.emit("storage", "This model can't write takes as the settings wish; they will be H.264.")
        work = stored

        def accepted(reply: Event) -> None:
            if isinstance(reply, Accepted):
                self.jobs.add(job, title, reply.state)

        self._ask(Submit(job=job, work=work, title=title), accepted)
        if self.view.life != "ready":
            self.jobs.add(job, title, Queued())
        return job

    def cancel(self, job: str) -> None:
        self.jobs.mark_cancelling(job)
        self._ask(Cancel(job=job))

    def retry(self, job: str) -> None:
        self._ask(Retry(job=job), self._take_accepted)

    def move(self, job: str, step: int) -> None:
        """Move a waiting job by so many places in the queue."""
        before = self.jobs.neighbour(job, step + 1 if step > 0 else step)
        self._ask(MoveJob(job=job, before=before), self._relist)

    def clear_ended(self) -> None:
        self._ask(ClearJobs(), self._take_cleared)

    def estimate(self, work: AnyWork) -> None:
        """Ask what a job would take; only the newest answer is told."""
        self._newest_estimate = self._ask(EstimateWork(work=work), self._take_estimate)

    def ask_estimate(self, work: AnyWork, answer: Callable[[Estimated], None]) -> None:
        """Ask what a job would take, for one panel alone."""
        self._ask(EstimateWork(work=work), lambda reply: answer(reply) if isinstance(reply, Estimated) else None)

    def ask_models(self, answer: Callable[[tuple[Model, ...]], None]) -> None:
        """Ask which weights the engine knows of, LoRAs among them."""
        self._ask(ListModels(), lambda reply: answer(reply.models) if isinstance(reply, Models) else None)

    def ask_result(self, job: str, answer: Callable[[str, Done], None]) -> None:
        """Ask for the result of an earlier job; there is an answer only if this engine knows it, and it's done."""

        def told(reply: Event) -> None:
            if isinstance(reply, JobDetail) and isinstance(reply.state, Done):
                answer(job, reply.state)

        self._ask(GetJob(job=job), told, lambda _: None)

    def ask_details(self, answer: Callable[[tuple[JobDetail, ...]], None], most: int = 40) -> None:
        """Ask for all that is known of the newest jobs; without an engine that is ready there is nothing to tell."""
        if self.view.life != "ready":
            answer(())
            return
        found: list[JobDetail] = []

        def listed(reply: Event) -> None:
            rows = reply.jobs if isinstance(reply, Jobs) else ()
            left = len(rows)
            if not left:
                answer(())

            def told(detail: Event | str) -> None:
                nonlocal left
                left -= 1
                if isinstance(detail, JobDetail):
                    found.append(detail)
                if not left:
                    answer(tuple(found))

            for row in rows:
                self._ask(GetJob(job=row.job), told, told)

        self._ask(ListJobs(limit=most), listed, lambda _: answer(()))

    def ask(self, request: Request, answer: Answer, refused: Refusal) -> None:
        """Ask anything, for whoever says itself what becomes of it; nothing comes if the engine goes meanwhile."""
        self._ask(request, answer, refused)

    def prefer(self, preference: Preference) -> None:
        """Where the person wants new jobs to go: what is advised depends on it."""
        if preference != self._preference:
            self._preference = preference
            if self.view.life == "ready":
                self._ask(GetCapabilities(preference=preference), self._take_capabilities)

    def look_for_news(self) -> None:
        """Ask whether something else works now, after the person was elsewhere: files or a key may have come."""
        if self.view.life == "ready":
            self._ask(GetCapabilities(), self._take_news)

    def refresh_capabilities(self) -> None:
        self._ask(GetCapabilities(refresh=True), self._take_capabilities)

    def check_key(self, backend: str, answer: Callable[[bool, str], None]) -> None:
        """Have the key of a paid backend looked for anew and tried by a call that costs nothing.

        `answer` gets whether the service accepts it, and words for the person; nothing if the engine goes meanwhile.
        """
        self.refresh_capabilities()  # so that a key that was just entered takes the place of the one that was known

        def told(reply: Event) -> None:
            if isinstance(reply, KeyChecked):
                found = f" (It's from {reply.source}.)" if reply.source else ""
                answer(reply.accepted, f"{reply.message}{found}")

        self._ask(CheckKey(backend=backend), told, lambda words: answer(False, words))

    def limit_spending(self, backend: str, cents: int | None) -> None:
        """Let a paid backend spend no more than so many US cents in a month; None lifts the limit."""
        self._ask(SetSpendingLimit(backend=backend, cents=cents), self._look_again)

    def _look_again(self, _: Event | None = None) -> None:
        self._ask(GetCapabilities(), self._take_capabilities)

    # What the process behind it says

    def engine_ready(self) -> None:
        """The hellos are done: ask for everything that the window shows."""
        self._forget_calls()
        self._show(replace(self.view, life="ready", words=""))
        self._ask(GetCapabilities(preference=self._preference), self._take_capabilities)
        self._relist()

    def engine_lost(self, words: str, *, given_up: bool) -> None:
        """The process is gone; jobs and takes stay on screen. `words` say what happens now or what can be done."""
        self._forget_calls()
        self._show(EngineView("given_up" if given_up else "down", words))

    def receive(self, event: Event, body: bytes | Pixels) -> None:
        """Act on one event. `body` has the pixels of a preview."""
        call = getattr(event, "call", 0)
        refusal = self._refusals.pop(call, self.refused.emit)
        if isinstance(event, Refused):
            self._answers.pop(call, None)
            refusal(event.message)
        elif call in self._answers:
            self._answers.pop(call)(event)
        else:
            self._take_event(event, body)

    def _take_event(self, event: Event, body: bytes | Pixels) -> None:
        match event:
            case EngineState():
                self._show(
                    replace(
                        self.view, device=event.device or self.view.device, model=self._title_of(event.model),
                        queued=event.queued, running=event.running, beside=event.beside,
                    )
                )  # fmt: skip
            case JobChanged():
                self._take_state(event.job, event.state)
            case JobProgress():
                self._newest_progress[event.job] = event
                if not self._progress_timer.isActive():
                    self._show_progress()
            case JobPreview():
                self._take_preview(event, body)
            case JobNotice() | Notice():
                self.noticed.emit(event.kind, event.message)
            case ErrandChanged() | ErrandProgress():
                self.errand_told.emit(event)
            case Capabilities():  # told unasked, when other models are here than before
                self._take_capabilities(event)
            case _:
                pass

    # Answers

    def _take_accepted(self, reply: Event) -> None:
        if isinstance(reply, Accepted):
            self.jobs.change(reply.job, reply.state)

    def _take_cleared(self, reply: Event) -> None:
        if isinstance(reply, Cleared):
            self.jobs.remove_ended()

    def _take_capabilities(self, reply: Event) -> None:
        if isinstance(reply, Capabilities):
            self.backends, self.advice = reply.backends, reply.advice
            self.capabilities_changed.emit()

    def _take_news(self, reply: Event) -> None:
        """Only what differs is shown anew: how much memory is free just now is no news."""
        if isinstance(reply, Capabilities):
            sides = (self.backends, reply.backends)
            known, told = ([msgspec.structs.replace(each, device=None) for each in side] for side in sides)
            if (known, self.advice) != (told, reply.advice):
                self._take_capabilities(reply)

    def _take_estimate(self, reply: Event) -> None:
        if isinstance(reply, Estimated) and reply.call == self._newest_estimate:
            self.estimated.emit(reply)

    def _relist(self, _: Event | None = None) -> None:
        self._ask(ListJobs(), self._take_list)

    def _take_list(self, reply: Event) -> None:
        if not isinstance(reply, Jobs):
            return
        self.jobs.show_list(reply.jobs)
        for row in [each for each in reply.jobs if each.state == "done"][:TAKES_SHOWN]:
            if not any(take.job == row.job for take in self.takes.takes()):
                self._ask(GetJob(job=row.job), self._take_detail)

    def _take_detail(self, reply: Event) -> None:
        if isinstance(reply, JobDetail) and isinstance(reply.state, Done):
            for take in takes_of(reply.row.job, reply.row.title, reply.state):
                self.takes.add(take, newest=False)

    def _show_progress(self) -> None:
        """Show the newest of each job; the next comes no sooner than a person can see it."""
        if self._newest_progress:
            for progress in self._newest_progress.values():
                self.jobs.show_progress(progress)
            self._newest_progress.clear()
            self._progress_timer.start(PROGRESS_EVERY_MS)

    def _count_waiting(self) -> None:
        """The engine says how many wait when a job begins or ends, but more may have been asked for since."""
        waiting = sum(each.state == "queued" for each in self.jobs.entries())
        self._show(replace(self.view, queued=waiting))

    def _take_state(self, job: str, state: JobState) -> None:
        title = entry.title if (entry := self.jobs.entry(job)) is not None else ""
        if entry is None:
            self._relist()  # another client queued it
        self._newest_progress.pop(job, None)
        self.jobs.change(job, state)
        match state:
            case Running():
                self.job_begun.emit(job)
            case Done():
                self.job_done.emit(job, state)
                for take in takes_of(job, title, state):
                    self.takes.add(take)
                    self.take_made.emit(take)
                self.job_ended.emit(job)
                if state.result.cost_cents:
                    self._look_again()  # at what was spent
            case _:
                if isinstance(state, Failed) or (entry is not None and entry.state == "running"):
                    self.job_ended.emit(job)

    def _take_preview(self, preview: JobPreview, body: bytes | Pixels) -> None:
        pictures = pictures_of(preview, body)
        if not pictures:  # gone already: a newer one is on its way
            return
        self.preview_arrived.emit(preview.job, pictures, float(parse_rate(preview.rate)) if preview.rate else 0.0)
        self.jobs.show_picture(preview.job, small(pictures[len(pictures) // 2]))

    def close(self) -> None:
        """The window goes: answers that are on their way find nobody, and jobs are still followed."""
        self._closed = True
        self._forget_calls()

    def _forget_calls(self) -> None:
        self._answers.clear()
        self._refusals.clear()

    def _ask(self, request: Request, answer: Answer | None = None, refused: Refusal | None = None) -> int:
        call = next(self._calls)
        if answer is not None and not self._closed:
            self._answers[call] = answer
        if refused is not None and not self._closed:
            self._refusals[call] = refused
        self._send(msgspec.structs.replace(request, call=call))
        return call

    def _title_of(self, model: str) -> str:
        """What a person knows a model by."""
        return next((each.title for every in self.backends for each in every.models if each.model == model), model)

    def _show(self, view: EngineView) -> None:
        if view != self.view:
            self.view = view
            self.view_changed.emit()


def takes_of(job: str, title: str, done: Done) -> list[Take]:
    """One take for every variation of a job that has a picture."""
    files = done.result.files
    sounds = {each.variation: each.path for each in files if each.role == "audio"}
    latents = {each.variation: each.path for each in files if each.role == "latents"}
    return [
        Take(job, title, each, done.result.recipe, sounds.get(each.variation, ""), latents.get(each.variation, ""))
        for each in files
        if each.role == "video"
    ]
