"""Every message between app and engine: one class each, one union of requests, one of events.

What a job asks for (`Work`) is in `work.py`, what concerns files of models in `packages.py`. The rules of the channel
are in README.md beside this file. Not here: how messages are laid into a stream (`framing.py`), and what acts on them.
"""

import enum
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from engine.protocol.bases import EventBase, ReplyBase, RequestBase
from engine.protocol.errors import MalformedMessage, UnknownMessage
from engine.protocol.packages import PackageEvent, PackageReply, PackageRequest
from engine.protocol.work import AnyWork, FileName, JobId, ModeName, Rate

PROTOCOL: Final = (1, 2)  # (major, minor): another major is refused, another minor is not

# --- Facts that several messages carry ---------------------------------------------------------------------------


class Ring(Struct, frozen=True, kw_only=True):
    """Where the preview ring lies: `ring.py` says what is in the file."""

    path: str
    slots: int
    slot_bytes: int


class Device(Struct, frozen=True, kw_only=True):
    """The device that a backend works on; sizes in bytes, 0 where nothing is known."""

    name: str  # "NVIDIA GeForce RTX 4070", "CPU, 2 threads"
    kind: Literal["cuda", "mps", "cpu", "remote", "none"]
    memory_bytes: int = 0
    free_bytes: int = 0


class ResultFile(Struct, frozen=True, kw_only=True):
    """One file that a job made, on the engine's machine."""

    path: str
    role: Literal["video", "audio", "latents", "image", "recipe", "other"]
    size_bytes: int
    variation: int = 0  # which of the variations asked for, from 0
    width: int = 0
    height: int = 0
    rate: str = ""  # exact, "30000/1001"
    frames: int = 0  # all of them, handles included
    handle_before: int = 0  # frames in front of the asked range
    handle_after: int = 0
    sample_rate: int = 0
    samples: int = 0  # per channel, handles included
    handle_samples_before: int = 0
    handle_samples_after: int = 0


class Identity(Struct, frozen=True, kw_only=True):
    """Which weights exactly: enough to say later that they are the same, or that they aren't."""

    id: str
    file: str = ""
    sha256: str = ""
    strength: float = 1.0  # of a LoRA


class Recipe(Struct, frozen=True, kw_only=True):
    """Everything needed to make a result again; also written beside the result as JSON."""

    work: AnyWork  # as it ran: nothing left at "the model's own"
    engine: str  # version of this program
    backend: str
    device: str
    schema: int = 1
    model: Identity | None = None
    loras: tuple[Identity, ...] = ()
    seeds: tuple[int, ...] = ()  # one for each variation
    settings: Mapping[str, str | int | float | bool] = {}  # precision, tile sizes, versions: what may change the pixels
    parents: tuple[str, ...] = ()  # files that it was made from
    made_at: str = ""  # UTC, ISO 8601


class Timing(Struct, frozen=True, kw_only=True):
    """How long one phase of a job took."""

    phase: str
    seconds: float
    steps: int = 0


class Result(Struct, frozen=True, kw_only=True):
    """What a job brought."""

    files: tuple[ResultFile, ...]
    recipe: Recipe | None = None
    timings: tuple[Timing, ...] = ()
    peak_bytes: int = 0  # of device memory, 0 where it wasn't measured
    cost_text: str = ""  # what a paid service charged, for the person
    cost_cents: int = 0  # US cents


# --- The states of a job -----------------------------------------------------------------------------------------

FailureKind: TypeAlias = Literal[
    "bad_request",  # the request can't be done as asked; the message says what to change
    "bad_media",  # a file that was given is missing, broken or lacks what is needed
    "unsupported",  # no backend here does this
    "missing_weights",
    "out_of_memory",
    "disk_full",
    "not_writable",
    "refused",  # a service refused it (safety, money, key)
    "unreachable",  # a service can't be reached
    "interrupted",  # the engine ended in mid-job; retry does it again
    "internal",  # a mistake of ours; `detail` has the traceback
]


class Queued(Struct, frozen=True, kw_only=True, tag="queued"):
    """Waits. `position` is its place among the waiting ones, from 0, at the time of telling."""

    position: int = 0


