"""The engine process of a window: a `QProcess` that is started on demand, watched, started again and ended.

Everything happens in signals on the GUI thread; nothing here waits. What the bytes mean is in `ltxdesktop/jobs`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from engine.protocol.messages import EngineHello, EngineState, Request, Shutdown
from ltxdesktop.jobs.channel import Channel, ending_of

PATIENCE_MS = 5_000  # between asking, terminating and killing
RESTART_AFTER_MS = (200, 1_000, 3_000, 10_000)  # then it's given up until the person says so
STEADY_MS = 60_000  # an engine that lived so long is counted afresh

log = logging.getLogger(__name__)


class EngineLink(QObject):
    """Owns the engine process. `stop` before it goes, and wait for `stopped`."""

    ready = Signal()  # hellos done, store open: requests are answered
    received = Signal(object, object)  # an event, and its bytes or pixels
    lost = Signal(str, bool)  # words for the person; whether it's given up
    stopped = Signal()  # after `stop`: no process is left

    def __init__(self, command: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = list(command)
        self._channel = Channel()
        self._process: QProcess | None = None
        self._is_ready = False
        self._stopping = False
        self._failures = 0
        self._restart_timer = self._timer(self.start)
        self._steady_timer = self._timer(self._count_afresh)
        self._harder_timer = self._timer(self._stop_harder)
        self._rung = 0

    @property
    def process_id(self) -> int:
        """0 when no process runs."""
        return self._process.processId() if self._process is not None else 0

    def start(self) -> None:
        """Start the engine; `ready` or `lost` follows."""
        if self._process is not None or self._stopping:
            return
        self._channel = Channel()
        self._is_ready = False
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_log)
        process.finished.connect(self._take_end)
        process.errorOccurred.connect(self._take_error)
        self._process = process
        process.start(self._command[0], self._command[1:])

    def restart(self) -> None:
        """End a running engine and start a fresh one; also after it was given up."""
        self._failures = 0
        if self._process is None:
            self.start()
        else:
            self._ask_to_end()

    def send(self, request: Request) -> None:
        """Send a request; without a ready engine it's dropped, since its answers are asked for again on `ready`."""
        if self._process is not None and self._is_ready:
            self._process.write(self._channel.send(request))

    def stop(self) -> None:
        """End the engine for good: ask, wait, terminate, wait, kill. `stopped` follows."""
        self._stopping = True
        self._restart_timer.stop()
        if self._process is None:
            self.stopped.emit()
        else:
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        assert self._process is not None
        if self._is_ready:
            self._process.write(self._channel.send(Shutdown()))
        self._process.closeWriteChannel()
        self._rung = 0
        self._harder_timer.start(PATIENCE_MS)

    def _stop_harder(self) -> None:
        if self._process is None:
            return
        self._rung += 1
        if self._rung == 1:
            self._process.terminate()
            self._harder_timer.start(PATIENCE_MS)
        else:
            self._process.kill()

    def _read(self) -> None:
        if self._process is None:
            return
        for event, body in self._channel.receive(bytes(self._process.readAllStandardOutput().data())):
            match event:
                case EngineHello():
                    self._process.write(self._channel.answer_hello())
                case EngineState() if not self._is_ready:
                    self._is_ready = True
                    self._steady_timer.start(STEADY_MS)
                    self.ready.emit()
                case _:
                    pass
            self.received.emit(event, body)

    def _read_log(self) -> None:
        if self._process is not None:
            text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
            for line in text.splitlines():
                log.info("engine: %s", line)

    def _take_end(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._read_log()
        crashed = status == QProcess.ExitStatus.CrashExit
        self._let_go()
        ending = ending_of(-code if crashed else code, self._channel.goodbye)
        if self._stopping:
            self.stopped.emit()
        elif ending.may_restart:
            self._start_again(ending.words)
        else:
            self.lost.emit(ending.words, True)

    def _take_error(self, error: QProcess.ProcessError) -> None:
        if error != QProcess.ProcessError.FailedToStart or self._process is None:
            return  # the others end in `finished`
        words = f"The engine can't be started: {self._process.errorString()}"
        self._let_go()
        if self._stopping:
            self.stopped.emit()
        else:
            self.lost.emit(words, True)

    def _start_again(self, words: str) -> None:
        if self._failures >= len(RESTART_AFTER_MS):
            self.lost.emit(f"{words} It was started {self._failures} times again and always stopped.", True)
            return
        self._restart_timer.start(RESTART_AFTER_MS[self._failures])
        self._failures += 1
        self.lost.emit(f"{words} Starting it again; jobs that waited go on.", False)

    def _let_go(self) -> None:
        self._steady_timer.stop()
        self._harder_timer.stop()
        self._channel.close()
        if self._process is not None:
            self._process.deleteLater()
        self._process = None
        self._is_ready = False

    def _count_afresh(self) -> None:
        self._failures = 0

    def _timer(self, call: object) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(call)
        return timer
