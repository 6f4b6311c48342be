"""Keeps an engine process at work: starts it, greets it, watches it, starts it again, ends it. No Qt, no waiting.

How a process is run and how time passes is handed in, so that a window (`QProcess`, `QTimer`), a script (`subprocess`)
and a test (neither) share all rules. That the engine is down is a normal state: jobs that were asked for meanwhile wait
here and are sent as soon as it's up; their ids make sure that none runs twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from engine.protocol.messages import (
    Accepted,
    Cancel,
    Cancelled,
    EngineHello,
    EngineState,
    ExitStatus,
    JobChanged,
    Ok,
    Refused,
    Request,
    Shutdown,
    Submit,
)
from ltxdesktop.jobs.channel import Arrival, Channel, ending_of

LOG_BYTES = 64_000  # of an engine's newest log, kept for a message about its end
MOST_FAULTS = 100  # damaged messages; an engine that sends more isn't one, or its line is no good

log = logging.getLogger(__name__)


# --- States ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stopped:
    """No process, none wanted."""


@dataclass(frozen=True)
class Starting:
    """A process runs and hasn't opened its store yet. `attempt` counts from 1."""

    attempt: int


@dataclass(frozen=True)
class Ready:
    """Hellos are done, the store is open: requests are answered."""

    hello: EngineHello


@dataclass(frozen=True)
class Restarting:
    """The engine ended by itself; the `attempt`th start again comes in `in_s` seconds."""

    attempt: int
    in_s: float
    reason: str


@dataclass(frozen=True)
class Stopping:
    """The engine was asked to end; afterwards it's started afresh or not."""

    then_start: bool


@dataclass(frozen=True)
class GivenUp:
    """It ended too often, or in a way that a new start won't mend. Only `start` and `restart` try again."""

    reason: str


State: TypeAlias = Stopped | Starting | Ready | Restarting | Stopping | GivenUp


# --- What is handed in -------------------------------------------------------------------------------------------


