"""The remote backend itself: one job from its order to its take, picked up again by its id wherever it stopped.

What a later engine needs is in the store before each step that costs something: `preparing` (nothing sent),
`submitting` (may have begun), `waiting` (has begun, with its id and with the plan of the take). A job in `waiting` is
never paid for again.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final, Literal

import msgspec
from msgspec import Struct

from engine.backends.base import (
    Backend,
    BadRequest,
    DiskFull,
    Estimate,
    Interrupted,
    Job,
    JobCancelled,
    JobContext,
    JobError,
    NoticeKind,
    NotWritable,
    Places,
    PlannedPhase,
    ServiceRefused,
    ServiceUnreachable,
    Unsupported,
)
from engine.backends.naming import file_stem, program_version
from engine.backends.outcomes import media_outcomes
from engine.backends.remote import offers
from engine.backends.remote.api import (
    Arrived,
    Endpoint,
    Finished,
    GaveUp,
    Gone,
    LinkExpired,
    LtxApi,
    Refusal,
    Taken,
    explained,
    gave_up,
)
from engine.backends.remote.footage import Films
from engine.backends.remote.keys import FoundKey, KeyCupboard
from engine.backends.remote.ledger import Ledger
from engine.backends.remote.offers import CONSOLE, OFFERS, PRICES_AS_OF, Offer, dollars, offer_of
from engine.backends.remote.order import Cut, Order, Planner, StillParcel, TooLarge
from engine.backends.remote.packing import pack
from engine.backends.remote.unpacking import WrongFilm, differences, examine, write_take
from engine.backends.remote.wire import BadAddress, NoAnswer, Wire, check_base
from engine.media import errors as media_errors
from engine.media.encode import Delivery, working_video_encoder
from engine.media.index import VideoIndex
from engine.media.recipe import write_recipe
from engine.protocol.grid import GridError
from engine.protocol.hosts import LTX_API
from engine.protocol.messages import (
    BackendCapability,
    Device,
    Identity,
    KeyChecked,
    ModeCapability,
    Model,
    ModelCapability,
    Recipe,
    Result,
    ResultFile,
)
from engine.protocol.work import AnyWork, ModeName, mode_of

PACE_VARIABLE: Final = "LTX_API_PACE"  # scales every pause; tests take a hundredth

_LOOK_AGAIN_S: Final = 10.0  # for a key, where there is none
_PERCENT: Final = 100
_LINKS: Final = 3  # addresses of one result that are tried
_DELIVERIES: Final = {"h264": Delivery.H264_AAC, "prores": Delivery.PRORES_PCM, "ffv1": Delivery.FFV1_FLAC}
_ENDINGS: Final = (".mp4", ".mov", ".mkv", ".wav", ".flac")
_RECEIVED: Final = "-as-received.mp4"
_ABSENT: Final[tuple[ModeName, ...]] = ("fill_gap", "video_to_video", "revoice", "upscale")

_log = logging.getLogger(__name__)


class Saved(Struct, frozen=True, kw_only=True):
    """What the store keeps of a job that isn't done; JSON."""

    stage: Literal["preparing", "submitting", "waiting"]
    endpoint: Endpoint = "text-to-video"
    model: str = ""
    service_id: str = ""
    cents: int = 0
    made: str = ""
    cut: Cut | None = None

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, text: str) -> Saved | None:
        """What an earlier engine kept; None for nothing, or for what this version can't read."""
        try:
            return msgspec.json.decode(text, type=cls) if text else None
        except msgspec.DecodeError:
            _log.warning("what was kept of a remote job can't be read: it begins again")
            return None


class RemoteBackend(Backend):
    """Models on Lightricks' servers."""

    name: ClassVar[str] = "remote"

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
            models=tuple(_model_capability(offer, why_not) for offer in OFFERS),
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
            phases=_phases(order),
            why_not=over,
            plan=(f"the LTX API makes {order.made}",),
            adjusted=order.adjusted,
            cost_text=_cost_words(order.cents),
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
        spending = self._ledger.spending()
        if spending.limit_cents is None or spending.spent_cents + cents <= spending.limit_cents:
            return ""
        return (
            f"This would cost about {dollars(cents)}; of this month's limit of {dollars(spending.limit_cents)}, "
            f"{dollars(spending.spent_cents)} are spent. Raise the limit, or make it on this machine. Nothing was sent."
        )

    # --- running ---

    def run(self, job: Job, context: JobContext) -> Result:
        films = Films(self._indices)
        run = _Run(self, job, context, films)
        try:
            with _translated():
                return run.run()
        except TooLarge as exc:
            raise BadRequest(str(exc)) from exc
        except JobError as exc:  # whatever went wrong: what is paid for is kept for a retry
            exc.resumable = run.is_kept
            raise
        finally:
            films.close()

    def order_of(self, work: AnyWork, films: Films) -> Order:
        """Raises what Planner raises, and ServiceRefused over the limit."""
        order = Planner(work, self._offer(work), films).plan()
        if over := self._over_limit(order.cents):
            raise ServiceRefused(over)
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


