"""The remote backend itself: what works, what it would cost, the key, and the runs. A job's own way is in `run.py`."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import ClassVar, Final

from engine.backends.base import (
    Backend,
    BadRequest,
    Estimate,
    Job,
    JobContext,
    JobError,
    NoticeKind,
    Places,
    ServiceRefused,
)
from engine.backends.outcomes import media_outcomes
from engine.backends.remote.answers import Refusal, explained
from engine.backends.remote.api import LtxApi
from engine.backends.remote.capabilities import NAME, cost_words, model_capability, phases
from engine.backends.remote.footage import Films
from engine.backends.remote.keys import FoundKey, KeyCupboard
from engine.backends.remote.ledger import Ledger
from engine.backends.remote.offers import CONSOLE, OFFERS, Offer, dollars, offer_of
from engine.backends.remote.order import Order, TooLarge
from engine.backends.remote.planning import Planner
from engine.backends.remote.run import Run
from engine.backends.remote.wire import BadAddress, NoAnswer, Wire, check_base
from engine.media.index import VideoIndex
from engine.protocol.grid import GridError
from engine.protocol.hosts import LTX_API
from engine.protocol.messages import BackendCapability, Device, KeyChecked, Model, Result
from engine.protocol.work import AnyWork, mode_of

PACE_VARIABLE: Final = "LTX_API_PACE"  # scales every pause; tests take a hundredth
_LOOK_AGAIN_S: Final = 10.0  # for a key, where there is none

_log = logging.getLogger(__name__)


class RemoteBackend(Backend):
    """Models on Lightricks' servers."""

    name: ClassVar[str] = NAME

    def __init__(
        self, places: Places, *, cupboard: KeyCupboard | None = None, base: str | None = None, pace: float | None = None
    ) -> None:
        """`base` and `pace` are taken from the environment where they aren't given."""
        self._places = places
        self._cupboard = cupboard or KeyCupboard(places.state)
        self._ledger = Ledger(places.state)
        self._base = base or LTX_API.now()
        self._pace = float(os.environ.get(PACE_VARIABLE) or 1.0) if pace is None else pace
        self._key: FoundKey | None = None
        self._looked_at = -math.inf
        self._indices: dict[tuple[str, int, int], VideoIndex] = {}
        self._lock = threading.Lock()

    # --- what works here ---

    def capability(self, refresh: bool = False) -> BackendCapability:
        why_not = self._why_not(refresh)
        return BackendCapability(
            backend=self.name,
            title="LTX API",
            available=not why_not,
            why_not=why_not,
            device=self.device(),
            models=tuple(model_capability(offer, why_not) for offer in OFFERS),
            remote=True,
            sends=(
                "the prompt",
                "the pictures and the sound that are given for the job",
                "of a film that is retaken or extended: the range and two seconds around it (at least three in all, "
                "or what the job says), with their sound",
            ),
            spending=self._ledger.spending(),
            unlocks=() if not why_not else (f"Enter an API key; they are made at {CONSOLE}.",),
        )

    def models(self) -> tuple[Model, ...]:
        return ()  # nothing of these lies here

    def device(self) -> Device:
        return Device(name="Lightricks' servers", kind="remote")

    def set_spending_limit(self, cents: int | None) -> None:
        self._ledger.set_limit(cents)

    def check_key(self) -> KeyChecked:
        if why_not := self._why_not(refresh=True):
            return KeyChecked(accepted=False, message=f"{why_not[0].upper()}{why_not[1:]}.")
        found = self._found_key()
        assert found is not None
        patience = _Unhurried()
        try:
            with Wire(patience, self.base) as wire:
                LtxApi(wire, self.base, found.key, patience, self._pace).check_key()
        except NoAnswer as exc:
            message = f"The LTX API can't be reached: {exc.reason}. Whether the key is good can't be said now."
            return KeyChecked(accepted=False, message=message, source=found.source)
        except Refusal as exc:
            return KeyChecked(accepted=False, message=explained(exc).message, source=found.source)
        return KeyChecked(accepted=True, message="The LTX API accepts the key.", source=found.source)

    def _why_not(self, refresh: bool = False) -> str:
        """Why nothing can be sent now; empty if it can."""
        try:
            check_base(self._base)
        except BadAddress as exc:
            return f"the address of the LTX API ({LTX_API.variable}) is wrong: {exc}"
        if self._found_key(refresh) is None:
            return f"no API key is known. They are made at {CONSOLE}; enter one in the settings, or set LTX_API_KEY"
        return ""

    def _found_key(self, refresh: bool = False) -> FoundKey | None:
        with self._lock:
            # A key that wasn't there may be there now; but a locked keyring asks its person each time.
            stale = self._key is None and time.monotonic() - self._looked_at > _LOOK_AGAIN_S
            if refresh or stale:
                self._key, self._looked_at = self._cupboard.find(), time.monotonic()
            return self._key

    # --- estimates ---

    def estimate(self, work: AnyWork) -> Estimate:
        films = Films(self._indices)
        try:
            with _translated():
                order = Planner(work, self._offer(work), films).plan()
        except TooLarge as exc:
            return Estimate(fits=False, model=work.model, why_not=str(exc), nearest=exc.nearest)
        finally:
            films.close()
        over = self._over_limit(order.cents)
        return Estimate(
            fits=not over,
            model=self._offer(work).model,
            phases=phases(order),
            why_not=over,
            plan=(f"the LTX API makes {order.made}",),
            adjusted=order.adjusted,
            cost_text=cost_words(order.cents),
            cost_cents=order.cents,
            sends=self._sends(order),
        )

    def _offer(self, work: AnyWork) -> Offer:
        """Raises BadRequest for a model that the service doesn't have."""
        named = offer_of(work.model) if work.model else next(each for each in OFFERS if each.does(mode_of(work)))
        if named is None:
            raise BadRequest(f"The LTX API has no model {work.model!r}: {', '.join(each.model for each in OFFERS)}.")
        return named

    def _sends(self, order: Order) -> tuple[str, ...]:
        """What this job sends, and where to."""
        host = check_base(self._base).split("//", 1)[1]
        return (*order.sends, f"all of it to {host}, and to the storage that it names for uploads")

    def _over_limit(self, cents: int) -> str:
        room = self._ledger.room_cents()
        return "" if room is None or cents <= room else self._limit_words(cents)

    def _limit_words(self, cents: int) -> str:
        spending = self._ledger.spending()
        limit, room = spending.limit_cents or 0, self._ledger.room_cents() or 0
        promised = limit - spending.spent_cents - room
        others = f", and {dollars(promised)} are for jobs that are on their way" if promised > 0 else ""
        return (
            f"This would cost about {dollars(cents)}; of this month's limit of {dollars(limit)}, "
            f"{dollars(spending.spent_cents)} are spent{others}. Raise the limit, or make it on this machine. "
            "Nothing was sent."
        )

    # --- running ---

    def run(self, job: Job, context: JobContext) -> Result:
        films = Films(self._indices)
        run = Run(self, job, context, films)
        try:
            with _translated():
                return run.run()
        except TooLarge as exc:
            raise BadRequest(str(exc)) from exc
        except JobError as exc:  # whatever went wrong: what is paid for is kept for a retry
            exc.resumable = run.is_kept
            raise
        finally:
            self._ledger.forget_promise(job.id)
            films.close()

    def order_of(self, job: Job, films: Films) -> Order:
        """The order, its price set aside. Raises what Planner raises, and ServiceRefused over the limit."""
        order = Planner(job.work, self._offer(job.work), films).plan()
        if not self._ledger.promise(job.id, order.cents):
            raise ServiceRefused(self._limit_words(order.cents))
        return order

    def connect(self, wire: Wire, context: JobContext) -> LtxApi:
        """Raises ServiceRefused without a key."""
        key = self._found_key(refresh=True)
        if key is None:
            raise ServiceRefused(f"{self._why_not()}.".capitalize())
        return LtxApi(wire, check_base(self._base), key.key, context, self._pace)

    @property
    def base(self) -> str:
        return check_base(self._base)

    @property
    def ledger(self) -> Ledger:
        return self._ledger


class _Unhurried:
    """What a request outside of any job looks at: nobody cancels it, its own time ends it."""

    cancelled = False

    def check(self) -> None:
        """Go on."""

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def notice(self, kind: NoticeKind, message: str) -> None:
        _log.info("%s: %s", kind, message)


@contextmanager
def _translated() -> Generator[None]:
    """Errors of the rooms below as outcomes of a job, each with the sentence that its room built."""
    try:
        with media_outcomes():
            yield
    except GridError as exc:
        raise BadRequest(str(exc)) from exc
