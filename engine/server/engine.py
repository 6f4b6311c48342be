"""The engine as a whole: builds its parts in order, says hello, and sees to it that it ends.

Threads: the work loop on the main thread; `pipe` reads requests; `sender` writes events; `desk` answers what needs the
backends; those of the stockroom see to files of models; `watch` ends everything when the client is gone.
"""

import contextlib
import logging
import os
import platform
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.backends.base import Places
from engine.protocol.errors import RingError
from engine.protocol.messages import (
    PROTOCOL,
    ClientHello,
    EngineHello,
    ExitStatus,
    GetCapabilities,
    Goodbye,
    JobChanged,
    Model,
    Notice,
    compatible,
)
from engine.protocol.ring import RingWriter, remove_leftover
from engine.server.desk import Desk
from engine.server.door import Door, Rooms
from engine.server.files import Inbox
from engine.server.loop import WorkLoop
from engine.server.outbox import Outbox
from engine.server.pool import BackendPool, OpenBackend
from engine.server.wire import Wire, takes_at_once, write_all
from engine.server.words import sentence
from engine.store.errors import StoreBroken, StoreFull, StoreLocked, StoreTooNew
from engine.store.jobs import JobStore
from engine.store.lock import StoreLock
from engine.store.schema import set_aside

if TYPE_CHECKING:
    from engine.server.stockroom import Stockroom