class Running(Struct, frozen=True, kw_only=True, tag="running"):
    """Is being done, for the `attempt`th time (from 1), by `backend`."""

    attempt: int = 1
    backend: str = ""


class Done(Struct, frozen=True, kw_only=True, tag="done"):
    """Ended with a result."""

    result: Result


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """Ended without a result. `message` is for the person: what happened, to what, what can be done now."""

    kind: FailureKind
    message: str
    detail: str = ""  # for the log: traceback, numbers
    can_retry: bool = True


class Cancelled(Struct, frozen=True, kw_only=True, tag="cancelled"):
    """Ended because the person said so. `message` tells what was or wasn't charged, where that matters."""

    message: str = ""


JobState: TypeAlias = Queued | Running | Done | Failed | Cancelled
StateName: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]


class JobRow(Struct, frozen=True, kw_only=True):
    """One job in a list: light enough for ten thousand. `GetJob` brings the rest."""

    job: str
    mode: ModeName
    state: StateName
    title: str = ""
    origin: str = ""
    priority: int = 0
    attempt: int = 0
    submitted_at: float = 0.0  # seconds since 1970, UTC; 0.0 = not yet
    started_at: float = 0.0
    ended_at: float = 0.0
    failure: str = ""  # a FailureKind, "" unless failed
    message: str = ""


# --- What works here ---------------------------------------------------------------------------------------------


class Combination(Struct, frozen=True, kw_only=True):
    """One row of a service that only does fixed sizes: these rates and these lengths at this size."""

    width: int
    height: int
    rates: tuple[Rate, ...]
    seconds: tuple[float, ...]


class ModeCapability(Struct, frozen=True, kw_only=True):
    """Whether one mode works here with one model, and within which limits.

    Zero and empty mean "no limit of its own". If `available` is False then `why_not` says why and what would help.
    """

    mode: ModeName
    available: bool
    why_not: str = ""
    size_multiple: int = 32  # other sizes are made at the next multiple and cropped back
    min_side: int = 32
    max_pixels: int = 0
    min_frames: int = 1
    max_frames: int = 0  # in all
    max_frames_per_pass: int = 0  # longer ones take several overlapping passes
    rates: tuple[Rate, ...] = ()
    combinations: tuple[Combination, ...] = ()


class ModelCapability(Struct, frozen=True, kw_only=True):
    """One model of one backend: what it can do here."""

    model: str
    title: str
    modes: tuple[ModeCapability, ...]
    available: bool = True
    why_not: str = ""
    description: str = ""  # honest words for the person
    qualities: tuple[str, ...] = ("fast",)
    default_steps: Mapping[str, int] = {}  # by quality
    drafts: bool = False
    sound: bool = True
    negative: bool = False
    seeds: bool = True
    loras: bool = False
    keyframes: bool = False
    max_variations: int = 1
    max_prompt_chars: int = 0
    default_width: int = 0
    default_height: int = 0
    default_frames: int = 0
    default_rate: str = ""
    codecs: tuple[str, ...] = ("h264",)  # of `Output.codec`, that this backend can write here
    camera_moves: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # other names that `Work.model` may give
    ships: bool = False  # part of the program: small, and there at once


class Spending(Struct, frozen=True, kw_only=True):
    """What a paid backend has cost in one calendar month (UTC), and how much it may; US cents."""

    month: str  # "2026-11"
    spent_cents: int = 0
    limit_cents: int | None = None  # None: no limit


class BackendCapability(Struct, frozen=True, kw_only=True):
    """One backend: its device and its models."""

    backend: str
    title: str
    available: bool
    why_not: str = ""
    device: Device | None = None
    models: tuple[ModelCapability, ...] = ()
    enhances: bool = False  # answers EnhancePrompt
    remote: bool = False
    sends: tuple[str, ...] = ()  # what leaves this machine, in the person's words
    spending: Spending | None = None  # of a paid backend
    unlocks: tuple[str, ...] = ()  # what would make more possible here, each a sentence


class Advised(Struct, frozen=True, kw_only=True):
    """How frames are best made on this machine, why, and what would make more possible; each a sentence."""

    way: Literal["local", "pocket", "remote", "none"]
    reason: str
    unlocks: tuple[str, ...] = ()


