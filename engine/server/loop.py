"""The work loop: takes the next job, lets a backend do it, and keeps what came of it.

Jobs of this machine's device run one by one on the main thread; beside them, each on a thread of its own, a few jobs of
remote backends, which hardly do more than wait (`sorter.py` says which job goes where). Whatever changes a job's state
and tells so does both under one lock, so that tellings are in the order of the changes. The pipe thread calls the other
methods.
"""

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from engine.backends.base import (
    Backend,
    DiskFull,
    EngineBroken,
    Job,
    JobCancelled,
    JobError,
    NotWritable,
    Unsupported,
)
from engine.backends.policy import choose
from engine.protocol.messages import (
    Accepted,
    Cancelled,
    Done,
    EngineState,
    Enhanced,
    EnhancePrompt,
    JobChanged,
    Notice,
    Refused,
    StateName,
    Submit,
    Timing,
)
from engine.protocol.ring import RingWriter
from engine.protocol.work import AnyWork
from engine.server.context import RunningJob
from engine.server.endings import INTERRUPTED, Ending, checked, failure, mistake
from engine.server.outbox import Outbox
from engine.server.pool import BackendPool
from engine.server.sorter import Lane, Sorter, as_asked, lane_of
from engine.server.words import sentence
from engine.store.errors import NoSuchJob, StoreFull, WrongState
from engine.store.jobs import JobStore, NextJob

MOST_QUESTIONS: Final = 16  # prompts waiting to be written out
LOOK_AGAIN_S: Final = 2.0  # at a full disk
# Remote jobs at a time. Each is minutes of waiting; more would be paid for before a person has seen the first.
AWAY_JOBS: Final = 3
AWAY_ENDS_S: Final = 2.0  # for remote jobs to be let go at the end; their ids are kept, so nothing is lost

_log = logging.getLogger(__name__)


class _Begun(NamedTuple):
    """A job that runs now, and in which lane."""

    lane: Lane
    context: RunningJob