GRACE_S: Final = 3.5  # from the wish to end to the end by force; with noticing it this stays under 5 s
LOOK_EVERY_S: Final = 0.25
LAST_WORDS_S: Final = 1.0  # for sending what is left at the end
LOCK_WAIT_S: Final = 7.0  # longer than an engine without a client needs to end

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What an engine is started with."""

    store: Path
    models: Path
    cache: Path
    openers: Mapping[str, OpenBackend]
    results: Path | None = None  # None: in the store's folder
    extra_models: tuple[Path, ...] = field(default=())
    manifest: Path | None = None  # None: the official one
    ring: bool = True
    lock_wait_s: float = LOCK_WAIT_S
    max_store_pages: int | None = None


class Engine:
    """One run of the engine over one pair of pipes."""

    def __init__(self, wire: Wire, settings: Settings) -> None:
        self._wire = wire
        self._settings = settings
        self._stop = threading.Event()  # set once, by whoever first wants the end
        self._why = ""
        self._terminated = False
        self._hello: ClientHello | None = None
        self._greeted = threading.Event()
        self._loop: WorkLoop | None = None
        self._stock: Stockroom | None = None
        self._outbox = Outbox(
            partial(write_all, wire.write_fd), self._on_reader_gone, partial(takes_at_once, wire.write_fd)
        )
        self._door = Door(
            wire.read_fd,
            self._outbox,
            on_hello=self._on_hello,
            on_shutdown=self._on_shutdown,
            on_gone=self._on_client_gone,
        )
        self._parent_is_alive = _watch_parent()
        self._watch = threading.Thread(target=self._keep_watch, name="watch", daemon=True)

    def terminate(self) -> None:
        """Ask for the end; does next to nothing itself, so that a signal handler may call it."""
        self._terminated = True

    def run(self) -> ExitStatus:
        """Serve until the end; return the status with which the process then has to end, soon: `watch` sees to it."""
        ring = self._make_ring()
        self._outbox.start()
        self._outbox.post(
            EngineHello(
                protocol=PROTOCOL,
                build=metadata.version("ltxdesktop"),
                pid=os.getpid(),
                python=platform.python_version(),
                system=f"{platform.system()} {platform.release()}",
                ring=ring.description if ring else None,
            )
        )
        self._watch.start()
        self._door.start()
        try:
            status = self._serve(ring)
        finally:
            self._stop.set()  # whatever the reason: from here on `watch` counts
            if ring is not None:
                ring.close()
        self._outbox.close(LAST_WORDS_S)
        return status

    def _serve(self, ring: RingWriter | None) -> ExitStatus:
        """Wait for the client's hello, open the store, work, say goodbye."""
        hello = self._wait_for_hello()
        if hello is None:
            return self._goodbye_as_asked()
        if not compatible(hello.protocol):
            self._outbox.post(Goodbye(kind="bad_protocol", message="App and engine speak different protocol versions."))
            return ExitStatus.BAD_PROTOCOL
        if hello.remote:
            ring = None
        folder = self._settings.store
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with StoreLock(folder) as lock:
                before = lock.take(self._settings.lock_wait_s, self._tell_waiting)
                if before is not None and before.ring:
                    remove_leftover(Path(before.ring))
                lock.sign(ring.description.path if ring else "")
                with self._open_store() as store:
                    return self._work(store, ring, hello)
        except StoreLocked as exc:
            self._outbox.post(Goodbye(kind="store_locked", message=sentence(exc), owner_pid=exc.owner_pid))
            return ExitStatus.STORE_LOCKED
        except (StoreBroken, StoreFull, OSError) as exc:
            _log.exception("the store can't be used")
            self._outbox.post(Goodbye(kind="store_broken", message=sentence(exc), detail=repr(exc)))
            return ExitStatus.STORE_BROKEN

    def _work(self, store: JobStore, ring: RingWriter | None, hello: ClientHello) -> ExitStatus:
        """Serve requests over an open store until the end."""
        settings = self._settings
        scratch = settings.store / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)  # of jobs that a dead engine left
        places = Places(
            models=settings.models,
            cache=settings.cache,
            results=settings.results or settings.store / "results",
            extra_models=settings.extra_models,
            state=settings.store,
        )
        for place in (places.models, places.cache, places.results):
            place.mkdir(parents=True, exist_ok=True)
        pool = BackendPool(settings.openers, places)
        loop = WorkLoop(
            store=store,
            pool=pool,
            outbox=self._outbox,
            ring=ring,
            previews=hello.previews,
            scratch=scratch,
            results=places.results,
            is_free=self._is_free,
        )
        desk = Desk(
            pool, self._outbox, store.seconds_per_work, loop.tell_state, self._describe_loras, self._settings.models,
            loop.look_at_devices,
        )  # fmt: skip
        recovered = store.recover()
        for job in recovered:
            self._outbox.post(JobChanged(job=job, state=store.state(job)))
        loop.tell_state(recovered=len(recovered))
        stock = self._stock = self._make_stockroom(loop, desk)
        self._loop = loop
        if self._stop.is_set():  # between the hello and here
            loop.stop()
        desk.start()
        stock.start()
        self._door.open(Rooms(store, loop, desk, Inbox(settings.store / "inbox"), stock))
        try:
            broken = loop.run()
        finally:
            stock.close(LAST_WORDS_S)
            desk.close(LAST_WORDS_S)
            pool.close()
        if broken:
            self._outbox.post(Goodbye(kind="broken", message=broken))
            return ExitStatus.BROKEN
        return self._goodbye_as_asked()

    def _make_stockroom(self, loop: WorkLoop, desk: Desk) -> "Stockroom":
        # Here, not above: what fetches over the network takes 0.1 s to import, and the hello shouldn't wait for it.
        from engine.fetching.library import Library
        from engine.fetching.manifest import OFFICIAL, load_manifest
        from engine.server.stockroom import Stockroom

        settings = self._settings
        return Stockroom(
            Library(settings.models, load_manifest(settings.manifest or OFFICIAL)),
            settings.store,
            self._outbox,
            is_working=lambda: loop.works_here,
            hold=loop.hold,
            on_changed=lambda: self._look_again(desk),
        )

    def _is_free(self) -> bool:
        """Whether no errand of the models' folder would be cut off by a new start."""
        return self._stock is None or not self._stock.is_busy

    def _describe_loras(self, models: tuple[Model, ...]) -> tuple[Model, ...]:
        from engine.fetching.loras import LoraFolder

        return LoraFolder(self._settings.models).describe(models)

    def _look_again(self, desk: Desk) -> None:
        """Other files are here now: what works is told anew, unasked."""
        desk.ask(GetCapabilities(refresh=True))

    def _goodbye_as_asked(self) -> ExitStatus:
        self._outbox.post(Goodbye(kind="asked", message=self._why))
        return ExitStatus.ENDED

    def _wait_for_hello(self) -> ClientHello | None:
        """The client's hello; None when the end comes first."""
        self._greeted.wait()
        return self._hello

    def _make_ring(self) -> RingWriter | None:
        if not self._settings.ring:
            return None
        try:
            return RingWriter()
        except RingError as exc:
            _log.warning("previews will travel in the channel: %s", exc)
            return None

    def _open_store(self) -> JobStore:
        """Open the store; one that can't be read is set aside, told, and replaced. Raises StoreBroken, StoreFull."""
        folder = self._settings.store
        try:
            return JobStore(folder, max_pages=self._settings.max_store_pages)
        except StoreTooNew:
            raise
        except StoreBroken as exc:
            kept = set_aside(folder)
            message = f"The list of jobs couldn't be read and was set aside as {kept.name}; a new one was begun."
            self._outbox.post(Notice(kind="store", message=message, detail=str(exc)))
            return JobStore(folder, max_pages=self._settings.max_store_pages)

    def _tell_waiting(self, owner_pid: int) -> None:
        owner = f" (process {owner_pid})" if owner_pid else ""
        message = f"Another engine{owner} still has the jobs; waiting for it to end."
        self._outbox.post(Notice(kind="waiting_for_store", message=message))

    # --- reasons to end ---

    def _end(self, why: str) -> None:
        """Ask everything to end; `watch` ends it by force if that takes too long."""
        if self._stop.is_set():
            return
        _log.info("ending: %s", why)
        self._why = why
        self._stop.set()
        self._greeted.set()
        if self._loop is not None:
            # On a thread of its own: the loop's lock may be held by somebody who waits for a reader that doesn't read.
            threading.Thread(target=self._loop.stop, name="stopper", daemon=True).start()

    def _on_hello(self, hello: ClientHello) -> None:
        if self._hello is None:
            self._hello = hello
            self._greeted.set()

    def _on_shutdown(self) -> None:
        self._end("The engine was asked to end.")

    def _on_client_gone(self) -> None:
        self._end("The client has closed the pipe.")

    def _on_reader_gone(self, problem: OSError) -> None:
        self._end(f"Nobody reads any more: {problem}.")

    def _keep_watch(self) -> None:
        """Look after the parent and the signals; once the end is wanted, see that it comes."""
        while not self._stop.wait(LOOK_EVERY_S):
            if self._terminated:
                self._end("The engine was told by a signal to end.")
            elif not self._parent_is_alive():
                self._end("The process that started the engine is gone.")
        threading.Event().wait(GRACE_S)
        os._exit(ExitStatus.STUCK)  # without a word in the log: writing it might be what hangs


def _watch_parent() -> Callable[[], bool]:
    """Return a function that tells whether the process that started this one still lives."""
    if sys.platform != "win32":
        parent_pid = os.getppid()
        return lambda: os.getppid() == parent_pid  # an orphan is given to another parent
    import psutil

    with contextlib.suppress(psutil.Error):
        return psutil.Process(os.getppid()).is_running  # it compares the start time, since ids are used again
    return lambda: True
