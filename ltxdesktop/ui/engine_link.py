"""The engine of a window: the supervisor's rules with `QProcess`, `QTimer` and signals. Nothing here waits.

Everything happens on the GUI thread, in bound methods of objects that live there. What the bytes mean and when a
process is started or ended is in `ltxdesktop/jobs`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from engine.protocol.messages import Request
from ltxdesktop.jobs.channel import Arrival, runs_elsewhere
from ltxdesktop.jobs.supervisor import (
    GivenUp,
    Patience,
    Process,
    Ready,
    Restarting,
    Run,
    Starting,
    State,
    Stopped,
    Stopping,
    Supervisor,
)

SLICE_BYTES = 16_384  # about 100 small events
SLICE_S = 0.004  # then the window's other events have their turn: an engine that floods can't freeze it


class EngineLink(QObject):
    """Owns the engine process. `stop` before it goes, and wait for `stopped`."""

    state_changed = Signal(object)  # State of the supervisor
    ready = Signal()  # hellos done, store open: requests are answered
    received = Signal(object, object)  # an event and its bytes, or its Pixels: to be copied at once
    lost = Signal(str, bool)  # words for the person; whether it's given up
    stopped = Signal()  # after `stop`: no process is left

    def __init__(
        self,
        command: Sequence[str],
        parent: QObject | None = None,
        *,
        remote: bool | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`remote` None: as the command looks."""
        super().__init__(parent)
        self._command = list(command)
        self._supervisor = Supervisor(
            self._launch,
            _QtTimers(self),
            on_state=self._take_state,
            on_arrival=self._take,
            patience=patience,
            remote=runs_elsewhere(self._command) if remote is None else remote,
        )

    @property
    def state(self) -> State:
        return self._supervisor.state

    @property
    def process_id(self) -> int:
        """0 when no process runs."""
        return self._supervisor.process_id

    def use(self, command: Sequence[str]) -> None:
        """Have the next start be of another engine on this machine."""
        self._command = list(command)

    def start(self) -> None:
        """Start the engine; `ready` or `lost` follows."""
        self._supervisor.start()

    def restart(self) -> None:
        """End a running engine and start a fresh one; also after it was given up."""
        self._supervisor.restart()

    def stop(self) -> None:
        """End the engine for good: ask, wait, terminate, wait, kill. `stopped` follows."""
        if isinstance(self._supervisor.state, Stopped):
            self.stopped.emit()
        else:
            self._supervisor.stop()

    def send(self, request: Request, body: bytes = b"") -> bool:
        """Send a request; see `Supervisor.send` for what happens without an engine that is ready."""
        return self._supervisor.send(request, body)

    def _launch(self, run: Run) -> Process:
        return _QtProcess(self._command, run, self)

    def _take(self, arrival: Arrival) -> None:
        self.received.emit(arrival.event, arrival.body)

    def _take_state(self, state: State) -> None:
        self.state_changed.emit(state)
        match state:
            case Ready():
                self.ready.emit()
            case Restarting():
                self.lost.emit(f"{state.reason} Starting it again; jobs that wait go on then.", False)
            case GivenUp():
                self.lost.emit(state.reason, True)
            case Stopping(then_start=True):
                self.lost.emit("The engine is started afresh.", False)
            case Stopped():
                self.stopped.emit()
            case Starting() | Stopping():
                pass


class _QtTimers:
    """Time as Qt's event loop has it."""

    def __init__(self, owner: QObject) -> None:
        self._owner = owner

    def after(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        return _Alarm(delay_s, call, self._owner).cancel


class _Alarm(QTimer):
    """Calls once, unless it's cancelled; then it's gone."""

    def __init__(self, delay_s: float, call: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._call = call
        self._over = False
        self.setSingleShot(True)
        self.timeout.connect(self._go_off)
        self.start(round(delay_s * 1000))

    def cancel(self) -> None:
        if not self._over:  # else the timer behind this object may be deleted already
            self._end()

    def _go_off(self) -> None:
        self._end()
        self._call()

    def _end(self) -> None:
        self._over = True
        self.stop()
        self.deleteLater()


class _QtProcess(QObject):
    """One engine process; tells its run what it says and how it ends."""

    def __init__(self, command: Sequence[str], run: Run, parent: QObject) -> None:
        super().__init__(parent)
        self._run = run
        self._go_on = QTimer(self)
        self._go_on.setSingleShot(True)
        self._go_on.timeout.connect(self._read)
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read_log)
        self._process.finished.connect(self._take_end)
        self._process.errorOccurred.connect(self._take_error)
        self._process.start(command[0], list(command[1:]))

    @property
    def process_id(self) -> int:
        return self._process.processId()

    def write(self, data: bytes) -> None:
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.write(data)

    def close_input(self) -> None:
        self._process.closeWriteChannel()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def _read(self) -> None:
        until = time.perf_counter() + SLICE_S
        while self._process.bytesAvailable():
            self._run.take_output(bytes(self._process.read(SLICE_BYTES).data()))
            if time.perf_counter() > until:
                self._go_on.start(0)
                return

    def _read_log(self) -> None:
        self._run.take_log(bytes(self._process.readAllStandardError().data()))

    def _take_end(self, code: int, status: QProcess.ExitStatus) -> None:
        self._go_on.stop()
        self._run.take_output(bytes(self._process.readAllStandardOutput().data()))
        self._read_log()
        self.deleteLater()
        self._run.take_end(-code if status == QProcess.ExitStatus.CrashExit else code)

    def _take_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # the others end in `finished`
            self.deleteLater()
            self._run.take_failure_to_start(self._process.errorString())