class WorkLoop:
    """Queue, running job, and what the person does to them."""

    def __init__(
        self,
        *,
        store: JobStore,
        pool: BackendPool,
        outbox: Outbox,
        ring: RingWriter | None,
        previews: bool,
        scratch: Path,
        results: Path,
        is_free: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_free`: whether nothing but jobs would be cut off by a new start of the engine."""
        self._store = store
        self._pool = pool
        self._outbox = outbox
        self._ring = ring
        self._previews = previews
        self._scratch = scratch
        self._results = results
        self._is_free = is_free
        self._changed = threading.Condition(threading.RLock())
        self._questions: deque[EnhancePrompt] = deque()
        self._free_memory = False
        self._held = False
        self._full = False
        self._stopping = False
        self._broken = ""
        self._running: dict[str, _Begun] = {}  # by job, in the order in which they began
        self._backends: dict[Lane, Backend] = {}  # those that worked last
        self._version = 0  # of all that a lane may wait for
        self._away = [
            threading.Thread(target=self._run_away, name=f"away {number}", daemon=True) for number in range(AWAY_JOBS)
        ]
        self._away_problem: BaseException | None = None
        self._ring_lock = threading.Lock()  # several jobs, and threads of a backend, may show pictures

    # --- what the pipe thread asks ---

    @property
    def held(self) -> bool:
        """Whether no further job is started."""
        return self._held

    @property
    def works_here(self) -> bool:
        """Whether a job runs that may be reading files of models."""
        with self._changed:
            return any(each.lane == "here" for each in self._running.values())

    def submit(self, asked: Submit) -> None:
        """Queue a job and reply. Raises IdTaken, StoreFull."""
        with self._changed:
            state = self._store.submit(asked.job, asked.work, asked.priority, asked.title, asked.origin)
            self._outbox.post(Accepted(call=asked.call, job=asked.job, state=state))
            self._wake()

    def retry(self, job: str, call: int) -> None:
        """Queue a job again and reply. Raises NoSuchJob, WrongState, StoreFull."""
        with self._changed:
            state = self._store.retry(job)
            self._outbox.post(Accepted(call=call, job=job, state=state))
            self._wake()

    def cancel(self, job: str, reply: Callable[[], None]) -> None:
        """End a waiting job now, a running one at its next look; ended ones stay. Raises NoSuchJob, StoreFull."""
        with self._changed:
            state = self._store.row(job).state
            reply()
            running = self._running.get(job)
            if running is not None:
                running.context.cancel()
            elif state == "queued":
                self._end(job, Ending(Cancelled(), resumable=True))

    def move(self, job: str, before: str) -> None:
        """Raises NoSuchJob, WrongState, StoreFull."""
        with self._changed:
            self._store.move(job, before)

    def set_priority(self, job: str, priority: int) -> None:
        """Raises NoSuchJob, WrongState, StoreFull."""
        with self._changed:
            self._store.set_priority(job, priority)

    def hold(self, held: bool) -> None:
        """Start no further job, or go on."""
        with self._changed:
            self._held = held
            self._wake()
        self.tell_state()

    def clear(self, states: tuple[StateName, ...], jobs: tuple[str, ...]) -> int:
        """Forget jobs; return how many. Raises StoreFull."""
        with self._changed:
            count = len(self._store.clear(states, jobs))
            self._wake()  # there may be room again
            return count

    def ask(self, question: EnhancePrompt) -> bool:
        """Answer this between two jobs; False when too many wait already."""
        with self._changed:
            if len(self._questions) >= MOST_QUESTIONS:
                return False
            self._questions.append(question)
            self._wake()
            return True

    def free_memory(self) -> None:
        """Let backends drop what is resident, before the next job."""
        with self._changed:
            self._free_memory = True
            self._wake()

    def look_at_devices(self) -> None:
        """Have `run` return, for a new process, if other devices are here now and nothing is cut off by that.

        Otherwise it's for the next look; jobs in the queue wait for the new process.
        """
        why = self._pool.outdated()
        if not why or not self._is_free():
            return
        with self._changed:
            if not self._running and not self._questions:
                _log.info("the engine ends, to be started anew: %s", why)
                self._broken = why
                self._wake()

    def stop(self) -> None:
        """Have `run` return soon; a running job is asked to end. Waits for the lock only to wake the loop."""
        self._stopping = True
        with self._changed:
            for running in self._running.values():
                running.context.interrupt()
            self._wake()

    def tell_state(self, recovered: int = 0) -> None:
        """Send what the engine is doing."""
        with self._changed:
            jobs = sorted(self._running, key=lambda job: self._running[job].lane != "here")  # this machine's first
            running = jobs[0] if jobs else ""
            shown: Lane = self._running[running].lane if running else "here"
            backend = self._backends.get(shown) or next(iter(self._pool.opened), None)
            if self._stopping:
                state = "stopping"
            elif self._full:
                state = "store_full"
            elif running:
                state = "busy"
            else:
                state = "held" if self._held else "idle"
            self._outbox.post(
                EngineState(
                    state=state,
                    queued=self._store.count_queued(),
                    running=running,
                    beside=tuple(jobs[1:]),
                    device=backend.device() if backend else None,
                    backend=backend.name if backend else "",
                    model=backend.resident_model if backend else "",
                    recovered=recovered,
                )
            )

    # --- the loop ---

    def run(self) -> str:
        """Work until `stop`; return why the engine has to be started anew, empty if it hasn't.

        Raises StoreBroken.
        """
        for thread in self._away:
            thread.start()
        sorter = Sorter(self._store, self._pool)
        try:
            while (turn := self._next_turn("here", sorter)) is not None:
                if isinstance(turn, EnhancePrompt):
                    self._enhance(turn)
                elif isinstance(turn, NextJob):
                    self._do(turn, "here")
                else:
                    turn()
        finally:
            self.stop()
            deadline = time.monotonic() + AWAY_ENDS_S
            for thread in self._away:
                thread.join(max(0.0, deadline - time.monotonic()))
        if self._away_problem is not None:
            raise self._away_problem
        return self._broken

    def _run_away(self) -> None:
        """Do remote jobs, one after another; other threads do so too."""
        sorter = Sorter(self._store, self._pool)
        try:
            while (turn := self._next_turn("away", sorter)) is not None:
                assert isinstance(turn, NextJob)
                self._do(turn, "away")
        except BaseException as exc:
            self._away_problem = exc  # raised again where the loop ends
            self.stop()

    def _next_turn(self, lane: Lane, sorter: Sorter) -> EnhancePrompt | NextJob | Callable[[], None] | None:
        """What this lane does next; waits for it. None at the end."""
        while True:
            with self._changed:
                if self._stopping or self._broken:
                    return None
                version, held = self._version, self._held
                if lane == "here" and self._free_memory:
                    self._free_memory = False
                    return self._drop_everything
                if lane == "here" and self._questions:
                    return self._questions.popleft()
            # Without the lock: to know who does a job, backends may have to be opened, and nobody may wait for that.
            if not held and (job := sorter.next_for(lane)) is not None:
                return job
            with self._changed:
                while self._version == version and not self._stopping and not self._broken:
                    self._changed.wait()

    def _wake(self) -> None:
        """Have every thread look again."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def _drop_everything(self) -> None:
        for backend in self._pool.opened:
            backend.free_memory()
        self.tell_state()

    def _do(self, head: NextJob, lane: Lane) -> None:
        """Run one job from its start to the keeping of its end; nothing happens if it belongs to the other lane now."""
        if lane == "here":
            self.look_at_devices()
            if self._broken:
                return
        try:
            told = self._pool.capabilities()
            choice = choose(as_asked(head), told)
            if lane_of(choice.backend, told) != lane:
                self._wake()
                return
            backend = self._pool.get(choice.backend)
            output_folder = self._output_folder(head.work)
        except JobError as exc:
            self._keep(head.id, Ending(failure(exc), resumable=bool(head.resume)))
            return
        except Exception as exc:  # the boundary: a backend's mistake costs the job, not the engine
            self._keep(head.id, Ending(mistake(head.id, exc), resumable=bool(head.resume)))
            return
        work = replace(head.work, backend=choice.backend, model=choice.model)  # so that the recipe names them
        job = Job(head.id, work, head.attempt, head.resume)
        scratch = self._scratch / job.id
        context = RunningJob(
            job,
            scratch=scratch,
            output_folder=output_folder,
            outbox=self._outbox,
            ring=self._ring,
            previews=self._previews,
            history=lambda model, phase: self._store.seconds_per_work(choice.backend, model, phase),
            remember=lambda resume: self._remember(job.id, resume),
            ring_lock=self._ring_lock,
        )
        if not self._begin(context, backend, lane):
            return
        _log.info("job %s begins: %s", job.id, choice.reason)
        try:
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(mode=0o700, parents=True)
            ending = self._run(backend, job, context)
            shutil.rmtree(scratch, ignore_errors=True)
        except OSError as exc:
            ending = Ending(mistake(job.id, exc), resumable=context.remembered)
        timings = context.finish()
        if isinstance(ending.outcome, Done):
            if not (result := ending.outcome.result).timings:
                ending = Ending(Done(result=replace(result, timings=tuple(timing for timing, _ in timings))))
            self._record(backend.name, context, timings)
        if ending.outcome is INTERRUPTED and context.remembered:
            # Left as running in the store, so that the next engine finds it and picks it up again.
            return
        self._keep(job.id, ending)

    def _begin(self, context: RunningJob, backend: Backend, lane: Lane) -> bool:
        """Mark the job as running; False when that can't be done now."""
        try:
            with self._changed:
                if self._stopping or self._broken:
                    return False
                state = self._store.start(context.job.id, backend.name, context.job.attempt)
                self._full = False
                self._running[context.job.id] = _Begun(lane, context)
                self._backends[lane] = backend
                self._outbox.post(JobChanged(job=context.job.id, state=state))
                self.tell_state()
        except (
            NoSuchJob,
            WrongState,
        ):  # cancelled or forgotten a moment ago, or another thread of this lane has had it
            return False
        except StoreFull as exc:
            self._wait_for_room(exc)
            return False
        return True

    def _run(self, backend: Backend, job: Job, context: RunningJob) -> Ending:
        try:
            result = checked(backend.name, backend.run(job, context))
            return Ending(Done(result=result))
        except JobCancelled as exc:
            if context.cancelled_by_person:
                return Ending(Cancelled(message=exc.message), exc.resumable)
            return Ending(INTERRUPTED)
        except JobError as exc:
            if isinstance(exc, EngineBroken):
                self._broken = exc.message
                self._wake()
            return Ending(failure(exc), exc.resumable)
        except (Exception, SystemExit) as exc:  # the boundary: a mistake costs the job, not the engine
            # What was paid for isn't lost by it: a retry, or a later version, picks it up.
            return Ending(mistake(job.id, exc), resumable=context.remembered)

    def _keep(self, job: str, ending: Ending) -> None:
        """Put the end of a job into the store, however long the disk is full; then tell it."""
        while True:
            try:
                with self._changed:
                    self._running.pop(job, None)
                    self._end(job, ending)
                    self._full = False
                    self.tell_state()
            except (NoSuchJob, WrongState):  # it never began, and was cancelled or forgotten meanwhile
                return
            except StoreFull as exc:
                if not self._wait_for_room(exc):
                    _log.warning("the end of job %s couldn't be kept: %s", job, ending.outcome)
                    return
            else:
                return

    def _end(self, job: str, ending: Ending) -> None:
        """Raises StoreFull, WrongState, NoSuchJob."""
        with self._changed:
            self._store.finish(job, ending.outcome, resumable=ending.resumable)
            self._outbox.post(JobChanged(job=job, state=ending.outcome))

    def _wait_for_room(self, problem: StoreFull) -> bool:
        """Tell the person, once, and wait a little; False when the engine ends."""
        with self._changed:
            if not self._full:
                self._full = True
                self._outbox.post(Notice(kind="disk_full", message=sentence(problem)))
                self.tell_state()
            if not self._stopping:
                self._changed.wait(LOOK_AGAIN_S)
            return not self._stopping

    def _remember(self, job: str, resume: str) -> None:
        try:
            self._store.remember(job, resume)
        except StoreFull as exc:
            raise DiskFull(str(exc)) from exc

    def _record(self, backend: str, context: RunningJob, timings: list[tuple[Timing, float]]) -> None:
        try:
            self._store.record(backend, context.model, [entry for entry in timings if entry[1] > 0])
        except StoreFull:
            _log.warning("how long job %s took couldn't be kept: the disk is full", context.job.id)

    def _output_folder(self, work: AnyWork) -> Path:
        """Make and return the folder for results. Raises NotWritable."""
        named = work.output.folder
        folder = Path(named) if named else self._results
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise NotWritable(f"Results can't be written to {folder}: {exc.strerror}. Choose another folder.") from exc
        return folder

    def _enhance(self, question: EnhancePrompt) -> None:
        """Have a prompt written out by the first backend that can, and reply."""
        able = [told for told in self._pool.capabilities() if told.available and told.enhances and not told.remote]
        if not able:
            message = "Nothing here writes prompts out: that takes a text encoder, which isn't installed."
            self._outbox.post(Refused(call=question.call, kind="unsupported", message=message))
            return
        try:
            prompt = self._pool.get(able[0].backend).enhance(question, self._check)
            self._outbox.post(Enhanced(call=question.call, prompt=prompt))
        except JobCancelled:
            self._outbox.post(Refused(call=question.call, kind="busy", message="The engine is being closed."))
        except JobError as exc:
            kind = "unsupported" if isinstance(exc, Unsupported) else "bad_request"
            self._outbox.post(Refused(call=question.call, kind=kind, message=exc.message, detail=exc.detail))
        except Exception as exc:  # the boundary, as for jobs
            failed = mistake("that writes a prompt out", exc)
            self._outbox.post(
                Refused(call=question.call, kind="internal", message=failed.message, detail=failed.detail)
            )

    def _check(self) -> None:
        if self._stopping:
            raise JobCancelled
