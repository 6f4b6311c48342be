"""A few threads for work that nobody waits for: newest request first, and a newer one for a place cancels the older."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Hashable
from itertools import count
from typing import Final

from engine.media.errors import MediaError

_log = logging.getLogger(__name__)

# Below the threads that somebody waits for, and below other programs; FFmpeg's own threads inherit it. But above the
# engine (engine/server/priority.py): who waits for a core behind it may hold Python's lock, which the window waits for.
_NICENESS: Final = 5


class Token:
    """Tells a running request that it's no longer wanted."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Rest for that long, or until it's cancelled: then True."""
        return self._event.wait(seconds)


Work = Callable[[Token], None]


class Workers:
    """Threads that take requests from one pile. They start with the first request and end with `close`.

    A request is for a *place* (a cell of a list, a file): a newer one for the same place replaces what waits there, and
    cancels what runs. Newest first, because that's what the person looks at now; `in_order` for work that all has to be
    done. A request that raises MediaError has failed in a known way and is expected to have told its asker; any other
    error is logged.
    """

    def __init__(self, threads: int, name: str, *, in_order: bool = False, polite: bool = True) -> None:
        """`polite`: behind everything that somebody waits for."""
        self._limit, self._name, self._in_order, self._polite = threads, name, in_order, polite
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, tuple[int, Token, Work]] = {}
        self._running: dict[Hashable, Token] = {}
        self._numbers = count()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def put(self, place: Hashable, work: Work) -> Token:
        """Have `work` done for `place`. After `close` nothing is done any more."""
        token = Token()
        with self._changed:
            if self._closed:
                token.cancel()
                return token
            self._forget(place)
            self._waiting[place] = (next(self._numbers), token, work)
            if len(self._threads) < self._limit and len(self._waiting) + len(self._running) > len(self._threads):
                thread = threading.Thread(target=self._run, name=f"{self._name} {len(self._threads) + 1}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()
        return token

    def drop(self, place: Hashable) -> None:
        """Cancel what waits or runs for `place`."""
        with self._changed:
            self._forget(place)
            self._changed.notify_all()

    def has(self, place: Hashable) -> bool:
        """Does something wait or run for `place`?"""
        with self._changed:
            running = self._running.get(place)
            return place in self._waiting or (running is not None and not running.cancelled)

    def finish(self) -> None:
        """Wait until nothing waits or runs: for tests and for commands without a window."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._running)

    def close(self) -> None:
        """Cancel everything and wait for the threads to end."""
        with self._changed:
            self._closed = True
            for _, token, _ in self._waiting.values():
                token.cancel()
            self._waiting.clear()
            for token in self._running.values():
                token.cancel()
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _forget(self, place: Hashable) -> None:
        waiting = self._waiting.pop(place, None)
        if waiting is not None:
            waiting[1].cancel()
        if place in self._running:
            self._running[place].cancel()

    def _run(self) -> None:
        if self._polite:
            be_polite()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next() is not None)
                if self._closed:
                    return
                place = self._next()
                _, token, work = self._waiting.pop(place)
                self._running[place] = token
            try:
                work(token)
            except MediaError as exc:
                _log.info("%s", exc)
            except Exception:  # the boundary of this thread: the next request must still be served
                _log.exception("%s failed", self._name)
            with self._changed:
                del self._running[place]
                self._changed.notify_all()

    def _next(self) -> Hashable:
        """The place to serve now: one that isn't being served by another thread, whose request is being cancelled."""
        free = (place for place in self._waiting if place not in self._running)
        pick = min if self._in_order else max
        return pick(free, key=lambda place: self._waiting[place][0], default=None)


def be_polite() -> None:
    """Let this thread, and those that it starts, run behind the others. Only Linux knows threads one by one."""
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        except OSError:
            _log.debug("this thread keeps its priority")