class _Run:
    """One run of one job."""

    def __init__(self, backend: RemoteBackend, job: Job, context: JobContext, films: Films) -> None:
        self._backend = backend
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
            with Wire(self._context, self._backend.base) as wire:
                return self._through(wire)
        except JobCancelled as exc:
            raise self._cancelled() from exc

    def _through(self, wire: Wire) -> Result:
        api = self._backend.connect(wire, self._context)
        if self._saved.stage == "waiting":
            self._context.remember(self._saved.text())  # so that another end of the engine leaves it to be picked up
            self._context.plan(self._saved.model, _phases(None))
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
        order = self._backend.order_of(self._work, self._films)
        self._remember(Saved(stage="preparing"))
        model = str(order.body["model"])
        context.plan(model, _phases(order))
        for sentence in order.adjusted:
            context.notice("adjusted", sentence)
        context.notice("cost", f"{_cost_words(order.cents)}. Sent to {api.host}: {'; '.join(order.sends)}.")
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
        self._context.phase("preparing", _PERCENT)

        def on_frame(done: int, count: int) -> None:
            self._context.step(_PERCENT * done // max(1, count))

        folder = self._context.scratch
        return [(parcel.field, pack(parcel, self._films, folder, on_frame)) for parcel in order.parcels]

    def _upload(self, api: LtxApi, path: Path, number: int, count: int) -> str:
        if number == 0:
            self._context.phase("uploading", _PERCENT * count)
        size = max(1, path.stat().st_size)
        return api.upload(path, lambda sent: self._context.step(_PERCENT * number + _PERCENT * sent // size))

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
            self._backend.ledger.enter(service_id, self._job.id, saved.model, saved.cents)
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
                    self._context.phase("downloading", _PERCENT)
                    try:
                        api.download(url, self._film, self._on_download)
                    except LinkExpired:
                        continue  # ask for a fresh link
                    return
                case GaveUp():
                    if now.certain:
                        self._forget()
                        with contextlib.suppress(DiskFull):
                            self._backend.ledger.mark_failed(self._saved.service_id)
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
        self._context.step(min(_PERCENT, _PERCENT * received // expected) if expected else 0)

    # --- until the take is there ---

    def _deliver(self) -> Result:
        cut, context = self._saved.cut, self._context
        assert cut is not None
        folder, work = context.output_folder, self._work
        context.phase("writing", _PERCENT)
        stem = file_stem(folder, work.output.name, f"{mode_of(work)}-{self._job.id[:8]}", (*_ENDINGS, _RECEIVED))
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
        delivery = _DELIVERIES[work.output.codec]
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
                lambda done, of: context.step(_PERCENT * done // of),
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
            work=msgspec.structs.replace(self._work, backend=RemoteBackend.name, model=model),
            engine=program_version(),
            backend=RemoteBackend.name,
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


# --- parts -------------------------------------------------------------------------------------------------------


def _model_capability(offer: Offer, why_not: str) -> ModelCapability:
    absent = tuple(
        ModeCapability(
            mode=mode,
            available=False,
            why_not="the LTX API has nothing for it: it takes a model on this machine",
        )
        for mode in _ABSENT
    )
    return ModelCapability(
        model=offer.model,
        title=offer.title,
        description=offer.description,
        available=not why_not,
        why_not=why_not,
        modes=(*(_mode_capability(offer, mode) for mode in offers.MODES), *absent),
        qualities=("fast",),
        seeds=False,
        keyframes=offer.last_picture,
        max_prompt_chars=offers.MOST_PROMPT_CHARS,
        default_width=1280,
        default_height=720,
        default_frames=120,
        default_rate="24",
        codecs=tuple(name for name, delivery in _DELIVERIES.items() if working_video_encoder(delivery) is not None),
        camera_moves=offers.CAMERA_MOVES if offer.camera else (),
        aliases=offer.aliases,
    )


def _mode_capability(offer: Offer, mode: ModeName) -> ModeCapability:
    if not offer.does(mode):
        able = ", ".join(each.title for each in OFFERS if each.does(mode))
        return ModeCapability(mode=mode, available=False, why_not=f"{offer.title} doesn't do that: use {able}")
    rows = offer.combinations(mode)
    if not rows:  # the limits are seconds, and frames follow from the film's own rate: estimates tell
        return ModeCapability(mode=mode, available=True, size_multiple=1, min_side=1)
    longest = max(int(seconds * max(int(rate) for rate in row.rates)) for row in rows for seconds in row.seconds)
    return ModeCapability(mode=mode, available=True, size_multiple=1, min_side=1, max_frames=longest, combinations=rows)


def _phases(order: Order | None) -> tuple[PlannedPhase, ...]:
    """What is to come; None for a job that is only waited for."""
    phases: list[PlannedPhase] = []
    if order is not None and order.parcels:
        heavy = any(not isinstance(parcel, StillParcel) for parcel in order.parcels)
        phases.append(PlannedPhase("preparing", 10.0 if heavy else 1.0, _PERCENT))
        phases.append(PlannedPhase("uploading", float(len(order.parcels)), _PERCENT * len(order.parcels)))
    cents = 1.0 if order is None else float(max(1, order.cents))  # what costs more takes longer
    phases.append(PlannedPhase("waiting", cents))
    phases.append(PlannedPhase("downloading", 1.0, _PERCENT))
    phases.append(PlannedPhase("writing", 1.0 if order is None else float(order.cut.frames), _PERCENT))
    return tuple(phases)


def _cost_words(cents: int) -> str:
    return f"about {dollars(cents)} by the LTX API's prices of {PRICES_AS_OF}"


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


@contextmanager
def _translated() -> Generator[None]:
    """Errors of the rooms below as outcomes of a job, each with the sentence that its room built."""
    try:
        with media_outcomes():
            yield
    except GridError as exc:
        raise BadRequest(str(exc)) from exc