class Model(Struct, frozen=True, kw_only=True):
    """One set of weights that the engine knows of."""

    model: str
    title: str
    kind: Literal["model", "lora", "upsampler", "text_encoder", "other"]
    installed: bool
    path: str = ""
    size_bytes: int = 0
    licence: str = ""
    why_not: str = ""  # installed but can't be used here, or what to do to get it
    family: str = ""  # LoRAs: the family that they fit
    strength: float = 1.0  # LoRAs: with which the person wants it offered
    trigger_words: str = ""  # LoRAs: what a prompt has to say for it to act


# --- Requests: app to engine -------------------------------------------------------------------------------------


class ClientHello(RequestBase, frozen=True, kw_only=True, tag="hello"):
    """The first request. Before it the engine answers nothing else."""

    protocol: tuple[int, int]
    build: str
    remote: bool = False  # the client is on another machine: previews travel in the channel
    previews: bool = True  # False: send none at all


class Submit(RequestBase, frozen=True, kw_only=True, tag="submit"):
    """Put a job into the queue. Reply: Accepted, or Refused.

    `job` is the client's own new uuid, and the identity of the job for ever: sending the same again (after a lost
    connection) changes nothing and is answered with the job's state; other work under a used id is refused.
    """

    job: JobId
    work: AnyWork
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0  # larger runs earlier; drafts go before others of the same
    title: Annotated[str, Meta(max_length=500)] = ""  # for lists: 'Retake 00:04:12-00:06:02 "kitchen"'
    origin: Annotated[str, Meta(max_length=10_000)] = ""  # the app's own note, kept and given back unread


class Cancel(RequestBase, frozen=True, kw_only=True, tag="cancel"):
    """End a job that waits or runs. Reply: Ok at once; JobChanged when it has ended. Ended jobs stay as they are."""

    job: JobId


class Retry(RequestBase, frozen=True, kw_only=True, tag="retry"):
    """Queue a failed or cancelled job again, under the same id. Reply: Accepted."""

    job: JobId


class MoveJob(RequestBase, frozen=True, kw_only=True, tag="move_job"):
    """Put a waiting job right before another one, or last ("" for `before`); it takes on that place's priority."""

    job: JobId
    before: Annotated[str, Meta(max_length=100)] = ""


class SetPriority(RequestBase, frozen=True, kw_only=True, tag="set_priority"):
    """Give a waiting job another priority; it goes behind those that have it already."""

    job: JobId
    priority: Annotated[int, Meta(ge=-100, le=100)]


class HoldQueue(RequestBase, frozen=True, kw_only=True, tag="hold_queue"):
    """Start no further job (or go on). The running one isn't touched. Lasts until said otherwise or the engine ends."""

    hold: bool


class ClearJobs(RequestBase, frozen=True, kw_only=True, tag="clear_jobs"):
    """Forget jobs that have ended, and waiting ones where `states` says so. Files stay. Reply: Cleared."""

    states: tuple[Literal["queued", "done", "failed", "cancelled"], ...] = ("done", "failed", "cancelled")
    jobs: tuple[JobId, ...] = ()  # only these; empty: all in those states


class ListJobs(RequestBase, frozen=True, kw_only=True, tag="list_jobs"):
    """Reply: Jobs. Running first, then waiting in the order in which they will run, then ended, newest first."""

    states: tuple[StateName, ...] = ()  # empty: all
    limit: Annotated[int, Meta(ge=1, le=20_000)] = 10_000
    offset: Annotated[int, Meta(ge=0)] = 0


class GetJob(RequestBase, frozen=True, kw_only=True, tag="get_job"):
    """Reply: JobDetail, with all that is known of the job."""

    job: JobId


class GetCapabilities(RequestBase, frozen=True, kw_only=True, tag="get_capabilities"):
    """Reply: Capabilities. The first time it may take seconds, because the device is asked then."""

    refresh: bool = False  # ask the device and the disk again
    preference: Literal["", "local", "remote"] | None = None  # the person's wish for new jobs; None: as told before


class ListModels(RequestBase, frozen=True, kw_only=True, tag="list_models"):
    """Reply: Models."""


