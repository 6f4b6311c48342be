"""An engine for scripts: a child process that is asked and waited for, one thing at a time. No Qt.

The same supervisor as the window's, over `subprocess`; it works while the script waits for something of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.protocol.messages import (
    Accepted,
    Cancelled,
    Done,
    Event,
    Failed,
    JobChanged,
    JobPreview,
    JobState,
    Refused,
    Request,
    Submit,
)
from engine.protocol.work import AnyWork
from ltxdesktop.jobs import files
from ltxdesktop.jobs.calls import Calls
from ltxdesktop.jobs.channel import Arrival, runs_elsewhere
from ltxdesktop.jobs.errors import EngineGone, JobFailed, RequestRefused
from ltxdesktop.jobs.process import ChildProcess, Loop
from ltxdesktop.jobs.supervisor import ELSEWHERE, GivenUp, Patience, Process, Ready, Run, State, Stopped, Supervisor


class PlainEngine:
    """Starts the engine on entering, and ends it on leaving: ask, wait, terminate, wait, kill."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        remote: bool | None = None,
        previews: bool = False,
        restarts: bool = False,
        patience: Patience | None = None,
    ) -> None:
        """`remote` None: as the command looks. With `restarts` an engine that ends by itself is started again."""
        self._command = list(command)
        self.remote = runs_elsewhere(self._command) if remote is None else remote
        patience = patience or (ELSEWHERE if self.remote else Patience())
        self._loop = Loop()
        self._supervisor = Supervisor(
            self._launch,
            self._loop,
            on_state=self._take_state,
            on_arrival=self._take,
            patience=patience if restarts else replace(patience, restarts_s=()),
            remote=self.remote,
            previews=previews,
        )
        self._calls = Calls(self._supervisor.send)
        self._events: deque[Arrival] = deque()  # unasked ones that wait for `next_event`
        self._failure: EngineGone | None = None

    @property
    def state(self) -> State:
        return self._supervisor.state

    @property
    def process_id(self) -> int:
        """0 when no process runs."""
        return self._supervisor.process_id

    def __enter__(self) -> Self:
        """Start it, and wait until it's ready. Raises EngineGone."""
        self._supervisor.start()
        try:
            while not isinstance(self.state, Ready):
                self._turn()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    # Asking and listening

    def ask(self, request: Request, body: bytes = b"") -> Event:
        """Send a request and wait for its reply. Raises EngineGone, MessageTooLarge."""
        return self.ask_whole(request, body).event

    def ask_whole(self, request: Request, body: bytes = b"") -> Arrival:
        """The same, and the bytes that come with the reply."""
        got: list[Arrival | EngineGone] = []
        self._calls.ask(request, got.append, body)
        while not got:
            self._turn()
        if isinstance(got[0], EngineGone):
            raise self._failure or got[0]
        return got[0]

    def next_event(self) -> Event:
        """The next thing that the engine says unasked. Raises EngineGone."""
        return self.next_arrival().event

    def next_arrival(self) -> Arrival:
        """The same, with its pixels if it's a preview: copy them before asking for anything else."""
        while not self._events:
            self._turn()
        return self._events.popleft()

    # Jobs

    def submit(self, request: Submit) -> JobState:
        """Queue a job; return its state (of a known job, the one it has). Raises RequestRefused, EngineGone."""
        reply = self.ask(request)
        if isinstance(reply, Refused):
            raise RequestRefused(reply)
        assert isinstance(reply, Accepted), reply
        return reply.state

    def wait_for_job(self, job: str, on_event: Callable[[Event], None] | None = None) -> Done | Cancelled:
        """Wait for a job's end; `on_event` gets what is said meanwhile. Raises JobFailed, EngineGone."""
        while True:
            event = self.next_event()
            if on_event is not None:
                on_event(event)
            match event:
                case JobChanged(job=about, state=Done() | Cancelled() as end) if about == job:
                    return end
                case JobChanged(job=about, state=Failed() as failed) if about == job:
                    raise JobFailed(job, failed)
                case _:
                    pass

    # Files, for an engine on another machine

    def put_files(self, work: AnyWork) -> AnyWork:
        """Bring all files that a job names to the engine's machine; return the work that names them there.

        Raises TransferFailed, EngineGone.
        """
        return self._converse(files.putting_all(work))

    def fetch_result(self, job: str, done: Done, folder: Path) -> Done:
        """Get the files of a result into a folder here; return the result that names them here.

        Raises TransferFailed, EngineGone.
        """
        return self._converse(files.fetching_all(job, done, folder))

    def _converse(self, talk: files.Talk[files.T]) -> files.T:
        try:
            said = next(talk)
            while True:
                said = talk.send(self.ask_whole(*said))
        except StopIteration as end:
            return end.value

    # The machinery

    def _launch(self, run: Run) -> Process:
        return ChildProcess(self._command, self._loop, run)

    def _turn(self) -> None:
        """Let the next thing happen. Raises EngineGone when nothing more will."""
        if isinstance(self.state, GivenUp | Stopped):
            raise self._failure or EngineGone("The engine was ended.", self._supervisor.log_tail)
        self._loop.turn()

    def _take(self, arrival: Arrival) -> None:
        if not self._calls.take(arrival):
            if isinstance(arrival.event, JobPreview) and self._events:
                self._drop_older_previews(arrival.event.job)
            self._events.append(arrival)

    def _drop_older_previews(self, job: str) -> None:
        """Of pictures that nobody has looked at, the newest of a job is enough."""
        kept = [each for each in self._events if not (isinstance(each.event, JobPreview) and each.event.job == job)]
        self._events = deque(kept)

    def _take_state(self, state: State) -> None:
        if isinstance(state, Ready):
            return
        given_up = isinstance(state, GivenUp | Stopped)
        words = getattr(state, "reason", "The engine was ended.")
        gone = EngineGone(words, self._supervisor.log_tail)
        if isinstance(state, GivenUp):
            self._failure = gone
        self._calls.lose(gone, for_good=given_up)

    def _end(self) -> None:
        self._supervisor.stop()
        while not isinstance(self.state, Stopped):
            self._loop.turn()
        self._loop.close()
