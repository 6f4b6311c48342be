"""What a backend is: the interface between the engine's work loop and whatever makes frames.

A backend gets a job and a context, tells the context how far it is, and either returns a `Result` or raises one of the
outcomes below. The rooms under this one (pipelines, sampling) can't import it; they declare the few methods of
`JobContext` that they call as a `typing.Protocol` of their own, and get the context passed in.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Literal, NamedTuple

from engine.protocol.messages import BackendCapability, Device, EnhancePrompt, FailureKind, KeyChecked, Model, Result
from engine.protocol.work import AnyWork

_LOOK_S: Final = 0.05  # how often a waiting job looks whether it shall end

# --- Outcomes other than a result --------------------------------------------------------------------------------


class JobCancelled(Exception):
    """The person cancelled, or the engine ends; raised by the context's checks and passed through by the backend.

    `message` tells the person what was or wasn't charged, where that matters. `resumable`: what was last remembered
    stays in the store, so that a retry picks it up.
    """

    def __init__(self, message: str = "", *, resumable: bool = False) -> None:
        super().__init__(message or "cancelled")
        self.message = message
        self.resumable = resumable


class JobError(Exception):
    """This job failed, the engine lives on. `message` is for the person, `detail` (numbers, trace) for the log.

    `resumable`: what was last remembered (a paid job's id) stays in the store, so that a retry picks it up.
    """

    kind: ClassVar[FailureKind] = "internal"

    def __init__(self, message: str, detail: str = "", *, can_retry: bool = True, resumable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.can_retry = can_retry
        self.resumable = resumable


class BadRequest(JobError, ValueError):
    """The work can't be done as asked; the message says what to change."""

    kind = "bad_request"


class BadMedia(JobError, ValueError):
    """A file that was given is missing, broken, or lacks what is needed."""

    kind = "bad_media"


class Unsupported(JobError):
    """This backend or model doesn't do that."""

    kind = "unsupported"


class MissingWeights(JobError):
    """Weights aren't there; the message names them and says where to get and put them."""

    kind = "missing_weights"


class OutOfMemory(JobError, MemoryError):
    """It doesn't fit, also after stepping down; the message has the numbers and what would fit."""

    kind = "out_of_memory"


class DiskFull(JobError, OSError):
    """No room for the result; nothing half-written is left."""

    kind = "disk_full"


class NotWritable(JobError, OSError):
    """The output folder can't be written to."""

    kind = "not_writable"


class ServiceRefused(JobError):
    """A service said no: key, money, safety."""

    kind = "refused"


class ServiceUnreachable(JobError):
    """A service can't be reached."""

    kind = "unreachable"


class Interrupted(JobError):
    """The job was cut off at a point from which it can't be said whether it was done elsewhere."""

    kind = "interrupted"


class EngineBroken(JobError):
    """The job failed and the device or a library is in a state that only a new process mends; the engine ends."""


# --- What a job is given -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """One job as a backend sees it."""

    id: str
    work: AnyWork  # as asked, but with `backend` and `model` filled in by the policy
    attempt: int = 1  # from 1
    resume: str = ""  # what `JobContext.remember` kept when an engine died in mid-job: pick up from there


class PlannedPhase(NamedTuple):
    """One phase to come. `work` grows in proportion to its seconds: tokens times steps, bytes to read, frames.

    Units differ between phases; only phases of the same name, model and backend are compared.
    """

    name: str
    work: float = 1.0
    steps: int = 0


NoticeKind = Literal["plan", "adjusted", "memory", "cost", "warning"]


class JobContext(ABC):
    """A running job's way to tell and to ask. Every method is quick, and may be called from the job's own threads."""

    @property
    @abstractmethod
    def scratch(self) -> Path:
        """An empty private folder for this job; it's removed when the job ends, also after a crash."""

    @property
    @abstractmethod
    def output_folder(self) -> Path:
        """Where results go: `work.output.folder`, or the engine's own folder. It exists."""

    @property
    @abstractmethod
    def cancelled(self) -> bool:
        """Whether the job shall end: for loops that have to tidy up before they raise."""

    def check(self) -> None:
        """Raise JobCancelled if the job shall end. To be called between tiles, chunks and files."""
        if self.cancelled:
            raise JobCancelled

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until the job shall end. Raises JobCancelled."""
        until = time.monotonic() + seconds
        self.check()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_S))
            self.check()

    @abstractmethod
    def plan(self, model: str, phases: Sequence[PlannedPhase]) -> None:
        """Say what is to come, once the model is chosen: fraction and seconds left follow from it and from history.

        May be said again when the plan changes (a step down after lack of memory).
        """

    @abstractmethod
    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None:
        """Begin a phase, which ends the one before. A phase that wasn't planned is shown, but not counted.

        `steps` None takes the plan's. Raises JobCancelled.
        """

    def phase_within(self, name: str, steps: int | None = None) -> None:
        """Begin a phase in the middle of another, which goes on after `resume`. Raises JobCancelled.

        A context that doesn't look back shows it as one phase after the other.
        """
        self.phase(name, steps)

    def resume(self) -> None:
        """The phase within is over: the one around it goes on, at the step where it was. Raises JobCancelled."""
        self.check()

    @abstractmethod
    def step(self, done: int) -> None:
        """Say that `done` steps of the current phase are finished. Raises JobCancelled."""

    @property
    @abstractmethod
    def wants_preview(self) -> bool:
        """Whether a picture would be looked at now: somebody wants them, and the last is not just gone out."""

    @abstractmethod
    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None:
        """Show pictures of what is becoming: `frames * height * width * 3` bytes of RGB, contiguous."""

    @abstractmethod
    def notice(self, kind: NoticeKind, message: str) -> None:
        """Tell the person something about this job: the plan, an adjusted size, a step down."""

    @abstractmethod
    def remember(self, resume: str) -> None:
        """Keep a text (a paid job's id) in the store at once: after a crash the job is queued again with it.

        Returns when it's safe on disk. Raises DiskFull when it can't be kept.
        """


# --- What a backend offers ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """What a job would take; the engine adds seconds from this machine's history of `phases`."""

    fits: bool
    model: str = ""
    phases: tuple[PlannedPhase, ...] = ()
    why_not: str = ""  # with numbers
    nearest: AnyWork | None = None  # the nearest work that would fit
    peak_bytes: int = 0
    free_bytes: int = 0
    plan: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    cost_text: str = ""
    sends: tuple[str, ...] = ()
    cost_cents: int = 0


@dataclass(frozen=True)
class Places:
    """Folders that a backend works with. They exist."""

    models: Path
    cache: Path
    results: Path
    extra_models: tuple[Path, ...] = field(default=())  # read only: what ships with the program
    state: Path | None = None  # for what has to outlive caches: what was spent; None where nothing shall be kept


class Backend(ABC):
    """One way to make frames. A module of this room offers `open_backend(places: Places) -> Backend`.

    `run`, `enhance` and `free_memory` are called by the work loop only, one at a time. The other methods are called
    from another thread, also while a job runs, and must answer without waiting for it.
    """

    name: ClassVar[str]

    @abstractmethod
    def capability(self, refresh: bool = False) -> BackendCapability:
        """What works here and why the rest doesn't, from memory; `refresh` asks device and disk again."""

    @abstractmethod
    def models(self) -> tuple[Model, ...]:
        """All weights that this backend knows of, installed or not."""

    @abstractmethod
    def device(self) -> Device:
        """The device, with its memory as it is now."""

    @property
    def resident_model(self) -> str:
        """Id of the model that is loaded and would start at once; empty if none."""
        return ""

    @abstractmethod
    def estimate(self, work: AnyWork) -> Estimate:
        """What this work (with its model filled in) would take, from numbers alone: nothing is loaded.

        Raises BadRequest, BadMedia.
        """

    @abstractmethod
    def run(self, job: Job, context: JobContext) -> Result:
        """Do the job; results are complete files under their final names when this returns.

        Raises JobCancelled, or the JobError that fits. Anything else counts as a mistake of ours.
        """

    def enhance(self, asked: EnhancePrompt, check: Callable[[], None]) -> str:
        """Write a prompt out. `check` is to be called between tokens: it raises JobCancelled when the engine ends.

        Raises JobCancelled, or the JobError that fits.
        """
        raise Unsupported(f"the backend {self.name} has nothing that writes prompts")

    def set_spending_limit(self, cents: int | None) -> None:
        """Spend no more than this in a calendar month; None lifts the limit. Raises Unsupported, DiskFull."""
        raise Unsupported(f"the backend {self.name} costs nothing")

    def check_key(self) -> KeyChecked:
        """Ask the service whether it accepts the key, at no cost. Takes seconds. Raises Unsupported."""
        raise Unsupported(f"the backend {self.name} needs no key")

    def outdated(self) -> str:
        """Why only a new process would see what is here now, as a sentence; "" as long as nothing came or went.

        Asked often: it has to be cheap.
        """
        return ""

    def free_memory(self) -> None:  # noqa: B027  (nothing to do is a proper answer)
        """Let go of everything resident."""

    def close(self) -> None:  # noqa: B027
        """The engine ends."""
