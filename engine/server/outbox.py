"""What waits to be sent: bounded, whatever the reader does, with one thread that sends.

Three kinds of messages: progress, of which only the newest of each job or errand counts; previews, of which the oldest
is dropped; and all others, which are never dropped. When the last are too many, whoever wants to post one more waits:
then the engine reads no requests and starts no jobs until the reader goes on, and its memory stays flat.

A small message that finds the box empty and the channel free is written by whoever posts it: waking the thread would
cost a fifth of what a ping takes to and fro.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from engine.protocol.framing import EVENT_LIMITS, pack
from engine.protocol.messages import (
    Cancelled,
    Done,
    Event,
    Failed,
    JobChanged,
    JobPreview,
    JobProgress,
    Refused,
    encode,
)
from engine.protocol.packages import ErrandChanged, ErrandProgress

MOST_WAITING: Final = 1000  # messages of the kind that is never dropped
MOST_WAITING_BYTES: Final = 32 << 20
MOST_PREVIEWS: Final = 2  # fewer than the ring has slots, so that a slot isn't written over before it's told

Write = Callable[[bytes | memoryview], None]
TakesAtOnce = Callable[[int], bool]


class _Packed(NamedTuple):
    head: bytes
    body: bytes | memoryview

    @property
    def size(self) -> int:
        return len(self.head) + len(self.body)


class Outbox:
    """The queue and its thread. All methods may be called from any thread."""

    def __init__(
        self, write: Write, on_gone: Callable[[OSError], None], takes_at_once: TakesAtOnce = lambda _size: False
    ) -> None:
        """`write` sends bytes and takes as long as the reader does; `on_gone` is told, once, that it can't any more.

        `takes_at_once` says whether `write` would take so many bytes now without waiting for the reader.
        """
        self._write = write
        self._takes_at_once = takes_at_once
        self._on_gone = on_gone
        self._changed = threading.Condition()
        self._waiting: deque[_Packed] = deque()
        self._waiting_bytes = 0
        self._progress: dict[str, JobProgress | ErrandProgress] = {}  # by the id of what it is about, a new uuid each
        self._previews: deque[tuple[JobPreview, bytes]] = deque(maxlen=MOST_PREVIEWS)
        self._sending = False  # the thread has something in hand
        self._closing = False
        self._gone = False
        self._thread = threading.Thread(target=self._send_all, name="sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def post(self, message: Event, body: bytes = b"") -> None:
        """Send this for certain, in order; wait for room if the reader is far behind.

        After the end of a job, what it had told about itself before and is still here is of no use, and goes.
        """
        packed = _pack(message, body)
        try:
            self._post(message, packed)
        except OSError as exc:
            self._lose(exc)

    def _post(self, message: Event, packed: _Packed) -> None:
        with self._changed:
            while not self._has_room() and not self._gone:
                self._changed.wait()
            if self._gone:
                return
            if isinstance(message, JobChanged) and isinstance(message.state, Done | Failed | Cancelled):
                self._forget(message.job)
            elif isinstance(message, ErrandChanged):
                self._progress.pop(message.errand.errand, None)
            if not self._waiting and not self._sending and self._takes_at_once(packed.size):
                self._write(b"".join(packed))
                return
            self._waiting.append(packed)
            self._waiting_bytes += packed.size
            self._changed.notify_all()

    def post_progress(self, message: JobProgress | ErrandProgress) -> None:
        """Send this unless a newer one of the same job or errand comes first."""
        about = message.job if isinstance(message, JobProgress) else message.errand
        with self._changed:
            self._progress.pop(about, None)  # so that it goes to the end: they take turns
            self._progress[about] = message
            self._changed.notify_all()

    def post_preview(self, message: JobPreview, body: bytes = b"") -> None:
        """Send this unless too many newer ones come first."""
        with self._changed:
            self._previews.append((message, body))
            self._changed.notify_all()

    @property
    def waiting_bytes(self) -> int:
        """How much of the kind that is never dropped waits."""
        with self._changed:
            return self._waiting_bytes

    def close(self, timeout_s: float) -> bool:
        """Send what still waits, for at most `timeout_s`, and end the thread; return whether all was sent."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._gone

    def _has_room(self) -> bool:
        return len(self._waiting) < MOST_WAITING and self._waiting_bytes < MOST_WAITING_BYTES

    def _forget(self, job: str) -> None:
        self._progress.pop(job, None)
        kept = [(message, body) for message, body in self._previews if message.job != job]
        self._previews.clear()
        self._previews.extend(kept)

    def _next(self) -> _Packed | None:
        """Wait for the next thing to send; None when the box is closed and empty."""
        with self._changed:
            while True:
                self._sending = bool(self._waiting or self._progress or self._previews)
                if self._waiting:
                    packed = self._waiting.popleft()
                    self._waiting_bytes -= packed.size
                    self._changed.notify_all()
                    return packed
                if self._progress:
                    return _pack(self._progress.pop(next(iter(self._progress))))
                if self._previews:
                    return _pack(*self._previews.popleft())
                if self._closing:
                    return None
                self._changed.wait()

    def _send_all(self) -> None:
        try:
            while (packed := self._next()) is not None:
                self._write(packed.head)
                if packed.body:
                    self._write(packed.body)
        except OSError as exc:
            self._lose(exc)

    def _lose(self, exc: OSError) -> None:
        with self._changed:
            known, self._gone = self._gone, True
            self._changed.notify_all()
        if not known:
            self._on_gone(exc)


def _pack(message: Event, body: bytes = b"") -> _Packed:
    header = encode(message)
    if len(header) > EVENT_LIMITS.header_bytes:
        size, limit = len(header), EVENT_LIMITS.header_bytes
        text = f"The answer would have {size} bytes, more than the {limit} that a message may have; ask for less."
        header = encode(Refused(call=getattr(message, "call", 0), kind="too_large", message=text))
        body = b""
    return _Packed(pack(header, body), body)
