"""Numbers requests and hands each reply to whoever asked. No threads, no waiting."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import msgspec

from engine.protocol.messages import Request, Submit
from ltxdesktop.jobs.channel import Arrival
from ltxdesktop.jobs.errors import EngineGone

Answer: TypeAlias = Callable[[Arrival | EngineGone], None]


class _Open(NamedTuple):
    """A request that has no reply yet."""

    answer: Answer
    outlives_engine: bool  # a submit is sent again to the next engine


class Calls:
    """The open questions of one client."""

    def __init__(self, send: Callable[[Request, bytes], bool]) -> None:
        """`send` returns False when the request can't reach any engine (see `Supervisor.send`)."""
        self._send = send
        self._numbers = itertools.count(1)
        self._open: dict[int, _Open] = {}

    def ask(self, request: Request, answer: Answer, body: bytes = b"") -> int:
        """Send a request; `answer` gets its reply, or EngineGone, perhaps before this returns. Returns its number.

        Raises MessageTooLarge.
        """
        call = next(self._numbers)
        self._open[call] = _Open(answer, isinstance(request, Submit))
        try:
            sent = self._send(msgspec.structs.replace(request, call=call), body)
        except BaseException:
            del self._open[call]
            raise
        if not sent and call in self._open:
            self._open.pop(call).answer(EngineGone("There is no engine at the moment."))
        return call

    def take(self, arrival: Arrival) -> bool:
        """Hand a reply to its asker; False if nobody asked for this."""
        asked = self._open.pop(getattr(arrival.event, "call", 0), None)
        if asked is None:
            return False
        asked.answer(arrival)
        return True

    def lose(self, gone: EngineGone, *, for_good: bool = False) -> None:
        """Tell askers that the engine is gone; those of a submit only if no other engine will come."""
        lost = [call for call, each in self._open.items() if for_good or not each.outlives_engine]
        for asked in [self._open.pop(call) for call in lost]:
            asked.answer(gone)
