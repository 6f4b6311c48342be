"""The files of models: answers what there is, and does the errands that bring, check, move and remove them.

Threads: `stock` answers questions; `downloads` brings packages, one after another; `errands` does the rest, so that
nothing quick waits for a download of hours. None of them touches a device, and the work loop waits for none of them.
"""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from engine.fetching.control import Control
from engine.fetching.errors import BadFolder, FetchError, Gated, LicenceNotAccepted
from engine.fetching.hub import Broken, Hub
from engine.fetching.library import Library
from engine.fetching.loras import LoraFolder
from engine.fetching.manifest import Package
from engine.fetching.moving import check_target, move_models
from engine.fetching.other_programs import found_folders
from engine.fetching.tokens import FoundToken, find_token
from engine.protocol.messages import Ok, Refused
from engine.protocol.packages import (
    AcceptLicence,
    AddLora,
    CheckToken,
    Download,
    Errand,
    ErrandBegun,
    ErrandKind,
    ImportFiles,
    ListLoras,
    ListPackages,
    Loras,
    MoveModels,
    PackageRequest,
    Packages,
    PlanDownload,
    ReadLicence,
    RemoveLora,
    RemovePackage,
    SetDownloads,
    SetLora,
    SteerErrand,
    TokenChecked,
    VerifyPackages,
)
from engine.server.errands import ENDED, Lane, Outcome, Task
from engine.server.outbox import Outbox
from engine.server.shelves import Shelves
from engine.server.wanted import Memory, Wanted, recall, remember
from engine.server.words import sentence

MOST_WAITING: Final = 64
_CHECK_READ_S: Final = 15.0

_log = logging.getLogger(__name__)


