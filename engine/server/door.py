"""The pipe thread: reads requests, answers at once what needs no device, and hands on the rest.

It never waits for a job, so a `Cancel` is read while one runs.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, assert_never

from engine.protocol.errors import MalformedMessage, UnknownMessage
from engine.protocol.framing import REQUEST_LIMITS, Fault, FrameReader
from engine.protocol.messages import (
    PROTOCOL,
    Cancel,
    CheckKey,
    Cleared,
    ClearJobs,
    ClientHello,
    EnhancePrompt,
    EstimateWork,
    FetchFile,
    FreeMemory,
    GetCapabilities,
    GetJob,
    HoldQueue,
    JobDetail,
    Jobs,
    ListJobs,
    ListModels,
    MoveJob,
    Ok,
    Ping,
    Pong,
    PutFile,
    RefusalKind,
    Refused,
    Request,
    Retry,
    SetPriority,
    SetSpendingLimit,
    Shutdown,
    Submit,
    compatible,
    decode_request,
)
from engine.protocol.packages import PackageRequest
from engine.server.desk import Desk
from engine.server.files import FileRefused, Inbox, fetch
from engine.server.loop import WorkLoop
from engine.server.outbox import Outbox
from engine.server.words import sentence
from engine.store.errors import IdTaken, NoSuchJob, StoreError, StoreFull, WrongState
from engine.store.jobs import JobStore

if TYPE_CHECKING:
    from engine.server.stockroom import Stockroom

_READ_BYTES: Final = 1 << 16

_log = logging.getLogger(__name__)


class Rooms:
    """What requests are handed to, once the store is open."""

    def __init__(self, store: JobStore, loop: WorkLoop, desk: Desk, inbox: Inbox, stock: "Stockroom") -> None:
        self.store = store
        self.loop = loop
        self.desk = desk
        self.inbox = inbox
        self.stock = stock


class Door:
    """Reads the pipe until its end."""

    def __init__(
        self,
        read_fd: int,
        outbox: Outbox,
        *,
        on_hello: Callable[[ClientHello], None],
        on_shutdown: Callable[[], None],
        on_gone: Callable[[], None],
    ) -> None:
        """`on_hello` gets every client hello that fits or not; `on_gone` is called at the end of the pipe."""
        self._fd = read_fd
        self._outbox = outbox
        self._on_hello = on_hello
        self._on_shutdown = on_shutdown
        self._on_gone = on_gone
        self._greeted = False
        self._rooms: Rooms | None = None
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._read_all, name="pipe", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def open(self, rooms: Rooms) -> None:
        """Let requests through that need the store; those that came before have waited."""
        self._rooms = rooms
        self._opened.set()

    def _read_all(self) -> None:
        reader = FrameReader(REQUEST_LIMITS)
        while data := self._read():
            for item in reader.feed(data):
                if isinstance(item, Fault):
                    kind = "too_large" if item.kind == "oversize" else "malformed"
                    _log.warning("refused from the pipe: %s", item.detail)
                    self._outbox.post(Refused(kind=kind, message=f"That was no message: {item.detail}."))
                else:
                    self._take(item.header, item.body)
        self._on_gone()

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _READ_BYTES)
        except OSError as exc:
            _log.warning("the pipe can't be read any more: %s", exc)
            return b""

    def _take(self, header: bytes, body: bytes) -> None:
        """Decode one request and see to it that it's answered, whatever happens."""
        try:
            request = decode_request(header)
        except UnknownMessage as exc:
            message = f"This engine doesn't know {exc.kind!r}; it speaks version {_version()} of the protocol."
            self._outbox.post(Refused(call=exc.call, kind="unknown_message", message=message))
            return
        except MalformedMessage as exc:
            _log.warning("refused: %s", exc)
            self._outbox.post(Refused(call=exc.call, kind="malformed", message=f"{exc}."))
            return
        try:
            self._handle(request, body)
        except NoSuchJob as exc:
            self._refuse(request, "no_such_job", exc, exc.job)
        except (IdTaken, WrongState) as exc:
            self._refuse(request, "conflict", exc, exc.job)
        except StoreFull as exc:
            self._refuse(request, "disk_full", exc)
        except StoreError as exc:
            _log.exception("the store failed")
            self._refuse(request, "store", exc)
        except FileRefused as exc:
            self._refuse(request, "bad_request", exc)
        except Exception as exc:  # the boundary: no request ends the engine
            _log.exception("request %s failed", type(request).__name__)
            self._refuse(request, "internal", exc)

    def _refuse(self, request: Request, kind: RefusalKind, problem: Exception, job: str = "") -> None:
        self._outbox.post(Refused(call=request.call, kind=kind, message=sentence(problem), job=job))

    def _handle(self, request: Request, body: bytes) -> None:
        if isinstance(request, ClientHello):
            self._greet(request)
            return
        if not self._greeted:
            message = "The first request has to be a hello."
            self._outbox.post(Refused(call=request.call, kind="hello_first", message=message))
            return
        if isinstance(request, Ping):
            self._outbox.post(Pong(call=request.call))
            return
        if isinstance(request, Shutdown):
            self._outbox.post(Ok(call=request.call))
            self._on_shutdown()
            return
        self._opened.wait()
        assert self._rooms is not None
        if isinstance(request, PackageRequest):
            if not self._rooms.stock.ask(request):
                self._outbox.post(_busy(request.call))
            return
        self._hand_on(request, body, self._rooms)

    def _greet(self, hello: ClientHello) -> None:
        if compatible(hello.protocol):
            self._greeted = True
            self._outbox.post(Ok(call=hello.call))
        else:
            major, minor = hello.protocol
            message = f"The app speaks version {major}.{minor} of the protocol, this engine {_version()}."
            self._outbox.post(Refused(call=hello.call, kind="bad_protocol", message=message))
        self._on_hello(hello)

    def _hand_on(
        self,
        request: Submit
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
        | CheckKey,
        body: bytes,
        rooms: Rooms,
    ) -> None:
        post = self._outbox.post
        call = request.call
        match request:
            case Submit():
                rooms.loop.submit(request)
            case Cancel(job=job):
                rooms.loop.cancel(job, lambda: post(Ok(call=call)))
            case Retry(job=job):
                rooms.loop.retry(job, call)
            case MoveJob(job=job, before=before):
                rooms.loop.move(job, before)
                post(Ok(call=call))
            case SetPriority(job=job, priority=priority):
                rooms.loop.set_priority(job, priority)
                post(Ok(call=call))
            case HoldQueue(hold=hold):
                post(Ok(call=call))
                rooms.loop.hold(hold)
            case ClearJobs(states=states, jobs=jobs):
                post(Cleared(call=call, count=rooms.loop.clear(states, jobs)))
            case ListJobs(states=states, limit=limit, offset=offset):
                rows, total = rooms.store.rows(states, limit, offset)
                post(Jobs(call=call, jobs=rows, total=total, held=rooms.loop.held))
            case GetJob(job=job):
                store = rooms.store
                post(JobDetail(call=call, row=store.row(job), work=store.work(job), state=store.state(job)))
            case GetCapabilities() | ListModels() | EstimateWork() | SetSpendingLimit() | CheckKey():
                if not rooms.desk.ask(request):
                    post(_busy(call))
            case EnhancePrompt():
                if not rooms.loop.ask(request):
                    post(_busy(call))
            case PutFile():
                post(rooms.inbox.put(request, body))
            case FetchFile(job=job):
                piece, content = fetch(request, rooms.store.state(job))
                post(piece, content)
            case FreeMemory():
                rooms.loop.free_memory()
                post(Ok(call=call))
            case _:
                assert_never(request)


def _busy(call: int) -> Refused:
    return Refused(call=call, kind="busy", message="Too many questions are waiting already. Ask again later.")


def _version() -> str:
    return ".".join(str(part) for part in PROTOCOL)
