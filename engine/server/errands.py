"""One errand after another on a thread of its own: waits, runs, tells how far it is, ends; pausing gives up its turn.

What an errand does is handed in as a function; what came of it is told through the outbox. Nothing here knows models.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from msgspec.structs import replace

from engine.fetching.control import Control, Progress
from engine.fetching.errors import FetchError, Stopped, Unreachable
from engine.protocol.packages import Errand, ErrandChanged, ErrandProgress, ErrandState
from engine.server.outbox import Outbox
from engine.server.words import sentence

TELL_EVERY_S: Final = 0.05
ENDED: Final = frozenset({"done", "failed", "cancelled"})

_log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """How an errand ended well: words for the person, and a line for each file where that says more."""

    message: str
    details: tuple[str, ...] = ()
    good: bool = True


class Task:
    """An errand, what it does, and how it's steered."""

    def __init__(self, errand: Errand, do: Callable[[Task], Outcome], outbox: Outbox) -> None:
        self.errand = errand
        self.do = do
        self.control = Control()
        self.pausing = False  # it was stopped to go on later
        self._outbox = outbox
        self._last_s = 0.0
        self._last_file: str = ""

    def tell(self, progress: Progress) -> None:
        """Send how far it is, not more often than a person can see."""
        now = time.monotonic()
        if now - self._last_s < TELL_EVERY_S and progress.place == self._last_file:
            return
        self._last_s, self._last_file = now, progress.place
        self._outbox.post_progress(
            ErrandProgress(
                errand=self.errand.errand,
                file=progress.place,
                phase=progress.phase,
                done_bytes=progress.done_bytes,
                total_bytes=progress.total_bytes,
                bytes_per_second=progress.bytes_per_second,
                seconds_left=progress.seconds_left,
            )
        )


class Lane:
    """Runs its tasks one after another. All methods may be called from any thread."""

    def __init__(self, name: str, outbox: Outbox, on_change: Callable[[Task], None]) -> None:
        """`on_change` hears of each new state after it's told, without any lock held."""
        self._outbox, self._on_change = outbox, on_change
        self._changed = threading.Condition()
        self._waiting: deque[Task] = deque()
        self._running: Task | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run_all, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Stop what runs (what came is kept), start nothing more; wait for at most `timeout_s`."""
        with self._changed:
            self._closing = True
            if self._running is not None:
                self._running.control.cancel()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def add(self, task: Task) -> None:
        """Have it done after those that wait already."""
        with self._changed:
            self._show(task, "waiting")
            self._waiting.append(task)
            self._changed.notify_all()

    def pause(self, task: Task) -> None:
        """Stop it, to go on later where it was; others get its turn."""
        with self._changed:
            if task in self._waiting:
                self._waiting.remove(task)
                self._show(task, "paused")
            elif task is self._running:
                task.pausing = True
                task.control.cancel()

    def resume(self, task: Task) -> None:
        """Go on with a paused one when its turn comes."""
        with self._changed:
            if task.errand.state == "paused":
                self._renew(task)
                self.add(task)
            elif task is self._running and task.pausing:
                task.pausing = False  # asked before it had stopped: it's put at the end of the line then
                self._waiting.append(task)

    def cancel(self, task: Task) -> None:
        """End it for good."""
        with self._changed:
            task.pausing = False
            if task is self._running:
                if task in self._waiting:
                    self._waiting.remove(task)
                task.control.cancel()
            elif task.errand.state not in ENDED:
                if task in self._waiting:
                    self._waiting.remove(task)
                self._show(task, "cancelled", "Cancelled. What has come is kept.")
        self._on_change(task)

    @contextlib.contextmanager
    def still(self) -> Generator[None]:
        """While inside, no task changes its state and nothing is told of one."""
        with self._changed:
            yield

    def limit(self, bytes_per_second: float) -> None:
        """For what runs now."""
        with self._changed:
            if self._running is not None:
                self._running.control.bytes_per_second = bytes_per_second

    # --- inside ---

    def _run_all(self) -> None:
        while (task := self._next()) is not None:
            state, outcome = self._run(task)
            with self._changed:
                self._running = None
                if self._closing and task.control.cancelled:
                    return  # the next engine goes on with it
                resumed = task in self._waiting  # while it was still stopping
                if resumed and state in ("paused", "cancelled"):
                    self._renew(task)
                    self._show(task, "waiting")
                else:
                    if resumed:
                        self._waiting.remove(task)
                    self._show(task, state, outcome.message, outcome.details)
            self._on_change(task)

    def _next(self) -> Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or bool(self._waiting))
            if self._closing:
                return None
            self._running = self._waiting.popleft()
            self._show(self._running, "running")
            return self._running

    def _run(self, task: Task) -> tuple[ErrandState, Outcome]:
        try:
            outcome = task.do(task)
        except Stopped:
            paused = task.pausing
            return ("paused" if paused else "cancelled"), Outcome("" if paused else "Cancelled. What has come is kept.")
        except Unreachable as exc:  # the line may be back later: it isn't given up
            return "paused", Outcome(sentence(exc))
        except (FetchError, OSError) as exc:
            return "failed", Outcome(sentence(exc))
        except Exception as exc:  # the boundary: a mistake costs the errand, not the engine
            _log.exception("the errand %s failed", task.errand.kind)
            return "failed", Outcome(f"A mistake in the program stopped this ({type(exc).__name__}: {exc}).")
        return ("done" if outcome.good else "failed"), outcome

    def _renew(self, task: Task) -> None:
        task.control, task.pausing = Control(), False

    def _show(self, task: Task, state: ErrandState, message: str = "", details: tuple[str, ...] = ()) -> None:
        task.errand = replace(task.errand, state=state, message=message, details=details)
        self._outbox.post(ErrandChanged(errand=task.errand))