class Process(Protocol):
    """A running engine as this needs it. Nothing here raises or waits: the end is told by `Run.take_end`."""

    @property
    def process_id(self) -> int: ...
    def write(self, data: bytes) -> None: ...
    def close_input(self) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class Timers(Protocol):
    """How time passes."""

    def after(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        """Have `call` called once, later; what is returned prevents it."""
        ...


@dataclass(frozen=True)
class Patience:
    """How long to wait for what."""

    hello_s: float = 60.0  # from the start to the engine's hello; a busy machine or a cold disk may need many seconds
    store_s: float = 60.0  # from there to an open store, which may have to wait for an engine that is ending
    ask_s: float = 5.0  # for an end after asking
    terminate_s: float = 5.0  # for an end after telling
    restarts_s: tuple[float, ...] = (0.2, 1.0, 3.0, 10.0)  # pauses before each new start; then it's given up
    steady_s: float = 60.0  # an engine that was ready for so long is counted afresh


ELSEWHERE = Patience(hello_s=120.0, ask_s=10.0)  # through ssh, where a person may have to type a password first


# --- One process -------------------------------------------------------------------------------------------------


class Run:
    """One engine process from its start to its end. Whoever runs the process tells here what comes of it."""

    def __init__(self, supervisor: Supervisor, channel: Channel) -> None:
        self._supervisor = supervisor
        self.channel = channel
        self.process: Process | None = None  # until it has been launched
        self.log = bytearray()  # the newest of its standard error
        self._line = b""

    def take_output(self, data: bytes | memoryview) -> None:
        """Bytes from its standard output."""
        for arrival in self.channel.receive(data):
            self._supervisor.take_arrival(self, arrival)
        if self.channel.faults > MOST_FAULTS:
            self._supervisor.take_nonsense(self)

    def take_log(self, data: bytes) -> None:
        """Bytes from its standard error."""
        self.log += data
        del self.log[:-LOG_BYTES]
        *lines, self._line = (self._line + data).split(b"\n")
        self._line = self._line[-LOG_BYTES:]
        for line in lines:
            log.info("engine: %s", line.decode(errors="replace"))

    def take_end(self, status: int) -> None:
        """It has ended, and all that it wrote was taken before. A negative status is a signal."""
        self._supervisor.take_end(self, status)

    def take_failure_to_start(self, reason: str) -> None:
        """There never was a process."""
        self._supervisor.take_failure_to_start(self, reason)


Launch = Callable[[Run], Process]  # raises OSError when the command can't be run


class Supervisor:
    """Sees to it that there is an engine. All calls and all callbacks happen on one thread."""

    def __init__(
        self,
        launch: Launch,
        timers: Timers,
        *,
        on_state: Callable[[State], None],
        on_arrival: Callable[[Arrival], None],
        patience: Patience | None = None,
        remote: bool = False,
        previews: bool = True,
    ) -> None:
        """`on_arrival` gets all that the engine says, replies too. `remote`: pixels and files go in the channel."""
        self._launch, self._timers = launch, timers
        self._on_state, self._on_arrival = on_state, on_arrival
        self._patience = patience or (ELSEWHERE if remote else Patience())
        self._remote, self._previews = remote, previews
        self._state: State = Stopped()
        self._run: Run | None = None
        self._failures = 0
        self._reason = ""  # why the present process has to go, when that was decided here
        self._given_up = False  # and won't be started again
        self._unanswered: dict[str, tuple[Submit, bytes]] = {}
        self._last_log = bytearray()
        self._stop_timer: Callable[[], None] = _nothing
        self._stop_steady_timer: Callable[[], None] = _nothing

    @property
    def state(self) -> State:
        return self._state

    @property
    def process_id(self) -> int:
        """Of the process that was started (over ssh that is ssh); 0 when none runs."""
        return self._run.process.process_id if self._run is not None and self._run.process is not None else 0

    @property
    def log_tail(self) -> str:
        """The end of what the newest engine wrote to its standard error."""
        return self._last_log.decode(errors="replace")

    # What is wanted

    def start(self) -> None:
        """Start the engine unless it's there or on its way; also after it was given up."""
        match self._state:
            case Stopped() | GivenUp() | Restarting():
                if not isinstance(self._state, Restarting):
                    self._failures = 0
                self._begin()
            case Stopping():
                self._show(Stopping(then_start=True))
            case Starting() | Ready():
                pass

    def stop(self) -> None:
        """End the engine: ask, wait, terminate, wait, kill. `Stopped` follows."""
        if self._run is None:
            self._stop_timers()
            self._show(Stopped())
        elif isinstance(self._state, Stopping):
            self._show(Stopping(then_start=False))
        else:
            self._ask_to_end(then_start=False)

    def restart(self) -> None:
        """End the engine and start a fresh one; also after it was given up."""
        self._failures = 0
        if self._run is None:
            self._begin()
        elif isinstance(self._state, Stopping):
            self._show(Stopping(then_start=True))
        else:
            self._ask_to_end(then_start=True)

    def send(self, request: Request, body: bytes = b"") -> bool:
        """Send a request; return whether it is on its way or will be.

        A `Submit` is kept until it's answered, through any number of engines. Other requests are lost while there is no
        engine that is ready: their answers would be about another one. To cancel a job that waits here takes it out.
        Raises MessageTooLarge.
        """
        if isinstance(request, Submit):
            Channel.send(request, body)  # too large? to be said now, not when the engine comes
            self._unanswered[request.job] = (request, body)
        ready = isinstance(self._state, Ready)
        if isinstance(request, Cancel) and not ready and self._unanswered.pop(request.job, None) is not None:
            self._on_arrival(Arrival(Ok(call=request.call), b""))
            self._on_arrival(Arrival(JobChanged(job=request.job, state=Cancelled()), b""))
            return True
        if ready:
            self._write(request, body)
        return ready or isinstance(request, Submit)

    # What the process does

    def take_arrival(self, run: Run, arrival: Arrival) -> None:
        if run is not self._run:
            return
        event = arrival.event
        match event:
            case EngineHello() if isinstance(self._state, Starting):
                self._greet(run)
            case EngineState() if isinstance(self._state, Starting) and run.channel.greeted:
                self._become_ready(run.channel)
            case Accepted():
                self._unanswered.pop(event.job, None)
            case Refused() if event.call:
                for job in [job for job, (kept, _) in self._unanswered.items() if kept.call == event.call]:
                    del self._unanswered[job]
            case _:
                pass
        self._on_arrival(arrival)

    def take_nonsense(self, run: Run) -> None:
        if run is self._run and not self._reason:
            self._get_rid("The engine sends what can't be understood.")

    def take_end(self, run: Run, status: int) -> None:
        if run is not self._run:
            return
        ending = ending_of(status, run.channel.goodbye)
        words, may_restart = self._reason or ending.words, ending.may_restart and not self._given_up
        if self._reason and not self._given_up:
            may_restart = True
        quick = status == ExitStatus.BROKEN  # it said itself that a new process mends it
        self._let_go(run)
        match self._state:
            case Stopping(then_start=True):
                self._begin()
            case Stopping():
                self._show(Stopped())
            case _ if may_restart:
                self._begin_later(words, quick=quick)
            case _:
                self._show(GivenUp(words))

    def take_failure_to_start(self, run: Run, reason: str) -> None:
        if run is not self._run:
            return
        self._let_go(run)
        stopping = isinstance(self._state, Stopping)
        self._show(Stopped() if stopping else GivenUp(f"The engine can't be started: {reason}"))

    # Steps

    def _begin(self) -> None:
        self._stop_timers()
        self._reason, self._given_up = "", False
        run = Run(self, Channel(remote=self._remote, previews=self._previews))
        self._run = run
        self._last_log = run.log
        self._show(Starting(self._failures + 1))
        try:
            process = self._launch(run)
        except OSError as exc:
            self.take_failure_to_start(run, str(exc))
            return
        run.process = process
        if self._run is run:  # it may have failed already
            self._stop_timer = self._timers.after(self._patience.hello_s, self._miss_hello)

    def _greet(self, run: Run) -> None:
        assert run.process is not None
        if run.channel.mismatch:
            self._given_up = True
            self._get_rid(run.channel.mismatch)
            return
        run.process.write(run.channel.answer_hello())
        self._stop_timer()
        self._stop_timer = self._timers.after(self._patience.store_s, self._miss_store)

    def _become_ready(self, channel: Channel) -> None:
        assert channel.hello is not None
        self._stop_timer()
        self._stop_steady_timer = self._timers.after(self._patience.steady_s, self._count_afresh)
        for request, body in self._unanswered.values():
            self._write(request, body)
        self._show(Ready(channel.hello))

    def _miss_hello(self) -> None:
        self._get_rid(f"The engine was started and said nothing for {self._patience.hello_s:g} seconds.")

    def _miss_store(self) -> None:
        self._get_rid(f"The engine didn't open its list of jobs within {self._patience.store_s:g} seconds.")

    def _get_rid(self, reason: str) -> None:
        """End a process that is of no use: it isn't asked, since it can't be spoken to."""
        log.warning("%s", reason)
        self._reason = reason
        self._tell_to_end()

    def _ask_to_end(self, *, then_start: bool) -> None:
        assert self._run is not None
        self._stop_timers()
        if self._run.channel.greeted:
            self._write(Shutdown())
        if self._run.process is not None:
            self._run.process.close_input()
        self._show(Stopping(then_start))
        self._stop_timer = self._timers.after(self._patience.ask_s, self._tell_to_end)

    def _tell_to_end(self) -> None:
        if self._run is not None and self._run.process is not None:
            self._stop_timers()
            self._run.process.terminate()
            self._stop_timer = self._timers.after(self._patience.terminate_s, self._make_end)

    def _make_end(self) -> None:
        if self._run is not None and self._run.process is not None:
            self._run.process.kill()

    def _begin_later(self, words: str, *, quick: bool) -> None:
        pauses = self._patience.restarts_s
        if self._failures >= len(pauses):
            tried = f" It was started {self._failures} times again and always stopped." if self._failures else ""
            self._show(GivenUp(f"{words}{tried}"))
            return
        pause_s = 0.0 if quick and not self._failures else pauses[self._failures]
        self._failures += 1
        self._stop_timer = self._timers.after(pause_s, self._begin)
        self._show(Restarting(self._failures, pause_s, words))

    def _let_go(self, run: Run) -> None:
        self._stop_timers()
        run.channel.close()
        self._run = None

    def _count_afresh(self) -> None:
        self._failures = 0

    def _stop_timers(self) -> None:
        self._stop_timer()
        self._stop_steady_timer()
        self._stop_timer = self._stop_steady_timer = _nothing

    def _write(self, request: Request, body: bytes = b"") -> None:
        if self._run is not None and self._run.process is not None:
            self._run.process.write(self._run.channel.send(request, body))

    def _show(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self._on_state(state)


def _nothing() -> None:
    """No timer runs."""
