"""How an engine is started, watched, started again and ended: with a process and a clock that only tests have."""

from __future__ import annotations

import heapq
import itertools
import logging
from collections.abc import Callable

import pytest

from engine.protocol.errors import MessageTooLarge
from engine.protocol.framing import REQUEST_LIMITS, Frame, FrameReader, pack
from engine.protocol.messages import (
    PROTOCOL,
    Accepted,
    Cancel,
    Cancelled,
    ClientHello,
    EngineHello,
    EngineState,
    Event,
    ExitStatus,
    Goodbye,
    JobChanged,
    Ok,
    Ping,
    Queued,
    Refused,
    Request,
    Shutdown,
    Submit,
    decode_request,
    encode,
)
from engine.protocol.work import TextToVideo
from ltxdesktop.jobs.channel import Arrival
from ltxdesktop.jobs.supervisor import (
    MOST_FAULTS,
    GivenUp,
    Patience,
    Ready,
    Restarting,
    Run,
    Starting,
    State,
    Stopped,
    Stopping,
    Supervisor,
)

PATIENCE = Patience(
    hello_s=20, store_s=60, ask_s=5, terminate_s=7, restarts_s=(0.5, 2.0), steady_s=100
)  # all different, so that none can be taken for another
WORK = TextToVideo(prompt="a kite", width=32, height=32, frames=9, rate="24")
HELLO = EngineHello(protocol=PROTOCOL, build="test", pid=1)


class Clock:
    """Time passes when it's told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._cancelled: set[int] = set()

    def after(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        number = next(self._numbers)
        heapq.heappush(self._timers, (self.now + delay_s, number, call))
        return lambda: self._cancelled.add(number)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.now, number, call = heapq.heappop(self._timers)
            if number not in self._cancelled:
                call()
        self.now = end


class Process:
    """A process that does nothing by itself; what is done to it is kept."""

    def __init__(self, run: Run, process_id: int) -> None:
        self.run = run
        self.process_id = process_id
        self.done: list[str] = []
        self._reader = FrameReader(REQUEST_LIMITS)
        self.requests: list[Request] = []

    def write(self, data: bytes) -> None:
        for item in self._reader.feed(data):
            assert isinstance(item, Frame)
            self.requests.append(decode_request(item.header))

    def close_input(self) -> None:
        self.done.append("close")

    def terminate(self) -> None:
        self.done.append("terminate")

    def kill(self) -> None:
        self.done.append("kill")

    def says(self, *events: Event) -> None:
        self.run.take_output(b"".join(pack(encode(event)) for event in events))


class House:
    """A supervisor with its clock, its processes and all that it told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.processes: list[Process] = []
        self.states: list[State] = []
        self.arrived: list[Arrival] = []
        self.launch_error: OSError | None = None
        self.supervisor = Supervisor(
            self._launch, self.clock, on_state=self.states.append, on_arrival=self.arrived.append, patience=PATIENCE
        )

    def _launch(self, run: Run) -> Process:
        if self.launch_error is not None:
            raise self.launch_error
        self.processes.append(Process(run, 1000 + len(self.processes)))
        return self.processes[-1]

    @property
    def process(self) -> Process:
        return self.processes[-1]

    @property
    def state(self) -> State:
        return self.supervisor.state

    def up(self) -> None:
        self.supervisor.start()
        self.come_up()

    def come_up(self) -> None:
        self.process.says(HELLO, EngineState(state="idle"))


@pytest.fixture
def house() -> House:
    return House()


# --- coming up ---


def test_engine_is_greeted_and_ready_once_its_store_is_open(house: House) -> None:
    house.supervisor.start()
    assert house.state == Starting(1)
    assert house.supervisor.process_id == 1000
    house.process.says(HELLO)
    assert [type(each) for each in house.process.requests] == [ClientHello]
    assert house.state == Starting(1)
    house.process.says(EngineState(state="idle"))
    assert house.states == [Starting(1), Ready(HELLO)]
    assert [type(each.event) for each in house.arrived] == [EngineHello, EngineState]


def test_starting_twice_starts_one(house: House) -> None:
    house.supervisor.start()
    house.supervisor.start()
    house.come_up()
    house.supervisor.start()
    assert len(house.processes) == 1


def test_state_before_the_hello_does_not_count(house: House) -> None:
    house.supervisor.start()
    house.process.says(EngineState(state="idle"))
    assert house.state == Starting(1)


