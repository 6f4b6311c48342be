"""Which backend does a job: a pure function of what is asked and what works here.

The person's choice comes first; then what can do it, in the order given (the machine's own first); and nothing ever
goes to a remote backend unless the person has agreed for this job.
"""

from collections.abc import Sequence
from typing import NamedTuple

from engine.backends.base import Unsupported
from engine.protocol.messages import BackendCapability
from engine.protocol.work import AnyWork, mode_of


class Choice(NamedTuple):
    """The backend that will do it, the model, and why, in words for the log and the person."""

    backend: str
    model: str
    reason: str


def choose(work: AnyWork, backends: Sequence[BackendCapability]) -> Choice:
    """Pick a backend and a model for this work. Raises Unsupported with every reason why not."""
    reasons: list[str] = []
    for backend in backends:
        if work.backend and backend.backend != work.backend:
            continue
        if not backend.available:
            reasons.append(f"{backend.title}: {backend.why_not}")
            continue
        if backend.remote and not work.may_leave:
            reasons.append(f"{backend.title}: would send {_list(backend.sends)} away, which wasn't agreed to")
            continue
        for model in backend.models:
            if work.model and model.model != work.model:
                continue
            if not model.available:
                reasons.append(f"{model.title}: {model.why_not}")
                continue
            mode = next((mode for mode in model.modes if mode.mode == mode_of(work)), None)
            if mode is not None and mode.available:
                chosen = "chosen" if work.backend else "the first here that can do it"
                return Choice(backend.backend, model.model, f"{backend.title} with {model.title}: {chosen}")
            reasons.append(f"{model.title}: {mode.why_not if mode else _cannot(work)}")
    if not reasons:
        named = " with ".join(name for name in (work.backend, work.model) if name)
        reasons.append(f"nothing here is called {named}" if named else "there is no backend")
    raise Unsupported(f"Nothing here can do this. {_sentences(reasons)}")


def _cannot(work: AnyWork) -> str:
    return f"doesn't do {mode_of(work).replace('_', ' ')}"


def _sentences(reasons: Sequence[str]) -> str:
    return " ".join(reason if reason.endswith(".") else f"{reason}." for reason in reasons)


def _list(sends: Sequence[str]) -> str:
    return ", ".join(sends) if sends else "the job"