class EstimateWork(RequestBase, frozen=True, kw_only=True, tag="estimate"):
    """Ask what a job would take, without queueing it. Reply: Estimated."""

    work: AnyWork


class EnhancePrompt(RequestBase, frozen=True, kw_only=True, tag="enhance_prompt"):
    """Have a prompt written out in the model's own manner. Runs between jobs. Reply: Enhanced."""

    prompt: Annotated[str, Meta(max_length=100_000)]
    mode: ModeName = "text_to_video"
    model: Annotated[str, Meta(max_length=300)] = ""
    seed: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] = 0
    image: FileName = ""


class PutFile(RequestBase, frozen=True, kw_only=True, tag="put_file"):
    """Bring a piece of a file to the engine's machine (the frame's body), for clients on another one. Reply: FilePut.

    `name` is a bare file name in the engine's inbox; offset 0 starts the file anew, `last` closes it.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    offset: Annotated[int, Meta(ge=0)] = 0
    last: bool = False


class FetchFile(RequestBase, frozen=True, kw_only=True, tag="fetch_file"):
    """Read a piece of a result from the engine's machine. Reply: FilePiece. Only files named by results are given."""

    job: JobId
    path: FileName
    offset: Annotated[int, Meta(ge=0)] = 0
    size_bytes: Annotated[int, Meta(ge=1, le=4 << 20)] = 1 << 20


class FreeMemory(RequestBase, frozen=True, kw_only=True, tag="free_memory"):
    """Let go of resident weights as soon as no job runs. Reply: Ok."""


class SetSpendingLimit(RequestBase, frozen=True, kw_only=True, tag="set_spending_limit"):
    """Let a paid backend spend no more than `cents` (US) in a calendar month; None lifts the limit. Reply: Ok.

    It holds for jobs that begin later, and lasts until it is said otherwise.
    """

    backend: Annotated[str, Meta(max_length=100)]
    cents: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None


class CheckKey(RequestBase, frozen=True, kw_only=True, tag="check_key"):
    """Ask a paid backend's service whether it accepts the key, by a call that costs nothing. Reply: KeyChecked."""

    backend: Annotated[str, Meta(max_length=100)]


class Ping(RequestBase, frozen=True, kw_only=True, tag="ping"):
    """Reply: Pong, at once, also while a job runs."""


class Shutdown(RequestBase, frozen=True, kw_only=True, tag="shutdown"):
    """End the engine. Reply: Ok, then Goodbye, then end of file. A running job counts as interrupted."""


Request: TypeAlias = (
    ClientHello
    | Submit
    | Cancel
    | Retry
    | MoveJob
    | SetPriority
    | HoldQueue
    | ClearJobs
    | ListJobs
    | GetJob
    | GetCapabilities
    | ListModels
    | EstimateWork
    | EnhancePrompt
    | PutFile
    | FetchFile
    | FreeMemory
    | SetSpendingLimit
    | CheckKey
    | Ping
    | Shutdown
    | PackageRequest
)


# --- Replies: engine to app, each to one request -----------------------------------------------------------------


class Ok(ReplyBase, frozen=True, kw_only=True, tag="ok"):
    """Done, or begun where the request says so."""


RefusalKind: TypeAlias = Literal[
    "malformed",  # the bytes are no message, or a field is impossible
    "unknown_message",  # this build doesn't know it
    "too_large",
    "hello_first",
    "bad_protocol",
    "no_such_job",
    "conflict",  # the job is in no state for this, or the id names other work
    "bad_request",
    "unsupported",
    "not_writable",
    "disk_full",
    "store",  # the store failed in another way
    "busy",  # too many questions wait already; ask again later
    "internal",
]


class Refused(ReplyBase, frozen=True, kw_only=True, tag="refused"):
    """The request was not carried out; nothing has changed. `message` is for the person."""

    kind: RefusalKind
    message: str
    job: str = ""
    detail: str = ""


class Accepted(ReplyBase, frozen=True, kw_only=True, tag="accepted"):
    """The job is in the queue, or was there already: its state."""

    job: str
    state: JobState


class Jobs(ReplyBase, frozen=True, kw_only=True, tag="jobs"):
    """A piece of the list of jobs; `total` counts all that match."""

    jobs: tuple[JobRow, ...]
    total: int
    held: bool = False


