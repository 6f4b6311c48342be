"""Which waiting job is next for which lane: those of this machine's device run one by one, remote ones beside them.

A remote job hardly computes anything: it uploads, waits for minutes, and downloads. While it does, the device is free
for the next job in the queue that needs it, and further remote jobs may wait with it. Within a lane they begin in the
order of the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from msgspec.structs import replace

from engine.backends.base import JobError
from engine.backends.policy import choose
from engine.protocol.messages import BackendCapability
from engine.protocol.work import AnyWork
from engine.server.pool import BackendPool
from engine.store.jobs import JobStore, NextJob

Lane = Literal["here", "away"]
_MOST_KNOWN: Final = 20_000


class Sorter:
    """Looks through the queue for one lane. Each thread has one of its own."""

    def __init__(self, store: JobStore, pool: BackendPool) -> None:
        self._store, self._pool = store, pool
        self._told: Sequence[BackendCapability] = ()
        self._known: dict[tuple[str, int], Lane] = {}  # (job, the run before) -> where it goes, as things are told

    def next_for(self, lane: Lane) -> NextJob | None:
        """The first job in the queue that goes to this lane; may open backends, which takes seconds the first time."""
        head = self._store.head()
        if head is None:
            return None
        told = self._pool.capabilities()
        if told != self._told or len(self._known) > _MOST_KNOWN:
            self._told = told
            self._known.clear()
        if self._lane_of(head) == lane:
            return head
        if lane == "away" and not any(backend.remote and backend.available for backend in told):
            return None  # without looking through ten thousand jobs
        for job, before in self._store.in_line():
            if self._known.get((job, before), lane) != lane:
                continue
            found = self._store.waiting(job)
            if found is not None and self._lane_of(found) == lane:
                return found
        return None

    def _lane_of(self, job: NextJob) -> Lane:
        key = job.id, job.attempt - 1
        if key not in self._known:
            try:
                choice = choose(as_asked(job), self._told)
            except JobError:  # it fails as soon as it's begun
                self._known[key] = "here"
            else:
                self._known[key] = lane_of(choice.backend, self._told)
        return self._known[key]


def as_asked(job: NextJob) -> AnyWork:
    """The work; one that can be picked up waits at its backend, whatever the policy would choose now."""
    return replace(job.work, backend=job.backend) if job.resume else job.work


def lane_of(backend: str, told: Sequence[BackendCapability]) -> Lane:
    """Where jobs of a backend run."""
    return "away" if any(each.remote for each in told if each.backend == backend) else "here"
