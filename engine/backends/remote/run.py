"""One job from its order to its take, picked up again by its id wherever it stopped.

What a later engine needs is in the store before each step that costs something: `preparing` (nothing sent),
`submitting` (may have begun), `waiting` (has begun, with its id and with the plan of the take). A job in `waiting` is
never paid for again.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import logging
import os
import shutil
from pathlib import Path
from typing import Final, Protocol

import msgspec

from engine.backends.base import (
    DiskFull,
    Interrupted,
    Job,
    JobCancelled,
    JobContext,
    JobError,
    NotWritable,
    ServiceRefused,
    ServiceUnreachable,
    Unsupported,
)
from engine.backends.naming import claimed_stem, program_version
from engine.backends.remote import offers
from engine.backends.remote.answers import Arrived, Finished, GaveUp, Gone, LinkExpired, Taken, gave_up
from engine.backends.remote.api import LtxApi
from engine.backends.remote.capabilities import DELIVERIES, NAME, PERCENT, cost_words, phases
from engine.backends.remote.footage import Films
from engine.backends.remote.ledger import Ledger
from engine.backends.remote.offers import CONSOLE, dollars
from engine.backends.remote.order import Cut, Order
from engine.backends.remote.packing import pack
from engine.backends.remote.saved import Saved
from engine.backends.remote.unpacking import WrongFilm, differences, examine, write_take
from engine.backends.remote.wire import Wire
from engine.media import errors as media_errors
from engine.media.encode import Delivery
from engine.media.recipe import write_recipe
from engine.protocol.messages import Identity, Recipe, Result, ResultFile
from engine.protocol.work import mode_of

_LINKS: Final = 3  # addresses of one result that are tried
_ENDINGS: Final = (".mp4", ".mov", ".mkv", ".wav", ".flac")
_RECEIVED: Final = "-as-received.mp4"

_log = logging.getLogger(__name__)


class Service(Protocol):
    """The part of the backend that a run needs."""

    @property
    def base(self) -> str: ...

    @property
    def ledger(self) -> Ledger: ...

    def order_of(self, job: Job, films: Films) -> Order: ...

    def connect(self, wire: Wire, context: JobContext) -> LtxApi: ...


class Run:
    """One run of one job."""

    def __init__(self, service: Service, job: Job, context: JobContext, films: Films) -> None:
        self._service = service
        self._job = job
        self._work = job.work
        self._context = context
        self._films = films
        self._saved = Saved.read(job.resume) or Saved(stage="preparing")
        self._film = context.scratch / "received.mp4"
        self._forgotten = False

    def run(self) -> Result:
        if not self._work.may_leave:
            raise Unsupported("Nothing is sent to the LTX API before you have agreed to it for this job.")
        saved = self._saved
        if saved.stage == "submitting":
            self._forget()
            raise Interrupted(
                "The program ended at the very moment at which the job was given to the LTX API. Whether it began "
                f"there, and was charged ({dollars(saved.cents)}), stands at {CONSOLE}. A retry would start it again."
            )
        try:
            with Wire(self._context, self._service.base) as wire:
                return self._through(wire)
        except JobCancelled as exc:
            raise self._cancelled() from exc

    def _through(self, wire: Wire) -> Result:
        api = self._service.connect(wire, self._context)
        if self._saved.stage == "waiting":
            self._context.remember(self._saved.text())  # so that another end of the engine leaves it to be picked up
            self._context.plan(self._saved.model, phases(None))
            self._context.notice("cost", "This job is already paid for: its result is fetched.")
        else:
            self._begin(api)
        if not self._film.exists():
            self._wait_and_fetch(api)
        return self._deliver()

    # --- until the service has the job ---

    def _begin(self, api: LtxApi) -> None:
        context = self._context
        _check_writable(context.output_folder)
        order = self._service.order_of(self._job, self._films)
        self._remember(Saved(stage="preparing"))
        model = str(order.body["model"])
        context.plan(model, phases(order))
        for sentence in order.adjusted:
            context.notice("adjusted", sentence)
        context.notice("cost", f"{cost_words(order.cents)}. Sent to {api.host}: {'; '.join(order.sends)}.")
        body = dict(order.body)
        files = self._pack(order)
        for number, (name, path) in enumerate(files):
            body[name] = self._upload(api, path, number, len(files))
        saved = Saved(
            stage="submitting",
            endpoint=order.endpoint,
            model=model,
            cents=order.cents,
            made=order.made,
            cut=order.cut,
        )
        context.check()

        def in_doubt(doubtful: bool) -> None:
            self._remember(saved if doubtful else Saved(stage="preparing"))

        try:
            taken = api.submit(order.endpoint, body, self._film, self._on_download, in_doubt)
        except Interrupted:
            self._enter(f"unknown:{self._job.id}:{self._job.attempt}", saved)
            self._forget()
            raise
        except JobError:
            self._forget()  # nothing was begun
            raise
        match taken:
            case Taken(service_id):
                saved = msgspec.structs.replace(saved, stage="waiting", service_id=service_id)
                self._remember(saved)
            case Arrived():
                service_id = f"at-once:{self._job.id}:{self._job.attempt}"
                self._saved = msgspec.structs.replace(saved, service_id=service_id)
        self._enter(service_id, saved)
        _log.info("job %s is %s at the service", self._job.id, service_id)

    def _pack(self, order: Order) -> list[tuple[str, Path]]:
        if not order.parcels:
            return []
        self._context.phase("preparing", PERCENT)

        def on_frame(done: int, count: int) -> None:
            self._context.step(PERCENT * done // max(1, count))

        folder = self._context.scratch
        return [(parcel.field, pack(parcel, self._films, folder, on_frame)) for parcel in order.parcels]

    def _upload(self, api: LtxApi, path: Path, number: int, count: int) -> str:
        if number == 0:
            self._context.phase("uploading", PERCENT * count)
        size = max(1, path.stat().st_size)
        return api.upload(path, lambda sent: self._context.step(PERCENT * number + PERCENT * sent // size))

    @property
    def is_kept(self) -> bool:
        """Whether the service has the job and its id is in the store, so that a retry can fetch it."""
        return self._saved.stage == "waiting" and not self._forgotten

    def _remember(self, saved: Saved) -> None:
        self._context.remember(saved.text())
        self._saved, self._forgotten = saved, False

    def _forget(self) -> None:
        """Nothing is to be picked up any more: a retry begins anew."""
        self._context.remember("")
        self._forgotten = True

    def _enter(self, service_id: str, saved: Saved) -> None:
        """Write down what it costs; a job that is paid for doesn't fail because that can't be written."""
        try:
            self._service.ledger.enter(service_id, self._job.id, saved.model, saved.cents)
        except DiskFull as exc:
            self._context.notice("warning", exc.message)

    # --- until the film is here ---

    def _wait_and_fetch(self, api: LtxApi) -> None:
        for _ in range(_LINKS):
            self._context.phase("waiting")
            now = api.wait_for(self._saved.endpoint, self._saved.service_id, lambda _seconds: self._context.step(0))
            match now:
                case Finished(""):
                    raise ServiceUnreachable(
                        "The LTX API says that the job is done, but names no film. Retry asks again, at no new cost.",
                        f"job {self._saved.service_id}",
                    )
                case Finished(url):
                    self._context.phase("downloading", PERCENT)
                    try:
                        api.download(url, self._film, self._on_download)
                    except LinkExpired:
                        continue  # ask for a fresh link
                    return
                case GaveUp():
                    if now.certain:
                        self._forget()
                        with contextlib.suppress(DiskFull):
                            self._service.ledger.mark_failed(self._saved.service_id)
                    raise gave_up(now)
                case Gone():
                    self._forget()
                    raise ServiceRefused(
                        f"The LTX API no longer knows this job: results are kept for {offers.RESULT_HOURS} hours. "
                        "A retry makes it anew, and costs anew.",
                        f"job {self._saved.service_id}",
                    )
                case _:
                    raise AssertionError(now)
        raise ServiceRefused(
            "The LTX API made the film, but every link to it was refused. Retry asks again, without paying again.",
            f"job {self._saved.service_id}",
        )

    def _on_download(self, received: int, expected: int) -> None:
        self._context.step(min(PERCENT, PERCENT * received // expected) if expected else 0)

    # --- until the take is there ---

    def _deliver(self) -> Result:
        work = self._work
        self._context.phase("writing", PERCENT)
        fallback = f"{mode_of(work)}-{self._job.id[:8]}"
        folder, endings = self._context.output_folder, (*_ENDINGS, _RECEIVED)
        with claimed_stem(folder, work.output.name, fallback, endings) as stem:  # other jobs end at the same time
            return self._deliver_as(stem, folder)

    def _deliver_as(self, stem: str, folder: Path) -> Result:
        cut, context, work = self._saved.cut, self._context, self._work
        assert cut is not None
        try:
            received = examine(self._film, cut)
        except WrongFilm as exc:
            kept = self._keep_as_received(folder / f"{stem}{_RECEIVED}")
            raise ServiceRefused(
                f"The film that the LTX API made can't be used: {exc}. It is kept as it came: {kept}. About "
                f"{dollars(self._saved.cents)} were charged for it; a retry makes it anew.",
                f"job {self._saved.service_id}; sha256 {_digest(kept)}",
            ) from exc
        cut = self._without_lost_sound(cut)
        for sentence in differences(received, cut):
            context.notice("warning", sentence)
        delivery = DELIVERIES[work.output.codec]
        if cut.what == "sound":
            delivery = Delivery.FLAC if work.output.codec == "ffv1" else Delivery.WAV
        written: list[Path] = []
        try:
            take = write_take(
                received,
                cut,
                folder / stem,
                delivery,
                self._films,
                lambda done, of: context.step(PERCENT * done // of),
            )
            written.append(Path(take.path))
            recipe = self._recipe(cut)
            beside = write_recipe(Path(take.path), msgspec.to_builtins(recipe) | {"seed": work.seed, "variation": 0})
        except media_errors.DiskFull as exc:
            _remove(written)
            raise DiskFull(f"{exc} Make room and retry: the film is fetched again without paying again.") from exc
        except BaseException:
            _remove(written)
            raise
        sidecar = ResultFile(path=str(beside), role="recipe", size_bytes=beside.stat().st_size)
        return Result(
            files=(take, sidecar),
            recipe=recipe,
            cost_text=f"about {dollars(self._saved.cents)} (LTX API)",
            cost_cents=self._saved.cents,
        )

    def _without_lost_sound(self, cut: Cut) -> Cut:
        """The cut with the service's sound where the file with the person's own is gone: the film is paid for."""
        own = cut.given.file if cut.given is not None else cut.given_film
        if not own or Path(own).is_file():
            return cut
        self._context.notice("warning", f"{Path(own).name} is gone: the take has the sound that the LTX API made.")
        return msgspec.structs.replace(cut, given=None, given_film="")

    def _keep_as_received(self, path: Path) -> Path:
        """A film that was paid for isn't thrown away. It can't be fetched better, so nothing is left to pick up."""
        self._forget()
        shutil.copyfile(self._film, path)
        return path

    def _recipe(self, cut: Cut) -> Recipe:
        model = self._saved.model
        return Recipe(
            work=msgspec.structs.replace(self._work, backend=NAME, model=model),
            engine=program_version(),
            backend=NAME,
            device="LTX API",
            model=Identity(id=model),
            seeds=(self._work.seed,),  # the service takes none: made again, it is another take
            settings={
                "service_job": self._saved.service_id,
                "endpoint": self._saved.endpoint,
                "made": self._saved.made,
                "cost_cents": self._saved.cents,
                "seeded": False,
                "frames_made": cut.fresh,
            },
            parents=self._work.parents,
            made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )

    def _cancelled(self) -> JobCancelled:
        """The cancel with what was or wasn't charged."""
        saved = self._saved
        if saved.stage == "preparing":
            return JobCancelled("Nothing was charged: the LTX API hadn't been given the job yet.")
        price = dollars(saved.cents)
        if saved.stage == "submitting":
            self._enter(f"unknown:{self._job.id}:{self._job.attempt}", saved)
            return JobCancelled(
                f"It was just being given to the LTX API: whether it began, and was charged (about {price}), stands at "
                f"{CONSOLE}."
            )
        return JobCancelled(
            f"The LTX API goes on with it, as it has no way to stop a job: about {price} are charged. Retry fetches "
            f"the result without paying again, for {offers.RESULT_HOURS} hours.",
            resumable=True,
        )


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK):
        raise NotWritable(f"Results can't be written to {folder}: choose another folder, or change its permissions.")


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
