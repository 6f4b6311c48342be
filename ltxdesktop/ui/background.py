"""Work away from the GUI thread: a request goes out with all it needs, its result comes back on the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, Signal

from ltxdesktop.media.workers import be_polite

T = TypeVar("T")


class Background(QObject):
    """A few worker threads with an owner. On `close` queued work is dropped, running work is waited for.

    An asker that is deleted before its answer comes isn't called.
    """

    _came_back = Signal(object, object)  # what to call on the GUI thread, with what
    _is_done = Signal()  # after `let_go`

    def __init__(self, threads: int = 1, parent: QObject | None = None, *, polite: bool = True) -> None:
        """`polite`: the threads let others go first, where the system knows threads one by one."""
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(
            threads, thread_name_prefix="background", initializer=be_polite if polite else None
        )
        self._closed = False
        self._came_back.connect(self._deliver)
        self._is_done.connect(self.deleteLater)
        pool = self._pool
        self.destroyed.connect(lambda: pool.shutdown(wait=False))  # an owner that went without a word

    def run(self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        """Do `work` on a worker; then call `done` with its result, or `failed` with its error, on the GUI thread."""
        if not self._closed:
            self._pool.submit(self._do, work, done, failed)

    def close(self) -> None:
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def let_go(self) -> None:
        """For an owner that goes while the program stays: nothing is waited for, and nobody is told of what still runs.

        With one thread only: what is put behind the rest is the end.
        """
        if not self._closed:
            self._closed = True
            self.setParent(QCoreApplication.instance())
            self._pool.submit(self._is_done.emit)
            self._pool.shutdown(wait=False)

    def finish_and_close(self) -> None:
        """As `close`, but queued work is done first: what is written is written."""
        self._closed = True
        self._pool.shutdown(wait=True)

    def _do(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        try:
            result = work()
        except Exception as exc:  # the boundary: whatever the work raises belongs to its asker
            self._came_back.emit(failed, exc)
        else:
            self._came_back.emit(done, result)

    def _deliver(self, call: Callable[[Any], None], value: Any) -> None:
        if not self._closed and not _is_gone(call):
            call(value)


def _is_gone(call: Callable[[Any], None]) -> bool:
    """Whether it's a method of a widget that was closed and deleted while its answer was on the way."""
    owner = getattr(call, "__self__", None)
    return isinstance(owner, QObject) and not shiboken6.isValid(owner)