class JobDetail(ReplyBase, frozen=True, kw_only=True, tag="job_detail"):
    """All of one job."""

    row: JobRow
    work: AnyWork
    state: JobState


class Cleared(ReplyBase, frozen=True, kw_only=True, tag="cleared"):
    """How many jobs were forgotten."""

    count: int


class Capabilities(ReplyBase, frozen=True, kw_only=True, tag="capabilities"):
    """What works here, and why the rest doesn't. The app enables, disables and explains from this alone."""

    backends: tuple[BackendCapability, ...]
    advice: Advised | None = None


class Models(ReplyBase, frozen=True, kw_only=True, tag="models"):
    """Weights known to the engine."""

    models: tuple[Model, ...]


class Estimated(ReplyBase, frozen=True, kw_only=True, tag="estimated"):
    """What a job would take. If it doesn't `fits`, `why_not` has the numbers and `nearest` something that would fit."""

    backend: str
    fits: bool
    model: str = ""
    why_not: str = ""
    seconds: float | None = None  # None: nothing like it ran here yet
    peak_bytes: int = 0
    free_bytes: int = 0
    nearest: AnyWork | None = None
    plan: tuple[str, ...] = ()  # how it would be done: precision, what stays, what streams
    adjusted: tuple[str, ...] = ()  # "1080 is made as 1088 and cropped"
    cost_text: str = ""
    sends: tuple[str, ...] = ()
    cost_cents: int = 0
    spending: Spending | None = None  # of a paid backend, before this job


class Enhanced(ReplyBase, frozen=True, kw_only=True, tag="enhanced"):
    """The prompt, written out."""

    prompt: str


class KeyChecked(ReplyBase, frozen=True, kw_only=True, tag="key_checked"):
    """What the service says of the key; `message` is for the person. The key itself is never told."""

    accepted: bool
    message: str
    source: str = ""  # where the key was found, in words


class FilePut(ReplyBase, frozen=True, kw_only=True, tag="file_put"):
    """The piece is there. `path` is what a job may name once the last piece has come."""

    path: str
    size_bytes: int


class FilePiece(ReplyBase, frozen=True, kw_only=True, tag="file_piece"):
    """A piece of a file; the bytes are the frame's body."""

    path: str
    offset: int
    total_bytes: int


class Pong(ReplyBase, frozen=True, kw_only=True, tag="pong"):
    """Here."""


# --- Events: engine to app, unasked ------------------------------------------------------------------------------


class EngineHello(EventBase, frozen=True, kw_only=True, tag="hello"):
    """The first message of the engine, sent at once: before the store is open, before any device is asked."""

    protocol: tuple[int, int]
    build: str
    pid: int
    python: str = ""
    system: str = ""
    ring: Ring | None = None  # None: there is none, previews travel in the channel


class EngineState(EventBase, frozen=True, kw_only=True, tag="engine_state"):
    """What the engine does. Sent when the store is open, when a job begins or ends, when the device is known."""

    state: Literal["starting", "idle", "busy", "held", "store_full", "stopping"]
    queued: int = 0
    running: str = ""  # job id
    device: Device | None = None
    backend: str = ""
    model: str = ""  # resident
    beside: tuple[str, ...] = ()  # further running jobs: remote ones wait beside one of the device
    recovered: int = 0  # jobs that a dead engine had left in mid-work, said once, in the first of these


class JobChanged(EventBase, frozen=True, kw_only=True, tag="job_changed"):
    """A job has another state. The end of a job is in the store before this is sent, and is never dropped."""

    job: str
    state: JobState


class JobProgress(EventBase, frozen=True, kw_only=True, tag="job_progress"):
    """Where a running job is; only the newest of each job is sent when the reader is slow."""

    job: str
    phase: str  # "loading", "encoding prompt", "stage 1", ...: README.md has the list
    phase_index: int = 0
    phase_count: int = 0
    step: int = 0  # finished steps of this phase
    steps: int = 0  # 0: the phase has no steps
    fraction: float = 0.0  # of the whole job, 0..1, never falls
    seconds_left: float | None = None  # None: nothing like it ran here yet
    variation: int = 0
    variations: int = 1


