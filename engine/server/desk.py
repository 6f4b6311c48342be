"""Answers what needs the backends but no device time: capabilities, models, estimates.

On a thread of its own, because opening a backend takes seconds (it imports torch and asks the device) and neither the
pipe nor the work loop may wait for that.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
from msgspec.structs import replace

from engine.backends.base import Estimate, JobError, Unsupported
from engine.backends.local.cards import cards, has_nvidia
from engine.backends.policy import THIS_SYSTEM, Preference, advise, choose, situation_of
from engine.protocol.messages import (
    Advised,
    BackendCapability,
    Capabilities,
    CheckKey,
    Estimated,
    EstimateWork,
    GetCapabilities,
    ListModels,
    Model,
    Models,
    Ok,
    Refused,
    SetSpendingLimit,
    Spending,
)
from engine.server.outbox import Outbox
from engine.server.pool import BackendPool, BackendUnavailable
from engine.server.words import sentence

Question = GetCapabilities | ListModels | EstimateWork | SetSpendingLimit | CheckKey
SecondsPerWork = Callable[[str, str, str], float | None]  # (backend, model, phase)

MOST_WAITING: Final = 64

Lying = tuple[str, int, int]  # a file's path, its size, its time of change

_log = logging.getLogger(__name__)


def lying_in(folder: Path) -> frozenset[Lying]:
    """The files of models in a folder and in those right in it. Half files don't count: their folder has a dot."""
    found = set[Lying]()
    for path in (*folder.glob("[!.]*"), *folder.glob("[!.]*/[!.]*")):
        with contextlib.suppress(OSError):
            stat = path.stat()
            if not path.is_dir():
                found.add((str(path), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


class Desk:
    """The queue of questions and its thread."""

    def __init__(
        self,
        pool: BackendPool,
        outbox: Outbox,
        seconds_per_work: SecondsPerWork,
        on_opened: Callable[[], None],
        describe: Callable[[tuple[Model, ...]], tuple[Model, ...]] = lambda models: models,
        models: Path | None = None,
        look_at_devices: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_opened` is called after an answer that may have opened backends: the device is known then.

        `describe` adds to a list of weights what isn't the backends' to know. `models` is the folder of weights: where
        other files lie in it than at the last answer, whoever put them there, the backends look anew.
        `look_at_devices` is called before it's told what works: a device may have come or gone.
        """
        self._models = models
        self._look_at_devices = look_at_devices
        self._lain: frozenset[Lying] | None = None
        self._pool = pool
        self._outbox = outbox
        self._seconds_per_work = seconds_per_work
        self._on_opened = on_opened
        self._describe = describe
        self._preference: Preference = ""
        self._questions: queue.Queue[Question | None] = queue.Queue(MOST_WAITING + 1)
        self._thread = threading.Thread(target=self._answer_all, name="desk", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def ask(self, question: Question) -> bool:
        """Have this answered; False when too many wait already."""
        if self._questions.qsize() >= MOST_WAITING:
            return False
        self._questions.put(question)
        return True

    def close(self, timeout_s: float) -> None:
        """Answer nothing more; wait for the present answer for at most `timeout_s`."""
        if self._thread.is_alive():
            self._questions.put(None)
            self._thread.join(timeout_s)

    def _answer_all(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                self._answer(question)
            except Unsupported as exc:
                self._outbox.post(Refused(call=question.call, kind="unsupported", message=exc.message))
            except (JobError, BackendUnavailable) as exc:
                self._outbox.post(Refused(call=question.call, kind="bad_request", message=sentence(exc)))
            except Exception as exc:  # the boundary: a backend's mistake costs the answer, not the engine
                _log.exception("a question couldn't be answered")
                message = f"A mistake in the program left this unanswered ({type(exc).__name__}: {exc})."
                self._outbox.post(Refused(call=question.call, kind="internal", message=message))

    def _answer(self, question: Question) -> None:
        match question:
            case GetCapabilities(call=call, refresh=refresh, preference=preference):
                self._preference = self._preference if preference is None else preference
                self._look_at_devices()
                refresh = self._lies_otherwise() or refresh
                self._outbox.post(self._capabilities(call, self._pool.capabilities(refresh)))
                self._on_opened()
            case ListModels(call=call):
                self._outbox.post(Models(call=call, models=self._describe(self._pool.models())))
            case EstimateWork(call=call, work=work):
                told = self._pool.capabilities()
                choice = choose(work, told)
                chosen = replace(work, backend=choice.backend, model=choice.model)
                estimate = self._pool.get(choice.backend).estimate(chosen)
                spending = next(backend.spending for backend in told if backend.backend == choice.backend)
                self._outbox.post(self._estimated(call, choice.backend, estimate, spending))
            case SetSpendingLimit(call=call, backend=backend, cents=cents):
                self._pool.get(backend).set_spending_limit(cents)
                self._outbox.post(Ok(call=call))
            case CheckKey(call=call, backend=backend):
                self._outbox.post(replace(self._pool.get(backend).check_key(), call=call))

    def _lies_otherwise(self) -> bool:
        """Whether files of models came or went since the last look."""
        if self._models is None:
            return False
        before, self._lain = self._lain, lying_in(self._models)
        return before is not None and before != self._lain

    def _capabilities(self, call: int, told: tuple[BackendCapability, ...]) -> Capabilities:
        """What works, with the advice that follows from it now."""
        total, nvidia = psutil.virtual_memory().total, has_nvidia(cards())
        advice = advise(situation_of(THIS_SYSTEM, total, told, self._preference, has_nvidia=nvidia))
        here = next((backend.backend for backend in told if not backend.remote), "")
        return Capabilities(
            call=call,
            backends=tuple(
                replace(backend, unlocks=advice.unlocks) if backend.backend == here else backend for backend in told
            ),
            advice=Advised(way=advice.way, reason=advice.reason, unlocks=advice.unlocks),
        )

    def _estimated(self, call: int, backend: str, estimate: Estimate, spending: Spending | None) -> Estimated:
        rates = [self._seconds_per_work(backend, estimate.model, phase.name) for phase in estimate.phases]
        known = [rate * phase.work for rate, phase in zip(rates, estimate.phases, strict=True) if rate is not None]
        return Estimated(
            call=call,
            backend=backend,
            fits=estimate.fits,
            model=estimate.model,
            why_not=estimate.why_not,
            seconds=sum(known) if known and len(known) == len(rates) else None,
            peak_bytes=estimate.peak_bytes,
            free_bytes=estimate.free_bytes,
            nearest=estimate.nearest,
            plan=estimate.plan,
            adjusted=estimate.adjusted,
            cost_text=estimate.cost_text,
            sends=estimate.sends,
            cost_cents=estimate.cost_cents,
            spending=spending,
        )