@pytest.mark.parametrize(("said", "patience_s"), [([], 20), ([HELLO], 60)], ids=["no hello", "no store"])
def test_engine_that_does_not_come_up_in_time_is_ended_and_another_is_tried(
    house: House, said: list[Event], patience_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    house.supervisor.start()
    house.process.says(*said)
    house.clock.advance(patience_s - 0.1)
    assert house.process.done == []
    house.clock.advance(0.1)
    assert house.process.done == ["terminate"]
    house.clock.advance(7)
    assert house.process.done == ["terminate", "kill"]
    house.process.run.take_end(-9)
    assert isinstance(house.state, Restarting)
    assert f"{patience_s:g} seconds" in house.state.reason
    house.clock.advance(house.state.in_s)
    assert len(house.processes) == 2


def test_engine_of_another_major_version_is_ended_and_not_tried_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.supervisor.start()
    house.process.says(EngineHello(protocol=(2, 7), build="3.0", pid=1))
    assert house.process.requests == []
    assert house.process.done == ["terminate"]
    house.process.run.take_end(0)
    assert isinstance(house.state, GivenUp)
    assert "2.7" in house.state.reason
    assert ".".join(map(str, PROTOCOL)) in house.state.reason


def test_newer_minor_version_is_welcome(house: House) -> None:
    house.supervisor.start()
    newer = EngineHello(protocol=(PROTOCOL[0], PROTOCOL[1] + 5), build="2", pid=1)
    house.process.says(newer, EngineState(state="idle"))
    assert house.state == Ready(newer)


def test_engine_that_talks_nonsense_is_replaced(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.up()
    nonsense = b"".join(b"noise" + pack(b"\xc1") for _ in range(MOST_FAULTS))
    house.process.run.take_output(nonsense)
    assert house.process.done == ["terminate"]
    house.process.run.take_end(0)
    assert isinstance(house.state, Restarting)
    assert "can't be understood" in house.state.reason
    assert len([each for each in caplog.records if "damaged" in each.message]) < 10


def test_command_that_cannot_be_run_is_said(house: House) -> None:
    house.launch_error = FileNotFoundError(2, "No such file", "/nowhere/engine")
    house.supervisor.start()
    assert isinstance(house.state, GivenUp)
    assert "/nowhere/engine" in house.state.reason


def test_command_that_turns_out_not_to_run_is_said(house: House) -> None:
    house.supervisor.start()
    house.process.run.take_failure_to_start("execve: Permission denied")
    assert house.state == GivenUp("The engine can't be started: execve: Permission denied")
    assert house.supervisor.process_id == 0


# --- going down ---


def test_crashed_engine_is_started_again_after_growing_pauses_and_then_given_up(house: House) -> None:
    house.up()
    for attempt, pause_s in enumerate(PATIENCE.restarts_s, start=1):
        house.process.run.take_end(-11)
        assert isinstance(house.state, Restarting)
        assert (house.state.attempt, house.state.in_s) == (attempt, pause_s)
        assert "signal 11" in house.state.reason
        house.clock.advance(pause_s)
        assert house.state == Starting(attempt + 1)
        house.come_up()
    house.process.run.take_end(-11)
    assert isinstance(house.state, GivenUp)
    assert "started 2 times again" in house.state.reason
    house.clock.advance(1000)
    assert len(house.processes) == 3


def test_engine_that_was_steady_is_counted_afresh(house: House) -> None:
    house.up()
    house.process.run.take_end(1)
    house.clock.advance(0.5)
    house.come_up()
    house.clock.advance(PATIENCE.steady_s)
    house.process.run.take_end(1)
    assert isinstance(house.state, Restarting)
    assert house.state.attempt == 1


@pytest.mark.parametrize(
    "status", [ExitStatus.STORE_LOCKED, ExitStatus.STORE_BROKEN, ExitStatus.BAD_PROTOCOL, ExitStatus.WRONG_USE]
)
def test_ends_that_a_new_start_would_not_mend_are_not_tried_again(house: House, status: ExitStatus) -> None:
    house.supervisor.start()
    house.process.says(HELLO, Goodbye(kind="store_locked", message="Process 42 has it."))
    house.process.run.take_end(status)
    assert isinstance(house.state, GivenUp)
    house.clock.advance(1000)
    assert len(house.processes) == 1


def test_engine_with_a_broken_device_is_replaced_at_once(house: House) -> None:
    house.up()
    house.process.run.take_end(ExitStatus.BROKEN)
    assert isinstance(house.state, Restarting)
    assert house.state.in_s == 0
    house.clock.advance(0)
    assert len(house.processes) == 2


def test_given_up_engine_can_be_started_by_the_person(house: House) -> None:
    house.up()
    for _ in range(3):
        house.process.run.take_end(1)
        house.clock.advance(2)
    assert isinstance(house.state, GivenUp)
    house.supervisor.restart()
    house.come_up()
    assert isinstance(house.state, Ready)


def test_what_an_old_process_still_says_is_not_taken_for_the_new_one(house: House) -> None:
    house.up()
    old = house.process
    old.run.take_end(1)
    house.clock.advance(0.5)
    told = len(house.arrived)
    old.says(EngineState(state="busy"))
    old.run.take_end(1)
    assert house.state == Starting(2)
    assert len(house.arrived) == told


# --- the ladder ---


def test_engine_is_asked_then_told_then_made_to_end(house: House) -> None:
    house.up()
    house.supervisor.stop()
    assert house.state == Stopping(then_start=False)
    assert isinstance(house.process.requests[-1], Shutdown)
    assert house.process.done == ["close"]
    house.clock.advance(4.9)
    assert house.process.done == ["close"]
    house.clock.advance(0.1)
    assert house.process.done == ["close", "terminate"]
    house.clock.advance(7)
    assert house.process.done == ["close", "terminate", "kill"]
    house.process.run.take_end(-9)
    assert house.state == Stopped()
    house.clock.advance(1000)
    assert len(house.processes) == 1


def test_engine_that_obeys_is_not_hurried(house: House) -> None:
    house.up()
    house.supervisor.stop()
    house.process.run.take_end(0)
    house.clock.advance(1000)
    assert house.process.done == ["close"]
    assert house.state == Stopped()


def test_starting_engine_is_ended_without_a_word(house: House) -> None:
    house.supervisor.start()
    house.supervisor.stop()
    assert house.process.requests == []
    assert house.process.done == ["close"]
    house.come_up()  # too late
    house.process.run.take_end(0)
    assert house.state == Stopped()


def test_stop_between_two_starts_ends_at_once(house: House) -> None:
    house.up()
    house.process.run.take_end(1)
    house.supervisor.stop()
    assert house.state == Stopped()
    house.clock.advance(1000)
    assert len(house.processes) == 1


def test_restart_waits_for_the_old_process(house: House) -> None:
    house.up()
    house.supervisor.restart()
    assert house.state == Stopping(then_start=True)
    assert len(house.processes) == 1
    house.process.run.take_end(0)
    assert house.state == Starting(1)
    assert len(house.processes) == 2


def test_stop_after_restart_wins_and_start_after_stop_too(house: House) -> None:
    house.up()
    house.supervisor.restart()
    house.supervisor.stop()
    house.process.run.take_end(0)
    assert house.state == Stopped()
    house.up()
    house.supervisor.stop()
    house.supervisor.start()
    house.process.run.take_end(0)
    assert isinstance(house.state, Starting)


# --- jobs that wait ---


def test_jobs_asked_for_while_the_engine_is_down_are_sent_when_it_is_up(house: House) -> None:
    for job in ("first", "second"):
        assert house.supervisor.send(Submit(call=1, job=job, work=WORK))
    house.up()
    assert [each.job for each in house.process.requests if isinstance(each, Submit)] == ["first", "second"]


def test_job_whose_acceptance_was_lost_is_sent_again_and_an_accepted_one_is_not(house: House) -> None:
    house.up()
    for call, job in enumerate(("kept", "lost", "refused"), start=1):
        house.supervisor.send(Submit(call=call, job=job, work=WORK))
    house.process.says(
        Accepted(call=1, job="kept", state=Queued()), Refused(call=3, kind="conflict", message="Other work.")
    )
    house.process.run.take_end(-9)
    house.clock.advance(0.5)
    house.come_up()
    assert [each.job for each in house.process.requests if isinstance(each, Submit)] == ["lost"]


def test_job_that_waits_here_can_be_cancelled_here(house: House) -> None:
    house.supervisor.send(Submit(call=1, job="a", work=WORK))
    assert house.supervisor.send(Cancel(call=2, job="a"))
    assert [each.event for each in house.arrived] == [Ok(call=2), JobChanged(job="a", state=Cancelled())]
    house.up()
    assert [type(each) for each in house.process.requests] == [ClientHello]


def test_other_requests_without_an_engine_are_not_kept(house: House) -> None:
    assert not house.supervisor.send(Ping(call=1))
    assert not house.supervisor.send(Cancel(call=1, job="unknown"))
    house.up()
    assert [type(each) for each in house.process.requests] == [ClientHello]


def test_job_that_is_too_large_is_said_at_once_and_not_kept(house: House) -> None:
    large = TextToVideo(prompt="x" * (2 << 20), width=32, height=32, frames=9, rate="24")
    with pytest.raises(MessageTooLarge):
        house.supervisor.send(Submit(call=1, job="large", work=large))
    house.up()
    assert [type(each) for each in house.process.requests] == [ClientHello]


def test_log_is_passed_on_line_by_line_and_its_end_is_kept(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.supervisor.start()
    with caplog.at_level(logging.INFO):
        house.process.run.take_log(b"loading wei")
        house.process.run.take_log(b"ghts\nand mo")
    assert [each.message for each in caplog.records] == ["engine: loading weights"]
    house.process.run.take_end(1)
    assert house.supervisor.log_tail == "loading weights\nand mo"
