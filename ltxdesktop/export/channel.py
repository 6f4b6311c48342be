"""A bounded row of things between two threads, which either side can end."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The other side doesn't want anything any more, or has nothing left."""


class Channel(Generic[T]):
    """`put` waits while `limit` things wait to be fetched, `get` while there are none."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._things: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = self._finished = False
        self._error: BaseException | None = None

    def put(self, thing: T) -> None:
        """Raises Closed when nobody will fetch it."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._things) < self._limit)
            if self._closed:
                raise Closed
            self._things.append(thing)
            self._changed.notify_all()

    def get(self) -> T:
        """The next thing. After the last one raises the error of `finish`, or Closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._finished or bool(self._things))
            if self._closed:
                raise Closed
            if not self._things:
                raise self._error if self._error is not None else Closed
            thing = self._things.popleft()
            self._changed.notify_all()
            return thing

    def finish(self, error: BaseException | None = None) -> None:
        """Nothing more comes: because all is there, or because of an error."""
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing is wanted any more; what waits is dropped."""
        with self._changed:
            self._closed = True
            self._things.clear()
            self._changed.notify_all()