class JobPreview(EventBase, frozen=True, kw_only=True, tag="job_preview"):
    """A picture of what is becoming: `frames` pictures of 8-bit RGB, rows top to bottom, without padding.

    In the ring: `slot` and `stamp`, body empty. In the channel: slot -1, the pixels are the frame's body.
    """

    job: str
    width: int
    height: int
    frames: int = 1
    rate: str = ""  # at which the frames play
    step: int = 0
    variation: int = 0
    slot: int = -1
    stamp: int = 0


class JobNotice(EventBase, frozen=True, kw_only=True, tag="job_notice"):
    """Something to know about a running job: the plan, a size that was adjusted, a step down after lack of memory."""

    job: str
    kind: Literal["plan", "adjusted", "memory", "cost", "warning"]
    message: str


class Notice(EventBase, frozen=True, kw_only=True, tag="notice"):
    """Something to know about the engine itself."""

    kind: Literal["waiting_for_store", "disk_full", "backend", "store", "warning"]
    message: str
    detail: str = ""


class Goodbye(EventBase, frozen=True, kw_only=True, tag="goodbye"):
    """The last message: why the engine ends. Starting it again at once helps after `asked` and `broken` only."""

    kind: Literal["asked", "store_locked", "store_broken", "bad_protocol", "broken"]
    message: str
    detail: str = ""
    owner_pid: int = 0  # store_locked: who has it


Event: TypeAlias = (
    EngineHello
    | EngineState
    | JobChanged
    | JobProgress
    | JobPreview
    | JobNotice
    | Notice
    | Goodbye
    | Ok
    | Refused
    | Accepted
    | Jobs
    | JobDetail
    | Cleared
    | Capabilities
    | Models
    | Estimated
    | Enhanced
    | KeyChecked
    | FilePut
    | FilePiece
    | Pong
    | PackageReply
    | PackageEvent
)


class ExitStatus(enum.IntEnum):
    """The exit status of an engine says how it ended; any other number, or a signal, is a crash."""

    ENDED = 0  # asked to, or the client is gone
    WRONG_USE = 2  # of the command line
    STORE_LOCKED = 3
    STORE_BROKEN = 4
    BAD_PROTOCOL = 5
    BROKEN = 6  # only a new process mends it
    STUCK = 7  # didn't end in time after the client was gone


# --- Bytes -------------------------------------------------------------------------------------------------------


class _Envelope(Struct, frozen=True):
    """The part that even an unknown message has."""

    type: str
    call: int = 0


_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
_envelopes = msgspec.msgpack.Decoder(_Envelope)


def _tags(*kinds: type[Struct]) -> frozenset[str]:
    return frozenset(str(kind.__struct_config__.tag) for kind in kinds)


REQUEST_TAGS: Final = _tags(*Request.__args__)
EVENT_TAGS: Final = _tags(*Event.__args__)


def compatible(protocol: tuple[int, int]) -> bool:
    """Return whether a side that speaks `protocol` can be talked to: same major, any minor."""
    return protocol[0] == PROTOCOL[0]


def encode(message: Request | Event) -> bytes:
    """Return the header of the frame that carries this message."""
    return _encoder.encode(message)


def decode_request(header: bytes) -> Request:
    """Return the request in a frame's header. Raises MalformedMessage, UnknownMessage."""
    try:
        return _requests.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _explain("request", header, REQUEST_TAGS, exc) from exc


def decode_event(header: bytes) -> Event:
    """Return the event in a frame's header. Raises MalformedMessage, UnknownMessage."""
    try:
        return _events.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _explain("event", header, EVENT_TAGS, exc) from exc


def _explain(what: str, header: bytes, known: frozenset[str], problem: Exception) -> MalformedMessage | UnknownMessage:
    """Tell a message of an unknown kind from one that is simply wrong, and find whom to answer."""
    try:
        envelope = _envelopes.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return MalformedMessage(what, str(problem))
    call = envelope.call if 0 <= envelope.call < 1 << 63 else 0
    if envelope.type not in known:
        return UnknownMessage(envelope.type, call)
    return MalformedMessage(f"{what} {envelope.type!r}", str(problem), call)