class Stockroom:
    """One engine's side of the models folder."""

    def __init__(
        self,
        library: Library,
        store: Path,
        outbox: Outbox,
        *,
        is_working: Callable[[], bool] = lambda: False,
        hold: Callable[[bool], None] = lambda _held: None,
        on_changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`is_working`: whether a job on this machine runs now; `hold`: start no further job; `on_changed`: another
        set of files lies in the folder now."""
        self._library = library
        self._shelves = Shelves(library)
        self._loras = LoraFolder(library.folder, _parts(library))
        self._store = store
        self._outbox = outbox
        self._is_working, self._hold, self._on_changed = is_working, hold, on_changed
        self._lock = threading.RLock()
        self._tasks: dict[str, Task] = {}
        self._memory = recall(store)
        if self._memory.moved_to and Path(self._memory.moved_to) == library.folder:
            self._memory = replace(self._memory, moved_to="")
        self._downloads = Lane("downloads", outbox, self._take_change)
        self._errands = Lane("errands", outbox, self._take_change)
        self._questions: queue.Queue[PackageRequest | None] = queue.Queue(MOST_WAITING + 1)
        self._thread = threading.Thread(target=self._answer_all, name="stock", daemon=True)

    def start(self) -> None:
        """Begin to answer, and go on with what an earlier engine left."""
        for wanted in self._memory.downloads:
            self._take_up(wanted)
        if self._memory.moving_to:
            self._begin_move(Path(self._memory.moving_to))
        for thread in (self._downloads, self._errands, self._thread):
            thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether an errand is under way."""
        with self._lock:
            return any(task.errand.state not in (*ENDED, "paused") for task in self._tasks.values())

    def ask(self, request: PackageRequest) -> bool:
        """Have this answered; False when too many wait already. What steers an errand is done at once."""
        if isinstance(request, SteerErrand):
            self._reply_to(request)
            return True
        if self._questions.qsize() >= MOST_WAITING:
            return False
        self._questions.put(request)
        return True

    def close(self, timeout_s: float) -> None:
        """Stop everything; what came is kept. Waits for each thread for at most `timeout_s`."""
        for lane in (self._downloads, self._errands):
            lane.close(timeout_s)
        if self._thread.is_alive():
            self._questions.put(None)
            self._thread.join(timeout_s)

    # --- questions ---

    def _answer_all(self) -> None:
        while (request := self._questions.get()) is not None:
            self._reply_to(request)

    def _reply_to(self, request: PackageRequest) -> None:
        """Answer, whatever happens."""
        try:
            self._answer(request)
        except (FetchError, OSError) as exc:
            self._outbox.post(Refused(call=request.call, kind="bad_request", message=sentence(exc)))
        except Exception as exc:  # the boundary: no question ends the engine
            _log.exception("%s failed", type(request).__name__)
            message = f"A mistake in the program left this unanswered ({type(exc).__name__}: {exc})."
            self._outbox.post(Refused(call=request.call, kind="internal", message=message))

    def _answer(self, request: PackageRequest) -> None:
        call, post = request.call, self._outbox.post
        match request:
            case ListPackages():
                self._post_list(call)
            case PlanDownload(packages=names, alone=alone):
                post(self._shelves.plan(call, self._shelves.find(names, alone=alone)))
            case ReadLicence(licence=name):
                post(self._shelves.licence_text(call, name))
            case AcceptLicence(licence=name, sha256=sha256):
                self._shelves.licence(name)
                self._library.accept_text(name, sha256)
                post(Ok(call=call))
            case SetDownloads():
                self._set_downloads(request)
                post(Ok(call=call))
            case SteerErrand():
                self._steer(request)
            case CheckToken(package=name):
                package = self._library.manifest.get(name)
                threading.Thread(target=self._check_token, args=(call, package), name="token", daemon=True).start()
            case ListLoras():
                post(Loras(call=call, folder=str(self._loras.folder), loras=self._loras.list()))
            case SetLora(lora=lora, strength=strength):
                self._loras.set_strength(lora, strength)
                post(Ok(call=call))
                self._on_changed()
            case _:
                post(ErrandBegun(call=call, errand=self._begin(request).errand))

    def _post_list(self, call: int) -> None:
        """The errands are told as they are at that very moment: a list that came after the news of a newer state
        would put the older one back."""
        library = self._library
        found = self._token(gated=True)
        told = Packages(
            call=call,
            folder=str(library.folder),
            free_bytes=library.free_bytes,
            packages=tuple(self._shelves.info(package) for package in library.manifest.packages),
            licences=self._shelves.licences(),
            errands=(),
            found=found_folders(),
            token_source=found.source if found is not None else "",
        )
        with self._lock, self._downloads.still(), self._errands.still():
            self._outbox.post(
                replace(
                    told,
                    errands=tuple(task.errand for task in self._tasks.values()),
                    mirror=self._memory.mirror,
                    moved_to=self._memory.moved_to,
                )
            )

    def _check_token(self, call: int, package: Package) -> None:
        """Ask for the smallest file and let go of it: the hub answers before it sends anything."""
        smallest = min(package.files, key=lambda file: file.size_bytes)
        try:
            hub = self._hub(gated=True)
            hub.read_s = _CHECK_READ_S
            try:
                with hub.open(package, smallest, {}, Control()):
                    self._outbox.post(
                        TokenChecked(call=call, accepted=True, message="The hub gives these files to you.")
                    )
            finally:
                hub.close()
        except Gated as exc:
            self._outbox.post(TokenChecked(call=call, accepted=False, message=sentence(exc)))
        except (FetchError, Broken, OSError) as exc:
            host = exc.host if isinstance(exc, Broken) else ""
            words = f"{host} can't be reached: {exc.reason}." if isinstance(exc, Broken) else sentence(exc)
            self._outbox.post(TokenChecked(call=call, accepted=False, message=words))

    # --- settings ---

    def _set_downloads(self, asked: SetDownloads) -> None:
        """Raises BadEndpoint, OSError."""
        if asked.mirror:
            Hub(asked.mirror)
        with self._lock:
            self._keep(replace(self._memory, mirror=asked.mirror, bytes_per_second=asked.bytes_per_second))
        self._downloads.limit(asked.bytes_per_second)

    def _keep(self, memory: Memory) -> None:
        """Raises OSError."""
        if memory != self._memory:
            self._memory = memory
            remember(self._store, memory)

    def _hub(self, *, gated: bool) -> Hub:
        return Hub.from_environment(mirror=self._memory.mirror, found=self._token(gated=gated))

    def _token(self, *, gated: bool) -> FoundToken | None:
        """The keyring is asked only for what needs it: it may ask the person to unlock it."""
        return find_token() if gated else find_token(keyring=lambda: "")

    # --- errands ---

    def _begin(
        self, request: Download | VerifyPackages | RemovePackage | ImportFiles | MoveModels | AddLora | RemoveLora
    ) -> Task:
        """Put an errand on its list; one that does the same already is returned instead. Raises FetchError, OSError."""
        match request:
            case Download(packages=names, alone=alone):
                return self._begin_download(names, alone=alone)
            case VerifyPackages(packages=names):
                packages = self._shelves.find(names, alone=True) or self._library.manifest.packages
                title = packages[0].title if len(packages) == 1 else "all that is here"
                return self._add("verify", title, partial(self._verify, packages), packages)
            case RemovePackage(package=name):
                package = self._library.manifest.get(name)
                self._expect_idle("remove")
                self._expect_unwanted(package)
                return self._add("remove", package.title, partial(self._remove, package), (package,))
            case ImportFiles(path=path):
                source = _existing(path)
                return self._add("import", str(source), partial(self._import, source))
            case MoveModels(folder=folder):
                return self._begin_move(Path(folder).expanduser())
            case AddLora(path=path):
                source = _existing(path)
                return self._add("add_lora", source.name, partial(self._add_lora, source))
            case RemoveLora(lora=lora):
                self._expect_idle("remove")
                return self._add("remove_lora", Path(lora).stem, partial(self._remove_lora, lora))

    def _begin_download(self, names: Sequence[str], *, alone: bool) -> Task:
        packages = self._shelves.find(names, alone=alone)
        if lacking := self._library.unaccepted(packages):
            raise LicenceNotAccepted([self._library.manifest.licences[key].title for key in lacking])
        self._library.check_space(packages)
        with self._lock:
            for task in self._tasks.values():
                same = task.errand.kind == "download" and set(task.errand.packages) == {each.id for each in packages}
                if same and task.errand.state not in ENDED:
                    self._downloads.resume(task)
                    return task
            wanted = Wanted(errand=_new(), packages=tuple(names), alone=alone)
            self._keep(replace(self._memory, downloads=(*self._memory.downloads, wanted)))
            return self._take_up(wanted)

    def _take_up(self, wanted: Wanted) -> Task:
        """Make the errand of a download that is remembered."""
        try:
            packages = self._shelves.find(wanted.packages, alone=wanted.alone)
        except FetchError:  # an older program knew them
            packages = ()
        asked = [each for each in packages if each.id in wanted.packages or set(each.aliases) & set(wanted.packages)]
        title = ", ".join(package.title for package in asked)
        errand = Errand(
            errand=wanted.errand,
            kind="download",
            state="waiting",
            packages=tuple(package.id for package in packages),
            asked=tuple(package.id for package in asked),
            title=title,
        )
        task = Task(errand, partial(self._download, packages), self._outbox)
        with self._lock:
            self._tasks[wanted.errand] = task
        if wanted.paused:
            task.errand = replace(errand, state="paused")
        else:
            self._downloads.add(task)
        return task

    def _begin_move(self, target: Path) -> Task:
        with self._lock:
            if any(task.errand.state in ("waiting", "running") for task in self._tasks.values()):
                raise BadFolder(target, "a download or another errand isn't done; pause or cancel it first")
            if self._is_working():
                raise BadFolder(target, "a job is running; wait for it, or cancel it first")
            check_target(self._library.folder, target)
            self._keep(replace(self._memory, moving_to=str(target)))
            return self._add("move", str(target), partial(self._move, target))

    def _add(
        self, kind: ErrandKind, title: str, do: Callable[[Task], Outcome], packages: Sequence[Package] = ()
    ) -> Task:
        names = tuple(package.id for package in packages)
        with self._lock:
            for task in self._tasks.values():
                known = task.errand
                if (known.kind, known.title, known.packages) == (kind, title, names) and known.state not in ENDED:
                    return task
            task = Task(
                Errand(errand=_new(), kind=kind, state="waiting", packages=names, title=title), do, self._outbox
            )
            self._tasks[task.errand.errand] = task
        self._errands.add(task)
        return task

    def _steer(self, asked: SteerErrand) -> None:
        with self._lock:
            task = self._tasks.get(asked.errand)
            if task is None:
                message = "There is no such errand any more."
                self._outbox.post(Refused(call=asked.call, kind="bad_request", message=message))
                return
            if asked.action == "forget" and task.errand.state in ENDED:
                del self._tasks[asked.errand]
        self._outbox.post(Ok(call=asked.call))
        lane = self._downloads if task.errand.kind == "download" else self._errands
        match asked.action:
            case "pause":
                with self._lock:  # what is remembered and what is done change as one
                    self._want(task, paused=True)
                    lane.pause(task)
            case "resume":
                with self._lock:
                    self._want(task, paused=False)
                    lane.resume(task)
            case "cancel":
                lane.cancel(task)
            case "forget":
                pass

    # --- what errands do, on their threads ---

    def _download(self, packages: Sequence[Package], task: Task) -> Outcome:
        if not packages:
            return Outcome("This version of the program knows no such model any more.", good=False)
        task.control.bytes_per_second = self._memory.bytes_per_second
        hub = self._hub(gated=any(package.gated for package in packages))
        try:
            self._library.get(packages, hub, task.control, task.tell)
        finally:
            hub.close()
        return Outcome(f"{task.errand.title} is here, every file verified.")

    def _verify(self, packages: Sequence[Package], task: Task) -> Outcome:
        verdicts = self._library.verify(packages, task.control, task.tell)
        wrong = [verdict for verdict in verdicts if verdict.problem]
        details = tuple(f"{verdict.place}: {verdict.problem or 'right'}" for verdict in verdicts)
        if not verdicts:
            return Outcome("Nothing of this is here.")
        if wrong:
            files = "1 file isn't" if len(wrong) == 1 else f"{len(wrong)} files aren't"
            return Outcome(f"{files} right; download again what is missing now.", details, good=False)
        return Outcome("The file is right." if len(verdicts) == 1 else f"All {len(verdicts)} files are right.", details)

    def _remove(self, package: Package, task: Task) -> Outcome:
        freed = self._library.remove(package, task.control)
        return Outcome(f"{package.title} is removed; {freed / 1e9:.1f} GB are free again.")

    def _import(self, source: Path, task: Task) -> Outcome:
        imported = self._library.import_from(source, task.control, task.tell)
        details = tuple(f"{each.place}: {each.how} to {each.source}" for each in imported)
        if not imported:
            return Outcome(f"Nothing that is missing was found in {source}.")
        count = "1 file is" if len(imported) == 1 else f"{len(imported)} files are"
        return Outcome(f"{count} used from {source} now; nothing was copied.", details)

    def _move(self, target: Path, task: Task) -> Outcome:
        self._hold(True)
        try:
            count = move_models(self._library.folder, target, task.control, task.tell)
        except BaseException:
            self._hold(False)
            raise
        with self._lock:
            self._keep(replace(self._memory, moving_to="", moved_to=str(target)))
        return Outcome(f"{count} files are in {target} now.")

    def _add_lora(self, source: Path, task: Task) -> Outcome:
        return Outcome(f"{self._loras.add(source, task.control, task.tell).title} can be chosen now.")

    def _remove_lora(self, lora: str, _task: Task) -> Outcome:
        self._loras.remove(lora)
        return Outcome(f"{Path(lora).stem} is removed.")

    # --- afterwards ---

    def _take_change(self, task: Task) -> None:
        """An errand has paused or ended: remember it, and have the capabilities looked at again."""
        with self._lock:  # it may be resumed just now: then the newer state is remembered
            state = task.errand.state
            try:
                if task.errand.kind == "download":
                    self._want(task, paused=True if state == "paused" else None, done=state in ENDED)
                elif task.errand.kind == "move" and state in ("cancelled", "failed"):
                    self._keep(replace(self._memory, moving_to=""))
            except OSError:
                _log.exception("what is wanted couldn't be kept")
        if state in ENDED:
            self._on_changed()

    def _want(self, task: Task, *, paused: bool | None, done: bool = False) -> None:
        """Raises OSError."""
        with self._lock:
            kept = list[Wanted]()
            for wanted in self._memory.downloads:
                if wanted.errand != task.errand.errand:
                    kept.append(wanted)
                elif not done:
                    kept.append(wanted if paused is None else replace(wanted, paused=paused))
            self._keep(replace(self._memory, downloads=tuple(kept)))

    # --- small things ---

    def _expect_idle(self, what: str) -> None:
        if self._is_working():
            raise FetchError(f"A job is running that may use these files. Wait for it before you {what} them.")

    def _expect_unwanted(self, package: Package) -> None:
        with self._lock:
            for task in self._tasks.values():
                errand = task.errand
                if errand.kind == "download" and package.id in errand.packages and errand.state not in ENDED:
                    raise FetchError(f"{package.title} is being downloaded. Cancel that first.")


def _parts(library: Library) -> list[str]:
    """Places of LoRAs that belong to a model."""
    return [file.place for package in library.manifest.packages if package.kind == "part" for file in package.files]


def _existing(path: str) -> Path:
    """Raises FetchError for what isn't there."""
    source = Path(path).expanduser()
    if not source.exists():
        raise FetchError(f"There is no {source}.")
    return source


def _new() -> str:
    return str(uuid.uuid4())
